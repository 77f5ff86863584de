"""Plain rounding of a ``FloatNetwork`` to the nearest integers, without data.

A layer's weights, bias and threshold have one common scale, which changes no spike.  It is a power of two, so scaling adds no
error::

    W = rint(2^k w),  threshold = rint(2^k threshold),  bias = rint(2^(k + 6) bias),  decay = rint(4096 decay),  d = rint(d)

k is the largest number at which every weight of a connection lies in -128..127, the range of 8 signed bits.  With fewer bits b,
weights are multiples of 2^(8 - b) in that range; other constants keep their resolution.  If the recurrent and the feed-forward
connection need different k, the layer uses the larger one, and the other connection stores the difference as its weight
exponent.  A convolution has no weight exponent, so the layer's k is at most the convolution's.  k is lowered further until
threshold and bias fit their fields.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork
from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.convert.quantise.scalar import fitting, whole
from myelin.hw_configs.fixed_point import (
    WEIGHT_BITS,
    WEIGHT_SCALE,
)
from myelin.hw_configs.weight_grid import mantissa_range

#: Largest weight exponent of ``myelin.convert.layers.Dense``.
_EXPONENT_MAX = 16


def round_network(network: FloatNetwork, weight_bits: int = WEIGHT_BITS) -> Network:
    """The integer network nearest to ``network``, layer by layer; the module gives the equations; ``weight_bits``: 2..8.

    Raises:
        NetworkError: a layer cannot be represented in integers; the message names the layer.
    """
    layers = []
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            layers.append(round_layer(layer, weight_bits))
    return Network(Input(network.input_shape, network.message_bits), tuple(layers), network.average_groups)


@dataclass(frozen=True)
class RoundingError:
    """Rounding errors of a layer.

    Attributes:
        scale: k; weight 1 became 2^k.
        weight: largest error of a weight, relative to the largest weight of its connection.
        threshold: relative error of the threshold; 0 for a readout of states.
        decay: largest error of a decay per step.
        delay_steps: largest error of a delay, in steps.
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
    """The errors of ``network``, made by ``round_network(floats)``, for each layer."""
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
        if largest:
            weights.append(float(np.abs(np.ldexp(got.weight, got.weight_exp - scale) - synapse.weight).max() / largest))
        if isinstance(synapse, FloatDense) and synapse.delay_steps is not None:
            assert got.delay_steps is not None
            delays.append((synapse.delay_steps, got.delay_steps))
    threshold, decay = layer.neuron.rounding_errors(rounded.neuron, scale)
    late = max(float(np.abs(got - wanted).max()) for wanted, got in delays)
    return RoundingError(scale, max(weights), threshold, decay, late)


def round_layer(layer: FloatLayer, weight_bits: int = WEIGHT_BITS) -> Layer:
    """One layer in integers; see ``round_network``."""
    scale = layer_scale(layer, weight_bits)
    recurrent = None
    if layer.recurrent is not None:
        delay = whole(layer.recurrent.delay_steps)
        recurrent = DelayedRecurrent(_round_synapse(layer.recurrent.synapse, scale, weight_bits), delay)
    synapse = _round_synapse(layer.real_synapse, scale, weight_bits)
    return Layer(layer.shape, synapse, layer.neuron.rounded(scale), whole(layer.delay_steps), recurrent, layer.output)


def layer_scale(layer: FloatLayer, weight_bits: int = WEIGHT_BITS) -> int:
    """The exponent k of a layer: float weight 1 becomes the integer 2^k."""
    own = [(synapse, weight_scale(synapse.weight, weight_bits)) for synapse in layer.connections]
    scales = [scale for _, scale in own if scale is not None]
    limits = [scale for synapse, scale in own if scale is not None and isinstance(synapse, FloatConv)]
    limits += [scale + _EXPONENT_MAX for scale in scales]
    scale = min([max(scales), *limits]) if scales else WEIGHT_SCALE.bit_length() - 1
    return layer.neuron.fitting_scale(scale)


def weight_scale(weight: FloatArray, weight_bits: int = WEIGHT_BITS) -> int | None:
    """The largest k at which 2^k weight, rounded to a multiple of 2^(8 - bits), lies in -128..127; None if all are zero."""
    top, bottom = float(weight.max(initial=0)), float(weight.min(initial=0))
    if top == 0 and bottom == 0:
        return None
    low, high = mantissa_range(weight_bits)
    scales = [fitting(value, most) for value, most in ((top, high), (-bottom, -low)) if value > 0]
    return min(scales) + WEIGHT_BITS - weight_bits


def _round_synapse(synapse: FloatDense | FloatConv, scale: int, weight_bits: int) -> Dense | Conv:
    coarse = WEIGHT_BITS - weight_bits
    if isinstance(synapse, FloatConv):
        return synapse.quantised(whole(np.ldexp(synapse.weight, scale - coarse)) << coarse)
    own = weight_scale(synapse.weight, weight_bits)
    own = scale if own is None else min(own, scale)
    delay = None if synapse.delay_steps is None else whole(synapse.delay_steps)
    return Dense(whole(np.ldexp(synapse.weight, own - coarse)) << coarse, scale - own, delay)
