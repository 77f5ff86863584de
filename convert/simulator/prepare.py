"""A network prepared for simulation."""

from __future__ import annotations

from typing import get_args

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.layers import Conv
from myelin.convert.network import Layer, Network
from myelin.convert.neurons import Cuba, Delta
from myelin.convert.simulator.cuba import CubaInputStage, CubaStage, population
from myelin.convert.simulator.plan import Order, channels_last
from myelin.convert.simulator.sigma_delta import DeltaStage, sigma_delta_stage
from myelin.convert.simulator.stage import Connection, Engine, Stage
from myelin.hw_configs.errors import DataError


def prepare(network: Network, engine: Engine = "auto") -> list[Stage]:
    """The input's neurons, where it has them, and all layers of ``network``, prepared; DataError for an unknown engine."""
    if engine not in get_args(Engine):
        raise DataError(f"engine is {engine!r}; {', '.join(map(repr, get_args(Engine)))} are allowed")
    stages: list[Stage] = []
    source = network.input.neuron
    if isinstance(source, Delta):
        stages.append(DeltaStage(network.input, source))
    elif source is not None:
        stages.append(CubaInputStage(network.input, source, population(source, network.input.shape)))
    shape, delay_steps, order = network.input.shape, np.zeros((), np.int32), None
    for index, layer in enumerate(network.layers):
        before, order = order, _order(layer)
        forward = Connection(layer.synapse, shape, delay_steps, Order(before, order), engine)
        if isinstance(layer.neuron, Cuba):
            neurons = population(layer.neuron, layer.shape, order)
            stages.append(CubaStage(forward, _recurrent(layer, order, engine), neurons))
        else:
            stages.append(sigma_delta_stage(f"layer {index} ({layer.kind})", layer, forward))
        shape, delay_steps = layer.shape, layer.delay_steps
    return stages


def _order(layer: Layer) -> IntArray | None:
    """The order in which the neurons of ``layer`` are held."""
    convolved = isinstance(layer.synapse, Conv) or (layer.recurrent is not None and isinstance(layer.recurrent.synapse, Conv))
    return channels_last(layer.shape) if convolved and len(layer.shape) == 3 and layer.shape[0] > 1 else None


def _recurrent(layer: Layer, order: IntArray | None, engine: Engine) -> Connection | None:
    if layer.recurrent is None:
        return None
    return Connection(layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps, Order(order, order), engine)
