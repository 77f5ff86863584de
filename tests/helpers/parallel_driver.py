"""Program of every process of test_parallel: it trains a few epochs for each seed and writes its results as one file.

It is started as ``parallel_driver.py FOLDER SLICES``, alone or by torchrun.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from myelin.train.config.files import changed_config, config_from_dict
from myelin.train.datasets import SpikeDataset, join_events
from myelin.train.run.batches import Batches
from myelin.train.run.evaluate import evaluate
from myelin.train.run.loop import TrainingRun
from myelin.train.run.processes.parallel import ALONE, Processes, process_group

SEEDS = (0, 1, 2)


def sweeps() -> SpikeDataset:
    """A data set of 26 words of two classes in 20 channels: rising and falling sweeps."""
    rng = np.random.default_rng(0)
    trains, labels = [], np.arange(26) % 2
    for label in labels:
        times = np.sort(rng.uniform(0, 0.2, 60)).astype(np.float32)
        units = np.clip((times if label else 0.2 - times) * 100 + rng.normal(0, 1, 60), 0, 19).astype(np.uint16)
        trains.append((times, units))
    return SpikeDataset(*join_events(trains), labels, channels=20, name="sweeps")


def plan(seed: int, **train_values: object):
    """Settings with all that draws or sums over a batch: dropout, augmentation, rate penalty, clipping, last batch of 1."""
    return config_from_dict(
        {
            "data": {"steps": 20, "channels": 20, "validation": 0.25},
            "augment": {"channel_shift": 2, "time_shift_ms": 10.0, "channel_mask": 4, "blend": 0.5},
            "layers": [
                {"neurons": 8, "recurrent": "dense", "delay_per": "neuron"},
                {"neurons": 8, "channels": 2, "recurrent": "conv"},
            ],
            "delay": {"high": 5.0, "harden_at": 0.5, "freeze_at": 0.5, "penalty": 1e-3},
            "train": {
                "epochs": 4,
                "batch_size": 6,
                "seed": seed,
                "learning_rate": 0.02,
                "clip_norm": 0.5,
                "dropout": 0.2,
                "rate_penalty": 10.0,
                "rate_target": 0.01,
                **train_values,
            },
        }
    )


def work(folder: Path, slices: int, processes: Processes = ALONE) -> None:
    """Train without the folder of a run and write the results of this process."""
    found = {}
    for seed in SEEDS:
        config = changed_config(plan(seed, slices=slices), ["layers.1.norm=batch", "layers.1.learn_threshold=true"])
        run = TrainingRun(config, sweeps(), folder, processes)
        for epoch in range(3):
            metrics = run.epoch(epoch)
            found[f"{seed}.{epoch}.metrics"] = np.array(
                [metrics.loss, metrics.train_accuracy, metrics.validation_accuracy, *metrics.rates_per_step]
            )
        for name, parameter in run.model.state_dict().items():
            found[f"{seed}.{name}"] = parameter.numpy()
        result = evaluate(run.model, Batches(run.valid_batches.dataset, run.config.data, 5), processes=processes)
        found[f"{seed}.scores"], found[f"{seed}.labels"] = result.scores, result.labels
        found[f"{seed}.lost"] = np.array([run.lost[name] for name in ("events", "late", "early", "off_channel", "clipped")])
    np.savez(folder / f"process{processes.rank}.npz", **found)


if __name__ == "__main__":
    with process_group(120) as joint:
        work(Path(sys.argv[1]), int(sys.argv[2]), joint)
