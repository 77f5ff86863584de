"""The experiment convbackbone fits its target; its readout has one weight for each channel and class."""

from __future__ import annotations

from myelin.train.model import build_model
from myelin.train.run.start import configuration


def test_the_backbone_pools_over_frequency():
    config = configuration("convbackbone", [])
    model = build_model(config, 20)
    assert [tuple(block.shape) for block in model.blocks] == [(16, 1, 35), (24, 1, 6), (20,)]
    assert model.blocks[-1].synapse.weight.shape == (20, 24)
    assert [delay.delay.numel() for delay in model.delays()] == [16, 24, 24]  # one for each channel
