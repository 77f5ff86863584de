"""The engines' fraction of the machine's peak speed, and where the rest of the time goes: ``python -m benchmarks.peak``.

The peaks are measured in the same run: BLAS's float32 product, copying and reading memory, reading data in the second cache.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from benchmarks import networks
from benchmarks.measure import RESULTS, best_of, cores, digits, machine, one_core, save, say
from myelin.convert import Network
from myelin.convert.simulator import dense as engine_dense
from myelin.convert.simulator.batch import BatchRunner
from myelin.convert.simulator.events import drive
from myelin.convert.simulator.fused import FusedPopulation, FusedStage
from myelin.convert.simulator.plan import NO_PLAN, is_narrow

#: Bytes of an array larger than any cache, and of one that fits in the second cache of a core.
_LARGE, _SMALL = 1 << 28, 1 << 19
_NONE = np.zeros((0, 0, 0), np.int32)


@njit(nogil=True, cache=True)
def _sum(values, times):
    total = np.int64(0)
    for _ in range(times):
        for i in range(values.size):
            total += values[i]
    return total


def everywhere(call: Callable[[int], Any], count: int) -> None:
    """Run ``call(0)``, ``call(1)``, ... concurrently, each on its own thread."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(call, range(count)))


def peaks(size: int, repeats: int) -> dict[str, float]:
    """Peak speeds of the machine by name, on all cores unless the name says otherwise."""
    rng = np.random.default_rng(1)
    a, b, out = rng.random((size, size), np.float32), rng.random((size, size), np.float32), np.empty((size, size), np.float32)

    def product() -> None:
        np.matmul(a, b, out=out)

    count, found = cores(), {}
    product()
    found["blas_gflop_per_s"] = 2e-9 * size**3 / best_of(product, repeats)
    with one_core(), one_blas_thread():
        found["blas_one_core_gflop_per_s"] = 2e-9 * size**3 / best_of(product, repeats)
    source = np.ones(_LARGE // 8, np.int64)
    parts, targets = np.array_split(source, count), np.array_split(np.ones_like(source), count)
    copying = best_of(lambda: everywhere(lambda i: np.copyto(targets[i], parts[i]), count), repeats)
    found["copy_gb_per_s"] = 2e-9 * source.nbytes / copying  # read and written
    _sum(parts[0][:8], 1)
    found["read_gb_per_s"] = 1e-9 * source.nbytes / best_of(lambda: everywhere(lambda i: _sum(parts[i], 1), count), repeats)
    small, times = [np.ones(_SMALL // 8, np.int64) for _ in range(count)], max(1, _LARGE // _SMALL)
    reading = best_of(lambda: everywhere(lambda i: _sum(small[i], times), count), repeats)
    found["read_second_cache_gb_per_s"] = 1e-9 * _SMALL * times * count / reading
    return {name: digits(value) for name, value in found.items()}


def one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """A context in which BLAS uses one thread."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


@contextlib.contextmanager
def stopwatches(seconds: dict[str, float]) -> Iterator[None]:
    """A context in which the dense engine's parts add their times to ``seconds``; for one thread."""
    places = [
        (engine_dense, "arriving", "gathering what arrives, as floats"),
        (engine_dense.Products, "_product", "products"),
        (engine_dense, "add_product", "conversion back to integers"),
        (FusedPopulation, "step", "neurons"),
        (FusedPopulation, "run", "neurons"),
    ]
    kept = [getattr(owner, name) for owner, name, _ in places]

    def watched(call: Callable[..., Any], part: str) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = call(*arguments)
            seconds[part] += time.perf_counter() - began
            return result

        return run

    try:
        for (owner, name, part), call in zip(places, kept, strict=True):
            setattr(owner, name, watched(call, part))
        yield
    finally:
        for (owner, name, _), call in zip(places, kept, strict=True):
            setattr(owner, name, call)


def dense(network: Network, spikes: npt.NDArray[Any], found: dict[str, float], repeats: int) -> dict[str, Any]:
    """The dense engine against BLAS: 2 sources * targets operations per connection, step and sample."""
    simulator = BatchRunner(network, "dense")
    simulator.run(spikes)
    synapses = sum(layer.synapse.weight.size for layer in network.layers)
    synapses += sum(layer.recurrent.synapse.weight.size for layer in network.layers if layer.recurrent is not None)
    flop = 2 * synapses * spikes.shape[0] * spikes.shape[1]
    rate = 1e-9 * flop / best_of(lambda: simulator.run(spikes), repeats)
    parts: dict[str, float] = defaultdict(float)
    with one_core(), one_blas_thread():
        alone = best_of(lambda: simulator.run(spikes), repeats)
        with stopwatches(parts):
            began = time.perf_counter()
            simulator.run(spikes)
            whole = time.perf_counter() - began
    parts["everything else"] = whole - sum(parts.values())
    return {
        "network": networks.describe(network),
        "batch": len(spikes),
        "densities": networks.densities(network, spikes[: networks.CALIBRATION_SAMPLES]),
        "flop_per_sample": flop // len(spikes),
        "gflop_per_s": digits(rate),
        "share_of_blas": digits(rate / found["blas_gflop_per_s"], 3),
        "one_core_gflop_per_s": digits(1e-9 * flop / alone),
        "one_core_share_of_blas": digits(1e-9 * flop / alone / found["blas_one_core_gflop_per_s"], 3),
        "one_core_seconds": {name: digits(value, 3) for name, value in parts.items()},
        "products_share_of_blas": digits(1e-9 * flop / parts["products"] / found["blas_one_core_gflop_per_s"], 3),
    }


def events(network: Network, spikes: npt.NDArray[Any], found: dict[str, float], repeats: int) -> dict[str, Any]:
    """The event engine against the memory: every spike that arrives reads a row of weights once."""
    simulator = BatchRunner(network, "events")
    hidden = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
    trains = [spikes, *(arrays["spikes"] for arrays in simulator.run(spikes, record=hidden).layers.values())]
    operations, read = 0, 0
    for index, stage in enumerate(simulator.stages):
        assert stage.__class__ is FusedStage
        for connection, train in ((stage.forward, trains[index]), (stage.recurrent, trains[min(index + 1, len(hidden))])):
            if connection is not None:
                rows = arrivals(train, connection.plan.delay) * stage.population.neurons
                operations, read = operations + rows, read + rows * connection.plan.weight.itemsize
    seconds = best_of(lambda: simulator.run(spikes), repeats)
    with one_core():
        alone = best_of(lambda: simulator.run(spikes), repeats)
    parts = event_parts(simulator, trains, repeats)
    parts["recurrence, lists of spikes, everything else"] = alone - sum(parts.values())
    return {
        "network": networks.describe(network),
        "batch": len(spikes),
        "densities": networks.densities(network, spikes[: networks.CALIBRATION_SAMPLES]),
        "synaptic_operations_per_sample": operations // len(spikes),
        "weights_mb": digits(sum(_weight_bytes(stage) for stage in simulator.stages) * 1e-6, 3),
        "giga_synaptic_operations_per_s": digits(1e-9 * operations / seconds),
        "weights_read_gb_per_s": digits(1e-9 * read / seconds),
        "share_of_second_cache_read": digits(1e-9 * read / seconds / found["read_second_cache_gb_per_s"], 3),
        "times_memory_read": digits(1e-9 * read / seconds / found["read_gb_per_s"], 3),
        "one_core_giga_synaptic_operations_per_s": digits(1e-9 * operations / alone),
        "one_core_seconds": {name: digits(value, 3) for name, value in parts.items()},
    }


def arrivals(train: npt.NDArray[Any], delay: npt.NDArray[np.int32]) -> int:
    """Number of spikes of ``train`` (batch, steps, sources) that arrive before the end; ``delay`` is (sources, 1)."""
    steps = train.shape[1]
    last = steps - 2 - delay.reshape(-1)  # the last step at which a spike still arrives
    return int((np.count_nonzero(train, axis=0) * (np.arange(steps)[:, None] <= last)).sum())


def event_parts(simulator: BatchRunner, trains: Sequence[npt.NDArray[Any]], repeats: int) -> dict[str, float]:
    """Seconds of single loops on one core: feed-forward connections without neurons, and neurons without connections."""
    parts: dict[str, float] = defaultdict(float)
    for stage, spikes in zip(simulator.stages, trains, strict=True):
        assert stage.__class__ is FusedStage
        plan, own = stage.forward.plan, stage.population
        narrow = is_narrow(plan, int(spikes.max(initial=1)))
        shape = (*spikes.shape[:2], own.neurons)
        given, emitted = np.zeros(shape, np.int32), {"spikes": np.empty(shape, np.uint8)}

        def forward(spikes: Any = spikes, given: Any = given, plan: Any = plan, narrow: bool = narrow) -> None:
            drive(spikes, given, plan, narrow)

        def neurons(own: Any = own, emitted: Any = emitted) -> None:
            own.run(None, _NONE, (NO_PLAN, NO_PLAN), 1, own.drive, 0, 1, emitted)

        with one_core():
            parts["feed-forward rows of weights"] += best_of(forward, repeats)
            parts["neurons"] += best_of(neurons, repeats)
    return dict(parts)


def _weight_bytes(stage: Any) -> int:
    return sum(connection.plan.weight.nbytes for connection in (stage.forward, stage.recurrent) if connection is not None)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peak", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--json", type=Path, help="where to write; results/peak.json unless --quick")
    given = parser.parse_args(arguments)
    size, wide, batch, steps, repeats = (256, 64, 8, 20, 2) if given.quick else (2048, 1024, 256, 100, 3)
    found = peaks(size, repeats)
    say(f"peaks: {found}")
    results: dict[str, Any] = {"benchmark": "peak", "quick": given.quick, "machine": machine(), "peaks": found}
    busy = networks.samples(batch, steps=steps, inputs=wide, density=0.45, mean=None)
    results["dense"] = dense(networks.network(busy, neurons=(wide, wide), densities=(0.45, 0.45)), busy, found, repeats)
    say(f"dense: {results['dense']}")
    quiet = networks.samples(batch, steps=steps)
    results["events"] = []
    for neurons in (networks.NEURONS, (wide, wide)):
        results["events"].append(events(networks.network(quiet, neurons=neurons), quiet, found, repeats))
        say(f"events: {results['events'][-1]}")
    path = given.json or (None if given.quick else RESULTS / "peak.json")
    if path is not None:
        save(path, results)


if __name__ == "__main__":
    main()
