"""Runs of a whole batch of samples from rest, layer by layer, in chunks that fit into caches."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.convert.inputs import checked_record, checked_spikes
from myelin.convert.network import Network
from myelin.convert.recording import Observer, Passage, Record, Recording
from myelin.convert.simulator.threads import OneBlasThread, cores, shared
from myelin.hw_configs.argument_checks import COUNT_MAX, is_integer, shown
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.simulator.stage import Engine, Stage

#: Memory limit for the intermediate arrays of one chunk of samples, in bytes: the size of a core's caches.
_CHUNK_BYTES = 2 << 20
#: Limit of samples in one chunk; more are not faster.
_CHUNK_SAMPLES = 64
#: The same limits if a recurrent connection is a product in every step, with one row per sample.
_PRODUCT_BYTES, _PRODUCT_SAMPLES = 512 << 20, 128
#: Steps of a neuron that one thread makes alone: to wake another takes about as long.
_ALONE = 1 << 16


class BatchRunner:
    """A network prepared once for several runs from rest; for the arguments see ``myelin.convert.simulate``."""

    def __init__(self, network: Network, engine: Engine = "auto") -> None:
        # compiled loops: loaded for a run, not when convert is imported
        from myelin.convert.simulator.kept import prepared_once

        self.network = network
        self.prepared = prepared_once(network, engine)
        self.stages = [part.stage for part in self.prepared]
        self._inputs = math.prod(network.input.shape)
        sizes = (self._inputs, *(layer.neurons for layer in network.layers))
        self._widest, self._neurons = max(sizes), sum(sizes)

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
        """Run this network as ``simulate`` does."""
        network = self.network
        if not is_positive(reset_interval):
            raise DataError(f"reset_interval is {shown(reset_interval)}; 1 or more steps, or None for no reset, is allowed")
        if not is_positive(chunk):
            raise DataError(f"chunk is {shown(chunk)}; 1 or more samples, or None for as many as memory allows, is allowed")
        values = checked_spikes(network, spikes, self._reach)
        values = values.reshape(*values.shape[:2], self._inputs)  # (batch, steps, inputs)
        wanted = checked_record(network, {} if record is None else record)
        batch, steps = values.shape[:2]
        resets = 0 if reset_interval is None else min(int(reset_interval), COUNT_MAX)  # of so many steps: none but the first
        last = network.layers[-1]
        output = np.empty((batch, steps, last.neurons), network.output_dtype)
        layers = {index: _empty(network, index, names, batch, steps) for index, names in wanted.items()}
        small = values.dtype.itemsize == 1 and values.dtype.kind in "bu"
        dtype = np.uint8 if small or (values.min(initial=0) >= 0 and values.max(initial=0) <= 255) else np.int32
        turn, blas = threading.Lock(), OneBlasThread()

        def watch(passage: Passage) -> None:
            assert observe is not None
            with turn:
                observe(passage)

        def work(where: slice) -> int:
            # numba would compile every loop once more for arrays that cannot be written; a copy costs little beside that
            part = np.require(values[where], dtype, ["C", "W"])
            watcher = None if observe is None else watch
            _run_chunk(network, self.stages, part, output[where], layers, where, resets, blas, watcher, observed)
            return len(part)

        with blas:
            done = (count for places in self._places(batch, steps, chunk) for count in shared(work, places))
            for _ in _shown(done, batch, progress):
                pass
        output = output.reshape(batch, steps, *last.shape)
        shaped = {
            index: {name: array.reshape(batch, steps, *_shape(network, index)) for name, array in arrays.items()}
            for index, arrays in layers.items()
        }
        return Recording.of(network, output, shaped)

    def _places(self, batch: int, steps: int, chunk: int | None) -> Iterator[list[slice]]:
        """Yield lists of chunks, one chunk for a thread; the next list is computed when the previous one is done.

        A large batch begins with a few samples, which measure the densities for the choice of the engines.
        """
        threads = len(cores())
        start, size = 0, chunk or self._chunk_size(batch, steps, threads)
        for stop in (size if size * threads * 16 < batch else 0, batch):
            size = chunk or self._chunk_size(batch, steps, threads)
            yield [slice(begin, min(begin + size, stop)) for begin in range(start, stop, size)]
            start = stop

    def _chunk_size(self, batch: int, steps: int, threads: int) -> int:
        products = any(stage.wants_many_samples for stage in self.stages)
        samples, memory = (_PRODUCT_SAMPLES, _PRODUCT_BYTES) if products else (_CHUNK_SAMPLES, _CHUNK_BYTES)
        fair = batch if batch * steps * self._neurons < _ALONE else -(-batch // threads)
        return max(1, min(samples, fair, memory // max(1, 10 * steps * self._widest)))

    def _reach(self) -> int:
        synapse, first = self.network.layers[0].synapse, self.prepared[0].forward
        known = first is not None and first.synapse is synapse
        return first.absolute_sum if known and first is not None else synapse.absolute_input_sum()


def _run_chunk(
    network: Network,
    stages: list[Stage],
    spikes: npt.NDArray[Any],
    output: npt.NDArray[Any],
    layers: dict[int, dict[str, npt.NDArray[Any]]],
    where: slice,
    interval: int,
    blas: OneBlasThread,
    watch: Observer | None,
    observed: tuple[str, ...],
) -> None:
    """Run ``spikes`` (chunk, steps, inputs) through all stages; write ``output`` and the slice ``where`` of ``layers``."""
    from myelin.convert.simulator.loops import delayed

    last = network.layers[-1]
    final = last.state if last.output == "state" else "spikes"
    order = None
    for phase, stage in enumerate(stages, start=1):
        index = phase - 1 - (len(stages) - len(network.layers))
        kept = layers.get(index, {})
        began = time.perf_counter()
        choice = stage.choose(spikes)
        if any(choice):
            blas.begin()
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


def is_positive(value: Any) -> bool:
    """True if ``value`` is an integer of 1 or more, or None."""
    return value is None or (is_integer(value) and value >= 1)


def _in_c_order(array: npt.NDArray[Any], order: IntArray | None) -> npt.NDArray[Any]:
    """``array`` (chunk, steps, neurons) of a population stored in ``order``, rearranged to C order."""
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


def _shown(done: Iterator[int], total: int, progress: bool) -> Iterator[int]:
    if not progress:
        yield from done
        return
    from tqdm import tqdm

    # tqdm's own lock fixes multiprocessing's start method, after which Lava can no longer be imported
    tqdm.set_lock(threading.RLock())
    with tqdm(total=total, unit="sample", desc="simulate") as bar:
        for count in done:
            bar.update(count)
            yield count
