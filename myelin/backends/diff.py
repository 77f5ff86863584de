"""Compares two networks or two backends on the same input: ``myelin.convert.compare.divergence`` with Lava and boards."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.backends.lag import board_lags
from myelin.backends.names import DEFAULT_LAVA_SAMPLES, DIFF_BACKENDS
from myelin.convert.axes import TimeAxis
from myelin.convert.compare.constants import require_same_structure
from myelin.convert.compare.divergence import diverge, samples_at_a_time
from myelin.convert.compare.report import as_dict
from myelin.convert.compare.runs import ComparedRun
from myelin.convert.network import Network
from myelin.convert.opened import Source, opened_source, read_each
from myelin.convert.recording import Record, Recording
from myelin.convert.simulator.simulator import simulate
from myelin.convert.stimulus import Inputs, stimulus_of
from myelin.hw_configs.argument_checks import path_or_none, shown
from myelin.hw_configs.errors import DataError


def diff(
    a: Source,
    b: Source | None = None,
    *,
    inputs: Inputs = None,
    time_axis: TimeAxis | None = None,
    backends: Sequence[str] = ("fast", "fast"),
    board_lag_steps: int | None = None,
    plot: str | os.PathLike[str] | None = None,
    progress: bool = False,
    dt_ms: float | None = None,
) -> dict[str, Any]:
    """Run two networks, or one network on two backends, on the same input; report where they first diverge, and why.

    Returns values for JSON, with units in the names; ``equal`` is true if every value is equal.

    Args:
        a, b: networks of the same structure, their paths, or results of ``myelin.read``; b is None to use a again.
        inputs: an array or tensor of samples in either order of axes, data of any kind (a path, a ``SpikeDataset``, a pair
            (x, y), a torch Dataset), an InputChoice, or None for the golden inputs of an
            artifact, else random spikes.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
        backends: backends of A and of B: ``fast`` (the simulator), ``c`` (the generated C, compiled for this machine; it gives
            outputs and spikes alone), ``lava``, ``lava-stock`` (Lava's own process models) or ``loihi2``.
        board_lag_steps: lag of a board's output behind the simulator in steps; None to measure it with golden inputs.
        plot: PNG file for a figure of how the difference spreads; None for none.  Nothing is drawn without a difference.
        progress: whether to show a progress bar.
        dt_ms: as in ``myelin.read``, for those of A and B that are NIR files.

    Raises:
        DataError: A is compared with itself, there is no such backend, or the inputs cannot be used.
        NetworkError: a network cannot be read, or the two have different structures.
        BackendError: a backend is not installed, or failed.
        MissingPartError: there is no compiler for ``c``.
    """
    from tqdm import tqdm

    picture = path_or_none("plot", plot)
    pair = isinstance(backends, Sequence) and len(backends) == 2
    if not pair or any(not isinstance(name, str) or name not in DIFF_BACKENDS for name in backends):
        raise DataError(f"backends is {shown(backends)}; a pair of {', '.join(DIFF_BACKENDS)} is allowed")
    if b is None and backends[0] == backends[1]:
        name = os.fspath(a) if isinstance(a, str | os.PathLike) else opened_source(a).name
        raise DataError(
            f"A and B are both {name} on backend {backends[0]}; name a second network, or two backends, such as "
            "--backends fast lava (backends=('fast', 'lava') in Python)"
        )
    read = [opened_source(source) for source in read_each([a] if b is None else [a, b], dt_ms=dt_ms)]
    networks = (read[0], read[-1])
    lags = board_lags(networks, backends, board_lag_steps)
    require_same_structure(networks[0].network, networks[1].network)
    ways = [DIFF_BACKENDS[name] for name in backends]
    slow = any(backend not in (None, "c") for backend, _ in ways)
    stimulus = stimulus_of(networks, inputs, DEFAULT_LAVA_SAMPLES if slow else None, time_axis=time_axis)
    size = min(samples_at_a_time(entry.network, stimulus.steps) for entry in networks)
    with contextlib.ExitStack() as stack:
        one, other = (_side(entry.network, *way, lag, stack) for entry, way, lag in zip(networks, ways, lags))
        bar = stack.enter_context(tqdm(total=len(stimulus.numbers), unit="sample", desc="diff", disable=not progress))
        divergence = diverge(one, other, stimulus.batches(size), bar.update)
    if picture is not None and divergence.first is not None:
        from myelin.convert.plots import divergence_map

        divergence_map(picture, divergence)
    sides = ({"network": entry.name, "note": entry.note, "backend": name} for entry, name in zip(networks, backends))
    return {
        **dict(zip(("a", "b"), sides)),
        "input": {**stimulus.facts, "text": stimulus.text},
        **as_dict(divergence),
    }


def _side(network: Network, name: str | None, stock: bool, lag_steps: int, stack: contextlib.ExitStack) -> ComparedRun:
    if name is None:
        return ComparedRun(network, lambda network, frames, record: simulate(network, frames, record=record))
    if name == "c":
        from myelin.convert.c99.compiled import compiled_run

        return ComparedRun(network, *compiled_run(network))
    from myelin.lava_models.runner import UNRECORDABLE, Worker

    worker = stack.enter_context(Worker())
    run: Callable[[Network, npt.NDArray[Any], Record], Recording] = functools.partial(_lava, worker.run, name, stock, lag_steps)
    return ComparedRun(network, run, None if name == "loihi2" else frozenset(UNRECORDABLE))


def _lava(
    run: Callable[..., Recording], backend: str, stock: bool, lag_steps: int, network: Network, frames: npt.NDArray[Any],
    record: Record,
) -> Recording:  # fmt: skip
    return run(network, np.asarray(frames), backend=backend, stock=stock, lag_steps=lag_steps, record=record)
