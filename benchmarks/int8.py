"""Products of 8-bit integers against the event loops and products in float32: ``python -m benchmarks.int8 [--quick]``.

A weight of a trained network is an even integer in 9 bits, so half of it fits 8 bits.  ``torch._int_mm`` multiplies 8-bit
integers into 32-bit sums with the processor's own instructions (VNNI, AMX).  Two comparisons, each on one core in one run:

- single connections of the benchmark network, at its densities and at others: events, float32, 8 bit;
- the whole network, with each way through its connections.  The 8-bit products take the place of the dense engine's, so
  everything else is the simulator's own.

Every sum and every output is compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from benchmarks import networks
from benchmarks.measure import RESULTS, machine, one_core, save, say, spread
from myelin.convert import Network
from myelin.convert.simulator.batch import BatchRunner
from myelin.convert.simulator.dense import Products, Tap
from myelin.convert.simulator.fused import FusedStage
from myelin.convert.simulator.loops import add_product, arriving
from myelin.convert.simulator.prepare import prepare

#: Ways through a network: the engine of the feed-forward and of the recurrent connections, and whether products have 8 bits.
WAYS: dict[str, tuple[str, str, bool]] = {
    "events": ("events", "events", False),
    "float32 products, recurrence by events": ("dense", "events", False),
    "8-bit products, recurrence by events": ("dense", "events", True),
    "float32 products": ("dense", "dense", False),
    "8-bit products": ("dense", "dense", True),
}
#: Shares of nonzero spikes besides that of the network at which a single connection runs.
DENSITIES = (0.05, 0.1, 0.2, 0.5, 1.0)
_BLOCK_ROWS = 6400


@dataclass(frozen=True)
class EightBit:
    """A dense connection without synaptic delays as 8-bit products, with the methods of ``dense.Products``."""

    tap: Tap
    exponent: int
    targets: int

    @classmethod
    def of(cls, products: Products) -> EightBit:
        """The same connection; AssertionError if 8 bits do not hold its weights, or half of them."""
        (tap,), halved = products.taps, int(not (products.taps[0].weight & 1).any())
        weight = tap.weight >> halved
        assert products.conv is None and np.abs(weight + 0.5).max() < 128
        return cls(Tap(tap.delay, weight, tap.absolute_sum), products.exponent + halved, products.targets)

    @cached_property
    def _weight(self) -> Any:
        import torch

        return torch.from_numpy(self.tap.weight.astype(np.int8))

    def product(self, x: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
        """The product (rows, targets) of ``x`` (rows, sources) and the weights."""
        import torch

        return torch._int_mm(torch.from_numpy(x), self._weight).numpy()

    def currents(self, spikes: npt.NDArray[Any], largest: int) -> npt.NDArray[np.int32]:
        """See ``Products.currents``."""
        assert largest < 128
        batch, steps, sources = spikes.shape
        current = np.zeros((batch, steps, self.targets), np.int32)
        block = max(1, _BLOCK_ROWS // steps)
        for start in range(0, batch, block):
            part = spikes[start : start + block]
            shifted = np.empty(part.shape, np.int8)
            for t in range(steps):
                arriving(part, self.tap.delay, t, shifted[:, t])
            product = self.product(shifted.reshape(-1, sources))
            add_product(product, self.exponent, current[start : start + block].reshape(-1, self.targets))
        return current

    def add_at(self, spikes: npt.NDArray[Any], t: int, largest: int, current: npt.NDArray[np.int32]) -> None:
        """See ``Products.add_at``."""
        assert largest < 128
        sent = np.empty((len(spikes), spikes.shape[2]), np.int8)
        arriving(spikes, self.tap.delay, t, sent)
        add_product(self.product(sent), self.exponent, current)


def runner(network: Network, way: str) -> BatchRunner:
    """The network prepared for one of the ``WAYS``."""
    forward, recurrent, eight = WAYS[way]
    made = BatchRunner(network)
    made.prepared = prepare(network)  # of its own
    made.stages = [part.stage for part in made.prepared]
    for part in made.prepared:
        for connection, engine in ((part.forward, forward), (part.recurrent, recurrent)):
            if connection is not None:
                connection.engine = engine  # type: ignore[assignment]
                if eight and engine == "dense":
                    connection.__dict__["products"] = EightBit.of(connection.products)
    return made


def connection_rows(network: Network, samples: int, repeats: int) -> list[dict[str, Any]]:
    """Microseconds a step and sample of each connection by events, in float32 and in 8 bits, at several densities."""
    rows: list[dict[str, Any]] = []
    rng = np.random.default_rng(5)
    shape = (samples, networks.STEPS)
    for index, part in enumerate(prepare(network)):
        connection, layer = part.forward, network.layers[index]
        assert connection is not None and isinstance(part.stage, FusedStage)
        eight = EightBit.of(connection.products)
        own = networks.INPUT_DENSITY if index == 0 else networks.LAYER_DENSITIES[index - 1]
        for density in sorted({own, *DENSITIES}):
            spikes = (rng.random((*shape, int(np.prod(connection.shape)))) < density).astype(np.uint8)
            calls: dict[str, Callable[[], npt.NDArray[Any]]] = {
                "events": lambda c=connection, s=spikes, n=layer.neurons: c.currents(s, 1, False, n),
                "float32": lambda c=connection, s=spikes, n=layer.neurons: c.currents(s, 1, True, n),
                "8 bit": lambda e=eight, s=spikes: e.currents(s, 1),
            }
            taken = _in_turns(calls, repeats)
            each = {name: [1e6 * seconds / samples / networks.STEPS for seconds in times] for name, times in taken.items()}
            rows.append(
                {
                    "connection": f"{connection.shape[0]} -> {layer.neurons}",
                    "density": density,
                    "of_the_network": density == own,
                    "microseconds_a_step": {name: spread(times) for name, times in each.items()},
                    "8_bit_is_faster": {
                        name: spread([other / own for other, own in zip(each[name], each["8 bit"])])
                        for name in ("events", "float32")
                    },
                }
            )
            say(f"  {rows[-1]['connection']} at {density:g}: {rows[-1]['microseconds_a_step']}")
    return rows


def network_rows(network: Network, spikes: npt.NDArray[np.uint8], repeats: int) -> list[dict[str, Any]]:
    """Samples a second of the whole network, for each of the ``WAYS``."""
    runners = {way: runner(network, way) for way in WAYS}
    taken = _in_turns({way: lambda r=made: r.run(spikes).output for way, made in runners.items()}, repeats)
    rows: list[dict[str, Any]] = []
    for way, times in taken.items():
        faster = [own / other for own, other in zip(taken["events"], times)]
        rows.append({"way": way, "samples_per_s": spread([len(spikes) / t for t in times]), "times_events": spread(faster)})
        say(f"  {way}: {rows[-1]['samples_per_s']['median']} samples a second, {rows[-1]['times_events']['median']} of events")
    return rows


def _in_turns(calls: dict[str, Callable[[], npt.NDArray[Any]]], repeats: int) -> dict[str, list[float]]:
    """Seconds of this thread for each call in each round, after one that is not timed.

    AssertionError if a result differs from the first's.
    """
    expected = next(iter(calls.values()))()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for index in range(repeats + 1):
        for name, call in calls.items():
            began = time.thread_time()
            found = call()
            if index:
                taken[name].append(time.thread_time() - began)
            np.testing.assert_array_equal(found, expected, err_msg=f"{name} differs")
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few samples: shows that it runs, measures nothing")
    parser.add_argument("--json", type=Path, help="where to write; results/int8.json unless --quick")
    given = parser.parse_args(arguments)
    import torch  # noqa: F401 (its threads are limited below)

    samples, repeats = (8, 2) if given.quick else (128, 7)
    spikes = networks.samples(samples)
    network = networks.network(spikes)
    results: dict[str, Any] = {
        "benchmark": "int8",
        "quick": given.quick,
        "machine": machine(),
        "instructions": [name for name in ("avx512_vnni", "avx_vnni", "amx_int8") if name in _flags()],
        "network": networks.describe(network),
        "densities": networks.densities(network, spikes),
        "samples": samples,
    }
    say(results["network"])
    with one_core(), ThreadpoolController().limit(limits=1):
        results["connections"] = connection_rows(network, samples, repeats)
        results["whole_network"] = network_rows(network, spikes, repeats)
    path = given.json or (None if given.quick else RESULTS / "int8.json")
    if path is not None:
        save(path, results)
    for row in results["whole_network"]:
        print(f"{row['way']}: {row['samples_per_s']['median']} samples a second, {row['times_events']['median']} times events")


def _flags() -> set[str]:
    try:
        return set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return set()


if __name__ == "__main__":
    main()
