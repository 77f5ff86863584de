"""Connections prepared for the event engine's loops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.layers import Conv, Dense, Synapse
from myelin.convert.layers.conv import as_chw

#: Connections with loops in the engines.
PLANNED = (Dense, Conv)

#: No connection.
NONE = 0
#: One delay for all synapses of a source: pending spikes are listed by step of arrival; their rows of weights are added then.
ROWS = 1
#: One delay per synapse.
SYNAPSES = 2
#: Convolution with one delay per source, without unrolling.
CONV = 3
#: Negative weight exponent that does not divide the weights: one sum per delay, which is then shifted with a floor.
BINS = 4
#: Convolution of stride 1 to one channel: pending spikes are marked in the image of their arrival step, which is convolved.
STENCIL = 5

#: Number of rows of weights added in 16 bit before the sum is widened.
ROWS_AT_ONCE = 8


class ConnectionPlan(NamedTuple):
    """A connection prepared for the event engine.

    Attributes:
        kind: NONE, ROWS, SYNAPSES, CONV, BINS or STENCIL.
        weight: (sources, targets), with the exponent applied except for BINS.  ROWS: with a row of zeros at the end.  CONV:
            (in channels, kernel height * width * out / groups).  STENCIL: (1, channels * kernel height * width).
        delay: ROWS, CONV, STENCIL: (sources, 1) in steps.  SYNAPSES: (sources, targets) in steps.  BINS: either shape, as
            indices into ``bins``.
        geometry: CONV, STENCIL: channels, height, width of the source; the same of the target; kernel, stride, padding,
            dilation (two each); groups.
        bins: BINS: the delays that occur, in steps, ascending.  CONV: (3 sources,) channel, y and x of each source.  STENCIL:
            the position of each source in the padded image, then the image's size.
        shift: BINS: number of bits to shift right.
        heaviest: the largest magnitude of a weight.
    """

    kind: int
    weight: npt.NDArray[Any]
    delay: npt.NDArray[np.int32]
    geometry: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int32]
    shift: int
    heaviest: int


_NO_DELAY, _NO_GEOMETRY, _NO_BINS = np.zeros((1, 1), np.int32), np.zeros(15, np.int64), np.zeros(1, np.int32)
NO_PLAN = ConnectionPlan(NONE, np.zeros((1, 1), np.int16), _NO_DELAY, _NO_GEOMETRY, _NO_BINS, 0, 0)


def is_narrow(plan: ConnectionPlan, largest: int) -> bool:
    """True if the sum of ``ROWS_AT_ONCE`` weights times spikes of magnitudes up to ``largest`` always fits 16 bit."""
    return plan.weight.dtype == np.int16 and ROWS_AT_ONCE * plan.heaviest * largest < 1 << 15


def alike(*plans: ConnectionPlan) -> tuple[ConnectionPlan, ...]:
    """The plans with weights of one type, 32 bit if any needs it, so that loops are compiled for few pairs of types."""
    if len({plan.weight.dtype for plan in plans}) == 1:
        return plans
    return tuple(plan._replace(weight=plan.weight.astype(np.int32)) for plan in plans)


class Order(NamedTuple):
    """The order of a connection's two populations: ``order[i]`` is the flat index of neuron i; None for C order."""

    source: IntArray | None = None
    target: IntArray | None = None


C_ORDER = Order()


def channels_last(shape: Shape) -> IntArray:
    """The order (height, width, channels) of a population of ``shape`` (channels, height, width).

    In this order a spike reaches all output channels of a place in one vector addition.
    """
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape).transpose(1, 2, 0).reshape(-1)


def plan_connection(
    synapse: Synapse, shape: Shape, axonal: IntArray, order: Order = C_ORDER, *, stencil: bool = True
) -> ConnectionPlan:
    """The plan of ``synapse`` for a source population of ``shape`` with delays of ``axonal`` steps.

    The targets of a convolution with several output channels must be in the order ``channels_last``.  Without ``stencil``, a
    convolution is always CONV.
    """
    plan = _plan(synapse, shape, ordered_axons(shape, axonal, order).reshape(-1, 1), order, stencil)
    return plan._replace(heaviest=int(np.abs(plan.weight.astype(np.int64)).max(initial=0)))


def _plan(synapse: Synapse, shape: Shape, axon: IntArray, order: Order, stencil: bool) -> ConnectionPlan:
    if isinstance(synapse, Conv):
        if stencil and len(synapse.weight) == 1 and synapse.stride == (1, 1):
            return _plan_stencil(synapse, shape, axon, order)
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
    """Axonal delays (sources,) int32 of the sources, in the connection's order."""
    delay = np.broadcast_to(axonal, shape).reshape(-1).astype(np.int32)
    return delay if order.source is None else delay[order.source]


def ordered_matrix(matrix: IntArray, order: Order) -> IntArray:
    """``matrix`` (sources, targets) in the connection's order, contiguous in row-major order."""
    if order.source is not None:
        matrix = matrix[order.source]
    if order.target is not None:
        matrix = matrix[:, order.target]
    return np.ascontiguousarray(matrix)


def _geometry(synapse: Conv, shape: Shape) -> npt.NDArray[np.int64]:
    out, kernel = synapse.output_shape(as_chw(shape)), synapse.weight.shape[2:]
    spacing = (*synapse.stride, *synapse.padding, *synapse.dilation)
    return np.array((*as_chw(shape), *out, *kernel, *spacing, synapse.groups), np.int64)


def _plan_stencil(synapse: Conv, shape: Shape, axon: IntArray, order: Order) -> ConnectionPlan:
    channels, height, width = as_chw(shape)
    (top, left), (c, y, x) = synapse.padding, np.indices((channels, height, width))
    padded = (channels, height + 2 * top, width + 2 * left)
    place = np.ravel_multi_index((c, y + top, x + left), padded).reshape(-1)
    place = place if order.source is None else place[order.source]
    return NO_PLAN._replace(
        kind=STENCIL,
        weight=_small(synapse.weight.reshape(len(synapse.weight), -1)),
        delay=axon,
        geometry=_geometry(synapse, shape),
        bins=np.append(place, int(np.prod(padded))).astype(np.int32),
    )


def _conv_rows(synapse: Conv) -> IntArray:
    """The kernel as (in channels, kernel height * width * out channels / groups): the values a spike of one channel adds."""
    out, depth, height, width = synapse.weight.shape
    grouped = synapse.weight.reshape(synapse.groups, out // synapse.groups, depth, height, width)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1)).reshape(synapse.groups * depth, -1)


def _small(weight: IntArray) -> npt.NDArray[Any]:
    """``weight`` as int16 if the values fit, which halves the memory traffic of the inner loop; else as int32."""
    limits = np.iinfo(np.int16)
    fits = weight.min(initial=0) >= limits.min and weight.max(initial=0) <= limits.max
    return weight.astype(np.int16 if fits else np.int32)
