"""Samples per second of the simulator and of its competitors on the same network, side by side.

``python -m benchmarks.simulate [--quick] [--binary] [--json FILE]``.  Every output is compared with the simulator's, before
timing starts and after every timed call.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from benchmarks import networks, table
from benchmarks.measure import RESULTS, Run, digits, machine, one_core, rounds, save, say, spread, timed
from benchmarks.numpy_loop import NumpyLoop
from benchmarks.training.slayer_blocks import SlayerBlocks
from myelin.convert import Network, simulate
from myelin.lava_models import compat
from myelin.lava_models.runner import Worker

Spikes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sizes:
    """Amount of work: samples per call, steps, rounds; ``lava`` and ``stock`` are the (long, short) runs in steps."""

    batch: int = 512
    slayer: int = 128
    loop: int = 8
    loop_batch: int = 32
    steps: int = networks.STEPS
    lava: tuple[int, int] = (400, 100)
    stock: tuple[int, int] = (100, 25)
    repeats: int = 5
    slow_repeats: int = 3


QUICK = Sizes(batch=32, slayer=8, loop=1, loop_batch=8, steps=20, lava=(40, 20), stock=(20, 10), repeats=2, slow_repeats=2)


def measure(recurrence: networks.Recurrence, sizes: Sizes, worker: Worker | None, *, binary: bool) -> dict[str, Any]:
    """Measure all competitors on one network."""
    mean = None if binary else networks.INPUT_MEAN
    spikes = networks.samples(sizes.batch, steps=sizes.steps, mean=mean)
    network = networks.network(spikes, recurrence=recurrence)
    undelayed = networks.without_recurrent_delays(network)
    say(f"{recurrence}: {networks.describe(network)}")
    result = {
        "recurrence": recurrence,
        "network": networks.describe(network),
        "steps": sizes.steps,
        "densities": networks.densities(network, spikes),
        "densities_without_recurrent_delays": networks.densities(undelayed, spikes),
    }
    reference, twin = simulation(network, spikes), simulation(undelayed, spikes)
    expected = reference.call()
    fast = [replace(reference, name="simulate, one core", call=on_one_core(reference.call))]
    pairs = [(reference, run) for run in (*fast, *numpy_loops(network, spikes, expected, sizes))]
    slow, lava = [], []
    if worker is not None:
        slow.append((twin, slayer_run(undelayed, spikes[: sizes.slayer], recurrence)))
        lava = [lava_runs(worker, network, spikes, sizes, stock=stock) for stock in (False, True)]
        slow += [(reference, run) for runs in lava for run in runs.values()]
    for run in {id(run): run for pair in (*pairs, *slow) for run in pair}.values():
        say(f"  check {run.name}")
        run.check()
    times = rounds(pairs, sizes.repeats) + rounds(slow, sizes.slow_repeats)
    taken = {id(peer): seconds for (_, peer), seconds in zip((*pairs, *slow), times, strict=True)}
    beside = [taken[id(peer)] for ours, peer in (*pairs, *slow) if ours is reference]
    rows = [row(reference, reference, [(first, first) for pairs_of_peer in beside for first, _ in pairs_of_peer])]
    rows += [row(ours, peer, taken[id(peer)]) for ours, peer in (*pairs, *slow[:1])]
    for runs in lava:
        rows += lava_rows(reference, runs, {steps: taken[id(run)] for steps, run in runs.items()}, sizes.steps)
    return result | {"rows": rows}


def conv_beside_dense(sizes: Sizes, *, binary: bool) -> dict[str, Any]:
    """Speed of ConvDelRec relative to DelRec of the same size and activity, in the same rounds."""
    spikes = networks.samples(sizes.batch, steps=sizes.steps, mean=None if binary else networks.INPUT_MEAN)
    runs = [simulation(networks.network(spikes, recurrence=recurrence), spikes) for recurrence in ("conv", "dense")]
    single = [replace(run, call=on_one_core(run.call)) for run in runs]
    found = {}
    for name, pair in (("all_cores", runs), ("one_core", single)):
        for run in pair:
            run.check()
        (taken,) = rounds([(pair[0], pair[1])], 3 * sizes.repeats)
        found[name] = spread([dense / conv for conv, dense in taken])
    return found


def simulation(network: Network, spikes: Spikes) -> Run:
    """The simulator, including the preparation of the network."""
    return Run("simulate, all cores", len(spikes), lambda: simulate(network, spikes).output)


def on_one_core(call: Callable[[], npt.NDArray[Any]]) -> Callable[[], npt.NDArray[Any]]:
    """``call``, restricted to one core of the processor."""

    def run() -> npt.NDArray[Any]:
        with one_core():
            return call()

    return run


def numpy_loops(network: Network, spikes: Spikes, expected: npt.NDArray[Any], sizes: Sizes) -> list[Run]:
    """The plain numpy loop over samples, and the same loop over batches."""
    loop, many = NumpyLoop(network), np.ascontiguousarray(np.moveaxis(spikes[: sizes.loop_batch], 0, -1))

    def singly() -> npt.NDArray[Any]:
        return np.stack([loop.run(sample) for sample in spikes[: sizes.loop]])

    def together() -> npt.NDArray[Any]:
        return np.moveaxis(loop.run(many), -1, 0)

    return [
        with_best_threads(Run("numpy loop, one sample at a time", sizes.loop, singly, expected[: sizes.loop])),
        with_best_threads(
            Run(f"numpy loop, {sizes.loop_batch} at a time", sizes.loop_batch, together, expected[: sizes.loop_batch])
        ),
    ]


def with_best_threads(run: Run) -> Run:
    """``run`` with the faster number of threads for BLAS: one, or its default."""
    controller = ThreadpoolController()

    def single() -> npt.NDArray[Any]:
        with controller.limit(limits=1, user_api="blas"):
            return run.call()

    run.check()
    one, free = (min(timed(call) for _ in range(3)) for call in (single, run.call))
    if one < free:
        return replace(run, call=single, note="BLAS on one thread, which is faster here")
    return run


def slayer_run(network: Network, spikes: Spikes, recurrence: networks.Recurrence) -> Run:
    """SLAYER's evaluation of a network without recurrent delays; converting its input is not timed."""
    blocks = SlayerBlocks(network)
    x = blocks.tensor(spikes)
    note = "recurrence without delays, which SLAYER lacks, on both sides"
    if recurrence == "conv":
        note += "; the convolution as a matrix"
    return Run(
        f"SLAYER on the CPU, {len(spikes)} at a time",
        len(spikes),
        lambda: blocks.run(x),
        simulate(network, spikes).output,
        note,
    )


def lava_runs(worker: Worker, network: Network, spikes: Spikes, sizes: Sizes, *, stock: bool) -> dict[int, Run]:
    """A long and a short run of one sample in Lava, by steps; their difference excludes the cost of starting."""
    name, runs = "Lava, its own models" if stock else "Lava, our models of delays", {}
    for steps in sizes.stock if stock else sizes.lava:
        one = spikes[: -(-steps // sizes.steps)].reshape(1, -1, spikes.shape[2])[:, :steps]

        def call(one: Spikes = one) -> npt.NDArray[Any]:
            return worker.run(network, one, stock=stock).output

        runs[steps] = Run(name, 1, call, simulate(network, one).output)
    return runs


def row(ours: Run, peer: Run, taken: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The table row of a peer: its samples per second, and the simulator's speed relative to it in the same rounds."""
    rates = [peer.samples / seconds for _, seconds in taken]
    ratios = [ours.samples / first / rate for (first, _), rate in zip(taken, rates, strict=True)]
    return {
        "name": peer.name,
        "samples_per_s": spread(rates),
        "simulate_is_faster": None if peer is ours else spread(ratios),
        "samples_per_call": peer.samples,
        "repeats": len(taken),
        "equal": True,
        "note": peer.note,
    }


def lava_rows(
    ours: Run, runs: dict[int, Run], taken: dict[int, Sequence[tuple[float, float]]], steps: int
) -> list[dict[str, Any]]:
    """Lava without and with the start of its processes; ``steps`` of a sample is one of the two measured lengths.

    Both exclude Python's start and Lava's import: a worker that is already running runs all.
    """
    (long, short), run = runs, runs[steps]
    moving, starts = [], []
    for (first, longer), (_, shorter) in zip(taken[long], taken[short], strict=True):
        per_step = (longer - shorter) / (long - short)
        if per_step > 0:  # timing noise may exceed the difference
            moving.append((first, steps * per_step))
            starts.append(max(0.0, shorter - short * per_step))
    rows = []
    if moving:
        note = f"the difference between runs of {long} and {short} steps"
        alone = row(ours, replace(run, name=f"{run.name}, steps alone", note=note), moving)
        rows.append(alone | {"start_s": digits(statistics.median(starts))})
    note = "processes built and started for each sample; Python's start and Lava's import left out"
    rows.append(row(ours, replace(run, name=f"{run.name}, with their start", note=note), taken[steps]))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--binary", action="store_true", help="input of 0 and 1 instead of counts")
    parser.add_argument("--json", type=Path, help="where to write; results/simulate.json unless --quick or --binary")
    given = parser.parse_args(arguments)
    sizes = QUICK if given.quick else Sizes()
    gone = compat.missing(slayer=True)
    if gone:
        say(f"without Lava and SLAYER: {', '.join(gone)} missing")
    results = {"benchmark": "simulate", "quick": given.quick, "input": "binary" if given.binary else "graded"}
    worker = None if gone else Worker()
    try:
        found = [measure(recurrence, sizes, worker, binary=given.binary) for recurrence in ("dense", "conv")]
    finally:
        if worker is not None:
            worker.close()
    results |= {
        "machine": machine(),
        "networks": found,
        "conv_faster_than_dense": conv_beside_dense(sizes, binary=given.binary),
    }
    path = given.json or (None if given.quick or given.binary else RESULTS / "simulate.json")
    if path is not None:
        save(path, results)
    print(table.simulate_table(results))


if __name__ == "__main__":
    main()
