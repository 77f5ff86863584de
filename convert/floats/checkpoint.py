"""From a run folder to its ``FloatNetwork``: the trained network before weights and delays are rounded."""

from __future__ import annotations

import numpy as np

from myelin.convert.checkpoint import Checkpoint
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.network import naming_layer
from myelin.convert.trained_layers import TrainedLayer, TrainedSynapse, belonging_together, input_of, trained_layers
from myelin.hw_configs.fixed_point import DECAY_UNITY


def floats_from_checkpoint(checkpoint: Checkpoint) -> FloatNetwork:
    """The float network of a trained run, in SLAYER's unit; decays are multiples of 1/4096, as used in training.

    Raises:
        NetworkError: a tensor is missing or does not fit the configuration.
    """
    layers = []
    with belonging_together(checkpoint.folder):
        shape, message_bits = input_of(checkpoint.config)
        for index, trained in enumerate(trained_layers(checkpoint)):
            with naming_layer(index, trained.kind):
                layers.append(_layer(trained))
    return FloatNetwork(shape, tuple(layers), message_bits)


def _layer(trained: TrainedLayer) -> FloatLayer:
    recurrent = None
    if trained.recurrent is not None:
        recurrent = FloatRecurrent(_synapse(trained.recurrent), trained.recurrent_delay_steps.astype(np.float64))
    return FloatLayer(
        trained.shape,
        _synapse(trained.synapse),
        FloatCuba(
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
