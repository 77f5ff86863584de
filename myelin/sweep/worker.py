"""Process of one run of a sweep: trains or continues it, evaluates the integers, writes ``result.json``.

``python -m myelin.sweep.worker`` reads its job as one line of JSON from standard input.  If standard input is closed, the sweep
has ended, and the process exits at once.  A restarted sweep continues the run from its last epoch.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from myelin.exits import FAULT, one_line, told
from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.files import locked, write_atomically
from myelin.sweep import evaluations

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.train.config.config import Config
    from myelin.train.datasets import SpikeDataset

#: Name of the evaluation on the held-out part of the training data.
VALIDATION = "validation"


def main() -> int:
    """Do the job from standard input; returns 0, or another exit code with a last line on stderr that says why."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        with _alone(Path(job["out"])):
            work(job)
        return 0
    except Exception as error:
        text, code = told(error)
        if code == FAULT:
            traceback.print_exc()  # standard error is the run's log
        print(one_line(text), file=sys.stderr)
        return code


def work(job: dict[str, Any]) -> None:
    """Train and evaluate.

    Args:
        job: ``config`` of the run, ``data``, ``report`` (a split or None), ``out`` (run folder), ``head`` (first entries of the
            result).
    """
    from myelin.train.config.files import config_from_dict
    from myelin.train.run.start import train_run, training_data

    out = Path(job["out"])
    config = config_from_dict(job["config"])
    dataset = training_data(job["data"], config)
    train_run(config, dataset, out, resume=True, progress=False)
    result = {**job["head"], **evaluate_run(out, dataset, job["data"], job["report"])}
    write_atomically(out / "result.json", (json.dumps(result) + "\n").encode())


def evaluate_run(out: Path, dataset: SpikeDataset, data: str, report: str | None) -> dict[str, Any]:
    """Measured values of a finished run, and the predictions of its integer and its float network for every sample.

    Args:
        out: the run folder.
        dataset: the training split of the run.
        data: source of the data, for the other split.
        report: split to evaluate on besides the held-out part; None for none.
    """
    from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
    from myelin.convert.explore.held_out import held_out
    from myelin.convert.samples import Binning, open_samples
    from myelin.train.run.files.metrics import METRICS, percent, read_metrics
    from myelin.validation.trained import load_model

    checkpoint = read_checkpoint(out)
    network = network_from_checkpoint(checkpoint)
    run = checkpoint.run
    config, model = load_model(out)
    binning = Binning.from_dict(run.data_section, f"{out}: run.json")
    parts = {VALIDATION: held_out(dataset, config, binning)}
    if report is not None:
        samples = open_samples(data, binning, split=report, classes=run.classes, keys=run.keys)
        parts[report] = (samples, np.arange(len(samples)))
    seconds = [row.seconds or 0.0 for row in read_metrics(out / METRICS)]
    return {
        "parameters": run.parameters,
        "recurrent_parameters": run.recurrent_parameters,
        "epochs": run.epochs,
        "exported_epoch": run.best.epoch,
        "train_seconds": sum(seconds),
        "seconds_per_epoch": median(seconds),  # not the mean: the first epoch on a machine includes compilation
        "training_says_validation_accuracy_percent": percent(run.best.validation_accuracy),
        "rates_spikes_per_neuron_and_step": list(run.best.rates_per_step),
        **_delays(network, config),
        "evaluations": {
            name: {"sample_numbers": numbers.tolist(), **evaluations.evaluate(network, config, model, part)}
            for name, (part, numbers) in parts.items()
        },
    }


def _delays(network: Network, config: Config) -> dict[str, Any]:
    """Mean axonal delays of the integer network in steps, for each layer and over all neurons that have a delay."""
    layers, every = [], []
    for layer, plan in zip(network.layers, config.layers):
        own = {}
        if plan.delay_per != "none":
            own["forward"] = np.broadcast_to(layer.delay_steps, layer.shape)
        if layer.recurrent is not None:
            own["recurrent"] = np.broadcast_to(layer.recurrent.delay_steps, layer.shape)
        layers.append({f"{name}_delay_mean_steps": float(values.mean()) for name, values in own.items()})
        every += [values.ravel() for values in own.values()]
    mean = float(np.concatenate(every).mean()) if every else None
    return {"delay_mean_steps": mean, "delays_by_layer": layers}


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the run's lock, which the system frees when the process ends; MyelinError if another process holds it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out.parent / f".{out.name}.lock", wait=False) as held:
        if not held:
            raise MyelinError(f"{out}: another process trains this run; wait for it or end it")
        yield


def _leave_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock Python needs at exit
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
