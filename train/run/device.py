"""Where a run computes."""

from __future__ import annotations

import os

import myelin.train.needs_torch  # noqa: F401

import torch

from myelin.hw_configs.errors import ConfigError


def device_named(name: str) -> torch.device:
    """The device; raises ConfigError where torch has none of that name here.

    Of several processes on a machine, which torchrun numbers, each takes the ``cuda`` of its number.
    """
    try:
        device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if name == "cuda" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # a torch without CUDA asserts
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"train.device is {name!r}, which cannot be used here ({reason}); train with train.device=cpu"
        ) from error
    return device
