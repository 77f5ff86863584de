"""Recurrence with learnable axonal delays: a dense matrix (DelRec) or a convolution over the neuron axis (ConvDelRec).

``I_rec[t] = W . sum_tau h(tau) s[t - tau]`` with the delay kernel h of ``myelin.train.delay``: a spike arrives at the layer
1 + delay steps later.  The delay belongs to the presynaptic neuron, so it commutes with W: spikes are delayed first, then one
product per step follows.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family); ConvDelRec (Zebendo et al. 2026, arXiv 2604.15997).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay
from myelin.train.kernels.devices import sent_to
from myelin.train.kernels.late_checks import require_finite
from myelin.train.layers.arguments import Extent, delay_of, extent, real
from myelin.train.layers.dropout import keep_mask
from myelin.train.neurons import Neuron
from myelin.train.neurons.loops import OwnConnection, through_loops


class Recurrence(nn.Module):
    """Delayed connection of a population to itself.

    Args:
        weight: (N, N) for a dense matrix.  For a convolution, (channels, channels, taps) over channels of one row each, or
            (channels, channels, kh, kw) over a population (channels, H, W); taps, kh and kw odd, zero padded.
        delay: axonal delays, one per neuron or channel.
        dropout: probability that a neuron's recurrent output is dropped for a whole sequence in training.

    Raises:
        ConfigError: the weight has another shape, or a kernel size is even.
    """

    def __init__(self, weight: Tensor, delay: AxonalDelay, *, dropout: float = 0.0) -> None:
        super().__init__()
        shape = tuple(weight.shape)
        if len(shape) not in (2, 3, 4) or shape[0] != shape[1] or any(taps % 2 == 0 for taps in shape[2:]):
            raise ConfigError(
                f"recurrent weight has shape {shape}; (N, N), (channels, channels, odd taps) or (channels, channels, odd kh, "
                "odd kw) is allowed"
            )
        self.weight = nn.Parameter(weight)
        self.delay = delay
        self.dropout = dropout
        self.pre_hook_fx: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def over(
        cls,
        shape: tuple[int, ...],
        kind: str = "dense",
        *,
        taps: Extent = 3,
        delay: bool | AxonalDelay = True,
        max_delay: int | None = None,
        gain: float = 0.5,
        dropout: float = 0.0,
    ) -> Recurrence:
        """A new recurrence of a population of ``shape``, (N,) or (C, H, W).

        Args:
            shape: of the population.
            kind: ``dense``, an N x N matrix, or ``conv``, a kernel of ``taps`` weights shared by all neurons of a channel.
            taps: size of the kernel, odd: (vertical, horizontal), or one number for every axis of the population.
            delay: True: one learnable delay per neuron; False: delays of 0; or the ``AxonalDelay`` itself.
            max_delay: longest delay in steps; None: the limit of Loihi 2.
            gain: scale of the initial weights: a matrix has orthogonal rows of norm ``gain``, a kernel is normal with standard
                deviation ``gain / sqrt(fan-in)``.
            dropout: see ``Recurrence``.

        Raises:
            ConfigError: ``kind`` is unknown, the kernel does not fit, or an argument is wrong.
        """
        neurons, gain = math.prod(shape), real("Recurrence", "gain", gain)
        if kind not in ("dense", "conv"):
            raise ConfigError(f"recurrent is {kind!r}; dense or conv is allowed")
        delays = delay_of("Recurrence", delay, neurons, max_delay, "recurrent_delay", required=True)
        assert delays is not None
        if kind == "dense":
            weight = nn.init.orthogonal_(torch.empty(neurons, neurons)) * gain
        else:
            channels, height = shape[:2] if len(shape) == 3 else (1, 1)
            tall, wide = extent("Recurrence", "taps", taps, height)
            if height == 1 and tall > 1:
                raise ConfigError(f"taps are {taps} on a single row of neurons; one number is allowed there")
            kernel = (wide,) if height == 1 else (tall, wide)
            weight = torch.randn(channels, channels, *kernel) * (gain / math.sqrt(channels * tall * wide))
        return cls(weight, delays, dropout=dropout)

    def extra_repr(self) -> str:
        """Kind and shape of the weights."""
        return f"{self.kind}, {' x '.join(map(str, self.weight.shape))}"

    @property
    def kind(self) -> str:
        """Kind of the recurrence: ``dense`` or ``conv``."""
        return "dense" if self.weight.dim() == 2 else "conv"

    def forward(
        self, x: Tensor, neuron: Neuron, shift: Tensor | None = None, *, feed: Tensor | None = None, lead: int = 0
    ) -> Tensor:
        """Spikes (T, B, N) of ``neuron`` driven by ``x`` (T, B, N) and by itself; ``shift``: see ``Neuron.effective_bias``.

        ``feed`` and ``lead``: weights of spikes ``x`` (T, B, K) and leading steps, see ``through_loops``.
        """
        weight = self.weight if self.pre_hook_fx is None else self.pre_hook_fx(self.weight)
        require_finite(weight, "a recurrent weight")
        shape = (x.shape[1], neuron.neurons)
        if self.training and self.dropout:
            mask = sent_to(x.device, keep_mask(shape, self.dropout))
        else:
            mask = torch.ones(shape, device=x.device)
        kernel = weight.unsqueeze(2) if weight.dim() == 3 else weight  # a row of taps is a kernel of one row
        connection = OwnConnection(kernel, self.delay, self.extent(neuron), mask)
        return through_loops(x, neuron, shift, connection, feed, lead)

    def extent(self, neuron: Neuron) -> tuple[int, int]:
        """(H, W) of a channel of the population; neurons in a row are cut into channels of one row each."""
        if len(neuron.shape) == 3:
            return neuron.shape[1], neuron.shape[2]
        return 1, neuron.neurons // self.weight.shape[0]

    def check(self, neuron: Neuron) -> None:
        """Raise ConfigError unless weights and delays fit the population ``neuron``."""
        shape, size = tuple(neuron.shape), tuple(self.weight.shape)
        if not neuron.spiking:
            raise ConfigError("neurons that do not spike send nothing back; take spiking=True, or leave the recurrence out")
        if self.weight.dim() == 2:
            fits, needed = size[0] == neuron.neurons, f"({neuron.neurons}, {neuron.neurons})"
        elif len(shape) == 3:
            fits, needed = size[0] == shape[0], f"({shape[0]}, {shape[0]}, ...) for its {shape[0]} channels"
        else:
            fits, needed = self.weight.dim() == 3 and shape[0] % size[0] == 0, "a number of channels that divides the neurons"
        if not fits:
            raise ConfigError(f"recurrent weight has shape {size}, the population {shape}; it needs {needed}")
        if not isinstance(self.delay, AxonalDelay):
            raise ConfigError(
                f"recurrent_delay is a {type(self.delay).__name__}; a myelin.nn.AxonalDelay is allowed: no delay at all is "
                "AxonalDelay(1, max_delay=0, learn=False)"
            )
        self.delay.check(shape, "recurrent_delay")
