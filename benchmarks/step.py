"""Latency of a single step: ``python -m benchmarks.step [--quick]``.

``Simulator.step`` beside a numpy loop that a user would write, and beside runs of one sample of one step, which begin at rest:
by a ``Simulator`` that is prepared, and by ``simulate``, which prepares the network in every call.  All run in turns in one
process; the outputs of the first two are equal to one run over all steps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import networks
from benchmarks.measure import RESULTS, digits, machine, save, say, spread
from benchmarks.numpy_loop import NumpyStepper
from myelin.convert import simulate
from myelin.convert.network import Network
from myelin.convert.simulator.streams import Simulator

#: Networks by name: recurrence and hidden layers.  The first is the size of ``train/experiments/demo.toml``.
NETWORKS: dict[str, tuple[networks.Recurrence, tuple[int, ...]]] = {
    "demo": ("conv", (128, 128)),
    "large": ("dense", (512, 512)),
}
#: Names in the results: ours, then the others.
STEP, NUMPY, RUN, SIMULATE = "step", "numpy loop", "run of one step", "simulate of one step"
#: Every how many steps the slow ones run.
_SELDOM = 20


def measured(network: Network, frames: npt.NDArray[np.uint8], rounds: int) -> dict[str, Any]:
    """Microseconds a step of each implementation on ``frames`` (steps, inputs), and ratios within each round."""
    expected = simulate(network, frames[None]).output[0]
    simulator = Simulator(network)
    began = time.perf_counter()
    simulator.step(frames[0])
    first_ms = 1000 * (time.perf_counter() - began)
    taken: dict[str, list[list[float]]] = {STEP: [], NUMPY: [], RUN: [], SIMULATE: []}
    some = frames[::_SELDOM, None, None]  # (steps, 1, 1, inputs)
    for index in range(rounds):
        say(f"  round {index + 1} of {rounds}")
        simulator.reset()
        taken[STEP].append(_latencies(simulator.step, frames, expected))
        taken[NUMPY].append(_latencies(NumpyStepper(network).step, frames, expected))
        taken[RUN].append(_latencies(lambda frame: simulator.run(frame, time_axis=1).output, some))
        taken[SIMULATE].append(_latencies(lambda frame: simulate(network, frame).output, some))
    microseconds = {name: [statistics.median(times) for times in found] for name, found in taken.items()}
    late = [statistics.quantiles(times, n=100)[98] for times in taken[STEP]]
    return {
        "steps": len(frames),
        "first_step_ms": digits(first_ms),
        "microseconds_a_step": {name: spread(values) for name, values in microseconds.items()},
        "microseconds_of_the_slowest_percent": spread(late),
        "step_is_faster": {
            name: spread([other / own for other, own in zip(microseconds[name], microseconds[STEP])])
            for name in (NUMPY, RUN, SIMULATE)
        },
    }


def _latencies(
    step: Callable[[Any], npt.NDArray[Any]], frames: npt.NDArray[Any], expected: npt.NDArray[Any] | None = None
) -> list[float]:
    """Microseconds of each call; AssertionError if an output differs from ``expected``."""
    taken, outputs = [], []
    for frame in frames:
        began = time.perf_counter()
        output = step(frame)
        taken.append(1e6 * (time.perf_counter() - began))
        outputs.append(output)
    if expected is not None:
        np.testing.assert_array_equal(np.stack(outputs), expected)
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps: shows that it runs, measures nothing")
    parser.add_argument("--rounds", type=int, help="how many; 9 unless --quick")
    parser.add_argument("--json", type=Path, help="where to write; results/step.json unless --quick")
    given = parser.parse_args(arguments)
    rounds, steps = given.rounds or (2 if given.quick else 9), 60 if given.quick else 2000
    spikes = networks.samples(networks.CALIBRATION_SAMPLES)
    frames = networks.samples(1, steps=steps, seed=7)[0]
    found = []
    for name, (recurrence, neurons) in NETWORKS.items():
        network = networks.network(spikes, recurrence=recurrence, neurons=neurons)
        say(f"{name}: {networks.describe(network)}")
        result = measured(network, frames, rounds)
        densities = networks.densities(network, frames[None])
        found.append({"name": name, "network": networks.describe(network), "densities": densities, **result})
        print(f"{name}: {result['microseconds_a_step']}, faster by {result['step_is_faster']}")
    path = given.json or (None if given.quick else RESULTS / "step.json")
    if path is not None:
        save(path, {"benchmark": "step", "quick": given.quick, "rounds": rounds, "machine": machine(), "networks": found})


if __name__ == "__main__":
    main()
