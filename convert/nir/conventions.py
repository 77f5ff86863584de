"""How simulators that write NIR files turn their constants into NIR's, and back: ``CONVENTIONS``.

A NIR file has time constants in seconds and does not state a step.  Each simulator solves its own equations for r, w_in and
tau, so the constants of its nodes contain its step.  With tau of the membrane or the synapse, and the shares lost per step du
(current) and dv (voltage):

============ ======================================== ========================= ================================================
convention   written as                               step dt                   meaning
============ ======================================== ========================= ================================================
euler        tau = dt / dv, r = w_in = tau / dt       tau / r, tau / w_in       du, dv = dt / tau; gain du w_in dv r
rockpool     r = tau exp(-dt / tau) / dt, w_in = 1    from r = exp(-x) / x,     du, dv = 1 - exp(-dt / tau); gain 1 - du, or
                                                      x = dt / tau              1 without a synapse
spyx         tau = dt / dv, r = 1 - dv, w_in = 1      tau (1 - r)               du, dv = dt / tau; gain 1
sinabs       tau in steps, r = 1; IF with r = 1       1 s                       dv = 1 - exp(-dt / tau); gain dv, of LI 1
norse        tau = dt / tau_inv, r = w_in = 1         1e-6 s (its dt squared)   du, dv = dt / tau; gain dv
spikingjelly tau = dt / dv, r = 1, 64 bit beside 32   0.1 ms                    as euler
============ ======================================== ========================= ================================================

Sources: snntorch 1.0.0 ``export_nir.py``; spikingjelly 2.0.0 ``nir_exchange/to_nir.py``; rockpool 3.1.0
``nn/modules/torch/nir.py`` and ``lif_torch.py``; spyx 1.0.0 ``nir.py`` and ``nn.py``; sinabs 3.1.3 ``nir.py`` and
``layers/functional/lif.py``; norse 1.1.0 ``torch/utils/export_nir.py`` and ``functional/lif.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from myelin.convert.floats.network import FloatArray
from myelin.convert.nir.graph import NirGraph, Node

#: Time constants (s) of leaky neurons below which a file with r = 1 is one of norse, and from which it is one of Sinabs.
_NORSE_TAU, _SINABS_TAU = 1e-4, 1.0
#: Step (s) of SpikingJelly's exporter, and the longest time constant that it makes of 100 steps.
_JELLY_DT, _JELLY_TAU = 1e-4, 1e-2
#: Types of nodes with time constants, and those with two.
LEAKY = ("LIF", "LI", "CubaLIF", "CubaLI")
#: Types of nodes with a state.
STATEFUL = (*LEAKY, "IF", "I")


class Shares(NamedTuple):
    """Constants per step of one node: shares lost by current and voltage, and the voltage per unit of input."""

    current: FloatArray
    voltage: FloatArray
    gain: FloatArray


@dataclass(frozen=True)
class Convention:
    """How a simulator writes its neurons.

    Attributes:
        name: name of the convention.
        told: what shows it, for the user.
        estimates: steps in seconds that a node shows, empty if it shows none; None if the writer would not write such a node.
        shares: (node, dt) -> constants per step.
        anywhere: whether it must explain only nodes that show a step; otherwise it needs a leaky neuron.
        signed: whether a graph has other marks of the writer that its constants alone do not show.
    """

    name: str
    told: str
    estimates: Callable[[Node], FloatArray | None]
    shares: Callable[[Node, float], Shares]
    anywhere: bool = True
    signed: Callable[[NirGraph], bool] = lambda graph: True


def _mixed(graph: NirGraph) -> bool:
    """Whether neurons have float64 constants beside float32 weights, as SpikingJelly writes them."""
    weights = {np.asarray(node.fields["weight"]).dtype for node in graph.nodes.values() if "weight" in node.fields}
    taus = {np.asarray(node.fields["tau"]).dtype for node in graph.nodes.values() if node.kind == "LIF"}
    return weights == {np.dtype(np.float32)} and taus == {np.dtype(np.float64)}


def _of_layers(graph: NirGraph) -> bool:
    """Whether the neurons have names such as ``layer_1``, as Spyx gives them."""
    names = [name for name, node in graph.nodes.items() if node.kind in STATEFUL]
    return all(name.startswith("layer_") for name in names)


def _slow(graph: NirGraph) -> bool:
    """Whether every r is above 1: Rockpool's is, unless a time constant is as short as a step."""
    return all(np.all(_of(node, "r") > 1) for node in graph.nodes.values() if node.kind in LEAKY)


def _of(node: Node, key: str) -> FloatArray:
    return np.asarray(node.fields[key], np.float64)


def _tau(node: Node) -> FloatArray:
    return _of(node, "tau_mem" if node.kind.startswith("Cuba") else "tau")


def _all(node: Node, key: str, value: float) -> bool:
    return bool(np.all(_of(node, key) == value))


def _ratio(above: FloatArray, below: FloatArray, other: FloatArray) -> FloatArray:
    """``above / below`` where ``other`` is not 1: a constant of 1 is a default and shows no step."""
    above, below, other = np.broadcast_arrays(above, below, other)
    used = (other != 1) & (below != 0)
    return np.asarray(above[used] / below[used])


def _euler_estimates(node: Node) -> FloatArray | None:
    if node.kind in ("IF", "I"):
        r = _of(node, "r")
        return 1 / r[r != 0]
    r = _of(node, "r")
    steps = _ratio(_tau(node), r, r)
    if node.kind.startswith("Cuba"):
        w_in = _of(node, "w_in")
        steps = np.concatenate([steps, _ratio(_of(node, "tau_syn"), w_in, w_in)])
    return steps


def _euler_shares(node: Node, dt_s: float) -> Shares:
    """Forward Euler of the equations of NIR."""
    one = np.ones(())
    if node.kind in ("IF", "I"):
        return Shares(one, np.zeros(()), dt_s * _of(node, "r"))
    voltage = dt_s / _tau(node)
    if not node.kind.startswith("Cuba"):
        return Shares(one, voltage, voltage * _of(node, "r"))
    current = dt_s / _of(node, "tau_syn")
    return Shares(current, voltage, voltage * _of(node, "r") * current * _of(node, "w_in"))


def _rockpool_estimates(node: Node) -> FloatArray | None:
    if node.kind in ("IF", "I", "CubaLI") or not _all(node, "v_leak", 0):
        return None
    if np.any(_of(node, "r") <= 0):
        return None
    if node.kind == "CubaLIF" and not _all(node, "w_in", 1):
        return None
    from scipy.special import lambertw

    return np.asarray(_tau(node) * lambertw(1 / _of(node, "r")).real)


def _rockpool_shares(node: Node, dt_s: float) -> Shares:
    voltage = -np.expm1(-dt_s / _tau(node))
    if node.kind == "CubaLIF":
        current = -np.expm1(-dt_s / _of(node, "tau_syn"))
        return Shares(current, voltage, 1 - current)
    return Shares(np.ones(()), voltage, 1 - voltage if node.kind == "LI" else np.ones(()))


def _spyx_estimates(node: Node) -> FloatArray | None:
    if node.kind == "IF":
        return np.zeros(0) if _all(node, "r", 1) else None
    if node.kind not in ("LIF", "CubaLIF") or not _all(node, "v_leak", 0):
        return None
    r = _of(node, "r")
    if np.any(r < 0) or np.any(r >= 1) or (node.kind == "CubaLIF" and not _all(node, "w_in", 1)):
        return None
    return np.asarray(_tau(node) * (1 - r))


def _spyx_shares(node: Node, dt_s: float) -> Shares:
    one = np.ones(())
    if node.kind == "IF":
        return Shares(one, np.zeros(()), one)
    return Shares(dt_s / _of(node, "tau_syn") if node.kind == "CubaLIF" else one, dt_s / _tau(node), one)


def _sinabs_estimates(node: Node) -> FloatArray | None:
    if node.kind not in ("IF", "LIF", "LI") or not _all(node, "r", 1):
        return None
    if node.kind != "IF" and (_tau(node).min() < _SINABS_TAU or not _all(node, "v_leak", 0)):
        return None
    return np.ones(1)


def _sinabs_shares(node: Node, dt_s: float) -> Shares:
    one = np.ones(())
    if node.kind == "IF":
        return Shares(one, np.zeros(()), one)
    voltage = -np.expm1(-dt_s / _tau(node))
    return Shares(one, voltage, one if node.kind == "LI" else voltage)


def _norse_estimates(node: Node) -> FloatArray | None:
    if node.kind not in ("IF", "LIF", "LI", "CubaLIF") or not _all(node, "r", 1):
        return None
    if node.kind == "IF":
        return np.zeros(0)
    if _tau(node).max() >= _NORSE_TAU or (node.kind == "CubaLIF" and not _all(node, "w_in", 1)):
        return None
    return np.full(1, 1e-6)


def _norse_shares(node: Node, dt_s: float) -> Shares:
    one = np.ones(())
    if node.kind == "IF":
        return Shares(one, np.zeros(()), one)
    voltage = dt_s / _tau(node)
    return Shares(dt_s / _of(node, "tau_syn") if node.kind == "CubaLIF" else one, voltage, voltage)


def _jelly_estimates(node: Node) -> FloatArray | None:
    if node.kind != "LIF" or not _all(node, "r", 1) or not np.array_equal(_of(node, "v_leak"), _of(node, "v_reset")):
        return None
    tau = _tau(node)
    return np.full(1, _JELLY_DT) if tau.min() >= _JELLY_DT and tau.max() <= _JELLY_TAU else None


EULER = Convention("euler", "r and tau / r, which agree in all its nodes", _euler_estimates, _euler_shares)
_JELLY = "the constants in 64 bit with r = 1, as SpikingJelly writes them"
#: The conventions; the first that explains a file needs no other.
CONVENTIONS = (
    Convention(
        "norse", "time constants of microseconds with r = 1, as norse writes them", _norse_estimates, _norse_shares, False
    ),
    Convention("sinabs", "time constants in steps with r = 1, as Sinabs writes them", _sinabs_estimates, _sinabs_shares, False),
    Convention("spikingjelly", _JELLY, _jelly_estimates, _euler_shares, False, _mixed),
    Convention(
        "rockpool", "r = tau exp(-dt / tau) / dt, as Rockpool writes it", _rockpool_estimates, _rockpool_shares, True, _slow
    ),
    Convention("spyx", "r = 1 - dt / tau, as Spyx writes it", _spyx_estimates, _spyx_shares, True, _of_layers),
    EULER,
)
