"""Sigma-delta neurons for training: units that send changes of an activation as graded messages, and a readout of sums.

Per time step, in SLAYER's units, with x the summed input of the step::

    sigma  <- sigma + x                                                           SigmaDelta, Sigma
    new     = f(sigma + bias)                     f(y) = max(y, 0) (relu) or y (unit)
    delta   = new - act + residue;  act <- new
    error  <- error + delta                       (with cumulative_error)
    m       = delta where |delta| >= threshold    (with cumulative_error where |error| is; error <- 0 where m != 0)
    residue <- delta - m
    s       = floor(4096 m) / 4096

A message is an integer of 1/4096, a state one of 1/262144 = 1 / (64 * 4096), threshold and bias are integers of 1/64: the
integers of ``myelin.convert.neurons.sigma_delta`` with its exponents of 6.

**Gradient** (straight-through): ``ds[t]/dnew[t] = 1`` and ``ds[t + 1]/dnew[t] = -1``, as if every change were sent; the
threshold and the floor have none.

**Where SLAYER and Lava part**, and what these neurons do:

- SLAYER's bias enters with the first input.  On the chip neurons see it one step before their first input, and send it then.
  These neurons do as the chip.
- SLAYER neither rounds nor limits a bias; the chip holds multiples of 1/64.  The forward pass here rounds it.
- SLAYER computes a threshold as ``int(64 threshold) / 64`` when it is built, and does not round one that it has learnt.  Only
  multiples of 1/64 are taken here, and thresholds are not learnt.
- SLAYER sums in float32 with its 24 bit.  States here are float64, with 53; what a connection sums is float32 still, so in
  evaluation a sum that float32 might round is refused (``checked_sums``).  Lava's states have 32 bit and wrap: 8192 in these
  units, half of which is refused here.  Its convolutions wrap at 24 bit: 32 in these units, refused too.
- SLAYER's input block keeps even multiples of 1/64 of an input, from -4 to 3.97; netx takes them all, and so does
  ``myelin.nn.Delta``.
- SLAYER's ``cum_error`` keeps the error from one call to the next, in place, and fails in recent versions of torch.  On the
  chip, and here, a sample starts from 0.

Source: lava-dl ``slayer/neuron/sigma_delta.py``, ``slayer/axon/delta.py``, ``slayer/dendrite/sigma.py``; lava-nc
``proc/sdn/models.py``.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from myelin.hw_configs.argument_checks import is_number
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP, WEIGHT_BITS, WEIGHT_SCALE
from myelin.train.kernels.sigma_delta import (
    EXACT_SUM,
    MESSAGE_SCALE,
    SIGMA_SCALE,
    STATE_LIMIT,
    checked_sums,
    require_below,
    sigma_delta_messages,
)
from myelin.train.neurons.neuron import Neuron
from myelin.train.neurons.on_grid import rounded, weight_on_grid


class SigmaDelta(Neuron):
    """A population of sigma-delta neurons; for the equations see this file's head.

    Args:
        shape: shape of the population, (N,) or (C, H, W).
        threshold: in SLAYER's units, a multiple of 1/64 of at least 0; smaller changes are held back.
        activation: "relu" or "unit".
        cumulative_error: whether the accumulated error is compared with the threshold.
        bias: whether every neuron (every channel of a (C, H, W) population) has a learnt bias, which starts at 0.
        weight_bits: bits of the weight grid of ``quantise``, 2..8.

    Attributes:
        whole_bias: whether the bias is rounded to multiples of 1/64 in the forward pass, as on the chip; True by default.

    Raises:
        ConfigError: a value is outside its range.
    """

    bias: nn.Parameter | None
    whole_bias: bool = True
    #: Exponent of the bias on the chip: its mantissa counts 1/64.
    bias_exp = NETX_BIAS_EXP
    spike_scale = MESSAGE_SCALE

    def __init__(
        self,
        shape: int | tuple[int, ...],
        *,
        threshold: float = 1 / 16,
        activation: Literal["relu", "unit"] = "relu",
        cumulative_error: bool = False,
        bias: bool = False,
        weight_bits: int = WEIGHT_BITS,
    ) -> None:
        super().__init__()
        if activation not in ("relu", "unit"):
            raise ConfigError(f"activation is {activation!r}; 'relu' or 'unit' is allowed, as Lava's sigma-delta neurons have")
        self.shape = torch.Size((shape,) if isinstance(shape, int) else shape)
        self.threshold, self.weight_bits = checked_threshold(threshold), weight_bits
        self.activation, self.cumulative_error = activation, bool(cumulative_error)
        if not 2 <= weight_bits <= WEIGHT_BITS:
            raise ConfigError(f"weight_bits is {weight_bits}; 2..{WEIGHT_BITS} is allowed")
        self.register_parameter("bias", nn.Parameter(torch.zeros(self.shape[0])) if bias else None)

    @property
    def weight_unit(self) -> float:
        """Unit of the initial weights: 1, since activations do not scale with the threshold."""
        return 1.0

    @property
    def has_bias(self) -> bool:
        """Whether the neurons are driven without input, from the step before their first one."""
        return self.bias is not None

    @property
    def scale(self) -> int:
        """Integer weight that equals one SLAYER unit, as in lava-dl's neurons."""
        return WEIGHT_SCALE

    def quantise(self, weight: Tensor, unit: int | None = None) -> Tensor:
        """Weights on the grid of ``weight_bits``, see ``myelin.train.neurons.on_grid``."""
        return weight_on_grid(weight, self.weight_bits, unit)

    def effective_bias(self, shift: Tensor | None = None) -> Tensor | None:
        """The bias of every neuron (N,), as the forward pass uses it, with a straight-through gradient; None without one.

        Raises:
            ConfigError: there is a ``shift``, which these neurons do not take.
            MyelinError: a bias is NaN or infinite.
        """
        if shift is not None:
            raise ConfigError("SigmaDelta neurons take no batch normalisation; leave norm out")
        if self.bias is None:
            return None
        if not bool(torch.isfinite(self.bias).all()):
            raise MyelinError("a bias is NaN or infinite: training diverged; lower the learning rate")
        bias = rounded(self.bias * WEIGHT_SCALE) / WEIGHT_SCALE if self.whole_bias else self.bias
        return bias.repeat_interleave(self.neurons // bias.numel())

    def summed(self, synapse: Any, x: Tensor) -> Tensor:
        """See ``Neuron``; in evaluation every sum is exact."""
        return synapse.steps(x) if self.training else checked_sums(synapse, x)

    def steps(self, x: Tensor) -> Tensor:
        """Messages of the summed input ``x``, both (T, B, N)."""
        bias = self.effective_bias()
        relu, check = self.activation == "relu", not self.training
        return sigma_delta_messages(
            x, bias, threshold=self.threshold, relu=relu, cumulative_error=self.cumulative_error, check=check
        )

    def activity(self, s: Tensor) -> Tensor:
        """Mean number of messages per neuron and step; its gradient is that of the mean magnitude over the threshold."""
        size = s.abs().mean() / max(self.threshold, 1 / WEIGHT_SCALE)
        return (s.detach() != 0).float().mean() + size - size.detach()

    @property
    def device_params(self) -> dict[str, Any]:
        """The chip's integer parameters by netx name, as in lava-dl."""
        return {"type": "SDNN", "activation": self.activation, "vThMant": int(self.threshold * WEIGHT_SCALE)}

    @property
    def layer_params(self) -> dict[str, Any]:
        """The chip's integer parameters that netx keeps beside the neurons, by name."""
        return {"cum_error": True} if self.cumulative_error else {}

    def extra_repr(self) -> str:
        """Shape and constants."""
        parts = [" x ".join(map(str, self.shape)), f"threshold={self.threshold:g}", self.activation]
        parts += ["cumulative_error"] if self.cumulative_error else []
        return ", ".join(parts + (["bias"] if self.bias is not None else []))


class Sigma(Neuron):
    """The readout of a sigma-delta network: the sum over time of its input, ``sigma <- sigma + x``, which is its output.

    Args:
        shape: shape of the population.
        weight_bits: bits of the weight grid of ``quantise``, 2..8.
    """

    spiking = False
    state_scale = SIGMA_SCALE

    def __init__(self, shape: int | tuple[int, ...], *, weight_bits: int = WEIGHT_BITS) -> None:
        super().__init__()
        if not 2 <= weight_bits <= WEIGHT_BITS:
            raise ConfigError(f"weight_bits is {weight_bits}; 2..{WEIGHT_BITS} is allowed")
        self.shape, self.weight_bits = torch.Size((shape,) if isinstance(shape, int) else shape), weight_bits

    @property
    def scale(self) -> int:
        """Integer weight that equals one SLAYER unit, as in lava-dl's neurons."""
        return WEIGHT_SCALE

    def quantise(self, weight: Tensor, unit: int | None = None) -> Tensor:
        """As ``SigmaDelta.quantise``."""
        return weight_on_grid(weight, self.weight_bits, unit)

    def summed(self, synapse: Any, x: Tensor) -> Tensor:
        """See ``Neuron``; in evaluation every sum is exact."""
        return synapse.steps(x) if self.training else checked_sums(synapse, x)

    def steps(self, x: Tensor) -> Tensor:
        """Sums of the input ``x``, both (T, B, N).

        Raises:
            MyelinError: in evaluation, a sum is not exact in float32.
        """
        sums = x.double().cumsum(dim=0)
        if not self.training:
            require_below(sums, EXACT_SUM, "its sums", "float32 holds them exactly below")
        return sums.to(x.dtype)

    @property
    def device_params(self) -> dict[str, Any]:
        """The chip's integer parameters by netx name, as in lava-dl."""
        return {"type": "SDNN", "activation": "relu", "sigma_output": True}

    def extra_repr(self) -> str:
        """Shape."""
        return " x ".join(map(str, self.shape))


def checked_threshold(threshold: object) -> float:
    """``threshold`` as a multiple of 1/64 of at least 0; ConfigError otherwise."""
    whole = is_number(threshold) and 0 <= threshold < STATE_LIMIT and threshold * WEIGHT_SCALE == int(threshold * WEIGHT_SCALE)
    if not whole:
        raise ConfigError(f"threshold is {threshold!r}; a multiple of 1/64 from 0 to below {STATE_LIMIT:g} is allowed")
    return float(threshold)  # type: ignore[arg-type]
