"""Accuracy lost by quantisation after training, with plain rounding and with calibration: ``python -m benchmarks.quantise``.

Trains a network with float weights on the built-in digits (``--run FOLDER`` keeps it and resumes it).  Then quantises it to
fewer and fewer bits, calibrated on samples of the train split, and compares with the float network on the whole test split.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import myelin.cli
from benchmarks.measure import RESULTS, machine, save, say
from myelin.convert.floats.sources import open_floats
from myelin.convert.quantise.calibrate import quantise
from myelin.convert.quantise.layer import Grid
from myelin.convert.quantise.report import as_dict, batches, choices, compare_networks, table
from myelin.convert.quantise.rounding import round_network
from myelin.convert.samples import open_samples, spread_choice
from myelin.train.run.files.run_record import read_run

#: The demonstration's network with float weights, a threshold of 1, fewer neurons and epochs.
SETTINGS = (
    "train.weight_bits=0",
    "neuron.threshold=1.0",
    "train.learning_rate=0.005",
    "layers.0.neurons=96",
    "layers.1.neurons=96",
    "train.epochs=20",
)
BITS = (8, 6, 5, 4)
CALIBRATION_SAMPLES = 64
#: Criterion in percentage points: plain rounding loses at least the first, calibration at most the second.
PLAIN_LOSES, CALIBRATED_LOSES = 3.0, 1.0


def measure(run: Path, bits: Sequence[int], samples: int, report: int | None) -> dict[str, Any]:
    """Results for every number of bits, on the first ``report`` test samples of all classes, None for all samples."""
    opened = open_floats(run)
    assert opened.binning is not None
    calibration = open_samples("builtin", opened.binning, split="train")
    test = open_samples("builtin", opened.binning, split="test")
    frames = calibration.frames(spread_choice(calibration.labels, samples))
    numbers = spread_choice(test.labels, report or len(test))
    networks, chosen = {}, {}
    for count in bits:
        say(f"{count} bits")
        networks[f"plain, {count} bits"] = round_network(opened.network, count)
        quantised = quantise(opened.network, frames, Grid(count))
        networks[f"calibrated, {count} bits"] = quantised.network
        chosen[f"{count} bits"] = choices(quantised)
    compared = compare_networks(opened.network, networks, batches(test.frames, test.labels, numbers))
    return {
        "calibration": {"split": "train", "samples": samples},
        "report": {"split": "test", **as_dict(opened.network, compared)},
        "choices": chosen,
    }


def kept(report: dict[str, Any]) -> list[str]:
    """Bits at which rounding is ``PLAIN_LOSES`` points or more below the floats, calibration ``CALIBRATED_LOSES`` at most."""
    lost = {row["name"]: -row["difference_points"] for row in report["networks"]}
    pairs = {name.split(", ")[1]: value for name, value in lost.items() if name.startswith("plain")}
    return [
        bits
        for bits, value in pairs.items()
        if value >= PLAIN_LOSES - 1e-9 and lost[f"calibrated, {bits}"] <= CALIBRATED_LOSES + 1e-9
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quantise", description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="folder of the float run: trained there unless it is (default: thrown away)")
    parser.add_argument("--quick", action="store_true", help="one epoch, few samples: shows that it runs, measures nothing")
    parser.add_argument("--json", type=Path, help="where to write; results/quantise.json unless --quick")
    given = parser.parse_args(arguments)
    settings = [*SETTINGS, "train.epochs=2"] if given.quick else SETTINGS
    with tempfile.TemporaryDirectory() as temporary:
        run = given.run or Path(temporary) / "run"
        asked = [part for setting in settings for part in ("--set", setting)]
        code = myelin.cli.main(["train", "demo", "--data", "builtin", "--out", str(run), "--resume", "--quiet", *asked])
        if code:
            return code
        record = read_run(run)
        found = measure(run, (5,), 8, 24) if given.quick else measure(run, BITS, CALIBRATION_SAMPLES, None)
    print("\n".join(table(found["report"])))
    bits = kept(found["report"])
    print(
        f"by the estimates, plain rounding is {PLAIN_LOSES:g} points or more below the floats and calibration "
        f"{CALIBRATED_LOSES:g} at most with: "
        f"{', '.join(bits) or 'no number of bits'}"
    )
    results = {
        "benchmark": "quantise",
        "quick": given.quick,
        "machine": machine(),
        "trained": {"base": "demo", "data": "builtin", "settings": list(settings), "best": record.best.as_dict()},
        "kept_where_plain_fails": bits,
        **found,
    }
    path = given.json or (None if given.quick else RESULTS / "quantise.json")
    if path is not None:
        save(path, results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
