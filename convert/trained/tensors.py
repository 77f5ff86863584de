"""The tensors of one trained layer, as a checkpoint holds them, and the values that training used."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, fewest
from myelin.convert.quantise.scalar import bias_fields
from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, DECAY_UNITY, STATE_SCALE, WEIGHT_SCALE
from myelin.hw_configs.shapes import Shape
from myelin.train.config.layers import NORM_EPS

Array = npt.NDArray[Any]


class LayerTensors:
    """Tensors of one layer."""

    def __init__(self, tensors: dict[str, Array], prefix: str) -> None:
        self.tensors, self.prefix = tensors, prefix

    def __getitem__(self, name: str) -> Array:
        return self.tensors[self.prefix + name]

    def each(self, name: str, shape: Shape) -> Array:
        """The tensor as a scalar, as one value per neuron, or as one value per channel of a (C, H, W) population."""
        values = self[name]
        if values.size == 1:
            return values.reshape(())
        return values.reshape(shape) if values.size == int(np.prod(shape)) else values.reshape(-1, *(1,) * (len(shape) - 1))

    def bias(self, shape: Shape) -> Array:
        """The bias of the neurons in SLAYER's unit; 0 if they have none."""
        return self.each("neuron.bias", shape) if f"{self.prefix}neuron.bias" in self.tensors else np.zeros(())

    def decay(self, name: str, shape: Shape) -> IntArray:
        """The decay ``name`` of the neurons, clamped and rounded as in training."""
        return np.rint(self.each(f"neuron.{name}_decay", shape)).clip(0, DECAY_UNITY).astype(np.int32)

    def folded(self) -> tuple[Array, Array | None]:
        """Feed-forward weights with a norm folded into them, and the input that it adds, (rows,); None without a norm.

        The operations are those of ``myelin.train.layers.norm``, in float32 and one by one, so the bits are the same.
        """
        weight = self["synapse.weight"]
        if self.prefix + "norm.weight" not in self.tensors:
            return weight, None
        scale = self["norm.weight"] / np.sqrt(self["norm.running_var"] + np.float32(NORM_EPS))
        return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)), -(scale * self["norm.running_mean"])

    def neuron(self, config: dict[str, Any], shape: Shape, shift: Array | None) -> dict[str, Any]:
        """Decays, and the bias with the input ``shift`` of a norm, as training uses them before it rounds the bias."""
        current, voltage = (self.decay(name, shape) for name in ("current", "voltage"))
        bias = None
        if self.prefix + "neuron.bias" in self.tensors:
            bias = _each(self["neuron.bias"], shape)
        if shift is not None:
            lost = (np.maximum(current, 1) / DECAY_UNITY).astype(np.float32)
            settled = _each(shift, shape) / lost
            bias = settled if bias is None else bias + settled
        decays = {"current_decay": current, "voltage_decay": voltage}
        return decays if bias is None else {**decays, "bias": bias, "bias_exp": config["neuron"]["bias_exp"]}

    def threshold(self, config: dict[str, Any], given: float) -> float:
        """The threshold: the learnt one, rounded as in training, or the configured one, ``given``."""
        if self.prefix + "neuron.learnt_threshold" not in self.tensors:
            return float(given)
        mantissa = np.rint(self["neuron.learnt_threshold"] * WEIGHT_SCALE)
        return float(mantissa.clip(1, config["neuron"]["threshold_max"])) / WEIGHT_SCALE


def bias_integers(bias: Array, exponent: int, shape: Shape) -> tuple[npt.NDArray[Any], int]:
    """Mantissa and exponent of a bias in SLAYER's unit, rounded as in training."""
    steps = bias.astype(np.float32) * np.float32(STATE_SCALE / (1 << exponent))
    mantissa = np.rint(steps.clip(-BIAS_MANT_MAX, BIAS_MANT_MAX)).astype(np.int32)
    few = fewest(mantissa << exponent, shape)
    per_channel = len(shape) == 3 and few.size == shape[0]
    return bias_fields(few.reshape(() if few.size == 1 else (-1, 1, 1) if per_channel else shape))


def _each(values: Array, shape: Shape) -> Array:
    """``values`` of neurons or channels as one per neuron of ``shape``."""
    return values.repeat(int(np.prod(shape)) // values.size).reshape(shape)
