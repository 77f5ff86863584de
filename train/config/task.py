"""What a configuration takes from the task of its data, and what of it contradicts that task; needs no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.config import LOSSES, Config

if TYPE_CHECKING:
    from myelin.train.datasets import SpikeDataset

#: Task -> its loss where a configuration names none.
DEFAULTS = {"classes": "sum", "steps": "steps", "trace": "mse"}
#: What a task asks of a sample, in messages.
TITLES = {"classes": "one class per sample", "steps": "a label per step", "trace": "a trace"}
#: Augmentations that move spikes in time, or mix samples: targets per step do not move with them.
_MOVES_TIME = ("time_shift_ms", "time_stretch", "blend")


def resolve_for_data(config: Config, dataset: SpikeDataset, *, own_loss: bool = False) -> Config:
    """``config`` with the loss that its data's task asks for, if it names none; ``own_loss``: the user brings the loss.

    Raises:
        ConfigError: the loss or an augmentation contradicts the task.
    """
    task, name = dataset.task, config.train.loss
    if own_loss:
        if name is not None:
            raise ConfigError(f"train.loss is {name!r} and a loss is given as a function too; leave one of them out")
    elif name is None:
        config = replace(config, train=replace(config.train, loss=DEFAULTS[task]))
    elif LOSSES[name] != task:
        fitting = ", ".join(one for one, kind in LOSSES.items() if kind == task)
        raise ConfigError(
            f"train.loss is {name!r}, for data with {TITLES[LOSSES[name]]}; {dataset.name} has {TITLES[task]}, for which "
            f"{fitting} is allowed: leave train.loss out, or set one of these"
        )
    if task == "classes":
        return config
    for key in _MOVES_TIME:
        if getattr(config.augment, key):
            raise ConfigError(
                f"augment.{key} is {getattr(config.augment, key):g}; with {TITLES[task]}, 0 is allowed, since targets do not "
                f"move with the spikes: train with augment.{key}=0"
            )
    return config
