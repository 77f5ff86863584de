"""What a training block asks of a neuron: the contract that a new neuron fulfils in a file of its own."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.kernels.compiled.eager import not_traced
from myelin.train.kernels.layout import nct, tbn
from myelin.train.kernels.types import Gradients, Neurons, Trace


class Neuron(nn.Module, ABC):
    """A population of neurons in a block.

    A neuron sets ``shape`` and implements ``steps``, differentiable by autograd; everything else has a default.  A layer with a
    recurrence runs as one loop over time, so it needs ``constants`` too.

    Attributes:
        shape: of the population, (N,) or (C, H, W).
        spiking: whether it sends spikes; otherwise its states are what a readout returns.
        whole_decays: whether decays, where it has any, are rounded in the forward pass, as the chip needs them.
        whole_bias: the same for biases.
    """

    shape: torch.Size
    spiking: bool = True
    #: The integer that 1 in the output becomes, of spikes and of the state of a readout.
    spike_scale: int = 1
    state_scale: int = STATE_SCALE
    whole_decays: bool = True
    whole_bias: bool = True
    #: Whether ``through_loops`` gives what ``steps`` does, so that it may compute the product with the weights too.
    in_loops: bool = False

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if "in_loops" not in vars(cls) and vars(cls).keys() & {"steps", "shifted_steps", "summed"}:
            cls.in_loops = False  # it computes them by itself

    @abstractmethod
    def steps(self, x: Tensor) -> Tensor:
        """Spikes, or states where it does not spike, (T, B, N) of the summed input ``x`` (T, B, N), from rest."""

    def shifted_steps(self, x: Tensor, shift: Tensor) -> Tensor:
        """As ``steps``, with the constant input ``shift`` of a norm, see ``effective_bias``.

        Raises:
            ConfigError: the neurons take none.
        """
        raise ConfigError(f"{type(self).__name__} neurons take no constant input")

    def summed(self, synapse: Any, x: Tensor) -> Tensor:
        """Input of the neurons (T, B, N) through ``synapse`` from what arrives there, (T, B, N_in)."""
        z: Tensor = synapse.steps(x)
        return z

    def activity(self, s: Tensor) -> Tensor:
        """Mean number of spikes per neuron and step, from the spikes ``s``, with a gradient for a penalty."""
        return s.mean()

    @not_traced
    def forward(self, x: Tensor) -> Tensor:
        """As ``steps``, for input (B, *shape, T)."""
        return nct(self.steps(tbn(x)), self.shape)

    @property
    def output_scale(self) -> int:
        """The integer that 1 in the output of the population becomes."""
        return self.spike_scale if self.spiking else self.state_scale

    @property
    def weight_unit(self) -> float:
        """Unit of the initial weights: the threshold, 1 if there is none or the neurons never spike."""
        return float(getattr(self, "threshold", 1.0)) if self.spiking else 1.0

    @property
    def layer_params(self) -> dict[str, Any]:
        """The chip's integer parameters that netx keeps in the layer's group, beside those of ``device_params``."""
        return {}

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)

    def clamp(self) -> None:
        """Bring learnt constants back into their ranges, after an optimiser step."""

    def freeze(self) -> None:
        """Learn no constant from now on; its parameters need no gradient already."""

    def quantise(self, weight: Tensor) -> Tensor:
        """Weights on the neuron's grid, with straight-through gradients; by default as they are."""
        return weight

    @property
    def takes_norm(self) -> bool:
        """Whether a block may normalise its input: the neurons take the ``shift`` of ``effective_bias``."""
        return False

    @property
    def has_bias(self) -> bool:
        """Whether its states move without input, as by a bias; on the chip they do so from the very first step on."""
        return False

    def effective_bias(self, shift: Tensor | None = None) -> Tensor | None:
        """The bias (N,) of the forward pass, on the chip's grid; None without.

        ``shift`` is a constant input, one per neuron or channel, whose settled effect on the states is added.

        Raises:
            ConfigError: the neurons take no shift.
        """
        if shift is not None:
            raise ConfigError(f"{type(self).__name__} neurons take no constant input")
        return None

    def learnt_by_loops(self, shift: Tensor | None = None) -> tuple[Tensor | None, ...]:
        """The tensors that a loop over time differentiates, with the values of the forward pass; None for absent ones.

        ``shift``: see ``effective_bias``.

        Raises:
            ConfigError: there is no loop for such neurons.
        """
        raise self._without_loop()

    def constants(self, *learnt: Tensor | None) -> Neurons:
        """Constants of the loops over time, for a layer with a recurrence, from the tensors of ``learnt_by_loops``.

        Raises:
            ConfigError: there is no loop for such neurons.
        """
        raise self._without_loop()

    def loop_gradients(self, grads: Gradients, trace: Trace, constants: Neurons) -> tuple[Tensor | None, ...]:
        """Gradients of ``learnt_by_loops`` from what the loops computed; None where nothing is learnt.

        Raises:
            ConfigError: there is no loop for such neurons.
        """
        raise self._without_loop()

    def _without_loop(self) -> ConfigError:
        return ConfigError(
            f"{type(self).__name__} neurons have no loop with a delayed recurrence; use CUBA neurons there, or a layer "
            "without one"
        )
