"""The configuration of a network that comes without one: its structure, and settings for fine-tuning."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from myelin.convert.floats.network import FloatConv, FloatLayer
from myelin.convert.network import naming_layer
from myelin.hw_configs.errors import ConfigError, NetworkError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP
from myelin.training.grid import bits_of
from myelin.training.initial_network import InitialNetwork
from myelin.training.learnt_constants import finest_bias_exponent
from myelin.training.trained_neurons import TRAINED, TrainedNeuron

if TYPE_CHECKING:
    from myelin.train.config.config import Config, LayerConfig
    from myelin.train.config.data import DataConfig
    from myelin.train.datasets import SpikeDataset

#: Epochs, and share of the threshold by which a weight moves at most in one step of the optimiser.
EPOCHS, LEARNING_RATE = 10, 2e-3


def config_to_continue(origin: InitialNetwork, dataset: SpikeDataset | None) -> Config:
    """The configuration for training ``origin`` further, where the user names none.

    Of a run: its own.  Of another network: its structure, the bits of its weights, ``EPOCHS`` epochs without dropout.  Delays
    are rounded and stay as they are in both (``delay.harden_at = delay.freeze_at = 0``).

    Args:
        origin: the network to start from.
        dataset: the data, if it is at hand; it says how spikes become frames where the origin does not.

    Raises:
        ConfigError: nothing says how spikes become frames.
        NetworkError: the network has a structure that is not trained here.
    """
    from myelin.train.config.files import config_from_dict

    if origin.config is not None:
        config = config_from_dict(origin.config)
        delay = replace(config.delay, harden_at=0.0, freeze_at=0.0, rounding="hardening")
        train = replace(config.train, slices=None)
        return replace(config, delay=delay, train=train)
    return _derived(origin, _data(origin, dataset))


def _data(origin: InitialNetwork, dataset: SpikeDataset | None) -> DataConfig:
    from myelin.train.config.data import DataConfig

    shape, bits = origin.floats.input_shape, origin.floats.message_bits
    cells: dict[str, Any] = {"channels": shape[0]} if len(shape) == 1 else {"shape": shape, "channels": math.prod(shape)}
    if origin.binning is not None:
        plan = origin.binning
        timed: dict[str, Any] = {"steps": plan.steps, "step_ms": plan.step_ms, "intervals_ms": plan.intervals_ms}
    elif dataset is not None and dataset.steps is not None and dataset.step_ms is not None:
        timed = {"steps": dataset.steps, "step_ms": dataset.step_ms}
    else:
        raise ConfigError(
            f"{origin.name} does not say how spikes become frames (data.steps, data.step_ms); name a configuration, or give "
            "the data as arrays (x, y)"
        )
    return DataConfig(**timed, **cells, message_bits=bits)


def _derived(origin: InitialNetwork, data: DataConfig) -> Config:
    from myelin.train.config.config import Config, NeuronConfig, ReadoutConfig, TrainConfig
    from myelin.train.config.delay import DelayConfig

    *hidden, last = origin.floats.layers
    if not hidden:
        raise NetworkError(f"{origin.name}: has one layer; at least one hidden layer and a readout are trained here")
    neurons: list[TrainedNeuron] = []
    layers: list[LayerConfig] = []
    for index, layer in enumerate(origin.floats.layers):
        with naming_layer(index, layer.kind):
            neurons.append(TRAINED.of(layer.neuron)(layer.neuron))
            if layer is not last:
                layers.append(_hidden(layer, neurons[-1]))
            elif layer.recurrent is not None or isinstance(layer.synapse, FloatConv) or layer.delay_steps.any():
                raise NetworkError("is the readout; a dense one without recurrence and delays is trained here")
    first, readout = neurons[0], neurons[-1]
    decays: dict[str, Any] = {name: float(np.mean(getattr(first, name))) for name in ("current_decay", "voltage_decay")}
    threshold = first.threshold or 1.0
    several = any(getattr(one, name).size > 1 for one in neurons[:-1] for name in decays)
    exponent = finest_bias_exponent([one.bias for one in neurons], NETX_BIAS_EXP)
    bits = bits_of([synapse.weight for layer in origin.floats.layers for synapse in layer.connections])
    return Config(
        name="fine-tuned",
        data=data,
        neuron=NeuronConfig(threshold=threshold, per_neuron=several, bias_exp=exponent, **decays),
        layers=tuple(layers),
        readout=ReadoutConfig(
            spiking=readout.threshold is not None,
            threshold=1.0 if readout.threshold is None else readout.threshold,
            current_decay=float(np.mean(readout.current_decay)),
            voltage_decay=float(np.mean(readout.voltage_decay)),
            bias=True if readout.bias.any() else None,
        ),
        delay=DelayConfig(low=0.0, high=0.0, harden_at=0.0, freeze_at=0.0),
        train=TrainConfig(
            epochs=EPOCHS,
            batch_size=32,
            schedule="cosine",
            learning_rate=LEARNING_RATE * threshold,
            dropout=0.0,
            recurrent_dropout=0.0,
            weight_bits=bits,
        ),
    )


def _hidden(layer: FloatLayer, neuron: TrainedNeuron) -> LayerConfig:
    from myelin.train.config.config import LayerConfig

    if neuron.threshold is None:
        raise NetworkError("gives states; only the readout does so in training")
    synapse, shape = layer.synapse, layer.shape
    parts: dict[str, Any] = {"bias": True} if neuron.bias.any() else {}
    parts |= {"recurrent": "none", "delay_per": _per(layer.delay_steps, layer)}
    if layer.recurrent is not None:
        back = layer.recurrent.synapse
        parts["recurrent"] = back.kind
        parts["recurrent_delay_per"] = _per(layer.recurrent.delay_steps, layer, least="channel")
        if isinstance(back, FloatConv):
            parts["taps"] = back.weight.shape[3] if back.weight.shape[2] == 1 else back.weight.shape[2:]
    if isinstance(synapse, FloatConv):
        return LayerConfig(
            kind="conv", channels=shape[0], kernel=tuple(synapse.weight.shape[2:]), stride=tuple(synapse.stride), **parts
        )
    if len(shape) == 3 and shape[1] != 1:
        raise NetworkError(f"is dense with neurons of shape {shape}; (neurons,) or (channels, 1, width) is trained here")
    return LayerConfig(kind="dense", neurons=math.prod(shape), channels=shape[0] if len(shape) == 3 else 1, **parts)


def _per(steps: np.ndarray, layer: FloatLayer, least: str = "none") -> str:
    """What has a delay of its own: ``none`` (or ``least``) if all are zero, ``channel``, or ``neuron``."""
    if not steps.any():
        return least if len(layer.shape) == 3 or least == "none" else "neuron"
    channels = layer.shape[0] if len(layer.shape) == 3 else 1
    groups = np.broadcast_to(steps, layer.shape).reshape(channels, -1)
    return "channel" if len(layer.shape) == 3 and (groups == groups[:, :1]).all() else "neuron"
