"""What a run minimises, and what it is judged by: the task of its data, and a loss for that task.

=========== ============================= ======================================== ========================================
task        target of a sample            losses                                   judged by
=========== ============================= ======================================== ========================================
``classes`` one class                     ``sum`` (default), ``rate``, ``softmax`` accuracy: right classes
``steps``   a class per step, -1 for none ``steps``                                accuracy: right among labelled steps
``trace``   a number per step and output  ``mse``                                  mean squared error, in the output's unit
=========== ============================= ======================================== ========================================

The output of the network at step t is compared with the target at step t.  A readout of voltages has SLAYER's unit, in which
the integer 4096 is 1; a spiking readout gives 0 or 1.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, nll_loss

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.train.config.config import Config
from myelin.train.config.task import DEFAULTS
from myelin.train.model import class_logits

#: A loss: the output (B, classes, T) and the target of each sample -> scalar mean over the samples, or over the labelled steps.
#: Targets are (B,) classes, (B, T) classes with -1 for no label, or (B, outputs, T) traces.
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """A task and its loss.

    Attributes:
        task: ``classes``, ``steps`` or ``trace``.
        name: name of the loss; of the user's own, its module and name.
        loss: the user's own loss; None for the loss ``name``.
        named: the loss ``name`` as a function of the output and the target: mean loss, and scores (B, classes) or None.
    """

    task: str
    name: str
    loss: Loss | None = None
    named: Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]] | None = None

    def __call__(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss of some samples, and the sum of what they are judged by (see ``judged``), from output (B, classes, T).

        Raises:
            ConfigError: the user's loss does not return one number, or one without a gradient.
        """
        if self.loss is None:
            assert self.named is not None
            loss, scores = self.named(output, target)
        else:
            try:
                loss, scores = self.loss(output, target), None
            except Exception as error:
                error.add_note(
                    f"loss {self.name} was called with an output of shape {tuple(output.shape)}, (batch, classes, steps), and "
                    f"targets of shape {tuple(target.shape)} ({self.task})"
                )
                raise
            if not isinstance(loss, Tensor) or loss.numel() != 1:
                got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
                raise ConfigError(f"loss {self.name} returns {got}; a tensor with one number, their mean, is allowed")
            if output.requires_grad and torch.is_grad_enabled() and not loss.requires_grad:
                raise ConfigError(
                    f"loss {self.name} does not depend on the output; compute it with torch alone, without detach or argmax"
                )
            loss = loss.reshape(())
        with torch.no_grad():
            return loss, self._sum(output.detach(), target, scores)

    def _sum(self, output: Tensor, target: Tensor, scores: Tensor | None) -> Tensor:
        if self.task == "trace":
            return (output - target).square().mean(dim=(1, 2)).sum()
        if self.task == "steps":
            return (output.argmax(dim=1) == target).sum().to(output.dtype)
        predicted = output.mean(dim=2) if scores is None else scores
        return (predicted.argmax(dim=1) == target).sum().to(output.dtype)


def judged(task: str, output: npt.NDArray[Any], target: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """What every sample is judged by, (samples, 2) float64: a sum, and the number of values in it.

    Over some samples, the first column's sum over the second's is the accuracy, or the mean squared error of a trace.

    Args:
        task: ``classes``, ``steps`` or ``trace``.
        output: (samples, classes, steps) float64, in SLAYER's unit.
        target: as in ``Loss``.
    """
    if task == "trace":
        error = np.square(output - target).mean(axis=(1, 2))
        return np.stack((error, np.ones(len(error))), axis=1)
    if task == "steps":
        counted = target >= 0
        return np.stack(((output.argmax(axis=1) == target).sum(axis=1), counted.sum(axis=1)), axis=1).astype(np.float64)
    right = output.sum(axis=2).argmax(axis=1) == target
    return np.stack((right, np.ones(len(right))), axis=1).astype(np.float64)


def counted(task: str, target: npt.NDArray[Any]) -> int:
    """Number of values that the mean loss of these samples runs over: labelled steps, or samples."""
    return int((target >= 0).sum()) if task == "steps" else len(target)


def objective_of(config: Config, task: str, loss: Loss | None = None) -> Objective:
    """The objective of a run on data with ``task``: the user's ``loss``, or the one that ``config`` names."""
    if loss is not None:
        return Objective(task, name_of(loss), loss)
    plan, name = config.train, config.train.loss or DEFAULTS[task]
    if name == "rate" and not config.readout.spiking:
        raise ConfigError(
            "train.loss is 'rate' and readout.spiking is false: a readout of voltages has no rate; train with loss 'sum', or "
            "with readout.spiking=true"
        )
    scale = plan.logit_scale / (1.0 if name == "rate" else config.neuron.threshold)
    smoothing = plan.label_smoothing
    if name == "mse":
        return Objective(task, name, named=lambda output, target: (mse_loss(output, target), None))
    if name == "steps":
        return Objective(task, name, named=partial(_each_step, scale=scale, smoothing=smoothing))
    kind = "softmax" if name == "softmax" else "sum"
    return Objective(task, name, named=partial(_each_sample, kind=kind, scale=scale, smoothing=smoothing))


def _each_sample(output: Tensor, target: Tensor, *, kind: str, scale: float, smoothing: float) -> tuple[Tensor, Tensor]:
    logits = class_logits(output, kind, scale)
    return mean_loss(logits, target, kind, smoothing), logits


def mean_loss(logits: Tensor, labels: Tensor, kind: str, smoothing: float = 0.0) -> Tensor:
    """Mean loss in nats, from ``logits`` (B, classes) of a ``sum`` or ``softmax`` loss and ``labels`` (B,)."""
    if kind == "softmax":
        return nll_loss(torch.log_softmax(logits, dim=1), labels)
    return cross_entropy(logits, labels, label_smoothing=smoothing)


def _each_step(output: Tensor, target: Tensor, *, scale: float, smoothing: float) -> tuple[Tensor, None]:
    """Cross-entropy at each labelled step, of output (B, classes, T) and target (B, T)."""
    return cross_entropy(output * scale, target, ignore_index=-1, label_smoothing=smoothing), None


def name_of(thing: Callable[..., Any]) -> str:
    """Module and name of a function or class; of any other callable, those of its class."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


def importable(thing: Callable[..., Any]) -> bool:
    """Whether ``name_of(thing)`` finds ``thing`` again in another process: not so for a lambda or a local function."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    try:
        found: Any = importlib.import_module(named.__module__)
        for part in named.__qualname__.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return found is named and named.__module__ != "__main__"


def finite(loss: float, epoch: int) -> float:
    """``loss``; raises MyelinError if it is NaN or infinite."""
    if not math.isfinite(loss):
        raise MyelinError(f"the loss became {loss} in epoch {epoch}; lower train.learning_rate")
    return loss
