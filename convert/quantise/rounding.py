"""Floats to the nearest integers, without looking at data: the plain way from a ``FloatNetwork`` to a ``Network``.

A layer's weights, bias and threshold are scaled together, which changes no spike, by a power of two, which adds no error::

    W = rint(2^k w),  threshold = rint(2^k threshold),  bias = rint(2^(k + 6) bias),  decay = rint(4096 decay),  d = rint(d)

k is the largest number with which every weight of a connection lies in -128..127: 8 bits with their sign.  With fewer bits b
the weights are multiples of 2^(8 - b) in that range, the rest is as fine as with 8.  Where the recurrent
connection of a layer needs another k than the feed-forward one, the larger k is the layer's and the other connection gets the
difference as its weight exponent; a convolution has none, so the layer takes the convolution's k at most.  k is lowered further
until threshold and bias fit their fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork
from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.convert.neurons import Cuba
from myelin.hw_configs.fixed_point import (
    BIAS_EXP_MAX,
    BIAS_MANT_MAX,
    DECAY_UNITY,
    NETX_BIAS_EXP,
    STATE_SHIFT,
    THRESHOLD_MAX,
    WEIGHT_BITS,
    WEIGHT_SCALE,
)
from myelin.hw_configs.weight_grid import mantissa_range

#: Largest weight exponent of ``myelin.convert.layers.Dense``.
_EXPONENT_MAX = 16
#: Threshold of a readout of states: 64 times this is beyond every voltage.
STATE_THRESHOLD = THRESHOLD_MAX + 1


def round_network(network: FloatNetwork, weight_bits: int = WEIGHT_BITS) -> Network:
    """The integer network nearest to ``network``, layer by layer, as the module says; ``weight_bits``: 2..8.

    Raises:
        NetworkError: what is left of a layer cannot be said in integers; names the layer.
    """
    layers = []
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            layers.append(round_layer(layer, weight_bits))
    return Network(Input(network.input_shape, network.message_bits), tuple(layers), network.average_groups)


@dataclass(frozen=True)
class RoundingError:
    """What rounding did to a layer.

    Attributes:
        scale: k; weight 1 became 2^k.
        weight: largest error of a weight, as a share of the largest weight of its connection.
        threshold: error of the threshold as a share of it; 0 for a readout of states.
        decay: largest error of a decay per step.
        delay_steps: largest error of a delay.
    """

    scale: int
    weight: float
    threshold: float
    decay: float
    delay_steps: float

    def __str__(self) -> str:
        return (
            f"weight 1 is 2^{self.scale}; largest errors: weights {self.weight:.2%} of the largest, threshold "
            f"{self.threshold:.2%}, decays {self.decay:.1e}, delays {self.delay_steps:.2g} steps"
        )


def rounding_errors(floats: FloatNetwork, network: Network) -> list[RoundingError]:
    """How far ``network``, from ``round_network(floats)``, is from ``floats``, layer by layer."""
    return [_rounding_error(layer, rounded) for layer, rounded in zip(floats.layers, network.layers, strict=True)]


def _rounding_error(layer: FloatLayer, rounded: Layer) -> RoundingError:
    scale = layer_scale(layer)
    synapses = [rounded.synapse] if rounded.recurrent is None else [rounded.synapse, rounded.recurrent.synapse]
    weights = [0.0]
    delays = [(layer.delay_steps, rounded.delay_steps)]
    if layer.recurrent is not None and rounded.recurrent is not None:
        delays.append((layer.recurrent.delay_steps, rounded.recurrent.delay_steps))
    for synapse, got in zip(layer.connections, synapses, strict=True):
        largest = np.abs(synapse.weight).max(initial=0)
        exponent = got.weight_exp if isinstance(got, Dense) else 0
        if largest:
            weights.append(float(np.abs(np.ldexp(got.weight, exponent - scale) - synapse.weight).max() / largest))
        if isinstance(synapse, FloatDense) and isinstance(got, Dense) and synapse.delay_steps is not None:
            assert got.delay_steps is not None
            delays.append((synapse.delay_steps, got.delay_steps))
    decays = (
        np.abs(getattr(rounded.neuron, name) / DECAY_UNITY - getattr(layer, name)).max()
        for name in ("current_decay", "voltage_decay")
    )
    assert isinstance(rounded.neuron, Cuba)
    threshold = abs(math.ldexp(rounded.neuron.threshold, -scale) / layer.threshold - 1) if layer.threshold else 0.0
    late = max(float(np.abs(got - wanted).max()) for wanted, got in delays)
    return RoundingError(scale, max(weights), threshold, float(max(decays)), late)


def round_layer(layer: FloatLayer, weight_bits: int = WEIGHT_BITS) -> Layer:
    """One layer in integers; see ``round_network``."""
    scale = layer_scale(layer, weight_bits)
    recurrent = None
    if layer.recurrent is not None:
        delay = whole(layer.recurrent.delay_steps)
        recurrent = DelayedRecurrent(_round_synapse(layer.recurrent.synapse, scale, weight_bits), delay)
    mantissa, exponent = round_bias(np.ldexp(layer.bias, scale + STATE_SHIFT))
    neuron = Cuba(
        STATE_THRESHOLD if layer.threshold is None else round(math.ldexp(layer.threshold, scale)),
        whole(layer.current_decay * DECAY_UNITY),
        whole(layer.voltage_decay * DECAY_UNITY),
        mantissa,
        exponent,
    )
    synapse = _round_synapse(layer.synapse, scale, weight_bits)
    return Layer(layer.shape, synapse, neuron, whole(layer.delay_steps), recurrent, layer.output)


def layer_scale(layer: FloatLayer, weight_bits: int = WEIGHT_BITS) -> int:
    """k of a layer: weight 1 of its floats is 2^k in its integers."""
    own = [(synapse, weight_scale(synapse.weight, weight_bits)) for synapse in layer.connections]
    scales = [scale for _, scale in own if scale is not None]
    limits = [scale for synapse, scale in own if scale is not None and isinstance(synapse, FloatConv)]
    limits += [scale + _EXPONENT_MAX for scale in scales]
    scale = min([max(scales), *limits]) if scales else WEIGHT_SCALE.bit_length() - 1
    if layer.threshold:
        scale = min(scale, _fitting(layer.threshold, THRESHOLD_MAX))
    if layer.bias.any():
        scale = min(scale, _fitting(float(np.abs(layer.bias).max()), BIAS_MANT_MAX) + BIAS_EXP_MAX - STATE_SHIFT)
    return scale


def weight_scale(weight: FloatArray, weight_bits: int = WEIGHT_BITS) -> int | None:
    """The largest k with which 2^k weight, to the nearest multiple of 2^(8 - bits), lies in -128..127; None where every weight
    is zero."""
    top, bottom = float(weight.max(initial=0)), float(weight.min(initial=0))
    if top == 0 and bottom == 0:
        return None
    low, high = mantissa_range(weight_bits)
    fitting = [_fitting(value, most) for value, most in ((top, high), (-bottom, -low)) if value > 0]
    return min(fitting) + WEIGHT_BITS - weight_bits


def _fitting(value: float, most: int) -> int:
    """The largest k with which rint(2^k value) is at most ``most``."""
    scale = most.bit_length() - math.frexp(value)[1]
    return scale if round(math.ldexp(value, scale)) <= most else scale - 1


def _round_synapse(synapse: FloatDense | FloatConv, scale: int, weight_bits: int) -> Dense | Conv:
    coarse = WEIGHT_BITS - weight_bits
    if isinstance(synapse, FloatConv):
        return synapse.quantised(whole(np.ldexp(synapse.weight, scale - coarse)) << coarse)
    own = weight_scale(synapse.weight, weight_bits)
    own = scale if own is None else min(own, scale)
    delay = None if synapse.delay_steps is None else whole(synapse.delay_steps)
    return Dense(whole(np.ldexp(synapse.weight, own - coarse)) << coarse, scale - own, delay)


def round_bias(bias: FloatArray) -> tuple[IntArray, int]:
    """Mantissa and exponent of a bias in units of the states: netx's exponent where it is exact, else the finest that fits."""
    finest = next(e for e in range(BIAS_EXP_MAX + 1) if np.abs(np.rint(np.ldexp(bias, -e))).max() <= BIAS_MANT_MAX)
    at_netx = np.ldexp(bias, -NETX_BIAS_EXP)
    exponent = NETX_BIAS_EXP if finest <= NETX_BIAS_EXP and np.array_equal(np.rint(at_netx), at_netx) else finest
    return whole(np.ldexp(bias, -exponent)), exponent


def whole(values: FloatArray) -> IntArray:
    """The nearest integers; ties to even."""
    return np.rint(values).astype(np.int32)
