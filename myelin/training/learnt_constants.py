"""What training learns of a layer beside weights, delays and decays: its bias, its threshold, and a norm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, STATE_SCALE
from myelin.training.trained_neurons import TrainedNeuron

if TYPE_CHECKING:
    from myelin.train.layers import Block

#: (values broadcastable to a shape, the shape, a number of groups) -> a value for each group, None if they differ in one.
Spread = Callable[[FloatArray, Shape, int], FloatArray | None]


def learnt_constants(
    neuron: TrainedNeuron, block: Block, exponent: int, where: str, own: Mapping[str, Any], spread: Spread
) -> dict[str, Any]:
    """Parameters of ``block`` by name; with a norm also its running statistics and the weights that it normalises.

    Args:
        neuron: constants of the layer to start from.
        block: the configured block.
        exponent: power of two by which the layer is scaled.
        where: section of the layer in the configuration.
        own: tensors of this layer in the run to start from, by name; empty if it is no run.
        spread: see ``Spread``.

    Raises:
        NetworkError: the configuration has a norm that the start lacks, or no bias where the start has one.
    """
    found: dict[str, Any] = {}
    trained: Any = block.neuron
    if getattr(trained, "learnt_threshold", None) is not None and neuron.threshold is not None:
        found["neuron.learnt_threshold"] = np.array(math.ldexp(neuron.threshold, exponent))
    parameter = getattr(trained, "bias", None)
    if block.norm is not None:
        if "norm.weight" not in own:
            raise NetworkError(
                f"has no norm, or one that is folded into its weights, its configuration norm = batch; set {where}.norm=none"
            )
        found |= {name: own[name] for name in ("synapse.weight", "norm.running_mean", "norm.running_var")}
        found["norm.weight"] = np.ldexp(own["norm.weight"], exponent)
        bias = own.get("neuron.bias", np.zeros(1))
        if parameter is not None:
            found["neuron.bias"] = np.ldexp(np.broadcast_to(bias, parameter.shape) if bias.size == 1 else bias, exponent)
        elif bias.any():
            raise _no_bias(where)
        return found
    if parameter is None:
        if neuron.bias.any():
            raise _no_bias(where)
        return found
    values = spread(np.ldexp(neuron.bias, exponent), tuple(block.shape), parameter.numel())
    if values is None:
        raise NetworkError("has other biases within a channel, its configuration one per channel; start from a network without")
    largest = BIAS_MANT_MAX * (1 << trained.bias_exp) / STATE_SCALE
    if np.abs(values).max() > largest:
        raise NetworkError(
            f"has biases of {values.min():g}..{values.max():g}; with neuron.bias_exp={trained.bias_exp}, up to {largest:g} is "
            "allowed"
        )
    return {**found, "neuron.bias": values}


def finest_bias_exponent(biases: list[FloatArray], usual: int) -> int:
    """The largest exponent up to ``usual`` on whose grid all ``biases`` lie; ``usual`` if there is none."""
    whole = np.concatenate([np.asarray(bias).reshape(-1) for bias in biases]) * STATE_SCALE
    return next((e for e in range(usual, -1, -1) if not np.any(whole % (1 << e))), usual)


def _no_bias(where: str) -> NetworkError:
    return NetworkError(f"has a bias, its configuration none; set {where}.bias=true")
