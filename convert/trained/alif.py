"""ALIF neurons of a trained run, from its configuration and parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.floats.alif import FloatAlif
from myelin.convert.neurons import Alif
from myelin.convert.trained.tensors import LayerTensors, bias_integers
from myelin.hw_configs.fixed_point import DECAY_UNITY, WEIGHT_SCALE
from myelin.hw_configs.shapes import Shape
from myelin.train.config.target import THRESHOLD_LIMIT


def trained_alif(own: LayerTensors, section: dict[str, Any], cuba: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Arguments of ``TrainedLayer`` for a layer of ALIF neurons.

    Args:
        own: tensors of the layer.
        section: the section ``alif`` of the configuration.
        cuba: the arguments for CUBA neurons with the same tensors.
        shape: shape of the population.
    """
    step = section["threshold_step"]
    if own.prefix + "neuron.learnt_threshold_step" in own.tensors:
        step = float(np.rint(own["neuron.learnt_threshold_step"] * WEIGHT_SCALE).clip(0, THRESHOLD_LIMIT)) / WEIGHT_SCALE
    decays = {name: cuba[name] for name in ("current_decay", "voltage_decay")}
    decays |= {f"{name}_decay": own.decay(name, shape) for name in ("threshold", "refractory")}
    bias = cuba.get("bias", np.zeros((), np.float32))
    shares = {name: decay / DECAY_UNITY for name, decay in decays.items()}
    floats = FloatAlif(cuba["threshold"], step, **shares, bias=bias.astype(np.float64))
    if "bias" in cuba:
        decays["bias_mant"], decays["bias_exp"] = bias_integers(bias, cuba["bias_exp"], shape)
    return {"neuron": Alif(int(cuba["threshold"] * WEIGHT_SCALE), int(step * WEIGHT_SCALE), **decays), "floats": floats}
