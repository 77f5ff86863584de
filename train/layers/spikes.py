"""What enters a block: spikes (batch, *population, steps) of any dtype that converts to float32 without loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from myelin.hw_configs.errors import DataError, MyelinError
from myelin.train.kernels.devices import on_host
from myelin.train.kernels.late_checks import check_later

#: Integers up to this magnitude are exact in float32.
_EXACT = 1 << 24


def as_spikes(x: Tensor, block: str, shape: tuple[int, ...] | None, like: Tensor) -> Tensor:
    """``x`` as float32, checked: (B, *shape, T), or (B, N, T) with the population flattened.

    bool, integers and short floats are converted; float64 is, if no value changes.

    Args:
        x: input of a block.
        block: name for messages.
        shape: of the population that the block reads; one axis: any shape with as many elements; None: unknown.
        like: a parameter of the block, whose device is needed.

    Raises:
        DataError: another type, shape or device, or values that are not finite or change in float32.
    """
    if not isinstance(x, Tensor):
        raise DataError(
            f"{block}: input is a {type(x).__module__}.{type(x).__qualname__}; a torch tensor is needed: torch.as_tensor(x)"
        )
    if x.layout != torch.strided:
        raise DataError(f"{block}: input has layout {x.layout}; a dense tensor is needed: x.to_dense()")
    if x.dim() >= 3 and not x.numel():
        raise DataError(f"{block}: input has shape {tuple(x.shape)}; at least one sample and one step are needed")
    if x.is_meta:
        raise DataError(f"{block}: input is on the meta device, which holds no values; use a real one")
    if not _fits(x, shape):
        raise DataError(f"{block}: {_misfit(x, shape)}")
    if x.device != like.device:
        raise DataError(f"{block}: input is on {x.device}, the block on {like.device}; move one of them with .to(device)")
    return x if x.dtype == torch.float32 else _as_float32(x, block)


def check_finite(z: Tensor, x: Tensor, weight: Tensor, block: str) -> None:
    """Check ``z``, the product of ``weight`` and ``x``.

    Raises:
        MyelinError: a weight is NaN or infinite.
        DataError: the input is.  On a device other than the CPU both are raised a little later.
    """
    if not on_host(z):
        weights_too = torch.isfinite(weight.detach()).all()
        check_later(torch.isfinite(z.detach()).all(), lambda: not_finite(x, weights_too, block))
        return
    if math.isfinite(float(z.detach().sum())) or bool(torch.isfinite(z).all()):
        return
    raise not_finite(x, torch.isfinite(weight).all(), block)


def not_finite(x: Tensor, weights_too: Tensor, block: str) -> MyelinError:
    """The error of a product of weights and ``x`` that is NaN or infinite; ``weights_too``: whether the weights are finite."""
    if not bool(weights_too):
        return MyelinError(f"{block}: a weight is NaN or infinite: training diverged; lower the learning rate")
    bad = int((~torch.isfinite(x)).sum())
    return DataError(f"{block}: input holds {bad} NaN or infinite values of {x.numel()}; spikes are finite numbers")


def _as_float32(x: Tensor, block: str) -> Tensor:
    if x.dtype.is_complex:
        raise DataError(f"{block}: input is {x.dtype}; real spikes are needed: x.real or x.abs()")
    if x.dtype in (torch.int32, torch.int64, torch.uint32, torch.uint64) and x.numel():
        most = max(abs(int(x.max())), abs(int(x.min())))
        if most > _EXACT:
            raise DataError(f"{block}: input holds integers up to {most}; float32 is exact up to {_EXACT}: scale it down")
    single = x.to(torch.float32)
    if x.dtype == torch.float64 and not bool(((single == x) | torch.isnan(x)).all()):
        raise DataError(f"{block}: input is float64 with values that float32 does not hold; round it yourself with x.float()")
    return single


def _fits(x: Tensor, shape: tuple[int, ...] | None) -> bool:
    if x.dim() < 3:
        return False
    if shape is None:
        return True
    size, inner = math.prod(shape), tuple(x.shape[1:-1])
    if len(shape) == 1:
        return math.prod(inner) == size
    return inner in (shape, (size,))


def _misfit(x: Tensor, shape: tuple[int, ...] | None) -> str:
    """What is wrong with the shape of ``x``, and the likely cure."""
    got = tuple(x.shape)
    if shape is None:
        return f"input has shape {got}; (batch, neurons, steps) or (batch, C, H, W, steps) is needed"
    size = math.prod(shape)
    needed = ", ".join(str(axis) for axis in shape)
    text = f"input has shape {got}; (batch, {needed}, steps) is needed"

    def population(axes: tuple[int, ...]) -> bool:
        return axes == shape or (len(shape) == 1 and math.prod(axes) == size) or axes == (size,)

    if len(got) >= 2 and population(got[:-1]):
        return f"{text}: the batch axis is missing, pass x.unsqueeze(0)"
    if len(got) >= 2 and population(got[1:]):
        return f"{text}: the axis of time is missing, pass x.unsqueeze(-1) for a single step"
    if len(got) >= 3 and population(got[2:]):
        return f"{text}: time seems to come second; pass x.movedim(1, -1), or x.movedim(0, -1) if it comes first"
    if len(shape) == 3 and got[1:-1] == (*shape[1:], shape[0]):
        return f"{text}: channels seem to come last; pass x.movedim(-2, 1)"
    return text
