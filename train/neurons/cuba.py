"""CUBA neuron for training: SLAYER's integers in the forward pass, a surrogate gradient in the backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import (
    DECAY_UNITY,
    NETX_BIAS_EXP,
    STATE_SCALE,
    THRESHOLD_MAX,
    WEIGHT_BITS,
    WEIGHT_SCALE,
)
from myelin.train.kernels.constants_gradient import bias_gradient, threshold_gradient
from myelin.train.kernels.devices import on_host
from myelin.train.kernels.late_checks import require_finite
from myelin.train.kernels.layout import array
from myelin.train.kernels.numba_loops import SURROGATES
from myelin.train.kernels.types import Gradients, Neurons, Trace
from myelin.train.neurons.checks import bias_size, check_cuba, check_decay, decay_range, spread_text, threshold_limit
from myelin.train.neurons.loops import through_loops
from myelin.train.neurons.neuron import Neuron
from myelin.train.neurons.on_device import constants_there, kept_there
from myelin.train.neurons.on_grid import bias_on_grid, largest_bias, state_on_grid, threshold_on_grid, weight_on_grid


class Cuba(Neuron):
    """A population of CUBA neurons.

    Per time step, in SLAYER's units (internally integers of 1/4096, see ``myelin.train.kernels.numba_loops``)::

        u[t] = (1 - current_decay) u[t-1] + x[t]
        v[t] = (1 - voltage_decay) v[t-1] (1 - s[t-1]) + u[t] + b
        s[t] = v[t] > threshold

    A population with ``spiking=False`` integrates up to the largest threshold of the chip, (2^17 - 1) / 64 = 2047.98, and is
    reset to 0 above it; its output is the voltage after that.  So do the exported integers.

    The bias b acts on the voltage, as on the chip and in Lava.  There it acts from the very first step of all, one step before
    the first input arrives; a block adds that step (``myelin.train.layers.Block``).

    Without a bias, equals lava-dl's ``slayer.neuron.cuba.Neuron`` on the CPU bit for bit, for thresholds below 64 and states
    below 2048.  Above that, current and voltage wrap and saturate as on the chip.

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
        bias: False; True or ``neuron``: each neuron learns a bias; ``channel``: each channel of a (C, H, W) population does.
            They start at 0.
        bias_exp: exponent of the bias, 0..7: biases are multiples of 2^bias_exp / 4096 and lie within +- 2^bias_exp.  netx has
            no name for another exponent than 6, so stock netx reads such a file wrongly.
        learn_threshold: whether the population's threshold is trained, on the grid of 1/64.
        threshold_max: largest learnt threshold, in 1/64; None: 4095, just below 64.

    Learnt decays stay in their range: the forward pass uses the nearest value in it and writes it back, as ``clamp`` does.
    Biases and thresholds are rounded with straight-through gradients; ``clamp`` brings them back into their range.

    Attributes:
        whole_decays: whether decays are rounded to integers in the forward pass, as on the chip; True by default.
        whole_bias: whether biases are rounded to their grid in the forward pass, otherwise to 1/4096; True by default.
        bias: parameter (N,), (C,), in SLAYER's units; None without.

    Raises:
        ConfigError: a value is outside its range.

    Source: lava-dl ``slayer/neuron/cuba.py``; the gradient of the decays is the derivative of the equations above.
    """

    in_loops = True
    current_decay: nn.Parameter
    voltage_decay: nn.Parameter
    bias: nn.Parameter | None
    learnt_threshold: nn.Parameter | None

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
        bias: bool | str = False,
        bias_exp: int = NETX_BIAS_EXP,
        learn_threshold: bool = False,
        threshold_max: int | None = None,
    ) -> None:
        super().__init__()
        if surrogate not in SURROGATES:
            raise ConfigError(f"surrogate is {surrogate!r}; one of {', '.join(SURROGATES)} is allowed")
        check_cuba(
            {
                "threshold": threshold, "current_decay": current_decay, "voltage_decay": voltage_decay, "spread": spread,
                "weight_bits": weight_bits, "width": width, "scale": scale,
            }
        )  # fmt: skip
        self.shape = torch.Size(shape)
        self._threshold = float(threshold)
        self.surrogate, self.width, self.scale_grad = surrogate, float(width), float(scale)
        self.spiking = spiking
        self.learn_decays, self.weight_bits = learn_decays, weight_bits
        self.whole_decays, self.whole_bias = True, True
        self.decay_ranges = (
            decay_range("current_decay", current_decay_min, current_decay_max),
            decay_range("voltage_decay", voltage_decay_min, voltage_decay_max),
        )
        size = shape[0] if per_neuron else 1
        starts = (("current_decay", current_decay), ("voltage_decay", voltage_decay))
        for (name, value), (low, high) in zip(starts, self.decay_ranges, strict=True):
            start = torch.full((size,), value * DECAY_UNITY)
            if per_neuron and spread:
                start = start * (1 + spread * (2 * torch.rand(size) - 1))
            self.register_parameter(name, nn.Parameter(start.clamp(low, high), requires_grad=learn_decays))
        biases = bias_size(bias, bias_exp, self.shape)
        self.bias = nn.Parameter(torch.zeros(biases)) if biases else None
        self.bias_exp = int(bias_exp)
        self.threshold_max = threshold_limit(learn_threshold, spiking, threshold, threshold_max)
        self.learnt_threshold = nn.Parameter(torch.tensor(float(threshold))) if learn_threshold else None

    @property
    def threshold(self) -> float:
        """The threshold in SLAYER's units: a multiple of 1/64, as the forward pass uses it."""
        if self.learnt_threshold is None:
            return self._threshold
        return float(threshold_on_grid(self.learnt_threshold.detach(), self.threshold_max))

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold = float(value)
        if self.learnt_threshold is not None:
            self.learnt_threshold.data.fill_(value)

    @property
    def takes_norm(self) -> bool:
        """True: they have a bias to take the shift."""
        return True

    @property
    def has_bias(self) -> bool:
        """Whether the neurons have a bias of their own."""
        return self.bias is not None

    def effective_bias(self, shift: Tensor | None = None) -> Tensor | None:
        """The bias in SLAYER's units as the forward pass uses it, on the grid, (N,); None without.

        Args:
            shift: constant input, one per neuron or per channel, whose settled effect on the voltage, shift / current decay,
                is added before the rounding (the decay at least 1/4096); None: nothing.

        Raises:
            MyelinError: a bias is NaN or infinite.
        """
        total = None if self.bias is None else self._each(self.bias)
        if shift is not None:
            kept = torch.as_tensor(self.keep()[0] if on_host(shift) else kept_there(self)[0])
            settled = self._each(shift) / (1 - kept).clamp(min=1 / DECAY_UNITY).float()
            total = settled if total is None else total + settled
        if total is None:
            return None
        require_finite(total, "a bias")
        return bias_on_grid(total, self.bias_exp) if self.whole_bias else state_on_grid(total)

    def _each(self, values: Tensor) -> Tensor:
        """One of ``values`` per neuron, from one per neuron or per channel."""
        return values.repeat_interleave(self.neurons // values.numel())

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
        """Keep the decays, and biases and threshold, as they are."""
        self.learn_decays = False

    def clamp(self) -> None:
        """Clamp learnt decays, biases and thresholds to their ranges, in place."""
        with torch.no_grad():
            if self.learns:
                for decay, (low, high) in zip(self.decays, self.decay_ranges, strict=True):
                    decay.clamp_(low, high)
            if self.bias is not None:
                most = largest_bias(self.bias_exp)
                self.bias.clamp_(-most, most)
            if self.learnt_threshold is not None:
                self.learnt_threshold.clamp_(1 / WEIGHT_SCALE, self.threshold_max / WEIGHT_SCALE)

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
        low, high = allowed if decay.requires_grad else (0, DECAY_UNITY)
        values = check_decay(name, array(decay).astype(np.float64), self.shape[0], (low, high), learnt=decay.requires_grad)
        if values.min() >= low and values.max() <= high:
            return values
        decay.data.clamp_(low, high)  # .data: a loss may hold the parameter already
        return values.clip(low, high)

    def extra_repr(self) -> str:
        """Shape and constants."""
        decays = [
            f"{name}={spread_text(array(value) / DECAY_UNITY)}"
            for name, value in zip(("current_decay", "voltage_decay"), self.decays, strict=True)
        ]
        parts = [" x ".join(map(str, self.shape)), f"threshold={self.threshold:g}" if self.spiking else "no spikes", *decays]
        learnt = {"decays": self.learns, "biases": self.has_bias, "threshold": self.learnt_threshold is not None}
        return ", ".join((*parts, *(f"learnt {name}" for name, there in learnt.items() if there)))

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
        whole = weight_on_grid(weight, WEIGHT_BITS)
        return whole * WEIGHT_SCALE if descale else whole

    def quantise(self, weight: Tensor, unit: int | None = None) -> Tensor:
        """Weights as in ``quantize_8bit``, on the grid of ``weight_bits``: multiples of 2^(9 - bits) in -256..255, over 64.

        ``unit``: distance between neighbouring weights instead of 2^(9 - bits), as of a network quantised after training.
        """
        return weight_on_grid(weight, self.weight_bits, unit)

    def steps(self, x: Tensor) -> Tensor:
        """Spikes (voltages if not spiking) of input ``x``, both (T, B, N)."""
        return through_loops(x, self)

    def shifted_steps(self, x: Tensor, shift: Tensor) -> Tensor:
        """As ``steps``, with a constant input: see ``effective_bias``."""
        return through_loops(x, self, shift)

    def learnt_by_loops(self, shift: Tensor | None = None) -> tuple[Tensor | None, ...]:
        """Current decay, voltage decay, effective bias and threshold, see ``Neuron.learnt_by_loops``."""
        threshold = None
        if self.learnt_threshold is not None:
            threshold = threshold_on_grid(self.learnt_threshold, self.threshold_max)
        return self.current_decay, self.voltage_decay, self.effective_bias(shift), threshold

    def constants(self, *learnt: Tensor | None) -> Neurons:
        """Current constants of the population, for the loops over time."""
        code = SURROGATES[self.surrogate], self.width, self.scale_grad
        bias, learnt_threshold = (learnt or self.learnt_by_loops())[2:]
        own: tuple[Any, Any, Any]
        if on_host(self.current_decay):
            own = self.keep(), self.threshold, None if bias is None else array(bias).astype(np.float64) * STATE_SCALE
        else:
            own = constants_there(self, bias, learnt_threshold)
        threshold = own[1] if self.spiking else THRESHOLD_MAX / WEIGHT_SCALE
        return Neurons(own[0], threshold, code, self.learns, self.spiking, own[2])

    def loop_gradients(self, grads: Gradients, trace: Trace, constants: Neurons) -> tuple[Tensor | None, ...]:
        """Gradients of ``learnt_by_loops``; None for what is not learnt."""
        decays: tuple[Tensor | None, Tensor | None] = (None, None)
        if self.learns:
            total = grads.decay.sum(dim=1).unflatten(1, (self.current_decay.numel(), -1)).sum(dim=2).float()
            decays = total[0], total[1]
        bias = None if constants.bias is None else bias_gradient(grads.x, constants).float()
        threshold = None
        if self.learnt_threshold is not None and self.learnt_threshold.requires_grad:
            threshold = threshold_gradient(grads.x, trace.spikes, constants).sum().float()
        return *decays, bias, threshold
