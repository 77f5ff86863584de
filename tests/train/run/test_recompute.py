"""Layers whose forward pass is repeated for the gradient: the same bits, and less memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from places import ROOT

from myelin.train.config.config import Config, DataConfig, LayerConfig, TrainConfig
from myelin.train.layers.dropout import slice_of_batch
from myelin.train.model import build_model

CONFIG = Config(
    data=DataConfig(channels=10, steps=20),
    layers=(LayerConfig(neurons=12, recurrent="dense", delay_per="neuron"), LayerConfig(neurons=12, delay_per="neuron")),
    train=TrainConfig(dropout=0.3, recurrent_dropout=0.3),
)
MEMORY = """
import sys, torch
from myelin.train.config.config import Config, DataConfig, LayerConfig
from myelin.train.model import build_model
layers = (LayerConfig(neurons=64, delay_per="neuron"),) * 6
model = build_model(Config(data=DataConfig(channels=10, steps=1500), layers=layers), 3)
model.recompute = sys.argv[1] == "again"
def step(steps):
    model(torch.ones(16, 10, steps)).sum().backward()
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
step(10)
before = peak()
step(1500)
print(peak() - before)
"""


def gradients(recompute: bool, first: int | None):
    torch.manual_seed(0)
    model = build_model(CONFIG, 3)
    model.set_delays(hard=False, sigma=2.0)
    model.recompute = recompute
    x = (torch.rand(4, 10, 20) < 0.5).float() * 3
    torch.manual_seed(1)
    if first is None:
        loss = model(x).square().sum()
    else:
        with slice_of_batch(first, 9):
            loss = model(x).square().sum()
    found = torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad])
    assert all(block.spike_rate > 0 for block in model.blocks[:-1])
    return found


@pytest.mark.parametrize("first", [None, 3])
def test_the_same_gradients(first):
    """Also of a slice of a batch, whose gradient is taken when the slice is over."""
    once, twice = gradients(False, first), gradients(True, first)
    assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))
    assert sum(float(a.abs().sum()) for a in once) > 0


@pytest.mark.subprocess
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from Linux's /proc")
def test_less_memory():
    def growth(how):
        code = [sys.executable, "-c", MEMORY, how]
        return int(subprocess.run(code, capture_output=True, text=True, cwd=ROOT, check=True).stdout)

    assert growth("again") < 0.6 * growth("once")
