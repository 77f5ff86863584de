"""The integer simulator against the published order of DelRec and ConvDelRec in torch: ``python -m benchmarks.inference``.

Both run the same networks (``benchmarks.networks``) on the same samples, singly and in batches; every output is compared.  Both
sides prepare a network once.  Torch uses one thread or all, and oneDNN's convolutions or its own, whichever is faster.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import networks
from benchmarks.measure import RESULTS, digits, machine, save, say, spread, timed, turns
from benchmarks.memory import growth_mb
from benchmarks.tables import table_baselines
from benchmarks.training.published_network import PublishedNetwork
from benchmarks.training.torch_settings import Settings, applied, fastest
from myelin.convert import Network
from myelin.convert.simulator.batch import BatchRunner

Spikes = npt.NDArray[np.uint8]
RECURRENCES: tuple[networks.Recurrence, ...] = ("dense", "conv")


@dataclass(frozen=True)
class Sizes:
    """Points of the sweep, the judged point ``at`` (neurons of both layers, lags), and the repeats at it and elsewhere."""

    at: tuple[int, int] = (256, 30)
    neurons: tuple[int, ...] = (128, 256, 512)
    lags: tuple[int, ...] = (10, 30, 62)
    batches: tuple[int, ...] = (1, 128)
    steps: int = networks.STEPS
    repeats: int = 3
    sweep_repeats: int = 1


QUICK = Sizes(at=(24, 10), neurons=(16, 24), lags=(6, 10), batches=(1, 8), steps=20, repeats=2)


def network_of(recurrence: networks.Recurrence, neurons: int, lags: int, steps: int) -> Network:
    """A network 140 -> neurons -> neurons -> 20; axonal delays are 0 to lags - 1 steps, spikes arrive after 1 to ``lags``."""
    calibration = networks.samples(networks.CALIBRATION_SAMPLES, steps=steps)
    return networks.network(calibration, recurrence=recurrence, neurons=(neurons, neurons), delay_steps=lags - 1)


def timer(
    call: Callable[[], npt.NDArray[Any]], expected: npt.NDArray[Any], settings: Settings, name: str
) -> Callable[[], float]:
    """A function that returns the seconds of ``call`` under ``settings``; comparing outputs is not timed."""

    def run() -> float:
        outputs: list[npt.NDArray[Any]] = []
        with applied(settings):
            seconds = timed(lambda: outputs.append(call()))
        np.testing.assert_array_equal(outputs[0], expected, err_msg=f"{name} differs from simulate")
        return seconds

    return run


def measure(neurons: int, lags: int, batch: int, repeats: int, steps: int) -> dict[str, Any]:
    """Time both of Myelin's against each of the published implementations, in turns."""
    spikes = networks.samples(batch, steps=steps)
    nets = {kind: network_of(kind, neurons, lags, steps) for kind in RECURRENCES}
    simulators = {kind: BatchRunner(net) for kind, net in nets.items()}
    expected = {kind: simulator.run(spikes).output for kind, simulator in simulators.items()}
    ours = [
        timer(lambda simulator=simulators[kind]: simulator.run(spikes).output, expected[kind], Settings(), "the simulator")
        for kind in RECURRENCES
    ]
    rows, own = [], []
    for kind in RECURRENCES:
        model = PublishedNetwork(nets[kind], lags)
        few = spikes[:, : max(2, steps // 25)]
        settings = fastest(lambda model=model, few=few: model.run(few), convolution=kind == "conv")
        peer = timer(lambda model=model: model.run(spikes), expected[kind], settings, f"published, {kind}")
        taken = turns(ours, peer, repeats)
        own += [both for both, _ in taken]
        row: dict[str, Any] = {
            "recurrence": kind,
            "seconds": spread([seconds for _, seconds in taken]),
            "settings": str(settings),
        }
        for index, mine in enumerate(RECURRENCES):
            row[f"ours_{mine}_is_faster"] = spread([seconds / both[index] for both, seconds in taken])
        rows.append(row | {"repeats": repeats, "equal": True})
        faster = ", ".join(f"{mine} {row[f'ours_{mine}_is_faster']['median']:g}" for mine in RECURRENCES)
        say(f"  published {kind}: {row['seconds']['median']} s, {settings}; ours: {faster} times as fast")
    return {
        "neurons": neurons,
        "lags": lags,
        "batch": batch,
        "densities": {kind: networks.densities(net, spikes) for kind, net in nets.items()},
        "ours_seconds": {kind: spread([both[index] for both in own]) for index, kind in enumerate(RECURRENCES)},
        "rows": rows,
    }


def prepared(implementation: str, recurrence: networks.Recurrence, neurons: int, lags: int, batch: int, steps: int) -> Any:
    """A function that runs "ours" or "published" once, for ``benchmarks.memory``."""
    spikes = networks.samples(batch, steps=steps)
    network = network_of(recurrence, neurons, lags, steps)
    if implementation == "ours":
        simulator = BatchRunner(network)
        simulator.run(spikes[:1])
        return lambda: simulator.run(spikes)
    model = PublishedNetwork(network, lags)
    model.run(spikes[:1, :2])
    return lambda: model.run(spikes)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--only", action="store_true", help="the judged neurons and lags alone; writes nothing without --json")
    parser.add_argument("--json", type=Path, help="where to write; results/inference.json by default")
    given = parser.parse_args(arguments)
    sizes = QUICK if given.quick else Sizes()
    if given.only:
        sizes = replace(sizes, neurons=sizes.at[:1], lags=sizes.at[1:])
    judged = dict(zip(("neurons", "lags"), sizes.at, strict=True))
    results: dict[str, Any] = {
        "benchmark": "inference",
        "quick": given.quick,
        "machine": machine(),
        "judged_point": judged | {"steps": sizes.steps},
        "points": [],
    }
    for neurons in sizes.neurons:
        for lags in sizes.lags:
            for batch in sizes.batches:
                say(f"{neurons} neurons, {lags} lags, {batch} samples")
                repeats = sizes.repeats if batch == 1 or (neurons, lags) == sizes.at else sizes.sweep_repeats
                results["points"].append(measure(neurons, lags, batch, repeats, sizes.steps))
    results["memory"] = []
    for recurrence in RECURRENCES:
        for implementation in ("ours", "published"):
            case = {"recurrence": recurrence, "neurons": sizes.at[0], "lags": sizes.at[1], "batch": sizes.batches[-1]}
            grown = growth_mb("inference", implementation=implementation, steps=sizes.steps, **case)
            results["memory"].append(case | {"name": implementation, "mb": digits(grown, 3)})
            say(f"  {recurrence}, {implementation}: {grown:.0f} MB")
    path = given.json or (None if given.quick or given.only else RESULTS / "inference.json")
    if path is not None:
        save(path, results)
    print(table_baselines.inference_table(results))


if __name__ == "__main__":
    main()
