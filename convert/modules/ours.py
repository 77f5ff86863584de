"""Reads our own blocks, ``myelin.nn``, with the values of their forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatRecurrent
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.modules.alif import read_alif
from myelin.convert.modules.known import full_name, known_class, numbers, require_unchanged, weight_of
from myelin.convert.modules.reading import ReadBlock, ReadModule, spread_values
from myelin.convert.modules.sigma_delta import read_sigma, read_sigma_delta
from myelin.hw_configs.errors import MyelinError, NetworkError
from myelin.hw_configs.shapes import as_chw, half_kernel

_LAYERS = "myelin.train.layers."
#: Blocks whose forward pass is that of ``Block``.
BLOCKS = tuple(
    _LAYERS + name
    for name in (
        *("block.Block", "dense.Dense", "conv.Conv", "pool.Pool"),
        *("delayed_recurrent.DelayedRecurrent", "readout.Readout"),
    )
)
#: Without neurons: one axis in (C, H, W) order.
FLATTEN = _LAYERS + "flatten.Flatten"
#: Without neurons: a step of latency before the first block.
STEP_DELAY = "myelin.train.step_delay.StepDelay"
_DENSE, _CONV, _POOLED = _LAYERS + "dense.DenseSynapse", _LAYERS + "conv.ConvSynapse", _LAYERS + "readout.PooledSynapse"
_NORM = _LAYERS + "norm.BatchNorm"
_POOL = _LAYERS + "pool.PoolSynapse"
_DELAY, _RECURRENCE = (
    "myelin.train.delay.AxonalDelay",
    _LAYERS + "recurrence.Recurrence",
)


def is_block(module: object) -> bool:
    """Whether ``module`` is one of our blocks, or derived from one."""
    return known_class(module, BLOCKS) is not None


def read_block(block: Any, path: str, before: ReadModule) -> ReadBlock:
    """The layer that ``block`` computes after what was read ``before``.

    Raises:
        NetworkError: something on the block changes its computation, or it does not fit.
    """
    known = known_class(block, BLOCKS)
    assert known is not None
    require_unchanged("it", block, known)
    neuron = block.neuron
    known_neuron = known_class(neuron, _NEURONS)
    if known_neuron is None:
        known_names = ", ".join(name.rpartition(".")[2] for name in _NEURONS)
        raise NetworkError(f"it has {type(neuron).__name__} neurons; those of {known_names} can be read")
    require_unchanged("its neuron", neuron, known_neuron)
    shape = tuple(int(size) for size in neuron.shape)
    soft: list[str] = []
    population, recurrent = shape, None
    if block.recurrence is not None:
        population, recurrent = _recurrence(block.recurrence, shape, soft)
    delay: FloatArray = np.zeros(())
    if block.delay is not None:
        delay = _delays(block.delay, population, "delay", soft)
    synapse, shift = _synapse(block, before)
    read_neuron = _NEURONS[full_name(known_neuron)]
    floats = FloatLayer(population, synapse, read_neuron(neuron, shift, population), delay, recurrent)
    return ReadBlock(path, block, floats, shape, int(neuron.scale), soft[0] if soft else None)


def _cuba(neuron: Any, shift: Any, shape: Shape) -> FloatCuba:
    current, voltage = _decays(neuron, shape)
    threshold = float(neuron.threshold) if neuron.spiking else None
    return FloatCuba(threshold, current, voltage, _bias(neuron, shift, shape))


#: Neurons of blocks -> their reader: (neuron, constant input of the block's norm or None, shape of the population) -> floats.
_NEURONS: dict[str, Callable[[Any, Any, Shape], FloatNeuron]] = {
    "myelin.train.neurons.cuba.Cuba": _cuba,
    "myelin.train.neurons.alif.Alif": read_alif,
    "myelin.train.neurons.sigma_delta.SigmaDelta": lambda neuron, _, shape: read_sigma_delta(neuron, shape),
    "myelin.train.neurons.sigma_delta.Sigma": lambda neuron, _, shape: read_sigma(neuron, shape),
}


def _synapse(block: Any, before: ReadModule) -> tuple[FloatDense | FloatConv, Any]:
    """The connection with the weights of the forward pass, and the constant input of its norm, None without."""
    synapse = block.synapse
    known = known_class(synapse, (_DENSE, _CONV, _POOLED, _POOL))
    if known is None:
        raise NetworkError(
            f"it has a {type(synapse).__name__}; DenseSynapse, ConvSynapse, PoolSynapse and PooledSynapse can be read"
        )
    require_unchanged("its synapse", synapse, known)
    weight, shift = _folded(block)
    inputs = int(np.prod(before.shape))
    if known.__name__ in ("ConvSynapse", "PoolSynapse"):
        before.arrange(as_chw(tuple(int(size) for size in synapse.input_shape)))
        geometry = (tuple(synapse.stride), tuple(synapse.padding), tuple(synapse.dilation), int(synapse.groups))
        return FloatConv(weight, *geometry), shift
    if known.__name__ == "PooledSynapse":
        if inputs % weight.shape[1]:
            raise NetworkError(f"it pools {weight.shape[1]} channels, what reaches it has shape {before.shape}")
        weight = weight.repeat(inputs // weight.shape[1], axis=1)  # one weight for all positions of a channel
    dense = FloatDense(weight)
    dense.output_shape(before.shape)
    return dense, shift


def _recurrence(recurrence: Any, shape: Shape, soft: list[str]) -> tuple[Shape, FloatRecurrent]:
    """The connection of a population to itself, and the population's shape with the channels of a convolution."""
    known = known_class(recurrence, (_RECURRENCE,))
    if known is None:
        raise NetworkError(f"its recurrence is a {type(recurrence).__name__}; myelin.nn.Recurrence can be read")
    require_unchanged("its recurrence", recurrence, known)
    weight = effective(recurrence)
    synapse: FloatDense | FloatConv = FloatDense(weight) if weight.ndim == 2 else FloatConv(np.zeros((1, 1, 1, 1)))
    if weight.ndim > 2:
        kernel = weight[:, :, None, :] if weight.ndim == 3 else weight  # a row of taps
        synapse = FloatConv(kernel, padding=half_kernel((kernel.shape[2], kernel.shape[3])))
        channels = kernel.shape[0]
        if len(shape) == 1 and channels > 1:  # neurons in a row are cut into channels of one row each
            shape = (channels, 1, shape[0] // channels)
    return shape, FloatRecurrent(synapse, _delays(recurrence.delay, shape, "recurrence.delay", soft))


def effective(part: Any) -> FloatArray:
    """The weights of a synapse or a recurrence after ``pre_hook_fx``, as the forward pass uses them."""
    weight, hook = weight_of(part), part.pre_hook_fx
    return numbers(weight if hook is None else hook(weight))


def _folded(block: Any) -> tuple[FloatArray, Any]:
    """The weights of the synapse, and the constant input of the norm, as evaluation folds it; None without."""
    if block.norm is None:
        return effective(block.synapse), None
    known = known_class(block.norm, (_NORM,))
    if known is None:
        raise NetworkError(f"its norm is a {type(block.norm).__name__}; myelin.nn.BatchNorm can be read")
    require_unchanged("its norm", block.norm, known)
    weight_of(block.synapse)
    weight, shift = block.folded()
    return numbers(weight), shift


def _decays(neuron: Any, shape: Shape) -> tuple[FloatArray, FloatArray]:
    """Current and voltage decay per step as the loops over time use them, 0..1."""
    try:
        found = neuron.keep()  # learnt decays that have left their range are brought back, as in the forward pass
    except MyelinError as error:
        raise NetworkError(f"its neuron does not run: {error}") from error
    decays = [
        spread_values(1 - np.asarray(keep, np.float64), shape, name)
        for name, keep in zip(("current_decay", "voltage_decay"), found, strict=True)
    ]
    return decays[0], decays[1]


def _bias(neuron: Any, shift: Any, shape: Shape) -> FloatArray:
    """The bias in SLAYER's units as the forward pass uses it, with the constant input ``shift`` of a norm."""
    try:
        bias = neuron.effective_bias(shift)
    except MyelinError as error:
        raise NetworkError(f"its neuron does not run: {error}") from error
    return np.zeros(()) if bias is None else spread_values(numbers(bias), shape, "biases")


def _delays(delay: Any, shape: Shape, name: str, soft: list[str]) -> FloatArray:
    """Delays in steps as the forward pass uses them; ``soft`` gets the reason if it spreads them, or has fractions."""
    known = known_class(delay, (_DELAY,))
    if known is None:
        raise NetworkError(f"its {name} is a {type(delay).__name__}; myelin.nn.AxonalDelay can be read")
    require_unchanged(f"its {name}", delay, known)
    values = numbers(delay.delay)
    if not np.isfinite(values).all():
        raise NetworkError(f"its {name} is NaN or infinite: training diverged; train again with a smaller learning rate")
    values = values.clip(0, delay.max_delay)  # as its forward pass does
    if bool(delay.hard):
        return spread_values(np.asarray(delay.rounded_steps(), np.float64), shape, "delays")
    sigma, fractions = float(delay.sigma), int(np.count_nonzero(values % delay.grid))
    if sigma > 0 or fractions:
        spread = (
            f"spread by sigma={sigma:g} steps" if sigma > 0 else f"not rounded ({fractions} of {values.size} are fractions)"
        )
        soft.append(f"its {name} is still {spread}, and a chip delays by whole steps: round it with {name}.set(hard=True)")
    return spread_values(values, shape, "delays")
