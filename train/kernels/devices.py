"""Devices other than the CPU: what runs layers there, and how values get there without making the host wait."""

from __future__ import annotations

import functools
from types import ModuleType

import torch
from torch import Tensor

from myelin.hw_configs.parts import found
from myelin.train.kernels import torch_loops
from myelin.train.kernels.types import Neurons

#: Types of devices whose memory the host reads without waiting, and of those for which Triton compiles kernels.
HOST, GPU = {"cpu"}, {"cuda"}


def on_host(x: Tensor) -> bool:
    """Whether compiled loops can read ``x``; otherwise to read a value is to wait for all that the device has been told."""
    return x.device.type in HOST


def loops_on(device: torch.device, neurons: Neurons | None = None) -> ModuleType:
    """The module with the loops for ``device``, and for ``neurons`` or, if None, for delays alone.

    Kernels on a GPU, where Triton is installed and has one for such neurons: for CUBA neurons.  Otherwise torch's operations,
    some of them in every step.
    """
    kernels = triton_kernels() if device.type in GPU else None
    return kernels if kernels is not None and (neurons is None or type(neurons) is Neurons) else torch_loops


@functools.cache
def triton_kernels() -> ModuleType | None:
    """The module with Triton's kernels; None if Triton is not installed."""
    if not found("triton"):
        return None
    from myelin.train.kernels import triton_loops

    return triton_loops


def sent_to(device: torch.device, values: Tensor) -> Tensor:
    """``values``, which are on the CPU, on ``device``; the host goes on while a GPU fetches them."""
    if device.type == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)
