"""The parts of a layer: a synapse, an optional recurrence, neurons, and an optional axonal delay."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from myelin.train.delay import AxonalDelay, shift_one_step
from myelin.train.kernels.layout import nct, tbn
from myelin.train.layers.dropout import keep_mask
from myelin.train.layers.recurrence import Recurrence
from myelin.train.neurons import Neuron


class Synapse(nn.Module):
    """A feed-forward connection with weights in SLAYER's units (1.0 is the integer 64).

    Attributes:
        weight: parameter.
        pre_hook_fx: function applied to the weights before use, as in lava-dl: the neuron's ``quantise``, or None for floats.
        shape: shape of the target population.
    """

    weight: Tensor
    shape: torch.Size

    def __init__(self) -> None:
        super().__init__()
        self.pre_hook_fx: Callable[[Tensor], Tensor] | None = None

    def effective_weight(self) -> Tensor:
        """The weights after ``pre_hook_fx``."""
        return self.weight if self.pre_hook_fx is None else self.pre_hook_fx(self.weight)

    def steps(self, x: Tensor) -> Tensor:
        """Input of the neurons (T, B, N) from spikes (T, B, N_in)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Input of the neurons (B, *shape, T) from spikes (B, ..., T)."""
        return nct(self.steps(tbn(x)), self.shape)


class Block(nn.Module):
    """A layer in lava-dl's block protocol: ``neuron``, ``synapse``, ``delay``, ``shape``, and forward on (B, ..., T) tensors.

    ``out[t] = spikes[t - 1 - delay]``.  This includes the connection's latency of one step (lava-dl's ``delay_shift=True``), so
    outputs equal those of Lava's processes at the same index.

    Args:
        synapse: the connection from the previous layer.
        neuron: the population.
        recurrence: connection of the population to itself, or None.
        delay: learnable axonal delays of the output, or None.
        dropout: probability that a neuron's output is dropped for a whole sequence in training.
        quantise: whether the forward pass uses the neuron's weight grid, with straight-through gradients.

    Attributes:
        spike_rate: mean spikes per neuron and step in the last forward pass; None before it, or if the neurons do not spike.
    """

    def __init__(
        self,
        synapse: Synapse,
        neuron: Neuron,
        *,
        recurrence: Recurrence | None = None,
        delay: AxonalDelay | None = None,
        dropout: float = 0.0,
        quantise: bool = True,
    ) -> None:
        super().__init__()
        self.synapse, self.neuron, self.recurrence, self.delay = synapse, neuron, recurrence, delay
        self.dropout = dropout
        self.spike_rate: Tensor | None = None
        self.quantise(quantise)

    @property
    def shape(self) -> torch.Size:
        """Shape of the population."""
        return self.neuron.shape

    def quantise(self, on: bool) -> None:
        """Switch the weight grid on or off."""
        hook = self.neuron.quantise if on else None
        self.synapse.pre_hook_fx = hook
        if self.recurrence is not None:
            self.recurrence.pre_hook_fx = hook

    def clamp(self) -> None:
        """Clamp decays and delays to their ranges, in place; called after every optimiser step."""
        self.neuron.clamp()
        for delay in (self.delay, self.recurrence.delay if self.recurrence is not None else None):
            if delay is not None:
                delay.clamp()

    def emitted(self, x: Tensor) -> Tensor:
        """Spikes (T, B, N) before any axonal delay, or voltages of a readout, from input (B, ..., T)."""
        z = self.synapse.steps(tbn(x))  # (T, B, N)
        return self.neuron.steps(z) if self.recurrence is None else self.recurrence(z, self.neuron)

    def sent(self, s: Tensor) -> Tensor:
        """Output (B, *shape, T) from the neurons' spikes ``s`` (T, B, N): delayed, and one step of latency later."""
        return nct(shift_one_step(s) if self.delay is None else self.delay(s), self.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Output (B, *shape, T) from input spikes (B, ..., T)."""
        s = self.emitted(x)  # (T, B, N)
        self.spike_rate = s.mean() if self.neuron.spiking else None
        if self.training and self.dropout and self.neuron.spiking:
            s = s * keep_mask(s.shape[1:], self.dropout).to(s.device)
        return self.sent(s)
