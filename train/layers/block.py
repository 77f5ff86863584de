"""The parts of a layer: a synapse, an optional recurrence, neurons, and an optional axonal delay."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.argument_checks import is_number
from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay, shift_one_step
from myelin.train.kernels.compiled.eager import not_traced
from myelin.train.kernels.devices import on_host, sent_to
from myelin.train.kernels.layout import nct, tbn
from myelin.train.kernels.types import NotFinite
from myelin.train.layers.dropout import keep_mask
from myelin.train.layers.export import write_block
from myelin.train.layers.norm import BatchNorm
from myelin.train.layers.recurrence import Recurrence
from myelin.train.layers.spikes import as_spikes, check_finite, not_finite
from myelin.train.neurons import Neuron
from myelin.train.neurons.loops import through_loops


class Synapse(nn.Module):
    """A feed-forward connection with weights in SLAYER's units (1.0 is the integer 64).

    Attributes:
        weight: parameter.
        pre_hook_fx: function applied to the weights before use, as in lava-dl: the neuron's ``quantise``, or None for floats.
        shape: shape of the target population.
        input_shape: shape of the population that it reads, (N_in,) or (C, H, W); None if it takes any.
    """

    weight: Tensor
    shape: torch.Size
    pre_hook_fx: Callable[[Tensor], Tensor] | None

    def __init__(self) -> None:
        super().__init__()
        self.pre_hook_fx = None

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of the population that it reads."""
        return None

    @property
    def in_loops(self) -> bool:
        """Whether the loops over time may compute the product with ``effective_weight()``, a matrix (N, N_in), themselves."""
        return False

    def effective_weight(self) -> Tensor:
        """The weights after ``pre_hook_fx``."""
        return self.weight if self.pre_hook_fx is None else self.pre_hook_fx(self.weight)

    def steps(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Input of the neurons (T, B, N) from spikes (T, B, N_in), with ``weight`` in place of ``effective_weight()``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Input of the neurons (B, *shape, T) from spikes (B, ..., T)."""
        return nct(self.steps(tbn(as_spikes(x, type(self).__name__, self.input_shape, self.weight))), self.shape)


class Block(nn.Module):
    """A layer in lava-dl's block protocol: ``neuron``, ``synapse``, ``delay``, ``shape``, and forward on (B, ..., T) tensors.

    ``out[t] = spikes[t - 1 - delay]``.  This includes the connection's latency of one step (lava-dl's ``delay_shift=True``), so
    outputs equal those of Lava's processes at the same index.

    Index t of the neurons is the chip's step t + 1, since the first input arrives there.  A bias acts on the chip from step 0
    on, in every layer.  Neurons with a bias therefore run one step more, ahead of the input: ``emitted`` has T + 1 steps, and
    ``sent`` and ``undelayed`` drop the one that comes before the first output.

    Args:
        synapse: the connection from the previous layer.
        neuron: the population.
        recurrence: connection of the population to itself, or None.
        delay: learnable axonal delays of the output, or None.
        norm: batch normalisation of the synapse's output, folded into weights and bias (``myelin.train.layers.norm``), or None.
        dropout: probability that a neuron's output is dropped for a whole sequence in training.
        quantise: whether the forward pass uses the neuron's weight grid, with straight-through gradients.

    Attributes:
        spike_rate: mean spikes per neuron and step in the last forward pass, for a penalty in a loss; None before it, or if the
            neurons do not spike.  A copy or a pickle of the block has it without its graph.

    Raises:
        ConfigError: the parts are of different sizes.
    """

    def __init__(
        self,
        synapse: Synapse,
        neuron: Neuron,
        *,
        recurrence: Recurrence | None = None,
        delay: AxonalDelay | None = None,
        norm: BatchNorm | None = None,
        dropout: float = 0.0,
        quantise: bool = True,
    ) -> None:
        super().__init__()
        if not is_number(dropout) or not 0 <= dropout < 1:
            raise ConfigError(f"{type(self).__name__}: dropout is {dropout!r}; 0 to below 1 is allowed")
        self.synapse, self.neuron, self.recurrence, self.delay = synapse, neuron, recurrence, delay
        self.norm = norm
        self.dropout = dropout
        self.spike_rate: Tensor | None = None
        self.check()
        self.quantise(quantise)

    @property
    def shape(self) -> torch.Size:
        """Shape of the population."""
        return self.neuron.shape

    def check(self) -> None:
        """Raise ConfigError unless all parts fit each other and hold float32 numbers."""
        try:
            if math.prod(self.synapse.shape) != self.neuron.neurons:
                raise ConfigError(
                    f"the synapse leads to a population of {tuple(self.synapse.shape)}, "
                    f"the neurons are {tuple(self.neuron.shape)}"
                )
            if self.delay is not None:
                if not isinstance(self.delay, AxonalDelay):
                    raise ConfigError(f"delay is a {type(self.delay).__name__}; a myelin.nn.AxonalDelay or None is allowed")
                self.delay.check(tuple(self.neuron.shape))
            if self.recurrence is not None:
                self.recurrence.check(self.neuron)
            if self.norm is not None:
                self._check_norm(self.norm)
            for name, value in self.named_parameters():
                if value.dtype != torch.float32:
                    raise ConfigError(
                        f"{name} is {value.dtype}; float32 holds the chip's integers exactly: bring it back with .float()"
                    )
        except ConfigError as error:
            raise ConfigError(f"{type(self).__name__}: {error}") from None

    def _check_norm(self, norm: BatchNorm) -> None:
        if not isinstance(norm, BatchNorm):
            raise ConfigError(f"norm is a {type(norm).__name__}; a myelin.nn.BatchNorm, 'batch' or None is allowed")
        size = self.synapse.weight.shape[0]
        if norm.size != size:
            raise ConfigError(f"norm has {norm.size} values; {size}, one for each row of the weights, is allowed")
        if not self.neuron.takes_norm:
            raise ConfigError(f"{type(self.neuron).__name__} neurons take no batch normalisation; leave norm out")

    def folded(self, x: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The weights of the forward pass, and the constant input ``shift`` for ``Neuron.effective_bias``; None without a norm.

        Args:
            x: spikes (T, B, N_in) for whose batch the norm is folded; None: with its running statistics.
        """
        synapse = self.synapse
        if self.norm is None:
            return synapse.effective_weight(), None
        scale, shift = self.norm.fold(None if x is None else synapse.steps(x, synapse.weight))
        weight = synapse.weight * scale.reshape(-1, *(1,) * (synapse.weight.dim() - 1))
        return (weight if synapse.pre_hook_fx is None else synapse.pre_hook_fx(weight)), shift

    def quantise(self, on: bool) -> None:
        """Switch the weight grid on or off."""
        hook = self.neuron.quantise if on else None
        self.neuron.whole_bias = on
        self.synapse.pre_hook_fx = hook
        if self.recurrence is not None:
            self.recurrence.pre_hook_fx = hook

    def clamp(self) -> None:
        """Clamp decays and delays to their ranges, in place.  The next forward pass does the same, so a loop need not."""
        self.neuron.clamp()
        for delay in (self.delay, self.recurrence.delay if self.recurrence is not None else None):
            if delay is not None:
                delay.clamp()

    def emitted(self, x: Tensor) -> Tensor:
        """Spikes (T, B, N) before any axonal delay, or voltages of a readout, from input (B, ..., T).

        With a bias they are (1 + T, B, N).
        """
        self.check()
        x = as_spikes(x, type(self).__name__, self.synapse.input_shape, self.synapse.weight)
        with torch.autocast(x.device.type, enabled=False):  # integers are exact in float32
            return self._emitted(tbn(x))

    def _emitted(self, x: Tensor) -> Tensor:
        name = type(self).__name__
        if self.synapse.in_loops and self.neuron.in_loops and on_host(x):
            weight, shift = self.folded(x if self.norm is not None and self.norm.needs_batch else None)
            self._check_size(weight.shape[0])
            check_finite(weight, x, self.synapse.weight, name)  # the loops do not multiply zeros
            try:
                if self.recurrence is not None:
                    return self.recurrence(x, self.neuron, shift, feed=weight, lead=self.leading_steps)
                return through_loops(x, self.neuron, shift, weight=weight, lead=self.leading_steps)
            except NotFinite:
                raise not_finite(x, torch.isfinite(weight).all(), name) from None
        if self.norm is None:
            shift, z = None, self.neuron.summed(self.synapse, x)  # (T, B, N)
        else:
            weight, shift = self.folded(x if self.norm.needs_batch else None)
            z = self.synapse.steps(x, weight)
        self._check_size(z.shape[2])
        check_finite(z, x, self.synapse.weight, name)
        if self.leading_steps:
            z = torch.cat((torch.zeros_like(z[:1]), z))
        if self.recurrence is not None:
            return self.recurrence(z, self.neuron, shift)
        return self.neuron.steps(z) if shift is None else self.neuron.shifted_steps(z, shift)

    def _check_size(self, size: int) -> None:
        if size != self.neuron.neurons:
            raise ConfigError(f"{type(self).__name__}: weights for {size} neurons, the population has {self.neuron.neurons}")

    @property
    def leading_steps(self) -> int:
        """Steps of the neurons before the first input: 1 if a bias moves them, else 0."""
        return int(self.neuron.has_bias or self.norm is not None)

    def sent(self, s: Tensor, mask: Tensor | None = None) -> Tensor:
        """Output (B, *shape, T) from what was ``emitted``: delayed, and one step of latency later.

        ``mask``: (B, N) factor on the output of each neuron, or None.
        """
        return self.undelayed(s, mask) if self.delay is None else nct(self.delay(s, mask, self.leading_steps), self.shape)

    def undelayed(self, s: Tensor, mask: Tensor | None = None) -> Tensor:
        """As ``sent``, without axonal delays."""
        return nct(shift_one_step(s, mask, self.leading_steps), self.shape)

    @not_traced
    def forward(self, x: Tensor) -> Tensor:
        """Output (B, *shape, T) from input spikes (B, ..., T)."""
        s = self.emitted(x)  # (T, B, N)
        self.spike_rate = self.neuron.activity(s) if self.neuron.spiking else None
        mask = None
        if self.training and self.dropout and self.neuron.spiking:
            mask = sent_to(s.device, keep_mask(s.shape[1:], self.dropout))
        return self.sent(s, mask)

    def export_hdf5(self, handle: Any) -> None:
        """Write the block's integers to the empty h5py group ``handle``, as lava-dl's blocks do, for ``myelin.read``.

        Raises:
            NetworkError: the block does not compute with integers, see ``myelin.train.layers.export``.
        """
        write_block(self, handle)

    def extra_repr(self) -> str:
        """Sizes, and the rates of dropout."""
        source = self.synapse.input_shape
        text = f"{_by(source) if source else 'any'} -> {_by(self.shape)}"
        return text + (f", dropout={self.dropout:g}" if self.dropout else "")

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self.spike_rate is not None:
            state["spike_rate"] = self.spike_rate.detach()
        return state


def scale_weights(synapse: Synapse, neuron: Neuron) -> None:
    """Scale the initial weights, drawn for a unit of 1, to that of ``neuron``: its threshold, in most cases."""
    if neuron.weight_unit != 1.0:
        with torch.no_grad():
            synapse.weight.mul_(neuron.weight_unit)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
