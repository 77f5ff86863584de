"""Core memory: the part of a connection that a core stores for its neurons, and its size in bits.

Every source with a nonzero weight to a neuron of the core is one input axon there.  It has a list of synapses, which
``SynapsePacking`` turns into words.  A sparse list has an index in every synapse.  A dense list has one entry for each neuron
of the core, including those with weight zero.  Each core uses the shorter form.  If a target shares the kernels of a
convolution, a core instead holds one list for every input channel, with the taps of the output channels of its neurons;
extra entries at the borders of the image and of the core are not counted.  Axonal delays are stored in the synapses, so a
delayed convolution cannot share its kernel and is unrolled.
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
    """A connection, prepared for the layout of its target neurons on cores.

    Attributes:
        recurrent: whether the source is the same population.
        part: "real " or "imag " for one part of complex weights, which have a link for each; else empty.
        kind: kind of its synapses, ``dense`` or ``conv``.
        storage: ``lists`` (sparse or dense, the shorter form), ``unrolled`` (a convolution as lists) or ``shared`` (kernels).
        reason: why a convolution is unrolled; empty for others.
        shape: shape of the source population.
        synapses: number of synapses with a nonzero weight.
        weights, delays: numbers of values in the network's file; ``delays`` counts recurrent delays only.
        longest_delay_steps: the longest sum of axonal and synaptic delay.
        sparse_bits, dense_bits: bits of one synapse in a sparse and in a dense list, without header; ``dense_bits`` is 0 if
            no dense list is possible.
        arrays: the arrays for the loops, neurons in C order.
    """

    recurrent: bool
    part: str
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
        """``feed-forward dense``, ``recurrent conv`` or ``feed-forward real dense``."""
        return f"{'recurrent' if self.recurrent else 'feed-forward'} {self.part}{self.kind}"


def empty_arrays(neurons: int) -> LinkArrays:
    """The arrays of a missing connection into a population of ``neurons``."""
    none, unit, nowhere = np.zeros(0, np.int32), np.zeros(neurons, np.int32), np.zeros(2, np.int64)
    return LinkArrays(np.zeros(neurons + 1, np.int64), none, unit, nowhere, none, none, none, _numbers(None, 0, 0, 0))


def prepare(connection: Connection, neurons: int, target: Target, part: str = "") -> Link:
    """``connection``, which has one part, into a population of ``neurons``, prepared for the memory of ``target``'s cores."""
    recurrent, synapse, shape, axonal = connection
    kind = synapse.kind
    if not isinstance(synapse, Conv):  # memory holds every other connection as its matrix
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
        part,
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
    """A dense connection with ``link``'s size and delays and only nonzero weights, to compare a convolution with."""
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
    """``arrays`` with neuron ``order[i]`` at position i."""
    counts = np.diff(arrays.axon_ptr)[order]
    ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    moved = np.repeat(arrays.axon_ptr[order] - ptr[:-1], counts) + np.arange(ptr[-1])
    axon = arrays.axon[moved]
    if arrays.list_ptr is not arrays.axon_ptr:  # units are output channels, which stay as they are
        return arrays._replace(axon_ptr=ptr, axon=axon, unit=arrays.unit[order])
    return arrays._replace(axon_ptr=ptr, axon=axon, list_ptr=ptr, list_id=axon)


def least_bits(link: Link) -> int:
    """A lower bound on the memory in bits over all cores, for any partition.

    It counts every list once, with as few headers as possible and without rounding to words.
    """
    arrays, (_, sparse, dense, block, header, _) = link.arrays, link.arrays.numbers
    each = min(sparse, dense) if dense else sparse
    counts = np.bincount(arrays.list_id, arrays.list_count).astype(np.int64)
    return int(counts.sum() * each + (-(-counts // block)).sum() * header)


def operations(arrays: LinkArrays, spikes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Synaptic operations (neurons,) of each neuron if the sources send ``spikes`` (sources,)."""
    total = np.concatenate([[0.0], np.cumsum(spikes[arrays.axon])])
    return total[arrays.axon_ptr[1:]] - total[arrays.axon_ptr[:-1]]


def _unrolled_because(target: Target, delay_steps: int) -> str:
    """The reason why ``target`` does not share the kernel of a convolution with this longest delay; empty if it does."""
    if target.conv_weights_shared is None:
        return f"whether {target.name} shares kernels is not public"
    if not target.conv_weights_shared:
        return f"{target.name} does not share kernels"
    return "delays lie in the synapses" if delay_steps else ""


def _unrolled(synapse: Conv, shape: Shape) -> tuple[Index, Index]:
    """Target and source of every synapse of the convolution, sorted by target."""
    listed = unroll(synapse, as_chw(shape))
    ranked = np.argsort(listed.target, kind="stable")
    return listed.target[ranked], listed.source[ranked]


def _kernel_lists(synapse: Conv, shape: Shape) -> tuple[Index, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """(pointers, input channels, tap counts): for every output channel its input channels and their nonzero taps."""
    taps = np.count_nonzero(synapse.weight, axis=(2, 3))  # (out channels, in channels / groups)
    out, depth = np.nonzero(taps)
    group = out // (len(taps) // synapse.groups)
    ptr = np.searchsorted(out, np.arange(len(taps) + 1)).astype(np.int64)
    return ptr, (group * taps.shape[1] + depth).astype(np.int32), taps[out, depth].astype(np.int32)


def _synapse_bits(target: Target, neurons: int, delay_steps: int) -> tuple[int, int]:
    """Bits of a synapse in a sparse list and in a dense list; (0, 0) if the packing is not public."""
    packing = target.packing
    if packing is None:
        return 0, 0
    most = min(neurons, target.neurons_per_core or neurons)
    weight = _width(packing, "weight_bits", target.weight_bits or packing.weight_bits[-1])
    dense = weight + _width(packing, "delay_bits", delay_steps.bit_length()) + packing.tag_bits
    return dense + _width(packing, "index_bits", (most - 1).bit_length()), dense


def _width(packing: SynapsePacking, field: str, needed: int) -> int:
    """Bits of a field; if the packing has none wide enough, ``needed``, since the hardware rules report the violation."""
    width = packing.field_bits(field, needed)
    return needed if width is None else width


def _numbers(packing: SynapsePacking | None, sparse: int, dense: int, lists: int) -> Index:
    if packing is None:
        return np.array([lists, 0, 0, 1, 0, 1], np.int64)
    return np.array([lists, sparse, dense, packing.block_synapses, packing.header_bits, packing.word_bits], np.int64)
