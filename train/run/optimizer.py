"""The optimiser of a run and its learning-rate schedule."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import torch
from torch import Tensor

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.train.config.config import TrainConfig
from myelin.train.kernels.devices import on_host
from myelin.train.model import SpikingNetwork

#: Makes the optimiser of a run from its parameter groups, each with its learning rate ``lr``, such as ``torch.optim.SGD``.
OptimizerFactory = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]

#: Ending of a parameter's name -> its group; other parameters are weights.
_KINDS = {
    "delay.delay": "delays",
    "_decay": "decays",
    "neuron.bias": "constants",
    "neuron.learnt_threshold": "constants",
    "neuron.learnt_threshold_step": "constants",
    "norm.weight": "constants",
}


def build_optimizer(model: SpikingNetwork, plan: TrainConfig, factory: OptimizerFactory | None = None) -> torch.optim.Optimizer:
    """The optimiser of a run, from one parameter group each for weights, delays, decays, and other constants.

    The constants are biases, learnt thresholds and the scales of norms; they learn at the rate of the weights.  Weight decay
    applies to the weights only.  Each group keeps in ``base`` the learning rate that the schedule scales.

    Args:
        model: the network.
        plan: learning rates and weight decay.
        factory: called with the groups; None for AdamW.

    Raises:
        ConfigError: the factory does not return an optimiser, or one without parameters of this network.
    """
    groups: dict[str, list[Tensor]] = {"weights": [], "delays": [], "decays": [], "constants": []}
    for name, parameter in model.named_parameters():
        groups[next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), "weights")].append(parameter)
    rates = {
        "weights": plan.learning_rate, "delays": plan.delay_rate, "decays": plan.decay_rate, "constants": plan.learning_rate,
    }  # fmt: skip
    optimizer = (_adamw(model) if factory is None else factory)(
        [
            {"params": groups[kind], "lr": rate, "base": rate, "weight_decay": plan.weight_decay if kind == "weights" else 0.0}
            for kind, rate in rates.items()
            if groups[kind]
        ]
    )
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(f"optimizer returns a {type(optimizer).__name__}; a torch.optim.Optimizer is allowed")
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ConfigError(f"optimizer {type(optimizer).__name__} computes the loss again in its step; AdamW or SGD is allowed")
    own = {id(parameter) for parameter in model.parameters()}
    for group in optimizer.param_groups:
        if not all(id(parameter) in own for parameter in group["params"]):
            raise ConfigError("optimizer holds parameters of another network; make it from the groups that it is called with")
        group.setdefault("base", group["lr"])
    return optimizer


def _adamw(model: SpikingNetwork) -> OptimizerFactory:
    """AdamW; on the CPU in one pass over each parameter."""
    return partial(torch.optim.AdamW, fused=True) if on_host(next(model.parameters())) else torch.optim.AdamW


def learning_rate_factor(plan: TrainConfig, progress: float) -> float:
    """Factor on every learning rate at ``progress`` (0..1) of the run: a cosine from 1 to 0, or always 1 if constant.

    The one-cycle schedule puts a warm-up first, a rise to 1.  Source: Smith & Topin 2019 for the cycle; the rise starts at 1/25
    of the peak, as in torch's OneCycleLR.
    """
    if plan.schedule == "constant":
        return 1.0
    warmup = plan.warmup if plan.schedule == "one-cycle" else 0.0
    if progress < warmup:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / warmup)) / 2
    return (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2


def take_step(optimizer: torch.optim.Optimizer, epoch: int) -> None:
    """Change the parameters once; raises MyelinError if the step is larger than a parameter can hold."""
    try:
        optimizer.step()
    except RuntimeError as error:
        if "overflow" not in str(error):
            raise
        raise MyelinError(f"a step of the optimiser overflows in epoch {epoch}; lower train.learning_rate") from error
