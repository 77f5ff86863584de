"""A small random network with a readout of voltages, and samples with answers of each kind, for validation and report."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from myelin.convert import Cuba, Dense, Input, Layer, Network, simulate
from myelin.hw_configs.fixed_point import STATE_SCALE, THRESHOLD_MAX


def small_network(seed=0, classes=3):
    """6 inputs, 10 neurons with delays, a readout of voltages."""
    rng = np.random.default_rng(seed)
    hidden = Layer((10,), Dense(2 * rng.integers(-30, 50, (10, 6))), Cuba(40, 1024, 512), delay_steps=rng.integers(0, 4, 10))
    readout = Layer((classes,), Dense(2 * rng.integers(-30, 30, (classes, 10))), Cuba(THRESHOLD_MAX, 1024, 200), output="state")
    return Network(Input((6,)), [hidden, readout])


def shd_file(samples, path):
    """The events of ``samples`` with their classes, in steps of 1 ms, as a file of the SHD format."""
    from myelin.train.datasets import SpikeDataset, write_shd

    dense = SpikeDataset.from_dense(samples.x, samples.classes)
    write_shd(replace(dense, steps=None, step_ms=None), path)
    return path


def answered(network, samples=40, steps=25, seed=1):
    """``x``, and answers that the network gives mostly: ``classes``, ``steps`` (some -1) and ``trace``."""
    rng = np.random.default_rng(seed)
    x = (rng.random((samples, steps, 6)) < 0.3).astype(np.uint8)
    output = simulate(network, x).output
    count = output.shape[2]
    classes = output.sum(axis=1).argmax(axis=1)
    classes[rng.random(samples) < 0.4] = 0
    per_step = output.argmax(axis=2)
    per_step[rng.random(per_step.shape) < 0.1] = count - 1
    per_step[:, :3] = -1
    trace = (output / STATE_SCALE + rng.normal(0, 0.2, output.shape)).astype(np.float32)
    return SimpleNamespace(x=x, classes=classes, steps=per_step, trace=trace, output=output)
