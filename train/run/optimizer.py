"""The optimiser of a run and its learning-rate schedule."""

from __future__ import annotations

import math

import myelin.train.needs_torch  # noqa: F401

import torch
from torch import Tensor

from myelin.train.config.config import TrainConfig
from myelin.train.model import SpikingNetwork


def build_optimizer(model: SpikingNetwork, plan: TrainConfig) -> torch.optim.Optimizer:
    """AdamW with one parameter group each for weights, delays and decays; weight decay applies to the weights only."""
    groups: dict[str, list[Tensor]] = {"weights": [], "delays": [], "decays": []}
    for name, parameter in model.named_parameters():
        kind = "delays" if name.endswith("delay.delay") else "decays" if name.endswith("_decay") else "weights"
        groups[kind].append(parameter)
    rates = {"weights": plan.learning_rate, "delays": plan.delay_rate, "decays": plan.decay_rate}
    return torch.optim.AdamW(
        [
            {"params": groups[kind], "lr": rate, "base": rate, "weight_decay": plan.weight_decay if kind == "weights" else 0.0}
            for kind, rate in rates.items()
            if groups[kind]
        ]
    )


def learning_rate_factor(plan: TrainConfig, progress: float) -> float:
    """Factor on every learning rate at ``progress`` (0..1) of the run: a cosine from 1 to 0.

    The one-cycle schedule puts a warm-up first, a rise to 1.  Source: Smith & Topin 2019 for the cycle; the rise starts at 1/25
    of the peak, as in torch's OneCycleLR.
    """
    warmup = plan.warmup if plan.schedule == "one-cycle" else 0.0
    if progress < warmup:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / warmup)) / 2
    return (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2
