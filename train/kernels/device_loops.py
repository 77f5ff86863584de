"""Chooses what runs layers on a device other than the CPU: Triton's kernels or torch's operations."""

from __future__ import annotations

import functools
from types import ModuleType

import torch

from myelin.hw_configs.parts import found
from myelin.train.kernels import torch_loops
from myelin.train.kernels.types import Neurons


def loops_on(device: torch.device, neurons: Neurons | None = None) -> ModuleType:
    """The module with the loops for ``device``, and for ``neurons`` or, if None, for delays alone.

    Kernels on a GPU, where Triton is installed and has one for such neurons: for CUBA neurons.  Otherwise torch's operations,
    some of them in every step.
    """
    kernels = _kernels() if device.type == "cuda" else None
    return kernels if kernels is not None and (neurons is None or type(neurons) is Neurons) else torch_loops


@functools.cache
def _kernels() -> ModuleType | None:
    if not found("triton"):
        return None
    from myelin.train.kernels import triton_loops

    return triton_loops
