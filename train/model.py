"""Builds the network of a configuration."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import WEIGHT_BITS
from myelin.hw_configs.reading.bounds import NETWORK_VALUES
from myelin.hw_configs.shapes import as_chw, half_kernel
from myelin.train.config.axes import on_axes
from myelin.train.config.config import Config, LayerConfig, ReadoutConfig
from myelin.train.config.layers import MODELS
from myelin.train.delay import AxonalDelay
from myelin.train.delay_schedule import set_delays_at
from myelin.train.layers import BatchNorm, Block, ConvSynapse, Delta, DenseSynapse, Recurrence, Synapse
from myelin.train.layers.dropout import same_slice
from myelin.train.layers.norm import statistics_held
from myelin.train.layers.readout import readout_synapse
from myelin.train.neurons import Alif, Cuba, Neuron, Sigma, SigmaDelta

#: Kind of neurons in layers, of ``MODELS`` -> their class.
POPULATIONS: dict[str, Callable[..., Neuron]] = {"cuba": Cuba, "alif": Alif}


class SpikingNetwork(nn.Sequential):
    """A sequence of blocks; input (B, *input shape, T), output (B, classes, T).

    Blocks are named by their number; delta encoders at the input, if there are any, come before them as ``input``.

    Attributes:
        recompute: whether to run each block's forward pass again in the backward pass.  Only the inputs of the blocks are
            stored until then.  The gradient is the same, bit for bit.
    """

    recompute: bool = False

    def forward(self, x: Tensor) -> Tensor:
        """Output (B, classes, T) from input ``x`` (B, *input shape, T)."""
        for block in self:
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False, context_fn=partial(_contexts, block))
            else:
                x = block(x)
        return x

    @property
    def blocks(self) -> list[Block]:
        """The layers in order; the readout is the last one."""
        return [block for block in self if isinstance(block, Block)]

    @property
    def encoder(self) -> Delta | None:
        """The delta encoders at the input, or None."""
        return next((block for block in self if isinstance(block, Delta)), None)

    def delays(self) -> Iterator[AxonalDelay]:
        """All axonal delays of the network."""
        return (module for module in self.modules() if isinstance(module, AxonalDelay))

    def quantise(self, on: bool) -> None:
        """Switch the weight grid of all layers on or off."""
        for block in self.blocks:
            block.quantise(on)

    def round_decays(self, on: bool) -> None:
        """Switch the rounding of all decays on or off."""
        for block in self.blocks:
            block.neuron.whole_decays = on

    def clamp(self) -> None:
        """Clamp all decays and delays to their ranges, in place."""
        for block in self.blocks:
            block.clamp()

    def set_delays(self, *, hard: bool, sigma: float = 0.0) -> None:
        """Round all delays in the forward pass (``hard``), or spread them by a triangle of half-width 1 + sigma."""
        for delay in self.delays():
            delay.set(hard=hard, sigma=sigma)

    def schedule_delays(self, config: Config, progress: float) -> None:
        """Set all delays for ``progress`` (0..1) of training, see ``DelayConfig``; controls are always rounded."""
        set_delays_at(self.delays(), config.delay, progress)

    def settle_delays(self, config: Config, exportable: bool) -> None:
        """Round the delays after the training steps of an epoch.

        With ``rounding = "epoch"`` the delays themselves are set to the grid.  An exportable epoch is evaluated and saved with
        rounded delays, as in the export.
        """
        if config.delay.rounding == "epoch":
            for delay in self.delays():
                delay.snap()
        if exportable:
            self.set_delays(hard=True)

    def norms(self) -> list[BatchNorm]:
        """The batch normalisations, in the order of the blocks."""
        return [block.norm for block in self.blocks if block.norm is not None]

    def freeze_statistics(self) -> None:
        """Keep the running statistics of all norms, and fold with them from now on."""
        for norm in self.norms():
            norm.freeze(True)

    def mean_square_delay(self) -> Tensor:
        """Mean square of all delays that are currently learnt, in steps^2; 0 if there are none."""
        learnt = [delay.delay for delay in self.delays() if delay.delay.requires_grad]
        return torch.cat(learnt).square().mean() if learnt else torch.zeros(())

    def delay_steps(self) -> dict[str, Any]:
        """Mean and longest delay in steps, rounded as for export; 0 if there are none."""
        steps = np.concatenate([np.zeros(0, np.int64), *(delay.rounded_steps() for delay in self.delays())])
        return {
            "delay_mean_steps": float(steps.mean()) if steps.size else 0.0,
            "delay_longest_steps": int(steps.max(initial=0)),
        }


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts for the forward pass of a block and for its repetition."""
    return nullcontext(), _repeated(block, same_slice())


@contextmanager
def _repeated(block: nn.Module, place: AbstractContextManager[None]) -> Iterator[None]:
    rate = getattr(block, "spike_rate", None)
    try:
        with place, statistics_held():  # they have followed this batch already
            yield
    finally:
        if isinstance(block, Block):
            block.spike_rate = rate  # the one from the repetition would keep its whole graph alive


def build_model(config: Config, classes: int) -> SpikingNetwork:
    """The untrained network; its parameters are drawn from the global torch generator.

    Raises:
        ConfigError: a layer has more weights or neurons than the file of a network may hold.
    """
    blocks: list[Block] = []
    shape = config.data.input_shape
    for layer in config.layers:
        blocks.append(_hidden(config, layer, shape))
        shape = tuple(blocks[-1].shape)
    readout = config.readout
    inputs = int(torch.Size(shape).numel())
    positions = 1 if readout.pool == "none" else inputs // shape[0]
    _require_few(inputs * classes, f"the readout of {inputs} inputs and {classes} classes has", "weights")
    unit = readout.gain * (config.neuron.threshold if config.sigma_delta is None else 1.0)
    synapse = readout_synapse(inputs, classes, positions, unit)
    norm = _norm(readout, synapse, unit)
    blocks.append(Block(synapse, _readout_neuron(config, classes), norm=norm, quantise=config.train.grid_bits > 0))
    named: dict[str, nn.Module] = {str(index): block for index, block in enumerate(blocks)}
    return SpikingNetwork(OrderedDict(({} if config.sigma_delta is None else {"input": _encoder(config)}) | named))


def untrained(config: Config, classes: int) -> SpikingNetwork:
    """The initial network of a run with ``config``; seeds the global torch generator with the run's seed."""
    torch.manual_seed(config.train.seed)
    return build_model(config, classes)


def _population(config: Config, layer: LayerConfig, shape: tuple[int, ...]) -> Neuron:
    """The neurons of a hidden layer."""
    own = config.sigma_delta
    if own is None:
        model, learnt = config.model_of(layer), _learnt(config, layer, "channel" if layer.kind == "conv" else "neuron")
        section = {} if MODELS[model] is None else asdict(getattr(config, model))
        return POPULATIONS[model](shape, **{**_neuron(config), **learnt, "threshold": config.threshold_of(layer)}, **section)
    constants: dict[str, Any] = {"threshold": config.threshold_of(layer), "weight_bits": config.train.grid_bits or WEIGHT_BITS}
    return SigmaDelta(shape, **{name: getattr(own, name) for name in ("activation", "cumulative_error", "bias")}, **constants)


def _readout_neuron(config: Config, classes: int) -> Neuron:
    if config.sigma_delta is not None:
        return Sigma((classes,), weight_bits=config.train.grid_bits or WEIGHT_BITS)
    names = ("threshold", "current_decay", "voltage_decay", "spiking")
    shared = {**_neuron(config), **_learnt(config, config.readout, "neuron"), "per_neuron": False, "spread": 0.0}
    return Cuba((classes,), **shared | {name: getattr(config.readout, name) for name in names})


def _encoder(config: Config) -> Delta:
    """The delta encoders of an input of counts."""
    own = config.sigma_delta
    assert own is not None
    constants: dict[str, Any] = {"threshold": own.input_threshold, "cumulative_error": own.cumulative_error}
    return Delta(config.data.input_shape, step=1.0, weight=own.input_weight, **constants)  # type: ignore[arg-type]


def _neuron(config: Config) -> dict[str, Any]:
    """Arguments of ``Cuba`` that all layers share."""
    constants = asdict(config.neuron)
    del constants["model"]
    return {**constants, "weight_bits": config.train.grid_bits or WEIGHT_BITS}


def _learnt(config: Config, part: LayerConfig | ReadoutConfig, per: str) -> dict[str, Any]:
    """Arguments of ``Cuba``: what a layer, or the readout, learns beside its decays; a bias for each ``per``."""
    bias = per if config.has_bias(part) else False
    return {"bias": bias, "learn_threshold": config.learns_threshold(part)}


def _norm(part: LayerConfig | ReadoutConfig, synapse: Synapse, unit: float) -> BatchNorm | None:
    return None if part.norm == "none" else BatchNorm(synapse.weight.shape[0], scale=unit)


def _hidden(config: Config, layer: LayerConfig, input_shape: tuple[int, ...]) -> Block:
    synapse, shape = _synapse(config, layer, input_shape)
    neuron = _population(config, layer, shape)
    parts: dict[str, Any] = {
        "delay": None if layer.delay_per == "none" else _delay(config, layer.delay_per, layer.delay, neuron),
        "norm": _norm(layer, synapse, config.threshold_of(layer)),
        "dropout": config.train.dropout,
        "quantise": config.train.grid_bits > 0,
    }
    if layer.recurrent != "none":
        if layer.recurrent == "dense":
            _require_few(math.prod(shape) ** 2, f"{math.prod(shape)} neurons with dense recurrence have", "weights")
        delay = _delay(config, layer.recurrent_delay_per, layer.recurrent_delay, neuron)
        parts["recurrence"] = Recurrence.over(
            shape,
            layer.recurrent,
            taps=layer.taps,
            delay=delay,
            gain=layer.recurrent_gain * config.threshold_of(layer),
            dropout=config.train.recurrent_dropout,
        )
    return Block(synapse, neuron, **parts)


def _require_few(number: int, said: str, what: str) -> None:
    """Raise ConfigError if a layer is larger than any network that can be read, before it takes the memory."""
    if number > (most := NETWORK_VALUES.value):
        raise ConfigError(
            f"{said} {number} {what}, at most {most} are allowed; make the layer smaller, or allow more with "
            f"{NETWORK_VALUES.variable}={number}"
        )


def _synapse(config: Config, layer: LayerConfig, input_shape: tuple[int, ...]) -> tuple[Synapse, tuple[int, ...]]:
    gain = layer.gain * (config.threshold_of(layer) if config.sigma_delta is None else 1.0)
    if layer.kind == "conv":
        chw = as_chw(input_shape)
        kernel, stride = on_axes(layer.kernel, chw[1]), on_axes(layer.stride, chw[1])
        _require_few(layer.channels * chw[0] * math.prod(kernel), f"{layer.channels} channels on {chw[0]} have", "weights")
        _require_few(layer.channels * chw[1] * chw[2], f"{layer.channels} channels of {chw[1]} x {chw[2]} have", "neurons")
        conv = ConvSynapse(chw, layer.channels, kernel, stride=stride, padding=half_kernel(kernel), gain=gain)
        return conv, tuple(conv.shape)
    inputs = int(torch.Size(input_shape).numel())
    _require_few(inputs * layer.neurons, f"{layer.neurons} neurons on {inputs} inputs have", "weights")
    dense = DenseSynapse(inputs, layer.neurons, gain=gain)
    return dense, layer.output_shape(input_shape)


def _delay(config: Config, per: str, kind: str, neuron: Neuron) -> AxonalDelay:
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
    """Number of all parameters, and of the recurrent ones (weights and delays)."""
    recurrent = [block.recurrence for block in model.blocks if block.recurrence is not None]
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "recurrent_parameters": sum(r.weight.numel() + r.delay.delay.numel() for r in recurrent),
    }


def class_logits(output: Tensor, loss: str, scale: float) -> Tensor:
    """Logits (B, classes) from the readout (B, classes, T): the scaled mean over steps, or the log of the summed softmax."""
    if loss == "sum":
        return output.mean(dim=2) * scale
    return torch.logsumexp(torch.log_softmax(output * scale, dim=1), dim=2)
