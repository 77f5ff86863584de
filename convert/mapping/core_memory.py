"""Core memory: what of a connection lies on a core that holds some of the neurons it reaches, and in how many bits.

Every source with a weight other than zero to a neuron of the core is one input axon there, with a list of synapses that
``SynapsePacking`` turns into words.  A list is sparse, with an index in every synapse, or dense: all neurons of the core in
turn, those with a weight of zero too.  Each core takes what is shorter.  Where a target shares the kernels of a convolution, a
core holds one list for every input channel instead, with the taps of the output channels that it has neurons of; what the
borders of the image and of the core add to that is not counted.  Axonal delays lie in the synapses, so that a delayed
convolution has nothing to share: it is unrolled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.layers import Conv
from myelin.convert.layers.conv import as_chw, unroll
from myelin.convert.mapping.loops import LinkArrays
from myelin.convert.synapses import Connection
from myelin.hw_configs.costs import SynapsePacking
from myelin.hw_configs.target import Target

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Link:
    """A connection, prepared for laying the neurons it reaches on cores.

    Attributes:
        recurrent: whether it comes from the same population.
        kind: of its synapses: ``dense`` or ``conv``.
        storage: ``lists`` (sparse or dense, as is shorter), ``unrolled`` (a convolution as lists) or ``shared`` (kernels).
        reason: why a convolution is unrolled; empty for others.
        shape: of the population it comes from.
        synapses: with a weight other than zero.
        weights, delays: stored in the network's file; delays of a recurrent connection are its own.
        longest_delay_steps: axonal and synaptic together.
        sparse_bits, dense_bits: of one synapse in a list of either form, header aside; ``dense_bits`` is 0 where there is none.
        arrays: for the loops, neurons in C order.
    """

    recurrent: bool
    kind: str
    storage: str
    reason: str
    shape: Shape
    synapses: int
    weights: int
    delays: int
    longest_delay_steps: int
    sparse_bits: int
    dense_bits: int
    arrays: LinkArrays

    @property
    def name(self) -> str:
        """``feed-forward dense`` or ``recurrent conv``."""
        return f"{'recurrent' if self.recurrent else 'feed-forward'} {self.kind}"


def empty_arrays(neurons: int) -> LinkArrays:
    """What stands for a connection that a population does not have."""
    none, unit, nowhere = np.zeros(0, np.int32), np.zeros(neurons, np.int32), np.zeros(2, np.int64)
    return LinkArrays(np.zeros(neurons + 1, np.int64), none, unit, nowhere, none, none, none, _numbers(None, 0, 0, 0))


def prepare(connection: Connection, neurons: int, target: Target) -> Link:
    """``connection`` to a population of ``neurons`` as it would lie in the memory of ``target``'s cores."""
    recurrent, synapse, shape, axonal = connection
    kind = synapse.kind
    if not isinstance(synapse, Conv):  # whatever else it is, memory holds it as the matrix that it is
        synapse = synapse.as_dense(shape)
    delay = int(axonal.max(initial=0))
    if synapse.delay_steps is not None:
        delay = int((np.broadcast_to(axonal, shape).reshape(-1) + synapse.delay_steps).max(initial=0))
    sources = int(np.prod(shape))
    if isinstance(synapse, Conv):
        reason = _unrolled_because(target, delay)
        target_of, source_of = _unrolled(synapse, shape)
    else:
        reason = ""
        target_of, source_of = np.nonzero(synapse.weight)
    ptr = np.searchsorted(target_of, np.arange(neurons + 1)).astype(np.int64)
    axon = source_of.astype(np.int32)
    shared = isinstance(synapse, Conv) and not reason
    storage = "shared" if shared else "unrolled" if isinstance(synapse, Conv) else "lists"
    sparse, dense = _synapse_bits(target, neurons, delay)
    numbers = _numbers(target.packing, sparse, 0 if shared else dense, as_chw(shape)[0] if shared else sources)
    if isinstance(synapse, Conv) and shared:
        space = neurons // len(synapse.weight)
        unit = (np.arange(neurons) // space).astype(np.int32)
        lists = _kernel_lists(synapse, shape)
        places = np.arange(sources, dtype=np.int32) % (sources // as_chw(shape)[0])
        arrays = LinkArrays(ptr, axon, unit, *lists, places, numbers)
    else:
        unit = np.arange(neurons, dtype=np.int32)
        each = np.arange(sources, dtype=np.int32)
        arrays = LinkArrays(ptr, axon, unit, ptr, axon, np.ones_like(axon), each, numbers)
    return Link(
        recurrent,
        kind,
        storage,
        reason,
        shape,
        len(axon),
        synapse.weight.size,
        axonal.size if recurrent else 0,
        delay,
        sparse,
        0 if shared else dense,
        arrays,
    )


def dense_stand_in(link: Link, neurons: int) -> Link:
    """A dense connection of ``link``'s size and delays, every weight other than zero: what its convolution saves."""
    sources = int(np.prod(link.shape))
    ptr = np.arange(neurons + 1, dtype=np.int64) * sources
    axon = np.tile(np.arange(sources, dtype=np.int32), neurons)
    numbers = link.arrays.numbers.copy()
    numbers[0], numbers[2] = sources, link.dense_bits
    unit = np.arange(neurons, dtype=np.int32)
    each = np.arange(sources, dtype=np.int32)
    arrays = LinkArrays(ptr, axon, unit, ptr, axon, np.ones_like(axon), each, numbers)
    count = neurons * sources
    return replace(link, kind="dense", storage="lists", reason="", synapses=count, weights=count, arrays=arrays)


def reordered(arrays: LinkArrays, order: Index) -> LinkArrays:
    """``arrays`` with neuron ``order[i]`` in place i."""
    counts = np.diff(arrays.axon_ptr)[order]
    ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    moved = np.repeat(arrays.axon_ptr[order] - ptr[:-1], counts) + np.arange(ptr[-1])
    axon = arrays.axon[moved]
    if arrays.list_ptr is not arrays.axon_ptr:  # units are output channels, which stay as they are
        return arrays._replace(axon_ptr=ptr, axon=axon, unit=arrays.unit[order])
    return arrays._replace(axon_ptr=ptr, axon=axon, list_ptr=ptr, list_id=axon)


def least_bits(link: Link) -> int:
    """Memory in bits below which no partition comes: every list, over all cores, with as few headers as can be, not rounded."""
    arrays, (_, sparse, dense, block, header, _) = link.arrays, link.arrays.numbers
    each = min(sparse, dense) if dense else sparse
    counts = np.bincount(arrays.list_id, arrays.list_count).astype(np.int64)
    return int(counts.sum() * each + (-(-counts // block)).sum() * header)


def operations(arrays: LinkArrays, spikes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(neurons,) synaptic operations of each neuron where the sources send ``spikes`` (sources,)."""
    total = np.concatenate([[0.0], np.cumsum(spikes[arrays.axon])])
    return total[arrays.axon_ptr[1:]] - total[arrays.axon_ptr[:-1]]


def _unrolled_because(target: Target, delay_steps: int) -> str:
    """Why ``target`` does not share the kernel of a convolution with such delays; empty where it does."""
    if target.conv_weights_shared is None:
        return f"whether {target.name} shares kernels is not public"
    if not target.conv_weights_shared:
        return f"{target.name} does not share kernels"
    return "delays lie in the synapses" if delay_steps else ""


def _unrolled(synapse: Conv, shape: Shape) -> tuple[Index, Index]:
    """Target and source of every synapse of the convolution, by target."""
    listed = unroll(synapse, as_chw(shape))
    ranked = np.argsort(listed.target, kind="stable")
    return listed.target[ranked], listed.source[ranked]


def _kernel_lists(synapse: Conv, shape: Shape) -> tuple[Index, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """For every output channel the input channels that it sees, with the number of its taps other than zero."""
    taps = np.count_nonzero(synapse.weight, axis=(2, 3))  # (out channels, in channels / groups)
    out, depth = np.nonzero(taps)
    group = out // (len(taps) // synapse.groups)
    ptr = np.searchsorted(out, np.arange(len(taps) + 1)).astype(np.int64)
    return ptr, (group * taps.shape[1] + depth).astype(np.int32), taps[out, depth].astype(np.int32)


def _synapse_bits(target: Target, neurons: int, delay_steps: int) -> tuple[int, int]:
    """Bits of a synapse in a sparse list and in a dense one; 0 and 0 where the packing is not public."""
    packing = target.packing
    if packing is None:
        return 0, 0
    most = min(neurons, target.neurons_per_core or neurons)
    weight = _width(packing, "weight_bits", target.weight_bits or packing.weight_bits[-1])
    dense = weight + _width(packing, "delay_bits", delay_steps.bit_length()) + packing.tag_bits
    return dense + _width(packing, "index_bits", (most - 1).bit_length()), dense


def _width(packing: SynapsePacking, field: str, needed: int) -> int:
    """Bits of a field; where the packing has none wide enough, what is needed: the hardware rules say whether it may be."""
    width = packing.field_bits(field, needed)
    return needed if width is None else width


def _numbers(packing: SynapsePacking | None, sparse: int, dense: int, lists: int) -> Index:
    if packing is None:
        return np.array([lists, 0, 0, 1, 0, 1], np.int64)
    return np.array([lists, sparse, dense, packing.block_synapses, packing.header_bits, packing.word_bits], np.int64)
