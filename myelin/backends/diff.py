"""Two networks or two backends on the same input: ``myelin.convert.compare.divergence`` with Lava among the backends."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.constants import require_same_structure
from myelin.convert.compare.divergence import diverge, samples_at_a_time
from myelin.convert.compare.report import as_dict, lines
from myelin.convert.compare.runs import Side
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording
from myelin.convert.simulator.simulator import simulate
from myelin.convert.stimulus import Opened, Stimulus

#: Backend of ``myelin.lava_models.run``, None for the simulator; whether Lava's own process models run; how late a board's
#: output is.
Backend = tuple[str | None, bool, int]


def diff(
    networks: tuple[Opened, Opened],
    backends: Sequence[Backend],
    names: Sequence[str],
    choose: Callable[[], Stimulus],
    *,
    plot: Path | None = None,
    progress: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """Run both and compare.

    Args:
        networks: A and B.
        backends, names: what runs each, and what to call it.
        choose: gives the input; called once the networks are known to have the same structure.
        plot: where a picture of the spread goes, None for none; without a difference there is nothing to draw.
        progress: whether to show a progress bar.

    Returns:
        Values for JSON, with units in the names, and the same as lines for the screen.

    Raises:
        MyelinError: networks of different structure, or what reading the input and the backends raise.
    """
    from tqdm import tqdm

    from myelin.convert.plots import divergence_map

    require_same_structure(networks[0].network, networks[1].network)
    stimulus = choose()
    size = min(samples_at_a_time(entry.network, stimulus.steps) for entry in networks)
    with contextlib.ExitStack() as stack:
        a, b = (_side(entry.network, backend, stack) for entry, backend in zip(networks, backends))
        bar = stack.enter_context(tqdm(total=len(stimulus.numbers), unit="sample", desc="diff", disable=not progress))
        divergence = diverge(a, b, stimulus.batches(size), bar.update)
    runs = ({"network": str(entry.path), "backend": name} for entry, name in zip(networks, names))
    result = {
        **dict(zip(("a", "b"), runs)),
        "input": {**stimulus.facts, "text": stimulus.text},
        **as_dict(divergence),
    }
    shown = lines(result)
    if plot is not None and divergence.first is not None:
        divergence_map(plot, divergence)
        shown.append(f"plot          {plot}")
    elif plot is not None:
        shown.append(f"plot          {plot} not written: nothing differs")
    return result, shown


def _side(network: Network, backend: Backend, stack: contextlib.ExitStack) -> Side:
    name, stock, lag_steps = backend
    if name is None:
        return Side(network, lambda network, frames, record: simulate(network, frames, record=record))
    from myelin.lava_models.runner import UNRECORDABLE, Worker

    worker = stack.enter_context(Worker())
    run: Callable[[Network, npt.NDArray[Any], Record], Recording] = functools.partial(_lava, worker.run, name, stock, lag_steps)
    return Side(network, run, None if name == "loihi2" else frozenset(UNRECORDABLE))


def _lava(
    run: Callable[..., Recording], backend: str, stock: bool, lag_steps: int, network: Network, frames: npt.NDArray[Any],
    record: Record,
) -> Recording:  # fmt: skip
    return run(network, np.asarray(frames), backend=backend, stock=stock, lag_steps=lag_steps, record=record)
