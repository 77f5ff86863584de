"""CUBA neuron for training: SLAYER's integers in the forward pass, a surrogate gradient in the backward pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.fixed_point import DECAY_UNITY, THRESHOLD_MAX, WEIGHT_BITS, WEIGHT_SCALE
from myelin.hw_configs.weight_grid import grid_unit, mantissa_range
from myelin.train.config.checks import is_number
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels.layout import array
from myelin.train.kernels.numba_loops import SURROGATES
from myelin.train.kernels.types import Neurons, Trace
from myelin.train.neurons.neuron import Neuron


class Cuba(Neuron):
    """A population of CUBA neurons.

    Per time step, in SLAYER's units (internally integers of 1/4096, see ``myelin.train.kernels.numba_loops``)::

        u[t] = (1 - current_decay) u[t-1] + x[t]
        v[t] = (1 - voltage_decay) v[t-1] (1 - s[t-1]) + u[t]
        s[t] = v[t] > threshold

    A population with ``spiking=False`` integrates up to the largest threshold of the chip, (2^17 - 1) / 64 = 2047.98, and is
    reset to 0 above it; its output is the voltage after that.  So do the exported integers.

    Equals lava-dl's ``slayer.neuron.cuba.Neuron`` on the CPU bit for bit, for thresholds below 64 and states below 2048.  Above
    that, current and voltage wrap and saturate as on the chip.

    Args:
        shape: shape of the population, (N,) or (C, H, W).
        threshold: in SLAYER's units; a multiple of 1/64, since the chip's mantissa is an integer.
        current_decay, voltage_decay: fraction lost per step, 0..1, at the start of training.
        per_neuron: whether each neuron (each channel of a (C, H, W) population) has its own decays, instead of one for all.
        spread: with ``per_neuron``, initial decays are uniform within +- this fraction of their value.
        learn_decays: whether decays are trained.
        current_decay_min, current_decay_max, voltage_decay_min, voltage_decay_max: range of the decays, in 1/4096; None: 0 and
            4096.
        weight_bits: bits of the weight grid of ``quantise``, 2..8.
        surrogate, width, scale: the surrogate derivative, see ``myelin.train.kernels.numba_loops``.
        spiking: False for a readout that integrates and never spikes; ``forward`` then returns voltages.

    Learnt decays stay in their range: the forward pass uses the nearest value in it and writes it back, as ``clamp`` does.

    Attributes:
        whole_decays: whether decays are rounded to integers in the forward pass, as on the chip; True by default.

    Raises:
        ConfigError: a value is outside its range.

    Source: lava-dl ``slayer/neuron/cuba.py``; the gradient of the decays is the derivative of the equations above.
    """

    current_decay: nn.Parameter
    voltage_decay: nn.Parameter

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        threshold: float = 1.0,
        current_decay: float = 0.5,
        voltage_decay: float = 0.1,
        per_neuron: bool = False,
        spread: float = 0.0,
        learn_decays: bool = False,
        current_decay_min: int | None = None,
        current_decay_max: int | None = None,
        voltage_decay_min: int | None = None,
        voltage_decay_max: int | None = None,
        weight_bits: int = WEIGHT_BITS,
        surrogate: str = "atan",
        width: float = 1.0,
        scale: float = 1.0,
        spiking: bool = True,
    ) -> None:
        super().__init__()
        if surrogate not in SURROGATES:
            raise ConfigError(f"surrogate is {surrogate!r}; one of {', '.join(SURROGATES)} is allowed")
        constants = {"threshold": threshold, "current_decay": current_decay, "voltage_decay": voltage_decay, "spread": spread}
        for name, value in (constants | {"weight_bits": weight_bits, "width": width, "scale": scale}).items():
            if not is_number(value):
                raise ConfigError(f"{name} is {value!r}; a number is allowed")
        if not 1 / WEIGHT_SCALE <= threshold < 64 or threshold * WEIGHT_SCALE != int(threshold * WEIGHT_SCALE):
            raise ConfigError(f"threshold is {threshold}; a multiple of 1/64 from 1/64 to below 64 is allowed")
        for name, value in (("current_decay", current_decay), ("voltage_decay", voltage_decay), ("spread", spread)):
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} is {value}; a fraction from 0 to 1 is allowed")
        for name, value in (("width", width), ("scale", scale)):
            if not 0.0 < value < math.inf:
                raise ConfigError(f"{name} of the surrogate is {value}; more than 0 is allowed")
        self.shape = torch.Size(shape)
        self.threshold = float(threshold)
        self.surrogate, self.width, self.scale_grad = surrogate, float(width), float(scale)
        self.spiking = spiking
        self.learn_decays, self.weight_bits = learn_decays, weight_bits
        self.whole_decays = True
        self.decay_ranges = (
            _decay_range("current_decay", current_decay_min, current_decay_max),
            _decay_range("voltage_decay", voltage_decay_min, voltage_decay_max),
        )
        if not 2 <= weight_bits <= WEIGHT_BITS:
            raise ConfigError(f"weight_bits is {weight_bits}; 2..{WEIGHT_BITS} is allowed")
        size = shape[0] if per_neuron else 1
        starts = (("current_decay", current_decay), ("voltage_decay", voltage_decay))
        for (name, value), (low, high) in zip(starts, self.decay_ranges, strict=True):
            start = torch.full((size,), value * DECAY_UNITY)
            if per_neuron and spread:
                start = start * (1 + spread * (2 * torch.rand(size) - 1))
            self.register_parameter(name, nn.Parameter(start.clamp(low, high), requires_grad=learn_decays))

    @property
    def decays(self) -> tuple[nn.Parameter, nn.Parameter]:
        """Current and voltage decay, in units of 1/4096."""
        return self.current_decay, self.voltage_decay

    @property
    def scale(self) -> int:
        """Integer weight that equals one SLAYER unit, as in lava-dl's neurons."""
        return WEIGHT_SCALE

    @property
    def learns(self) -> bool:
        """Whether a gradient of the decays is asked for."""
        return any(decay.requires_grad for decay in self.decays)

    def freeze(self) -> None:
        """Keep the decays as they are."""
        self.learn_decays = False

    def clamp(self) -> None:
        """Clamp learnt decays to their ranges, in place."""
        if not self.learns:
            return
        with torch.no_grad():
            for decay, (low, high) in zip(self.decays, self.decay_ranges, strict=True):
                decay.clamp_(low, high)

    def keep(self) -> tuple[np.ndarray, np.ndarray]:
        """(4096 - decay) / 4096 of every neuron for current and voltage, (N,) float64 each.

        Decays are rounded to integers unless ``whole_decays`` is off; the difference is the cost of rounding.

        Raises:
            ConfigError: their number does not fit, or one that is not learnt is out of range.
            MyelinError: a decay is NaN or infinite.
        """
        names = ("current_decay", "voltage_decay")
        decays = (self._in_range(*each) for each in zip(names, self.decays, self.decay_ranges, strict=True))
        current, voltage = (1 - (np.rint(decay) if self.whole_decays else decay) / DECAY_UNITY for decay in decays)
        return np.repeat(current, self.neurons // current.size), np.repeat(voltage, self.neurons // voltage.size)

    def _in_range(self, name: str, decay: nn.Parameter, allowed: tuple[int, int]) -> np.ndarray:
        """The values of ``decay``; one that is learnt and has left its range is brought back, as by ``clamp``."""
        values = array(decay).astype(np.float64)
        if decay.dim() != 1 or decay.numel() not in (1, self.shape[0]):
            raise ConfigError(f"{name} has shape {tuple(decay.shape)}; (1,) or ({self.shape[0]},) is allowed")
        if not np.isfinite(values).all():
            raise MyelinError(
                f"a {name} is NaN or infinite: training diverged; lower the learning rate of decays (train.decay_rate)"
            )
        low, high = allowed if decay.requires_grad else (0, DECAY_UNITY)
        if values.min() >= low and values.max() <= high:
            return values
        if not decay.requires_grad:
            raise ConfigError(f"{name} is {_spread(values)}; {low}..{high} (in 1/4096) is allowed")
        decay.data.clamp_(low, high)  # .data: a loss may hold the parameter already
        return values.clip(low, high)

    def extra_repr(self) -> str:
        """Shape and constants."""
        decays = [
            f"{name}={_spread(array(value) / DECAY_UNITY)}"
            for name, value in zip(("current_decay", "voltage_decay"), self.decays, strict=True)
        ]
        parts = [" x ".join(map(str, self.shape)), f"threshold={self.threshold:g}" if self.spiking else "no spikes", *decays]
        return ", ".join((*parts, "learnt decays") if self.learns else parts)

    @property
    def device_params(self) -> dict[str, Any]:
        """The chip's integer parameters by netx name, as in lava-dl."""
        pairs = list(zip(self.decays, self.decay_ranges, strict=True))
        return {
            "type": "CUBA",
            "iDecay": np.rint(self._in_range("current_decay", *pairs[0])).astype(int),
            "vDecay": np.rint(self._in_range("voltage_decay", *pairs[1])).astype(int),
            "vThMant": int(self.threshold * WEIGHT_SCALE) if self.spiking else THRESHOLD_MAX,
            "refDelay": 1,
            "gradedSpike": False,
        }

    def quantize_8bit(self, weight: Tensor, descale: bool = False) -> Tensor:
        """Weights on the 8 bit grid: even integers in -256..254, over 64; straight-through gradient (zero where clipped)."""
        whole = _on_grid(weight, WEIGHT_BITS)
        return whole * WEIGHT_SCALE if descale else whole

    def quantise(self, weight: Tensor, unit: int | None = None) -> Tensor:
        """Weights as in ``quantize_8bit``, on the grid of ``weight_bits``: multiples of 2^(9 - bits) in -256..255, over 64.

        ``unit``: distance between neighbouring weights instead of 2^(9 - bits), as of a network quantised after training.
        """
        return _on_grid(weight, self.weight_bits, unit)

    def steps(self, x: Tensor) -> Tensor:
        """Spikes (voltages if not spiking) of input ``x``, both (T, B, N)."""
        return _CubaFunction.apply(x, self.current_decay, self.voltage_decay, self)

    def constants(self) -> Neurons:
        """Current constants of the population, for the loops over time."""
        code = SURROGATES[self.surrogate], self.width, self.scale_grad
        threshold = self.threshold if self.spiking else THRESHOLD_MAX / WEIGHT_SCALE
        return Neurons(self.keep(), threshold, code, self.learns, self.spiking)

    def sum_decay_gradients(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """dL/d(current_decay) and dL/d(voltage_decay) from gradients per sample and neuron (2, B, N); None if not learnt."""
        if not self.learns:
            return None, None
        total = grad.sum(dim=1).unflatten(1, (self.current_decay.numel(), -1)).sum(dim=2).float()
        return total[0], total[1]


def _decay_range(name: str, low: int | None, high: int | None) -> tuple[int, int]:
    low, high = 0 if low is None else low, DECAY_UNITY if high is None else high
    if not 0 <= low <= high <= DECAY_UNITY:
        raise ConfigError(f"{name} stays in {low}..{high}; a range within 0..{DECAY_UNITY} is allowed")
    return low, high


def _spread(values: np.ndarray) -> str:
    """Smallest and largest value, or the only one."""
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low}..{high}"


def _on_grid(weight: Tensor, bits: int, unit: int | None = None) -> Tensor:
    """``myelin.hw_configs.weight_grid.on_grid`` over 64, with a straight-through gradient (zero where clipped)."""
    unit = grid_unit(bits) if unit is None else unit
    steps = (weight * (WEIGHT_SCALE / unit)).clamp(*mantissa_range(bits))
    whole = steps + (torch.round(steps) - steps).detach()
    return whole * (unit / WEIGHT_SCALE)


class _CubaFunction(torch.autograd.Function):
    """Autograd function for neurons without recurrence, on (T, B, N)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, current_decay: Tensor, voltage_decay: Tensor, neuron: Cuba) -> Tensor:
        ctx.neuron, ctx.constants = neuron, neuron.constants()
        trace = loops.forward(x, ctx.constants)
        ctx.save_for_backward(*trace)
        return trace.spikes if neuron.spiking else torch.where(trace.spikes > 0, 0.0, trace.voltage)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        trace = Trace(*ctx.saved_tensors)
        if not ctx.neuron.spiking:
            grad = torch.where(trace.spikes > 0, 0.0, grad)  # a reset is a constant
        grads = loops.backward(grad, trace, ctx.constants)
        return grads.x, *ctx.neuron.sum_decay_gradients(grads.decay), None
