"""Delta encoders: the input of a sigma-delta network, which sends the changes of its values."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.argument_checks import is_integer, is_number
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import WEIGHT_SCALE
from myelin.train.kernels.compiled.eager import not_traced
from myelin.train.kernels.layout import nct, tbn
from myelin.train.kernels.sigma_delta import MESSAGE_SCALE, STATE_LIMIT, encoded, require_below
from myelin.train.layers.arguments import Size, population
from myelin.train.layers.export import write_delta
from myelin.train.layers.spikes import as_spikes
from myelin.train.neurons.on_grid import rounded
from myelin.train.neurons.sigma_delta import checked_threshold


class Delta(nn.Module):
    """Delta encoders, the first block of a sigma-delta network: (B, *shape, T) to (B, *shape, T), in the step of the input.

    An input x is the integer ``k = round(x / step)`` of the chip, and its encoder has the value ``(weight k + bias) / 64`` in
    SLAYER's units; it sends changes of that value, see ``myelin.train.neurons.sigma_delta``.

    Args:
        shape: of the input, (N,), (C, H, W) or a number of neurons.
        threshold: in SLAYER's units, a multiple of 1/64 of at least 0; smaller changes are held back.
        cumulative_error: whether the accumulated error is compared with the threshold.
        step: distance of the inputs that integers stand for: 1/64, as in SLAYER, or 1 for counts.
        weight, bias: integers, see above.

    Attributes:
        spike_rate: mean number of messages per neuron and step in the last forward pass; None before it.
        spike_scale: the integer message that equals 1.

    Raises:
        ConfigError: an argument is wrong.

    Source: lava-dl ``slayer/block/sigma_delta.py``, ``Input``.
    """

    spike_scale = MESSAGE_SCALE

    def __init__(
        self,
        shape: Size,
        *,
        threshold: float = 1 / 16,
        cumulative_error: bool = False,
        step: float = 1 / WEIGHT_SCALE,
        weight: int = 1,
        bias: int = 0,
    ) -> None:
        super().__init__()
        own = population("Delta", shape)
        if not is_number(step) or not 0 < step < math.inf:
            raise ConfigError(f"Delta: step is {step!r}; a number above 0 is allowed")
        for name, value in (("weight", weight), ("bias", bias)):
            if not is_integer(value):
                raise ConfigError(f"Delta: {name} is {value!r}; an integer is allowed, of which 64 are 1 in SLAYER's units")
        try:
            self.threshold = checked_threshold(threshold)
        except ConfigError as error:
            raise ConfigError(f"Delta: {error}") from None
        self.shape, self.cumulative_error = torch.Size(own), bool(cumulative_error)
        self.step, self.weight, self.bias = float(step), int(weight), int(bias)
        self.spike_rate: float | None = None

    def emitted(self, x: Tensor) -> Tensor:
        """Messages (T, B, N) of input (B, ..., T).

        Raises:
            DataError: the input has another shape, or values that are not finite.
            MyelinError: a value is beyond the states of Lava's 32 bit.
        """
        x = as_spikes(x, "Delta", tuple(self.shape), x)
        with torch.autocast(x.device.type, enabled=False):
            values = tbn(x).double()
            new = (self.weight * rounded(values / self.step) + self.bias) / WEIGHT_SCALE
            require_below(new, STATE_LIMIT, "values of delta encoders", "Lava's 32 bit hold changes of them below")
            return encoded(new, self.threshold, self.cumulative_error)

    @not_traced
    def forward(self, x: Tensor) -> Tensor:
        """Messages (B, *shape, T) of input (B, ..., T)."""
        s = self.emitted(x)
        self.spike_rate = float((s.detach() != 0).float().mean())
        return nct(s, self.shape)

    def export_hdf5(self, handle: Any) -> None:
        """Write the encoders as an input layer to the empty h5py group ``handle``, as lava-dl does, for ``myelin.read``."""
        write_delta(self, handle)

    def extra_repr(self) -> str:
        """Shape and constants."""
        more = {"step": 1 / WEIGHT_SCALE, "weight": 1, "bias": 0, "cumulative_error": False}
        parts = [" x ".join(map(str, self.shape)), f"threshold={self.threshold:g}"]
        parts += [f"{name}={getattr(self, name):g}" for name, usual in more.items() if getattr(self, name) != usual]
        return ", ".join(parts)
