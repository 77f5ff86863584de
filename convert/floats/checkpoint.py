"""From a run folder to its ``FloatNetwork``: the trained network before weights and delays are rounded."""

from __future__ import annotations

import numpy as np

from myelin.convert.checkpoint import Checkpoint
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.network import naming_layer
from myelin.convert.trained.layers import TrainedLayer, TrainedSynapse, belonging_together, input_of, trained_layers
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY


def floats_from_checkpoint(checkpoint: Checkpoint) -> FloatNetwork:
    """The float network of a trained run, in SLAYER's unit; decays are multiples of 1/4096, as used in training.

    Raises:
        NetworkError: a tensor is missing or does not fit the configuration.
    """
    layers = []
    with belonging_together(checkpoint.folder):
        source = input_of(checkpoint.config)
        if source.neuron is not None:
            raise NetworkError(
                f"{checkpoint.folder}: its input drives {source.neuron.LABEL}, and a float network takes spikes at its input; "
                "take its integers (`myelin export`), which myelin.to_torch makes blocks of, to train them further"
            )
        for index, trained in enumerate(trained_layers(checkpoint)):
            with naming_layer(index, trained.kind):
                layers.append(_layer(trained))
    return FloatNetwork(source.shape, tuple(layers), source.message_bits)


def _layer(trained: TrainedLayer) -> FloatLayer:
    recurrent = None
    if trained.recurrent is not None:
        recurrent = FloatRecurrent(_synapse(trained.recurrent), trained.recurrent_delay_steps.astype(np.float64))
    return FloatLayer(
        trained.shape,
        _synapse(trained.synapse),
        trained.floats
        or FloatCuba(
            trained.threshold,
            trained.current_decay / DECAY_UNITY,
            trained.voltage_decay / DECAY_UNITY,
            trained.bias.astype(np.float64),
        ),
        delay_steps=trained.delay_steps.astype(np.float64),
        recurrent=recurrent,
    )


def _synapse(trained: TrainedSynapse) -> FloatDense | FloatConv:
    weight = trained.weight.astype(np.float64)
    return FloatConv(weight, trained.stride, trained.padding) if trained.spatial else FloatDense(weight)
