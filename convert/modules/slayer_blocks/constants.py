"""Threshold and decays, which several classes of SLAYER's neurons share, with the values of their forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.modules.known import numbers
from myelin.convert.modules.reading import spread_values
from myelin.hw_configs.errors import NetworkError


def read_threshold(neuron: Any) -> float:
    """The threshold of neurons that spike above it: lava-dl adds a margin, which must survive in float32."""
    threshold = np.asarray(neuron.threshold, np.float64)
    if threshold.size != 1:
        raise NetworkError(f"its neuron has {threshold.size} thresholds; one for all is allowed")
    value, margin = float(threshold.reshape(())), float(neuron.threshold_eps)
    if not 0 < margin < 1 / neuron.s_scale or np.float32(value + margin) <= np.float32(value):
        raise NetworkError(
            f"its threshold is {value:g}: SLAYER then also spikes at the threshold itself, since its margin of "
            f"{margin:g} is lost in float32, and the chip spikes above it; a threshold below 64 is allowed"
        )
    return value


def require_no_reset(neuron: Any) -> None:
    """Raise NetworkError unless the neurons of a readout run without a threshold, as Affine blocks set it: -1."""
    threshold = neuron.threshold
    if threshold is None:
        raise NetworkError(
            "its neuron has no threshold, on which lava-dl fails with dynamics=True; build it with dynamics=True"
        )
    if float(threshold) + float(neuron.threshold_eps) > 0:
        raise NetworkError(
            f"its neuron has threshold={float(threshold):g}, so lava-dl resets the voltage that it returns; leave it at -1, as "
            "the block sets it"
        )


def read_decays(neuron: Any, name: str, shape: Shape) -> FloatArray:
    """The decays ``neuron.<name>`` per step as shares, 0..1, rounded to 1/4096 as in the forward pass."""
    if hasattr(neuron, f"{name}_min") and neuron.shape is None:  # a block that sets the shape itself never draws them
        raise NetworkError(
            f"its neuron has not run yet, and draws its {name} in the first forward pass; run the module once on an input"
        )
    values = np.rint(numbers(getattr(neuron, name)))
    if neuron.requires_grad is True:
        values = values.clip(0, neuron.p_scale)  # as its forward pass does
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= neuron.p_scale):
        raise NetworkError(f"its {name} lies in {values.min():g}..{values.max():g}; 0..{neuron.p_scale} is allowed")
    if values.size > 1 and len(shape) == 3 and np.prod(shape[1:]) > 1 and values.size == shape[2] and np.ptp(values):
        raise NetworkError(
            f"its {name} has {values.size} values for an image of {shape}: lava-dl takes them per column on the CPU and "
            "per channel on CUDA; build the neuron with shared_param=True"
        )
    return spread_values(values / neuron.p_scale, shape, name)
