"""The network that a configuration describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from myelin.hw_configs.fixed_point import WEIGHT_BITS
from myelin.hw_configs.shapes import as_chw, half_kernel
from myelin.train.config.axes import on_axes
from myelin.train.config.config import Config, LayerConfig
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block, ConvSynapse, DelayedRecurrent, DenseSynapse, Readout, Synapse
from myelin.train.layers.dropout import same_slice
from myelin.train.neurons import Cuba


class SpikingNetwork(nn.Sequential):
    """Blocks in a row; input (B, *input shape, T), output (B, classes, T).

    Attributes:
        recompute: run each block's forward pass a second time while the gradient is taken, and hold nothing but the blocks'
            inputs until then; the gradient is the same, bit for bit.
    """

    recompute: bool = False

    def forward(self, x: Tensor) -> Tensor:
        """Output (B, classes, T)."""
        for block in self:
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False, context_fn=partial(_contexts, block))
            else:
                x = block(x)
        return x

    @property
    def blocks(self) -> list[Block]:
        """The layers, the readout last."""
        return [block for block in self if isinstance(block, Block)]

    def delays(self) -> Iterator[AxonalDelay]:
        """All learnable delays."""
        return (module for module in self.modules() if isinstance(module, AxonalDelay))

    def quantise(self, on: bool) -> None:
        """Switch the grid of the weights of all layers on or off."""
        for block in self.blocks:
            block.quantise(on)

    def round_decays(self, on: bool) -> None:
        """Switch the rounding of the decays of all neurons on or off."""
        for block in self.blocks:
            block.neuron.whole_decays = on

    def clamp(self) -> None:
        """Bring decays and delays back into their ranges."""
        for block in self.blocks:
            block.clamp()

    def set_delays(self, *, hard: bool, sigma: float = 0.0) -> None:
        """Round all delays in the forward pass, or spread them by a triangle of half-width 1 + sigma."""
        for delay in self.delays():
            delay.set(hard=hard, sigma=sigma)

    def schedule_delays(self, config: Config, progress: float) -> None:
        """State of the delays after ``progress`` (0..1) of training, see ``DelayConfig``; controls are rounded throughout."""
        plan = config.delay
        for delay in self.delays():
            delay.set(hard=plan.rounded_at(progress) or not delay.learn, sigma=plan.sigma_at(progress))
            delay.delay.requires_grad_(delay.learn and progress < plan.freeze_at)

    def settle_delays(self, config: Config, exportable: bool) -> None:
        """After an epoch's training: delays go to the grid where the plan says so; an epoch that can be exported is judged,
        and saved, with rounded delays, as it would be exported."""
        if config.delay.rounding == "epoch":
            for delay in self.delays():
                delay.snap()
        if exportable:
            self.set_delays(hard=True)

    def mean_square_delay(self) -> Tensor:
        """Mean of the squares of all delays that are being learnt, in steps^2; 0 where none is."""
        learnt = [delay.delay for delay in self.delays() if delay.delay.requires_grad]
        return torch.cat(learnt).square().mean() if learnt else torch.zeros(())

    def delay_steps(self) -> dict[str, Any]:
        """Mean and longest of the delays in steps, as they would be exported; 0 where there are none."""
        steps = np.concatenate([np.zeros(0, np.int64), *(delay.rounded_steps() for delay in self.delays())])
        return {
            "delay_mean_steps": float(steps.mean()) if steps.size else 0.0,
            "delay_longest_steps": int(steps.max(initial=0)),
        }


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Around the forward pass of a block and around its repetition."""
    return nullcontext(), _repeated(block, same_slice())


@contextmanager
def _repeated(block: nn.Module, place: AbstractContextManager[None]) -> Iterator[None]:
    rate = getattr(block, "spike_rate", None)
    try:
        with place:
            yield
    finally:
        if isinstance(block, Block):
            block.spike_rate = rate  # that of the repetition would hold all that was computed again


def build_model(config: Config, classes: int) -> SpikingNetwork:
    """The untrained network; the global torch generator draws its parameters."""
    blocks: list[Block] = []
    shape = config.data.input_shape
    for layer in config.layers:
        blocks.append(_hidden(config, layer, shape))
        shape = tuple(blocks[-1].shape)
    readout = config.readout
    neuron = {**_neuron(config), "per_neuron": False, "spread": 0.0}
    neuron |= {name: getattr(readout, name) for name in ("threshold", "current_decay", "voltage_decay", "spiking")}
    inputs = int(torch.Size(shape).numel())
    gain = readout.gain * config.neuron.threshold
    positions = 1 if readout.pool == "none" else inputs // shape[0]
    quantise = config.train.grid_bits > 0
    blocks.append(Readout(inputs, classes, neuron=neuron, gain=gain, positions=positions, quantise=quantise))
    return SpikingNetwork(*blocks)


def untrained(config: Config, classes: int) -> SpikingNetwork:
    """The network with which training with ``config`` begins; sets the global torch generator to the run's seed."""
    torch.manual_seed(config.train.seed)
    return build_model(config, classes)


def _neuron(config: Config) -> dict[str, Any]:
    """Arguments of ``Cuba``."""
    return {**asdict(config.neuron), "weight_bits": config.train.grid_bits or WEIGHT_BITS}


def _hidden(config: Config, layer: LayerConfig, input_shape: tuple[int, ...]) -> Block:
    synapse, shape = _synapse(config, layer, input_shape)
    neuron = Cuba(shape, **_neuron(config))
    parts: dict[str, Any] = {
        "delay": None if layer.delay_per == "none" else _delay(config, layer.delay_per, layer.delay, neuron),
        "dropout": config.train.dropout,
        "quantise": config.train.grid_bits > 0,
    }
    if layer.recurrent == "none":
        return Block(synapse, neuron, **parts)
    return DelayedRecurrent(
        synapse,
        neuron,
        recurrent=layer.recurrent,
        recurrent_delay=_delay(config, layer.recurrent_delay_per, layer.recurrent_delay, neuron),
        taps=layer.taps,
        recurrent_gain=layer.recurrent_gain * config.neuron.threshold,
        recurrent_dropout=config.train.recurrent_dropout,
        **parts,
    )


def _synapse(config: Config, layer: LayerConfig, input_shape: tuple[int, ...]) -> tuple[Synapse, tuple[int, ...]]:
    gain = layer.gain * config.neuron.threshold
    if layer.kind == "conv":
        chw = as_chw(input_shape)
        kernel, stride = on_axes(layer.kernel, chw[1]), on_axes(layer.stride, chw[1])
        conv = ConvSynapse(chw, layer.channels, kernel, stride=stride, padding=half_kernel(kernel), gain=gain)
        return conv, tuple(conv.shape)
    dense = DenseSynapse(int(torch.Size(input_shape).numel()), layer.neurons, gain=gain)
    return dense, layer.output_shape(input_shape)


def _delay(config: Config, per: str, kind: str, neuron: Cuba) -> AxonalDelay:
    plan = config.delay
    channels = neuron.shape[0] if len(neuron.shape) == 3 else 1
    low, high = (0.0, 0.0) if kind == "zero" else (plan.low, plan.high)
    return AxonalDelay(
        neuron.neurons if per == "neuron" else channels,
        max_delay=plan.longest_steps,
        low=low,
        high=high,
        learn=plan.learn and kind == "learned",
        grid=plan.grid_steps,
    )


def parameter_count(model: SpikingNetwork) -> dict[str, int]:
    """Parameters of the network: all, and those of the recurrences (weights and delays)."""
    recurrent = [block.recurrence for block in model.blocks if block.recurrence is not None]
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "recurrent_parameters": sum(r.weight.numel() + r.delay.delay.numel() for r in recurrent),
    }


def class_logits(output: Tensor, loss: str, scale: float) -> Tensor:
    """(B, classes) from the readout's (B, classes, T): the scaled mean over steps, or the log of the averaged softmax."""
    if loss == "sum":
        return output.mean(dim=2) * scale
    return torch.logsumexp(torch.log_softmax(output * scale, dim=1), dim=2)
