"""Reads the sigma-delta neurons of lava-dl's SLAYER blocks, their delta encoders at the input and their readout of sums.

SLAYER's arithmetic is the chip's (``myelin.train.neurons.sigma_delta`` says where they part), except for a bias, also that of
``MeanOnlyBatchNorm``: SLAYER adds it together with the first input, neurons on the chip see it a step before.  It is read, and
``myelin.compare`` notes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray, whole_values
from myelin.convert.modules.known import full_name, known_class, numbers, require_unchanged
from myelin.convert.modules.reading import ReadModule, spread_values
from myelin.convert.modules.sigma_delta import encode_input, threshold_mantissa
from myelin.convert.modules.slayer_blocks.attributes import NEURON, NO_EFFECT, NORM, READ, STATE, Treatments, require_considered
from myelin.convert.modules.slayer_blocks.dropout import require_dropout
from myelin.convert.modules.slayer_blocks.layers import read_dense
from myelin.convert.modules.slayer_neurons.contract import COMMON_BLOCKS, SlayerNeuron
from myelin.convert.neurons import Delta, Sigma, SigmaDelta
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import SDNN_SPIKE_EXP, WEIGHT_SCALE

_SLAYER = "lava.lib.dl.slayer."
_NORM = _SLAYER + "neuron.norm.MeanOnlyBatchNorm"
#: Every attribute of ``slayer.neuron.sigma_delta.Neuron``.
_ATTRIBUTES: Treatments = {
    **NEURON,
    "graded_spike": READ,
    "activation": READ,
    "sigma": READ,
    "delta": READ,
    "bias": READ,
    "bias_is_set": READ,
}
#: Every attribute of its parts ``slayer.axon.Delta`` and ``slayer.dendrite.Sigma``.
_DELTA: Treatments = {
    "threshold": READ,
    "scale": READ,
    "cum_error": READ,
    **dict.fromkeys(("tau_grad", "scale_grad", "shared_param", "requires_grad", "shape"), NO_EFFECT),
    **dict.fromkeys(("persistent_state", "pre_state", "residual_state", "error_state"), STATE),
}
_SIGMA: Treatments = {"shape": NO_EFFECT, "persistent_state": STATE, "pre_state": STATE}
_PARTS = {"delta": (_SLAYER + "axon.delta.Delta", _DELTA), "sigma": (_SLAYER + "dendrite.sigma.Sigma", _SIGMA)}
#: Activations by their full name, or by that of their class.
_ACTIVATIONS = {
    "torch.nn.functional.relu": "relu",
    "torch._C._nn.relu": "relu",
    "torch.relu": "relu",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.linear.Identity": "unit",
}
#: Message bits of SLAYER's input, which it rounds to even integers in -256..254.
_INPUT_BITS = 8


def _check(neuron: Any) -> None:
    """Raise NetworkError if a part, a dropout or a scale changes the equations."""
    for name, (cls, treatments) in _PARTS.items():
        part = getattr(neuron, name)
        known = known_class(part, (cls,))
        if known is None:
            raise NetworkError(f"its neuron has {name}={type(part).__name__}; {cls.removeprefix(_SLAYER)} can be read")
        require_unchanged(f"its neuron's {name}", part, known)
        require_considered(f"its neuron's {name}", part, known, treatments)
    require_dropout(neuron.drop)
    scales = (neuron.w_scale, neuron.s_scale, neuron.delta.scale)
    if scales != (WEIGHT_SCALE, WEIGHT_SCALE << SDNN_SPIKE_EXP, WEIGHT_SCALE << SDNN_SPIKE_EXP):
        raise NetworkError(f"its neuron has w_scale, s_scale and delta.scale of {scales}; (64, 4096, 4096) can be read")
    if neuron.norm is not None and full_name(type(neuron.norm)) != _NORM:
        raise NetworkError(
            f"its neuron has norm={type(neuron.norm).__name__}, which scales its sums; MeanOnlyBatchNorm, a bias, can be read"
        )


def _encoder(neuron: Any) -> dict[str, Any]:
    thresholds = np.unique(numbers(neuron.delta.threshold))
    if thresholds.size != 1:
        raise NetworkError(f"its neuron has {thresholds.size} different thresholds; one for all is allowed")
    threshold = float(thresholds[0])
    if threshold < 1 / WEIGHT_SCALE:
        raise NetworkError(f"its threshold is {threshold:g}, which SLAYER raises to 1/4096; a multiple of 1/64 is allowed")
    return {"threshold": threshold_mantissa(threshold), "cumulative_error": neuron.delta.cum_error is True}


def _read(neuron: Any, shape: Shape, spiking: bool, dynamics: bool) -> SigmaDelta:
    """See ``SlayerNeuron.read``.

    Raises:
        NetworkError: a constant is no integer of the chip, or the activation is none that Lava has.
    """
    bias = whole_values("biases", _bias(neuron, shape) * WEIGHT_SCALE, f"multiples of 1/{WEIGHT_SCALE}")
    return SigmaDelta(**_encoder(neuron), bias=bias, activation=_activation(neuron.activation))


def _bias(neuron: Any, shape: Shape) -> FloatArray:
    """The bias, and that of the norm."""
    total = np.zeros(())
    if neuron.bias_is_set:
        total = total + spread_values(numbers(neuron.bias), shape, "biases")
    norm = neuron.norm
    if norm is not None:
        require_unchanged("its norm", norm, type(norm))
        require_considered("its norm", norm, type(norm), NORM)
        mean = norm.running_mean
        total = total - spread_values(numbers(norm.pre_hook_fx(mean)), shape, "means")
    return total


def _activation(given: Any) -> Any:
    names = {full_name(type(given)), f"{getattr(given, '__module__', '')}.{getattr(given, '__name__', '')}"}
    if type(given).__name__ == "builtin_function_or_method":  # torch.relu
        names.add(f"torch.{given.__name__}")
    found = [kind for name, kind in _ACTIVATIONS.items() if name in names]
    if not found:
        shown = getattr(given, "__name__", type(given).__name__)
        raise NetworkError(
            f"its activation is {shown}; torch.nn.functional.relu and torch.nn.Identity(), relu and unit in Lava, can be read"
        )
    return found[0]


def _read_input(entry: SlayerNeuron, found: ReadModule, block: Any, path: str, raw: bool) -> None:
    """Add an Input block to ``found``: its delta encoders as those of the network's input.

    SLAYER rounds an input to even multiples of 1/64; netx's integers may be odd.

    Raises:
        NetworkError: the block is not the first, or the network's input cannot have its neurons.
    """
    if block.delay is not None:
        raise NetworkError("it has a delay, which its forward pass does not use; build it with delay=False")
    if block.neuron is None:
        return
    entry.require_plain(block.neuron)
    constants = {name: _constant(block, name) for name in ("weight", "bias")}
    weight = 1.0 if block.weight is None else constants["weight"] / WEIGHT_SCALE
    if weight != int(weight):
        raise NetworkError(f"its weight is {weight:g}; an integer is allowed, by which the chip multiplies the input")
    bias = int(constants["bias"])
    encode_input(found, Delta(**_encoder(block.neuron)), weight=int(weight), bias=bias, step=1 / WEIGHT_SCALE, bits=_INPUT_BITS)


def _constant(block: Any, name: str) -> float:
    """A constant of an Input block as the forward pass uses it, in multiples of 1/64; 0 if there is none."""
    given = getattr(block, name)
    if given is None:
        return 0.0
    value = float(numbers(block.pre_hook_fx(given)).reshape(-1)[0]) * WEIGHT_SCALE
    if value != int(value):
        raise NetworkError(f"its {name} is {value / WEIGHT_SCALE:g} and not quantised; a multiple of 1/64 is allowed")
    return value


def _read_output(entry: SlayerNeuron, found: ReadModule, block: Any, path: str, raw: bool) -> None:
    """Append an Output block to ``found``: the sums of a dense connection."""
    entry.require_plain(block.neuron)
    read_dense(entry, found, block, path, Sigma(), raw=raw)


#: Blocks and neurons of ``slayer.block.sigma_delta`` and ``slayer.neuron.sigma_delta``.
SIGMA_DELTA = SlayerNeuron(
    "sigma_delta",
    "sigma-delta",
    _ATTRIBUTES,
    _check,
    _read,
    tuple(kind for kind in COMMON_BLOCKS if kind != "Recurrent"),
    own_blocks={"Input": _read_input, "Output": _read_output},
)
