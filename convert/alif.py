"""ALIF neurons of a trained run, from its configuration and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from myelin.convert.floats.alif import FloatAlif
from myelin.convert.neurons import Alif
from myelin.hw_configs.fixed_point import DECAY_UNITY, WEIGHT_SCALE
from myelin.hw_configs.shapes import Shape
from myelin.train.config.target import THRESHOLD_LIMIT

if TYPE_CHECKING:
    from myelin.convert.trained_layers import LayerTensors


def trained_alif(own: LayerTensors, section: dict[str, Any], cuba: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Arguments of ``TrainedLayer`` for a layer of ALIF neurons.

    Args:
        own: tensors of the layer.
        section: the section ``alif`` of the configuration.
        cuba: the arguments for CUBA neurons with the same tensors.
        shape: shape of the population.
    """
    from myelin.convert.trained_layers import bias_integers

    step = section["threshold_step"]
    if own.prefix + "neuron.learnt_threshold_step" in own.tensors:
        step = float(np.rint(own["neuron.learnt_threshold_step"] * WEIGHT_SCALE).clip(0, THRESHOLD_LIMIT)) / WEIGHT_SCALE
    decays = [cuba["current_decay"], cuba["voltage_decay"], own.decay("threshold", shape), own.decay("refractory", shape)]
    bias = cuba.get("bias", np.zeros((), np.float32))
    levels = [int(level * WEIGHT_SCALE) for level in (cuba["threshold"], step)]
    floats = FloatAlif(cuba["threshold"], step, *(decay / DECAY_UNITY for decay in decays), bias.astype(np.float64))
    exponents = (cuba["bias_exp"],) if "bias_exp" in cuba else ()
    rounded = bias_integers(bias, exponents[0], shape) if exponents else ()
    return {"neuron": Alif(*levels, *decays, *rounded), "floats": floats}
