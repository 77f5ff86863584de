"""The device of a run."""

from __future__ import annotations

import os

import myelin.train.needs_torch  # noqa: F401

import torch

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.parts import cure
from myelin.train.kernels.devices import GPU, triton_kernels
from myelin.train.model import SpikingNetwork
from myelin.train.neurons import Cuba


def device_named(name: str) -> torch.device:
    """The torch device ``name``; raises ConfigError if it cannot be used on this machine.

    With ``cuda``, each process of a machine takes the GPU with its LOCAL_RANK, which torchrun sets.  It becomes torch's current
    GPU, which NCCL and kernels take.
    """
    number = os.environ.get("LOCAL_RANK", "0")
    if name == "cuda" and number.isdecimal() and 0 < torch.cuda.device_count() <= int(number):
        raise ConfigError(
            f"train.device is 'cuda' and this machine has {torch.cuda.device_count()} GPUs, none for process {number} of it; "
            f"start torchrun with --nproc-per-node={torch.cuda.device_count()}"
        )
    try:
        device = torch.device(f"cuda:{number}" if name == "cuda" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # AssertionError: a torch without CUDA
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"train.device is {name!r}, which cannot be used here ({reason}); train with train.device=cpu"
        ) from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def device_line(model: SpikingNetwork) -> str | None:
    """A line for the user on the GPU that trains ``model`` and what runs its layers there; None on other devices."""
    device = next(model.parameters()).device
    if device.type not in GPU:
        return None
    others = sorted({type(block.neuron).__name__ for block in model.blocks if type(block.neuron) is not Cuba})
    if triton_kernels() is None:
        how = f"torch's operations in every step; for Triton's kernels, which are faster, {cure('cuda')}"
    elif others:
        how = f"Triton's kernels for CUBA neurons, torch's operations in every step for {' and '.join(others)}"
    else:
        how = "Triton's kernels, compiled at the first step and then kept"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return f"device        {name}: {how}"
