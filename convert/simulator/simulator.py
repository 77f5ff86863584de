"""The integer network on any machine: Lava's fixed-point arithmetic without Lava, on batches of samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy.typing as npt

from myelin.convert.network import Network
from myelin.convert.recording import Observer, Record, Recording
from myelin.convert.simulator.batch import BatchRunner

if TYPE_CHECKING:
    from myelin.convert.simulator.stage import Engine


def simulate(
    network: Network,
    spikes: npt.ArrayLike,
    *,
    record: Record | None = None,
    chunk: int | None = None,
    progress: bool = False,
    reset_interval: int | None = None,
    observe: Observer | None = None,
    observed: tuple[str, ...] = (),
    engine: Engine = "auto",
) -> Recording:
    """Run ``network`` from rest on every sample; every integer equals that of Lava's fixed-point processes.

    For the equations see ``myelin.convert.neurons`` and ``myelin.convert.layers``, for the alignment
    ``myelin.convert.network``.  Sums are 32 bit integers that wrap, like Lava's arrays.

    Args:
        network: the network to run.
        spikes: (batch, steps, *input shape), or with the input shape flattened; bool or integers from
            ``network.input.min_value`` to ``network.input.max_value``.
        record: per layer index, the names to record, from its neurons' ``NAMES``; -1 is the input's neurons.
        chunk: number of samples a thread takes at a time; None chooses it to limit memory.
        progress: whether to show a progress bar.
        reset_interval: None for no reset.  Otherwise u and v of the l-th population (the input's neurons count, if there are
            any) become 0 before the steps at index l, l + reset_interval, l + 2 reset_interval, ..., like netx's argument of
            the same name.  Pending spikes still arrive.  Sigma-delta neurons are never reset and accept only None.
        observe: called with a ``Passage`` after each layer of each chunk.
        observed: names of the states that a ``Passage`` contains.
        engine: "events", "dense", or "auto", which chooses by measured density; the integers are the same.

    Returns:
        Output, class scores and recorded values, for the whole batch.

    Raises:
        DataError: the spikes have a wrong shape, type or value; the record has an unknown layer or name; chunk or
            reset_interval is not an integer of 1 or more; the engine is unknown.
        NetworkError: ``engine`` is "dense", and no float type is exact for a layer's sums.
    """
    return BatchRunner(network, engine).run(
        spikes,
        record=record,
        chunk=chunk,
        progress=progress,
        reset_interval=reset_interval,
        observe=observe,
        observed=observed,
    )


def stream(
    network: Network,
    batches: Iterable[npt.ArrayLike],
    *,
    record: Record | None = None,
    reset_interval: int | None = None,
    engine: Engine = "auto",
) -> Iterator[Recording]:
    """Yield one recording for each array of ``batches``; for more samples than memory holds.

    Args:
        network: the network to run; prepared once.
        batches: arrays of spikes, see ``simulate``; a generator may read them from a file.  Some hundred samples per batch
            keep all processor cores busy.
        record, reset_interval, engine: see ``simulate``.

    Raises:
        DataError, NetworkError: see ``simulate``; raised when the invalid batch is reached.
    """
    runner = BatchRunner(network, engine)
    for spikes in batches:
        yield runner.run(spikes, record=record, reset_interval=reset_interval)
