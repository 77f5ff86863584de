"""Connections prepared for the event engine's loops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from convert.arrays import IntArray, Shape
from convert.layers import Conv, Dense
from convert.layers.conv import as_chw, unroll

#: No connection.
NONE = 0
#: One delay for all synapses of a source: spikes under way are listed by step of arrival, their rows of weights added there.
ROWS = 1
#: A delay for every synapse.
SYNAPSES = 2
#: Convolution with a delay for each source; nothing is unrolled.
CONV = 3
#: Negative weight exponent that does not divide the weights: sums are kept apart by delay, then each is shifted and floored.
BINS = 4
#: A list of synapses for each source, with one delay for all of them: a small convolution, unrolled.
LIST = 5

#: Rows of weights that are added in 16 bit before they are widened.
ROWS_AT_ONCE = 8

#: Convolutions to up to as many output channels of a group, of up to as many synapses, become lists.
LISTED_CHANNELS = 2
LISTED_SYNAPSES = 1 << 17


class Plan(NamedTuple):
    """A connection, prepared.

    Attributes:
        kind: NONE, ROWS, SYNAPSES, CONV, LIST or BINS.
        weight: (sources, targets), exponent folded in unless BINS; ROWS: with a row of zeros at the end; CONV: (in channels,
            kernel height * width * out / groups); LIST: (1, synapses), those of a source side by side.
        delay: ROWS, CONV, LIST: (sources, 1) steps; SYNAPSES: (sources, targets) steps; BINS: the same shapes, index into
            ``bins``.
        geometry: CONV: channels, height, width in; the same out; kernel, stride, padding, dilation (two each); groups.
            LIST: (sources + 1,) where the synapses of each source begin.
        bins: BINS: the delays that occur, in steps, ascending.  LIST: the target of each synapse.
            CONV: (3 sources,) channel, y and x of each source.
        shift: BINS: bits to shift right.
    """

    kind: int
    weight: npt.NDArray[Any]
    delay: npt.NDArray[np.int32]
    geometry: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int32]
    shift: int


NO_PLAN = Plan(NONE, np.zeros((1, 1), np.int16), np.zeros((1, 1), np.int32), np.zeros(15, np.int64), np.zeros(1, np.int32), 0)


def is_narrow(plan: Plan, largest: int) -> bool:
    """Whether the weights of as many spikes of up to ``largest`` as are added at once fit 16 bit."""
    if plan.weight.dtype != np.int16:
        return False
    heaviest = max(int(plan.weight.max(initial=0)), -int(plan.weight.min(initial=0)))
    return ROWS_AT_ONCE * heaviest * largest < 1 << 15


class Order(NamedTuple):
    """In which order a connection sees its two populations: ``order[i]`` is the flat index of neuron i; None for C order."""

    source: IntArray | None = None
    target: IntArray | None = None


C_ORDER = Order()


def channels_last(shape: Shape) -> IntArray:
    """The order (height, width, channels) of a population of ``shape`` (channels, height, width).

    A spike reaches all output channels of a place in one addition of vectors then.
    """
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape).transpose(1, 2, 0).reshape(-1)


def plan_connection(synapse: Dense | Conv, shape: Shape, axonal: IntArray, order: Order = C_ORDER) -> Plan:
    """``synapse`` as the loops want it, from a population of ``shape`` whose spikes are delayed by ``axonal`` steps.

    Targets of a convolution with several output channels must be ordered with ``channels_last``, unless it is a list.
    """
    axon = ordered_axons(shape, axonal, order).reshape(-1, 1)
    if isinstance(synapse, Conv):
        synapses = int(np.prod(synapse.output_shape(as_chw(shape)))) * synapse.weight[0].size
        if len(synapse.weight) // synapse.groups <= LISTED_CHANNELS and synapses <= LISTED_SYNAPSES:
            return _plan_list(synapse, shape, axon, order)
        places = np.stack(np.unravel_index(np.arange(axon.size), as_chw(shape)), axis=1)
        return NO_PLAN._replace(
            kind=CONV,
            weight=_small(_conv_rows(synapse)),
            delay=axon,
            geometry=_geometry(synapse, shape),
            bins=(places if order.source is None else places[order.source]).reshape(-1).astype(np.int32),
        )
    weight = ordered_matrix(synapse.weight.T, order)
    delay = axon if synapse.delay_steps is None else axon + ordered_matrix(synapse.delay_steps.T, order)
    shift = -synapse.weight_exp
    if shift > 0 and np.any(weight & ((1 << shift) - 1)):
        bins, index = np.unique(delay, return_inverse=True)
        places = index.reshape(delay.shape).astype(np.int32)
        return NO_PLAN._replace(kind=BINS, weight=_small(weight), delay=places, bins=bins.astype(np.int32), shift=shift)
    weight = weight << synapse.weight_exp if shift <= 0 else weight >> shift
    if np.all(delay == delay[:, :1]):
        weight = np.concatenate([weight, np.zeros((1, weight.shape[1]), weight.dtype)])
        return NO_PLAN._replace(kind=ROWS, weight=_small(weight), delay=np.ascontiguousarray(delay[:, :1]))
    return NO_PLAN._replace(kind=SYNAPSES, weight=_small(weight), delay=delay)


def ordered_axons(shape: Shape, axonal: IntArray, order: Order) -> IntArray:
    """Axonal delay of each source (sources,), int32, in the connection's order."""
    delay = np.broadcast_to(axonal, shape).reshape(-1).astype(np.int32)
    return delay if order.source is None else delay[order.source]


def ordered_matrix(matrix: IntArray, order: Order) -> IntArray:
    """``matrix`` (sources, targets) in the connection's order, in memory row by row."""
    if order.source is not None:
        matrix = matrix[order.source]
    if order.target is not None:
        matrix = matrix[:, order.target]
    return np.ascontiguousarray(matrix)


def _geometry(synapse: Conv, shape: Shape) -> npt.NDArray[np.int64]:
    out, kernel = synapse.output_shape(as_chw(shape)), synapse.weight.shape[2:]
    spacing = (*synapse.stride, *synapse.padding, *synapse.dilation)
    return np.array((*as_chw(shape), *out, *kernel, *spacing, synapse.groups), np.int64)


def _plan_list(synapse: Conv, shape: Shape, axon: IntArray, order: Order) -> Plan:
    weight, target, source, (_, sources) = unroll(synapse, shape)
    if order.source is not None:
        source = np.argsort(order.source)[source]
    if order.target is not None:
        target = np.argsort(order.target)[target]
    ranked = np.argsort(source, kind="stable")
    return NO_PLAN._replace(
        kind=LIST,
        weight=_small(weight[ranked].reshape(1, -1)),
        delay=axon,
        geometry=np.searchsorted(source[ranked], np.arange(sources + 1)).astype(np.int64),
        bins=target[ranked].astype(np.int32),
    )


def _conv_rows(synapse: Conv) -> IntArray:
    """Kernel as (in channels, kernel height * width * out channels / groups): what a spike of one channel adds, tap by tap."""
    out, depth, height, width = synapse.weight.shape
    grouped = synapse.weight.reshape(synapse.groups, out // synapse.groups, depth, height, width)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1)).reshape(synapse.groups * depth, -1)


def _small(weight: IntArray) -> npt.NDArray[Any]:
    """``weight`` in 16 bit where that holds it: half the memory traffic of the inner loop."""
    limits = np.iinfo(np.int16)
    fits = weight.min(initial=0) >= limits.min and weight.max(initial=0) <= limits.max
    return weight.astype(np.int16 if fits else np.int32)
