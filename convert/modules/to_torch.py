"""The inverse of ``from_torch``: a network as a ``Sequential`` of our blocks, to train it further with its integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, fewest
from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.layers.synapse import Synapse
from myelin.convert.modules.alif import block_alif
from myelin.convert.modules.cuba import block_cuba
from myelin.convert.modules.sigma_delta import block_delta, block_sigma, block_sigma_delta
from myelin.convert.network import Input, Layer, naming_layer
from myelin.convert.neurons import Alif, Cuba, Delta, Sigma, SigmaDelta
from myelin.convert.opened import Source, opened_source
from myelin.convert.registry import Handlers
from myelin.hw_configs.argument_checks import is_integer, shown
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import NETX_MAX_DELAY_STEPS, WEIGHT_BITS, WEIGHT_SCALE
from myelin.hw_configs.parts import require
from myelin.hw_configs.shapes import as_chw, half_kernel
from myelin.hw_configs.weight_grid import mantissa_range

#: Integer neuron -> the population of a block with its constants, from (layer, bits of a weight in training).
BLOCK_NEURONS: Handlers[Callable[[Layer, int], Any]] = Handlers(
    "it has {name} neurons; blocks have CUBA, ALIF and sigma-delta neurons"
)
BLOCK_NEURONS.register(Cuba)(block_cuba)
BLOCK_NEURONS.register(Alif)(block_alif)
BLOCK_NEURONS.register(SigmaDelta)(block_sigma_delta)
BLOCK_NEURONS.register(Sigma)(block_sigma)
#: Integer neurons at a network's input -> the block of them, from the input.
INPUT_BLOCKS: Handlers[Callable[[Input], Any]] = Handlers("the network's input drives neurons of its own, of class {name}")
INPUT_BLOCKS.register(Delta)(block_delta)

#: Largest power of two that is tried as the distance between neighbouring weights, 2^(8 + the largest exponent).
_STEPS = 16


def to_torch(network: Source, *, weight_bits: int | None = None) -> Any:
    """A ``torch.nn.Sequential`` of our blocks with the integers of ``network``: ``from_torch`` of it gives them back.

    Its forward pass keeps the grid of the integers, so it can be trained further, as to regain what quantisation has lost:
    weights stay on ``weight_bits`` bits of each connection's step, delays are rounded.  Decays are not learnt.

    Args:
        network: a network of CUBA or of sigma-delta neurons, or a path of one.
        weight_bits: bits of a weight in training, 2..8; None: the fewest that hold the weights of all connections.

    Raises:
        NetworkError: our blocks lack something of the network (named), or the weights need more bits.
        MissingPartError: torch is not installed.
    """
    require("torch")
    from myelin.train.evaluate import sequence

    integers = opened_source(network).network
    encoders = [] if integers.input.neuron is None else [INPUT_BLOCKS.of(integers.input.neuron)(integers.input)]
    if integers.average_groups is not None:
        raise NetworkError(
            f"the network ends in an average over {integers.average_groups} groups, which blocks lack; leave it out, "
            "and average in the "
            "loss"
        )
    weights: dict[tuple[int, bool], IntArray] = {}
    for index, layer in enumerate(integers.layers):
        with naming_layer(index, layer.kind):
            for recurrent, synapse in enumerate(_connections(layer)):
                weights[index, bool(recurrent)] = _weight(synapse)
    needed = max(_fewest_bits(weight) for weight in weights.values())
    bits = needed if weight_bits is None else weight_bits
    if not is_integer(bits) or not needed <= bits <= WEIGHT_BITS:
        raise NetworkError(f"weight_bits is {shown(bits)}; {needed} (as the weights need) to {WEIGHT_BITS} is allowed")
    blocks, shape = [], integers.input.shape
    for index, layer in enumerate(integers.layers):
        with naming_layer(index, layer.kind):
            own = weights.get((index, True))
            blocks.append(_block(layer, shape, bits, weights[index, False], own))
        shape = layer.shape
    return sequence([*encoders, *blocks])


def _connections(layer: Layer) -> list[Synapse]:
    return [layer.synapse] if layer.recurrent is None else [layer.synapse, layer.recurrent.synapse]


def _block(layer: Layer, before: Shape, bits: int, weight: IntArray, own: IntArray | None) -> Any:
    from myelin.train.layers import Block, ConvSynapse, DenseSynapse

    neuron = BLOCK_NEURONS.of(layer.neuron)(layer, bits)
    synapse: ConvSynapse | DenseSynapse
    if isinstance(layer.synapse, Conv):
        conv = layer.synapse
        geometry = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups")}
        synapse = ConvSynapse(as_chw(before), weight.shape[0], (weight.shape[2], weight.shape[3]), **geometry)
    else:
        synapse = DenseSynapse(weight.shape[1], weight.shape[0])
    _fill(synapse.weight, weight / WEIGHT_SCALE)
    recurrence = None
    if layer.recurrent is not None and own is not None:
        recurrence = _recurrence(layer.recurrent, layer.shape, own)
    delay = _delay(layer.delay_steps, layer.shape) if layer.delay_steps.any() else None
    block = Block(synapse, neuron, recurrence=recurrence, delay=delay)
    synapse.pre_hook_fx = partial(neuron.quantise, unit=_unit(weight, bits))
    if recurrence is not None and own is not None:
        recurrence.pre_hook_fx = partial(neuron.quantise, unit=_unit(own, bits))
    return block


def _recurrence(recurrent: DelayedRecurrent, shape: Shape, weight: IntArray) -> Any:
    from myelin.train.layers import Recurrence

    if isinstance(recurrent.synapse, Conv):
        conv, kernel = recurrent.synapse, (weight.shape[2], weight.shape[3])
        plain = conv.stride == conv.dilation == (1, 1) and conv.groups == 1 and conv.padding == half_kernel(kernel)
        if not plain or not all(size % 2 for size in kernel):
            raise NetworkError(
                f"its recurrent convolution has a kernel of {kernel}, stride {conv.stride}, padding {conv.padding}, dilation "
                f"{conv.dilation} and {conv.groups} groups; blocks have odd kernels padded by half, without the rest"
            )
        if len(shape) == 1:
            weight = weight[:, :, 0, :]  # a row of taps
    delay = _delay(recurrent.delay_steps, shape)
    made = Recurrence(delay.delay.data.new_tensor((weight / WEIGHT_SCALE).astype(np.float32)), delay)
    return made


def _delay(steps: IntArray, shape: Shape) -> Any:
    """Learnable delays, rounded in the forward pass, that start at ``steps``."""
    from myelin.train.delay import AxonalDelay

    values = fewest(steps, shape)
    delay = AxonalDelay(values.size, max_delay=max(int(values.max()), NETX_MAX_DELAY_STEPS))
    _fill(delay.delay, values)
    delay.set(hard=True)
    return delay


def _fill(parameter: Any, values: npt.NDArray[Any]) -> None:
    parameter.data = parameter.data.new_tensor(values.astype(np.float32))


def _weight(synapse: Synapse) -> IntArray:
    """The integer weights with their exponent; NetworkError if blocks have no such connection."""
    if not isinstance(synapse, Dense | Conv):
        raise NetworkError(f"it has a {synapse.kind} connection; blocks have dense ones and convolutions")
    if synapse.delay_steps is not None and synapse.delay_steps.any():
        raise NetworkError("it has a delay on every synapse; blocks have axonal delays, one per neuron")
    weight = np.ldexp(synapse.weight.astype(np.float64), synapse.weight_exp)
    if np.any(weight != np.rint(weight)):
        raise NetworkError(f"its weight_exp of {synapse.weight_exp} makes fractions of its weights, which floors their sums")
    if np.abs(weight).max(initial=0) >= 1 << _STEPS or _fewest_bits(weight.astype(np.int32)) > WEIGHT_BITS:
        raise NetworkError(f"its weights lie in {weight.min():g}..{weight.max():g}; a trained block holds 8 bits of one step")
    return weight.astype(np.int32)


def _fewest_bits(weight: IntArray) -> int:
    """The fewest bits, at least 2, that hold all weights as multiples of a power of two; 9 if no 8 bits do."""
    for bits in range(2, WEIGHT_BITS + 1):
        if _unit(weight, bits):
            return bits
    return WEIGHT_BITS + 1


def _unit(weight: IntArray, bits: int) -> int:
    """The smallest power of two of which all weights are multiples of ``bits`` bits; 0 if there is none."""
    low, high = mantissa_range(bits)
    for unit in (1 << step for step in range(_STEPS)):
        if not np.any(weight % unit) and low * unit <= weight.min(initial=0) and weight.max(initial=0) <= high * unit:
            return unit
    return 0
