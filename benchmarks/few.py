"""Few samples at a time, and single steps: ``python -m benchmarks.few [--quick] [--before FOLDER]``.

A user calls ``myelin.simulate`` again and again with the same network and 1 to 16 samples, or ``Simulator.step`` with one
frame.  Then all that a call does besides the loops counts: checks, preparation, threads.  Last, many samples beside processes
that keep the cores busy, at the same priority.  ``--before`` names another checkout of Myelin: a process of each version runs
the same calls in turns, and every output must be equal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

import myelin
from benchmarks import networks
from benchmarks.measure import RESULTS, cores, digits, machine, save, say, spread

HERE = Path(__file__).resolve()
RECURRENCES: tuple[networks.Recurrence, ...] = ("dense", "conv")
#: Samples a call, and calls in a round.
SAMPLES = {1: 60, 2: 60, 4: 40, 8: 30, 16: 20, 512: 2}
#: Frames of a round of single steps.
STEPS = 1000
#: Numbers of busy processes.
BUSY = (2, 4)


class Served:
    """The calls of one version, in the process that imports it."""

    def __init__(self) -> None:
        spikes = networks.samples(max(SAMPLES))
        self.spikes = {"samples": spikes, "steps": networks.samples(1, steps=STEPS, seed=7)[0]}
        self.networks = {kind: networks.network(spikes, recurrence=kind) for kind in RECURRENCES}
        self.simulators = {kind: myelin.Simulator(made) for kind, made in self.networks.items()}

    def simulate(self, kind: networks.Recurrence, samples: int, calls: int) -> dict[str, Any]:
        """Median seconds of a call with so many samples."""
        chosen, taken = self.spikes["samples"][:samples], []
        for _ in range(calls):
            began = time.perf_counter()
            output = myelin.simulate(self.networks[kind], chosen, time_axis=1).output
            taken.append(time.perf_counter() - began)
        return {"seconds": statistics.median(taken), "digest": _digest(output)}

    def step(self, kind: networks.Recurrence, steps: int) -> dict[str, Any]:
        """Median seconds of a single step."""
        simulator, taken, outputs = self.simulators[kind], [], []
        simulator.reset()
        for frame in self.spikes["steps"][:steps]:
            began = time.perf_counter()
            output = simulator.step(frame)
            taken.append(time.perf_counter() - began)
            outputs.append(output)
        return {"seconds": statistics.median(taken), "digest": _digest(np.stack(outputs))}

    def answer(self, source: IO[str], sink: IO[str]) -> None:
        """Read a call a line, write its result."""
        for line in source:
            name, arguments = json.loads(line)
            print(json.dumps(getattr(self, name)(*arguments)), file=sink, flush=True)


class Version:
    """A version of Myelin in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __call__(self, name: str, *arguments: Any) -> Any:
        """The result of a call of ``Served``."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps([name, arguments]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@contextmanager
def version(folder: Path) -> Iterator[Version]:
    """The version of the checkout ``folder``."""
    command = [sys.executable, str(HERE), "--serve"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    with subprocess.Popen(
        command, env=environment, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Version(process)
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that compute until the end of the block."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measured(versions: dict[str, Version], call: tuple[Any, ...], rounds: int, amount: int) -> dict[str, Any]:
    """Amount a second of each version for ``call``, and how many times as fast the first is, in each round."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in versions}
    for index in range(rounds + 1):
        for name, one in versions.items():
            result = one(*call)
            if index:  # the first compiles
                found[name].append(result)
    digests = {result["digest"] for results in found.values() for result in results}
    if len(digests) != 1:
        raise AssertionError(f"the outputs of {call} differ")
    rates = {name: [amount / result["seconds"] for result in results] for name, results in found.items()}
    first, *others = rates
    return {
        "a_second": {name: spread(values) for name, values in rates.items()},
        "is_faster": {name: spread([own / other for own, other in zip(rates[first], rates[name])]) for name in others},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few calls: shows that it runs, measures nothing")
    parser.add_argument("--before", type=Path, help="another checkout of Myelin to compare with")
    parser.add_argument("--rounds", type=int, help="how many; 9 unless --quick")
    parser.add_argument("--json", type=Path, help="where to write; results/few.json unless --quick")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        Served().answer(sys.stdin, sys.stdout)
        return
    rounds = given.rounds or (2 if given.quick else 9)
    folders = {"now": HERE.parents[1]} | ({} if given.before is None else {"before": given.before.resolve()})
    rows, beside = [], list[dict[str, Any]]()
    with ExitStack() as stack:
        versions = {name: stack.enter_context(version(folder)) for name, folder in folders.items()}
        for kind in RECURRENCES:
            sizes = {1: 2, 2: 2} if given.quick else SAMPLES
            calls: dict[tuple[Any, ...], int] = {
                ("simulate", kind, samples, count): samples for samples, count in sizes.items()
            }
            calls[("step", kind, 20 if given.quick else STEPS)] = 1
            for call, amount in calls.items():
                row = {"recurrence": kind, "call": call[0], "samples": amount, **measured(versions, call, rounds, amount)}
                rows.append(row)
                say(f"  {kind}, {call[0]} of {amount}: {row['a_second']}, {row['is_faster']}")
        amount = 2 if given.quick else max(SAMPLES)
        for count in BUSY:
            with busy(count):
                found = measured(versions, ("simulate", "dense", amount, 2), rounds, amount)
            alone = next(row for row in rows if row["samples"] == amount)["a_second"]
            slower = {name: digits(alone[name]["median"] / rate["median"]) for name, rate in found["a_second"].items()}
            beside.append({"busy_processes": count, "samples": amount, "is_slower": slower, "fair": fair(count), **found})
            say(f"  beside {count} busy processes: {slower} times as long, {fair(count)} with a fair share of the cores")
    network = networks.describe(networks.network(networks.samples(networks.CALIBRATION_SAMPLES)))
    results = {"benchmark": "few", "quick": given.quick, "rounds": rounds, "machine": machine(), "network": network}
    path = given.json or (None if given.quick else RESULTS / "few.json")
    if path is not None:
        save(path, results | {"rows": rows, "beside_other_work": beside})
    for row in rows:
        rate = f"{row['a_second']['now']['median']:g} {'steps' if row['call'] == 'step' else 'samples'} a second"
        faster = "".join(f", {values['median']:g} times as fast as {name}" for name, values in row["is_faster"].items())
        print(f"{row['recurrence']}, {row['call']} of {row['samples']}: {rate}{faster}")
    for row in beside:
        print(f"beside {row['busy_processes']} busy processes: {row['is_slower']} times as long; fair: {row['fair']:g}")


def fair(count: int) -> float:
    """How many times as long a process takes that has a thread on each core, beside ``count`` others of one thread."""
    return (cores() + count) / cores()


def _digest(values: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(f"{values.dtype} {values.shape} ".encode() + values.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
