"""The preparation of a network for simulation: one stage for each population."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.network import Input, Layer, Network
from myelin.convert.neurons import Alif, Cuba, Delta, Rf, RfIz, Sigma, SigmaDelta
from myelin.convert.registry import Handlers
from myelin.convert.simulator.neurons.alif import alif_stage
from myelin.convert.simulator.neurons.cuba import cuba_input_stage, cuba_stage
from myelin.convert.simulator.neurons.reference import ReferenceInputStage, reference_stage
from myelin.convert.simulator.neurons.rf import rf_stage
from myelin.convert.simulator.neurons.sigma_delta import DeltaStage, sigma_delta_stage, sigma_stage
from myelin.convert.simulator.plan import Order, channels_last
from myelin.convert.simulator.stage import Engine, Prepared, PreparedConnection, Stage
from myelin.hw_configs.argument_checks import shown
from myelin.hw_configs.errors import DataError

#: Stages of neurons with compiled loops: (name in messages, layer, feed-forward connection, recurrent connection or None) ->
#: Stage.  All other neurons run their reference step (``myelin.convert.simulator.neurons.reference``).
LAYER_STAGES: Handlers[Callable[[str, Layer, PreparedConnection, PreparedConnection | None], Stage]] = Handlers(
    "has {name} neurons; the simulator has no loop for them"
)
#: Stages of neurons at a network's input: (input, neuron) -> Stage.
INPUT_STAGES: Handlers[Callable[[Input, Any], Stage]] = Handlers(
    "has {name} neurons; the simulator has no loop for them at an input"
)

LAYER_STAGES.register(Cuba)(cuba_stage)
LAYER_STAGES.register(Alif)(alif_stage)
LAYER_STAGES.register(SigmaDelta)(sigma_delta_stage)
LAYER_STAGES.register(Sigma)(sigma_stage)
LAYER_STAGES.register(Rf)(rf_stage)
LAYER_STAGES.register(RfIz)(rf_stage)
INPUT_STAGES.register(Cuba)(cuba_input_stage)
INPUT_STAGES.register(Delta)(DeltaStage)


def require_engine(engine: object) -> None:
    """Raise DataError if there is no such engine."""
    if not isinstance(engine, str) or engine not in get_args(Engine):
        raise DataError(f"engine is {shown(engine)}; {', '.join(map(repr, get_args(Engine)))} are allowed")


def prepare(network: Network, engine: Engine = "auto") -> list[Prepared]:
    """The stages of the input's neurons, if there are any, and of all layers, with their connections.

    Raises:
        DataError: the engine is unknown.
    """
    require_engine(engine)
    stages: list[Prepared] = []
    if network.input.neuron is not None:
        make_input = INPUT_STAGES.get(network.input.neuron) or ReferenceInputStage
        stages.append(Prepared(make_input(network.input, network.input.neuron)))
    shape, delay_steps, order = network.input.shape, np.zeros((), np.int32), None
    for index, layer in enumerate(network.layers):
        before, order = order, _order(layer)
        forward = PreparedConnection(layer.synapse, shape, delay_steps, Order(before, order), engine)
        make = LAYER_STAGES.get(layer.neuron) or reference_stage
        recurrent = _recurrent(layer, order, engine)
        stages.append(Prepared(make(f"layer {index} ({layer.kind})", layer, forward, recurrent), forward, recurrent))
        shape, delay_steps = layer.shape, layer.delay_steps
    return stages


def makers(network: Network) -> list[Any]:
    """What ``prepare`` makes the stages of ``network`` with: the registered functions, or None for the reference step."""
    source = network.input.neuron
    found: list[Any] = [] if source is None else [INPUT_STAGES.get(source)]
    return found + [LAYER_STAGES.get(layer.neuron) for layer in network.layers]


def _order(layer: Layer) -> IntArray | None:
    """The order in which the neurons of ``layer`` are stored; None for C order."""
    convolved = layer.synapse.SPATIAL or (layer.recurrent is not None and layer.recurrent.synapse.SPATIAL)
    return channels_last(layer.shape) if convolved and len(layer.shape) == 3 and layer.shape[0] > 1 else None


def _recurrent(layer: Layer, order: IntArray | None, engine: Engine) -> PreparedConnection | None:
    if layer.recurrent is None:
        return None
    return PreparedConnection(layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps, Order(order, order), engine)
