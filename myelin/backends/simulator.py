"""The simulator for networks from anywhere: in memory, the result of ``myelin.read``, or a path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy.typing as npt

from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.opened import Source, opened_source
from myelin.convert.recording import Record, Recording
from myelin.convert.simulator import simulator
from myelin.hw_configs.argument_checks import shown
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.simulator.stage import Engine


def simulate(
    network: Source,
    spikes: npt.ArrayLike,
    *,
    record: Record | None = None,
    chunk: int | None = None,
    progress: bool = False,
    reset_interval: int | None = None,
    engine: Engine = "auto",
    time_axis: TimeAxis | None = None,
) -> Recording:
    """Run a network from rest on every sample, equal in every integer to Lava's fixed-point processes.

    Args:
        network: a ``Network``, the result of ``myelin.read``, or a path.
        spikes: (batch, steps, *input shape) or (batch, *input shape, steps), or either with the input shape flattened; an
            array or a torch tensor of bool or integers.
        record, chunk, progress, reset_interval, engine: see ``myelin.convert.simulate``.
        time_axis: 1 or -1 for the two orders of axes; None recognises it by the input shape.

    Raises:
        DataError: the spikes do not fit the network, or fit it in both orders of axes; or an option is wrong.
        NetworkError: the path cannot be read.
    """
    found = opened_source(network).network
    return simulator.simulate(
        found,
        frames_of(spikes, found.input, time_axis=time_axis),
        record=record,
        chunk=chunk,
        progress=progress,
        reset_interval=reset_interval,
        engine=engine,
    )


def stream(
    network: Source,
    batches: Iterable[npt.ArrayLike],
    *,
    record: Record | None = None,
    reset_interval: int | None = None,
    engine: Engine = "auto",
    time_axis: TimeAxis | None = None,
) -> Iterator[Recording]:
    """Run ``simulate`` on more samples than fit in memory: one recording for each array of ``batches``, taken one by one.

    Args:
        network: a ``Network``, the result of ``myelin.read``, or a path; prepared once.
        batches: arrays of spikes as ``simulate`` takes them; a generator may read them from a file.
        record, reset_interval, engine, time_axis: see ``simulate``.

    Raises:
        DataError, NetworkError: see ``simulate``; raised when the batch with the fault is reached.
    """
    found = opened_source(network).network
    if isinstance(batches, str | bytes | Mapping) or not isinstance(batches, Iterable):
        raise DataError(f"batches is {shown(batches)}; a list or a generator of arrays is allowed")
    frames = (frames_of(spikes, found.input, time_axis=time_axis) for spikes in batches)
    return simulator.stream(found, frames, record=record, reset_interval=reset_interval, engine=engine)
