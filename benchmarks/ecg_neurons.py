"""ALIF beside CUBA neurons on ECG: ``python -m benchmarks.ecg_neurons FOLDER --out RUNS``.

A network of 36 hidden neurons with learnt recurrent delays (``train/experiments/ecg.toml``) is trained with CUBA and with ALIF
neurons, with the same seeds; the integer networks are compared on the test traces, seed by seed and step by step.  Constants of
both were chosen on traces held out of training, with seed 0, in some fifteen trials with CUBA neurons and nine with ALIF
neurons.  A run that is there is continued, or taken as it is.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import myelin
from benchmarks.measure import RESULTS, digits, machine, save, say
from benchmarks.tables.table_words import machine_line
from myelin.hw_configs.files import write_atomically
from myelin.train.config.files import load_config
from myelin.train.datasets import SpikeDataset, load
from myelin.train.run.start import train_run, training_data

SEEDS = (0, 1, 2)
#: Neurons -> overrides of the experiment; the target holds both kinds.
NEURONS = {
    "CUBA": ["target=cpu"],
    "ALIF": [
        "target=cpu",
        "neuron.model=alif",
        "alif.threshold_step=0.0625",
        "alif.threshold_decay=0.005",
        "alif.refractory_decay=0.5",
        "alif.learn_threshold_step=true",
    ],
}
#: The published scripts take steps without a label as class 0, and leave out the first steps of a trace.
_LEFT_OUT = 10


def trained(folder: str, out: Path, name: str, seed: int, epochs: int | None) -> Path:
    """The run of one network, trained as far as it is not."""
    more = [f"train.seed={seed}", *([f"train.epochs={epochs}"] if epochs else [])]
    config = load_config("ecg", [*NEURONS[name], *more])
    place = out / f"{name.lower()}_{seed}"
    train_run(config, training_data(folder, config), place, resume=place.exists(), progress=False)
    return place


def published_convention(network: Any, test: SpikeDataset) -> float:
    """Accuracy in percent with unlabelled steps as class 0, without the first steps of each trace."""
    targets = test.targets
    assert targets is not None
    frames = test.bin(list(range(len(test))), targets.shape[1], test.step_ms or 1.0, network.input.shape[0]).frames
    right = myelin.simulate(network, frames).output.argmax(axis=2) == targets.clip(min=0)
    return 100.0 * float(right[:, _LEFT_OUT:].mean())


def compared(runs: dict[str, Path], test: SpikeDataset) -> dict[str, Any]:
    """Accuracy of both integer networks on the labelled steps of ``test``, and ALIF minus CUBA with its interval."""
    accuracy, convention = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        artifacts = {name: myelin.export(run, Path(folder) / name, target="cpu", data=test) for name, run in runs.items()}
        for name, artifact in artifacts.items():
            found = myelin.validate(artifact, test, reference=runs[name], max_drop=100.0, lava_samples=0)
            accuracy[name] = found.stages[-1].accuracy_percent
            convention[name] = published_convention(artifact.network, test)

        def integers_of_cuba(frames: Any) -> Any:
            return myelin.simulate(artifacts["CUBA"].network, frames).output.argmax(axis=2)

        stage = myelin.validate(artifacts["ALIF"], test, reference=integers_of_cuba, max_drop=100.0, lava_samples=0).stages[-1]
    change: Any = stage.to_float
    keys = {"difference": "difference_points", "low": "difference_low_points", "high": "difference_high_points", "p": "p"}
    assert accuracy["ALIF"] is not None and accuracy["CUBA"] is not None
    assert abs(change.difference_points - (accuracy["ALIF"] - accuracy["CUBA"])) < 1e-6
    return {
        "accuracy_percent": {name: digits(value or 0.0) for name, value in accuracy.items()},
        "published_convention_percent": {name: digits(value) for name, value in convention.items()},
        "alif_minus_cuba_points": {key: digits(getattr(change, name)) for key, name in keys.items()},
    }


def table(results: dict[str, Any]) -> str:
    """The comparison as Markdown."""
    lines = [
        "ECG, 36 hidden neurons with learnt recurrent delays, integer networks on the 141 test traces: accuracy of the "
        "labelled steps, with the samples as clusters.  In brackets as published scripts count: steps without a label are "
        f"class 0, the first {_LEFT_OUT} steps are left out.",
        "",
        "| seed | CUBA | ALIF | ALIF - CUBA, points (95 %) | p |",
        "|---|---|---|---|---|",
    ]
    for row in results["seeds"]:
        own, counted, change = row["accuracy_percent"], row["published_convention_percent"], row["alif_minus_cuba_points"]
        cells = [f"{own[name]:.1f} % ({counted[name]:.1f} %)" for name in NEURONS]
        interval = f"{change['difference']:+.1f} ({change['low']:+.1f} to {change['high']:+.1f})"
        lines.append(f"| {row['seed']} | {' | '.join(cells)} | {interval} | {change['p']:.2g} |")
    means = {name: [row["accuracy_percent"][name] for row in results["seeds"]] for name in NEURONS}
    spread = [f"{statistics.mean(values):.1f} +- {statistics.stdev(values):.1f} %" for values in means.values()]
    changes = [row["alif_minus_cuba_points"]["difference"] for row in results["seeds"]]
    mean = f"{statistics.mean(changes):+.1f} +- {statistics.stdev(changes):.1f}"
    return "\n".join([*lines, f"| mean +- s.d. | {' | '.join(spread)} | {mean} | |", "", machine_line(results), ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ecg_neurons", description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder with QTDB_train.mat and QTDB_test.mat")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--quick", action="store_true", help="three epochs: shows that it runs, writes nothing")
    given = parser.parse_args(arguments)
    test = load(given.folder, "test")
    seeds = []
    for seed in SEEDS[: 2 if given.quick else None]:
        runs = {name: trained(given.folder, given.out, name, seed, 3 if given.quick else None) for name in NEURONS}
        seeds.append({"seed": seed, **compared(runs, test)})
        say(f"seed {seed}: {seeds[-1]}")
    results = {"benchmark": "ecg_neurons", "quick": given.quick, "machine": machine(), "seeds": seeds}
    print(table(results))
    if not given.quick:
        save(RESULTS / "ecg_neurons.json", results)
        write_atomically(RESULTS / "ecg_neurons.md", table(results).encode())


if __name__ == "__main__":
    main()
