"""Finds the length of a time step in a NIR file, and the convention by which its constants are read.

A step counts as found if one of the ``myelin.convert.nir.conventions`` explains every node.  If several do, only steps of two
significant digits count; if it is still not one, the step must be given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from myelin.convert.nir.conventions import CONVENTIONS, EULER, LEAKY, STATEFUL, Convention
from myelin.convert.nir.graph import NirGraph, Node
from myelin.hw_configs.errors import NetworkError

#: Relative error of steps that are computed from constants in float32.
_SAME = 2e-5
#: Steps in milliseconds that writers use by default, for messages.
USUAL = "0.1 for snnTorch and SpikingJelly, 1 for Rockpool, 0.001 for norse, 1000 for Sinabs and Spyx"


@dataclass(frozen=True)
class TimeStep:
    """Length of a step, how constants are read, and the reason in words (None if the user or the file says it)."""

    dt_s: float
    convention: Convention
    told: str | None = None


def given_step(graph: NirGraph, dt_s: float) -> TimeStep:
    """The step that the user or the metadata states, with the convention that agrees with it, else the equations of NIR."""
    for step in _candidates(graph):
        if np.isclose(step.dt_s, dt_s, rtol=1e-3, atol=0):
            return TimeStep(dt_s, step.convention)
    return TimeStep(dt_s, EULER)


def found_step(graph: NirGraph) -> TimeStep:
    """The step that the nodes show; NetworkError if they show none or several."""
    if not any(node.kind in (*STATEFUL, "Delay") for node in graph.nodes.values()):
        return TimeStep(1.0, EULER)
    steps = _shown(graph)
    if len(steps) == 1:
        return steps[0]
    if not steps:
        why = "its nodes show none (tau / r differs between them, or r is 1)"
    else:
        why = "its nodes fit " + " and ".join(f"{step.dt_s * 1e3:g} ms ({step.convention.name})" for step in steps)
    raise NetworkError(
        f"the file does not say the length of a step, and {why}: give it in milliseconds with dt_ms= (--dt-ms); "
        f"usual are {USUAL}"
    )


def hint(graph: NirGraph, dt_s: float) -> str:
    """What the nodes show if that differs from ``dt_s``, as an appendix to a message; empty otherwise."""
    steps = [step for step in _shown(graph) if not np.isclose(step.dt_s, dt_s, rtol=1e-3, atol=0)]
    return f"; its nodes fit a step of {steps[0].dt_s * 1e3:g} ms: leave dt_ms (--dt-ms) out" if len(steps) == 1 else ""


def _shown(graph: NirGraph) -> list[TimeStep]:
    """The candidates that stay: those of two significant digits where there are several, and of these the specific one."""
    steps = _candidates(graph)
    if len(steps) > 1:
        steps = [step for step in steps if _is_round(step.dt_s)] or steps
    specific = [step for step in steps if not step.convention.anywhere]
    return specific if len(specific) == 1 else steps


def _candidates(graph: NirGraph) -> list[TimeStep]:
    """The conventions that explain every node, each with its step."""
    nodes = [node for node in graph.nodes.values() if node.kind in STATEFUL]
    found = []
    for convention in CONVENTIONS:
        if not convention.anywhere and not any(node.kind in LEAKY for node in nodes):
            continue
        if not convention.signed(graph):
            continue
        shown = [convention.estimates(node) for node in nodes]
        if any(values is None for values in shown):
            continue
        steps = np.concatenate([np.asarray(values, np.float64).reshape(-1) for values in shown]) if shown else np.zeros(0)
        if not steps.size or not np.isfinite(steps).all() or steps.min() <= 0:
            continue
        dt_s = _rounded(float(np.median(steps)))
        if np.allclose(steps, dt_s, rtol=_SAME, atol=0) and _possible(graph, dt_s, nodes):
            found.append(TimeStep(dt_s, convention, convention.told))
    return found


def _possible(graph: NirGraph, dt_s: float, nodes: Iterable[Node]) -> bool:
    """Whether no time constant is shorter than the step, and not every delay is shorter than half of it."""
    taus = [
        np.asarray(node.fields[key], np.float64).min() for node in nodes for key in _TAUS.get(node.kind, ()) if _has(node, key)
    ]
    delays = [np.asarray(node.fields["delay"], np.float64) for node in graph.nodes.values() if node.kind == "Delay"]
    late = max((float(delay.max(initial=0)) for delay in delays), default=0.0)
    return all(tau >= dt_s * (1 - 1e-5) for tau in taus) and (late == 0 or late >= dt_s / 2)


_TAUS = {"LIF": ("tau",), "LI": ("tau",), "CubaLIF": ("tau_mem", "tau_syn"), "CubaLI": ("tau_mem", "tau_syn")}


def _has(node: Node, key: str) -> bool:
    return np.size(node.fields.get(key, ())) > 0


def _rounded(dt_s: float) -> float:
    """The nearest number of two significant digits if it is within the error of float32, else ``dt_s``."""
    short = float(f"{dt_s:.1e}")
    return short if abs(short - dt_s) <= _SAME * dt_s else dt_s


def _is_round(dt_s: float) -> bool:
    return dt_s == float(f"{dt_s:.1e}")
