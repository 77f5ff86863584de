"""Sigma-delta neurons and delta encoders of training blocks: read as integers, and made of a network's integers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape, each, fewest
from myelin.convert.floats.integers import IntegerNeuron
from myelin.convert.floats.neuron import whole_values
from myelin.convert.modules.known import known_class, numbers, require_unchanged
from myelin.convert.modules.reading import ReadModule, spread_values
from myelin.convert.network import Input, Layer
from myelin.convert.neurons import Delta, Sigma, SigmaDelta
from myelin.hw_configs.errors import MyelinError, NetworkError
from myelin.hw_configs.fixed_point import SDNN_SPIKE_EXP, SDNN_STATE_EXP, WEIGHT_SCALE

#: Full name of the block of delta encoders.
DELTA = "myelin.train.layers.sigma_delta.Delta"


def is_encoder(module: object) -> bool:
    """Whether ``module`` is our block of delta encoders, or derived from it."""
    return known_class(module, (DELTA,)) is not None


def read_sigma_delta(neuron: Any, shape: Shape) -> IntegerNeuron:
    """The sigma-delta neurons of a block with a population of ``shape``.

    Raises:
        NetworkError: a bias is no multiple of 1/64, or training diverged.
    """
    try:
        given = neuron.effective_bias()
    except MyelinError as error:
        raise NetworkError(f"its neuron does not run: {error}") from error
    bias = np.zeros(()) if given is None else spread_values(numbers(given), shape, "biases")
    whole = whole_values("biases", bias * WEIGHT_SCALE, f"multiples of 1/{WEIGHT_SCALE}")
    threshold, cumulative = threshold_mantissa(neuron.threshold), bool(neuron.cumulative_error)
    return IntegerNeuron(SigmaDelta(threshold, cumulative_error=cumulative, bias=whole, activation=neuron.activation))


def read_sigma(neuron: Any, shape: Shape) -> IntegerNeuron:
    """The sums of a readout."""
    return IntegerNeuron(Sigma(), "state")


def read_delta(found: ReadModule, block: Any) -> None:
    """Add our block of delta encoders to ``found``, as neurons of the network's input.

    Raises:
        NetworkError: the block is not the first, its shape is another one, or something on it changes its computation.
    """
    known = known_class(block, (DELTA,))
    assert known is not None
    require_unchanged("it", block, known)
    own = tuple(int(size) for size in block.shape)
    if np.prod(own) != np.prod(found.source.shape):
        raise NetworkError(f"it encodes an input of shape {own}, input_shape is {found.source.shape}; give input_shape={own}")
    encoders = Delta(threshold_mantissa(block.threshold), cumulative_error=bool(block.cumulative_error))
    encode_input(found, encoders, weight=int(block.weight), bias=int(block.bias), step=float(block.step))


def encode_input(found: ReadModule, encoders: Delta, *, weight: int, bias: int, step: float, bits: int | None = None) -> None:
    """Let the input of ``found`` drive ``encoders``.

    Args:
        found: what was read; nothing so far.
        encoders: of the input.
        weight, bias: of ``Input``.
        step: distance of the module's inputs that integers stand for.
        bits: message bits of the input where ``found`` has none; None: those of the encoders.

    Raises:
        NetworkError: something stands before them.
    """
    if found.blocks or found.source.neuron is not None:
        raise NetworkError("it stands behind other blocks; delta encoders must be the first")
    chosen = found.source.message_bits or (encoders.input_message_bits if bits is None else bits)
    found.source = replace(found.source, message_bits=chosen, neuron=encoders, weight=weight, bias=bias)
    found.input_step = step


def threshold_mantissa(threshold: float) -> int:
    """The mantissa of a threshold in SLAYER's units; NetworkError if it is no multiple of 1/64."""
    mantissa = threshold * WEIGHT_SCALE
    if mantissa != int(mantissa):
        raise NetworkError(f"its threshold is {threshold:g}; a multiple of 1/{WEIGHT_SCALE} is allowed")
    return int(mantissa)


def block_sigma_delta(layer: Layer, bits: int) -> Any:
    """The trainable population of a layer of sigma-delta neurons; NetworkError if it has what blocks lack."""
    from myelin.train.neurons import SigmaDelta as TrainedSigmaDelta

    neuron: Any = layer.neuron
    _require_exponents(neuron)
    options = {"activation": neuron.activation, "cumulative_error": neuron.cumulative_error, "bias": neuron.has_bias}
    made = TrainedSigmaDelta(layer.shape, threshold=neuron.threshold / WEIGHT_SCALE, weight_bits=bits, **options)
    if made.bias is not None:
        size = made.bias.numel()
        if fewest(neuron.bias, layer.shape).size not in (1, size):
            raise NetworkError(f"its biases differ within a channel of {layer.shape}; blocks have one per channel")
        bias = each(neuron.bias, layer.shape).reshape(size, -1)[:, 0] / WEIGHT_SCALE
        made.bias.data = made.bias.data.new_tensor(bias.astype(np.float32))
    return made


def block_sigma(layer: Layer, bits: int) -> Any:
    """The trainable readout of sums of a layer."""
    from myelin.train.neurons import Sigma as TrainedSigma

    return TrainedSigma(layer.shape, weight_bits=bits)


def block_delta(source: Input) -> Any:
    """The block of an input's delta encoders, which takes values in SLAYER's units."""
    from myelin.train.layers import Delta as TrainedDelta

    neuron: Any = source.neuron
    _require_exponents(neuron)
    options = {"cumulative_error": neuron.cumulative_error, "weight": source.weight, "bias": source.bias}
    return TrainedDelta(source.shape, threshold=neuron.threshold / WEIGHT_SCALE, **options)  # type: ignore[arg-type]


def _require_exponents(neuron: Any) -> None:
    own = neuron.spike_exp, neuron.state_exp
    if own != (SDNN_SPIKE_EXP, SDNN_STATE_EXP):
        raise NetworkError(
            f"its {neuron.LABEL} have spike_exp and state_exp {own}; blocks have {(SDNN_SPIKE_EXP, SDNN_STATE_EXP)}, as SLAYER"
        )
