"""The integer network on any machine: Lava's fixed-point arithmetic for batches of samples, without Lava."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.convert.inputs import checked_record, checked_spikes
from myelin.convert.network import Network
from myelin.convert.recording import Observer, Passage, Record, Recording, class_scores
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

    from myelin.convert.simulator.prepare import Engine, Stage

#: Memory that the intermediate arrays of one chunk of samples may take, in bytes: what a core's caches hold.
_CHUNK_BYTES = 2 << 20
#: More samples than this in one chunk gain nothing.
_CHUNK_SAMPLES = 64
#: Where a recurrent connection is a product in every step, which has as many rows as there are samples.
_PRODUCT_BYTES, _PRODUCT_SAMPLES = 512 << 20, 128


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
    """Run ``network`` from rest on every sample, equal in every integer to Lava's fixed-point processes.

    The equations stand in ``myelin.convert.neurons`` and ``myelin.convert.layers``; the alignment in
    ``myelin.convert.network``.  Sums are 32 bit integers that wrap, as Lava's arrays do.

    Args:
        network: what to run.
        spikes: (batch, steps, *input shape), or with the input shape flattened; bool or integers from
            ``network.input.min_value`` to ``network.input.max_value``.
        record: per layer index, which of its neurons' ``NAMES`` to keep; -1 is the input's neurons.
        chunk: samples that a thread takes at a time; chosen to bound memory when None.
        progress: whether to show a progress bar.
        reset_interval: None, or u and v of the l-th population (the input's neurons count, where it has them) become 0 before
            the steps at index l, l + reset_interval, l + 2 reset_interval, ...: what netx's argument of that name does.  Spikes
            that are under way arrive.  Sigma-delta neurons are never reset: None is all they take.
        observe: called with a ``Passage`` after each layer of each chunk; ``observed`` names the states that it shows.
        engine: "events", "dense", or "auto", which chooses by measured density; the integers are the same.

    Returns:
        Output, class scores and what was recorded, for the whole batch.

    Raises:
        DataError: the spikes have the wrong shape or type, or values that the input cannot take; the record names what is
            not there; chunk or reset_interval is no whole number of 1 or more, or the engine is unknown.
        NetworkError: the dense engine was asked for, and no float is exact for a layer's sums.
    """
    simulator = Simulator(network, engine)
    return simulator.run(
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
    """``simulate`` for more samples than memory holds: one recording for each array of ``batches``, which are taken one by one.

    Args:
        network: what to run; prepared once.
        batches: arrays of spikes as ``simulate`` takes them; a generator may read them from a file.  Some hundred samples each
            keep all processor cores busy.
        record, reset_interval, engine: see ``simulate``.

    Raises:
        DataError, NetworkError: see ``simulate``; raised when the batch that is at fault is reached.
    """
    simulator = Simulator(network, engine)
    for spikes in batches:
        yield simulator.run(spikes, record=record, reset_interval=reset_interval)


class Simulator:
    """A network prepared once for several runs; see ``simulate`` for what the arguments mean."""

    def __init__(self, network: Network, engine: Engine = "auto") -> None:
        # compiled loops: loaded when something runs, not when convert is imported
        from myelin.convert.simulator.prepare import prepare

        self.network = network
        self.stages = prepare(network, engine)

    def run(
        self,
        spikes: npt.ArrayLike,
        *,
        record: Record | None = None,
        chunk: int | None = None,
        progress: bool = False,
        reset_interval: int | None = None,
        observe: Observer | None = None,
        observed: tuple[str, ...] = (),
    ) -> Recording:
        """``simulate`` for this network."""
        network = self.network
        if not _is_positive(reset_interval):
            raise DataError(f"reset_interval is {reset_interval!r}; 1 or more steps, or None for no reset, is allowed")
        if not _is_positive(chunk):
            raise DataError(f"chunk is {chunk!r}; 1 or more samples, or None for as many as memory allows, is allowed")
        values = checked_spikes(network, spikes)
        values = values.reshape(*values.shape[:2], int(np.prod(network.input.shape)))  # (batch, steps, inputs)
        wanted = checked_record(network, record or {})
        batch, steps = values.shape[:2]
        last = network.layers[-1]
        output = np.empty((batch, steps, last.neurons), network.output_dtype)
        layers = {index: _empty(network, index, names, batch, steps) for index, names in wanted.items()}
        small = values.dtype.itemsize == 1 and values.dtype.kind in "bu"
        dtype = np.uint8 if small or (values.min(initial=0) >= 0 and values.max(initial=0) <= 255) else np.int32
        turn = threading.Lock()

        def watch(passage: Passage) -> None:
            assert observe is not None
            with turn:
                observe(passage)

        def work(where: slice) -> int:
            part = np.ascontiguousarray(values[where], dtype)
            watcher = None if observe is None else watch
            _run_chunk(network, self.stages, part, output[where], layers, where, reset_interval or 0, watcher, observed)
            return len(part)

        with _one_blas_thread(), ThreadPoolExecutor(_cpus()) as pool:
            done = (count for places in self._places(batch, steps, chunk) for count in pool.map(work, places))
            for _ in _shown(done, batch, progress):
                pass
        output = output.reshape(batch, steps, *last.shape)
        shaped = {
            index: {name: array.reshape(batch, steps, *_shape(network, index)) for name, array in arrays.items()}
            for index, arrays in layers.items()
        }
        return Recording(output=output, readout=class_scores(network, output), layers=shaped)

    def _places(self, batch: int, steps: int, chunk: int | None) -> Iterator[list[slice]]:
        """The samples in portions of chunks, one chunk for a thread; a portion is asked for when the one before is done.

        A large batch begins with a few samples, which measure the densities that the choice of the engines needs.
        """
        start, size = 0, chunk or self._chunk_size(batch, steps)
        for stop in (size if size * _cpus() * 16 < batch else 0, batch):
            size = chunk or self._chunk_size(batch, steps)
            yield [slice(begin, min(begin + size, stop)) for begin in range(start, stop, size)]
            start = stop

    def _chunk_size(self, batch: int, steps: int) -> int:
        network = self.network
        widest = max(int(np.prod(network.input.shape)), *(layer.neurons for layer in network.layers))
        products = any(stage.wants_many_samples for stage in self.stages)
        samples, memory = (_PRODUCT_SAMPLES, _PRODUCT_BYTES) if products else (_CHUNK_SAMPLES, _CHUNK_BYTES)
        return max(1, min(samples, -(-batch // _cpus()), memory // max(1, 10 * steps * widest)))


def _run_chunk(
    network: Network,
    stages: list[Stage],
    spikes: npt.NDArray[Any],
    output: npt.NDArray[Any],
    layers: dict[int, dict[str, npt.NDArray[Any]]],
    where: slice,
    interval: int,
    watch: Observer | None,
    observed: tuple[str, ...],
) -> None:
    """Run ``spikes`` (chunk, steps, inputs) through all stages; write into ``output`` and, at ``where``, into ``layers``."""
    from myelin.convert.simulator.loops import delayed

    last = network.layers[-1]
    final = last.state if last.output == "state" else "spikes"
    order = None
    for phase, stage in enumerate(stages, start=1):
        index = phase - 1 - (len(stages) - len(network.layers))
        kept = layers.get(index, {})
        began = time.perf_counter()
        choice = stage.choose(spikes)
        arrays = stage.run(spikes, (*kept, *observed, final), interval, phase, choice)
        seconds = time.perf_counter() - began
        if watch is not None:
            shown = {name: _in_c_order(array, stage.order) for name, array in arrays.items()}
            watch(Passage(index, where, _in_c_order(spikes, order), shown, seconds, str(choice)))
        for name, array in kept.items():
            array[where] = _in_c_order(arrays[name], stage.order)
        order = stage.order
        spikes = arrays["spikes"]
    spikes = _in_c_order(spikes, order)
    if final != "spikes":
        output[:] = _in_c_order(arrays[final], order)
    elif last.delay_steps.any():
        output[:] = 0
        delayed(spikes, last.delays.reshape(-1), 0, output)
    else:
        output[:] = spikes


def _is_positive(value: object) -> bool:
    """Whether ``value`` is a whole number of 1 or more, or None."""
    return value is None or (isinstance(value, Integral) and int(value) >= 1)


def _in_c_order(array: npt.NDArray[Any], order: IntArray | None) -> npt.NDArray[Any]:
    """``array`` (chunk, steps, neurons) of a population held in ``order``, in C order."""
    if order is None:
        return array
    result = np.empty_like(array)
    result[:, :, order] = array
    return result


def _empty(network: Network, index: int, names: tuple[str, ...], batch: int, steps: int) -> dict[str, npt.NDArray[Any]]:
    shape = (batch, steps, int(np.prod(_shape(network, index))))
    return {name: np.empty(shape, network.spike_dtype(index) if name == "spikes" else np.int32) for name in names}


def _shape(network: Network, index: int) -> tuple[int, ...]:
    return network.input.shape if index < 0 else network.layers[index].shape


@cache
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_blas_thread() -> AbstractContextManager[Any]:
    """While several of our threads make products, each of them has BLAS to itself."""
    return _blas().limit(limits=1, user_api="blas")


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shown(done: Iterator[int], total: int, progress: bool) -> Iterator[int]:
    if not progress:
        yield from done
        return
    import threading

    from tqdm import tqdm

    # tqdm's own lock fixes multiprocessing's start method, after which Lava can no longer be imported
    tqdm.set_lock(threading.RLock())
    with tqdm(total=total, unit="sample", desc="simulate") as bar:
        for count in done:
            bar.update(count)
            yield count
