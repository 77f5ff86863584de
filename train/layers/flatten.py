"""Flattens a population: one axis in (C, H, W) order, and time stays last."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import DataError, NetworkError
from myelin.train.layers.arguments import count
from myelin.train.layers.export import write_flatten


class Flatten(nn.Module):
    """(B, C, H, W, T) to (B, C H W, T), without neurons, weights or latency, as lava-dl's ``Flatten``.

    Dense, recurrent and readout blocks flatten their input themselves, so this block is optional before them.

    Args:
        input_shape: of the previous population; None: that of the first input.

    Attributes:
        shape: (N,) after it; None as long as it is not known.
    """

    def __init__(self, input_shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.input_shape: tuple[int, ...] | None = None
        if input_shape is not None:
            self.input_shape = tuple(count("Flatten", "input_shape", size) for size in input_shape)

    @property
    def shape(self) -> torch.Size | None:
        """Shape (N,) of the population after it."""
        return None if self.input_shape is None else torch.Size((math.prod(self.input_shape),))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (B, *population, T) as (B, N, T)."""
        if not isinstance(x, Tensor):
            raise DataError(
                f"Flatten: input is a {type(x).__module__}.{type(x).__qualname__}; a torch tensor is needed: torch.as_tensor(x)"
            )
        if x.dim() < 3:
            raise DataError(f"Flatten: input has shape {tuple(x.shape)}; (batch, *population, steps) is needed")
        own = tuple(x.shape[1:-1])
        if self.input_shape is None:
            self.input_shape = own
        elif math.prod(own) != math.prod(self.input_shape):
            raise DataError(
                f"Flatten: input has shape {tuple(x.shape)}; (batch, {', '.join(map(str, self.input_shape))}, steps) is needed"
            )
        return x.flatten(1, -2)

    def export_hdf5(self, handle: Any) -> None:
        """Write a flatten layer to the empty h5py group ``handle``, as lava-dl does.

        Raises:
            NetworkError: the size is not known yet.
        """
        if self.input_shape is None:
            raise NetworkError("Flatten: its size is not known; give it input_shape, or run the network once before the export")
        write_flatten(math.prod(self.input_shape), handle)

    def extra_repr(self) -> str:
        """Sizes."""
        if self.input_shape is None:
            return "any"
        return f"{' x '.join(map(str, self.input_shape))} -> {math.prod(self.input_shape)}"
