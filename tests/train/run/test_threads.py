"""Torch's threads while a run trains."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from myelin.train.config.config import Config, DataConfig, LayerConfig
from myelin.train.model import build_model
from myelin.train.run.threads import few_threads_of_torch


@few_threads_of_torch
def threads_in(owner, fail=False):
    if fail:
        raise ValueError("from within")
    return torch.get_num_threads()


@pytest.mark.parametrize(("kind", "expected"), [("dense", 1), ("conv", 3)])
def test_a_network_whose_large_work_is_in_the_loops_leaves_one(kind, expected):
    layer = LayerConfig(kind=kind, neurons=6) if kind == "dense" else LayerConfig(kind=kind, channels=2)
    model = build_model(Config(data=DataConfig(channels=6, steps=5), layers=(layer,)), 3)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert threads_in(SimpleNamespace(model=model)) == expected
        with pytest.raises(ValueError, match="from within"):
            threads_in(SimpleNamespace(model=model), fail=True)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
