"""Synapse packing and event costs of a chip: parts of a ``Target``, each with the chip it was published for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple


@dataclass(frozen=True)
class SynapsePacking:
    """Layout of the synapses of one input axon in a core's memory.

    The synapses form blocks of at most ``block_synapses``.  A block of n synapses takes ``n * (weight bits + delay bits + tag
    bits [+ index bits when sparse]) + header_bits`` bits, rounded up to words of ``word_bits``.

    Attributes:
        published_for: target for which this packing was published; for another target it is an estimate.
        header_bits, block_synapses, word_bits: see above.
        tag_bits: tag bits of a synapse that does not learn.
        weight_bits, delay_bits, index_bits: possible widths of these fields in bits, in rising order.
    """

    published_for: str
    header_bits: int
    block_synapses: int
    word_bits: int
    tag_bits: int
    weight_bits: tuple[int, ...]
    delay_bits: tuple[int, ...]
    index_bits: tuple[int, ...]

    def axon_bits(self, synapses: int, *, weight_bits: int, delay_bits: int = 0, index_bits: int = 0) -> int:
        """Memory in bits of an axon with ``synapses`` synapses; the field widths come from ``field_bits``."""
        each = weight_bits + delay_bits + self.tag_bits + index_bits
        blocks, rest = divmod(synapses, self.block_synapses)
        full = self._words(self.block_synapses * each + self.header_bits)
        return self.word_bits * (blocks * full + (self._words(rest * each + self.header_bits) if rest else 0))

    def field_bits(self, field: str, needed: int) -> int | None:
        """Smallest width of ``weight_bits``, ``delay_bits`` or ``index_bits`` of at least ``needed`` bits; None if none is."""
        return next((width for width in getattr(self, field) if width >= needed), None)

    def _words(self, bits: int) -> int:
        return -(-bits // self.word_bits)


class Event(NamedTuple):
    """Energy in pJ and time in ns of one event; None: not public."""

    energy_pj: float | None = None
    time_ns: float | None = None


_NOT_PUBLIC = Event()


@dataclass(frozen=True)
class Events:
    """Energy and time of each kind of event.

    Attributes:
        published_for: target for which these figures were published; for another target they only compare networks.
        synaptic_operation: one spike at one synapse.
        neuron_update_active, neuron_update_inactive: update of one neuron in one time step.
        spike_within_tile: a spike to a core of the same tile.
        hop_east_west, hop_north_south: a spike from one tile to the next.
        barrier_one_tile, barrier_all_tiles: end of a time step, with one tile or all tiles of the chip in use.
    """

    published_for: str
    synaptic_operation: Event = _NOT_PUBLIC
    neuron_update_active: Event = _NOT_PUBLIC
    neuron_update_inactive: Event = _NOT_PUBLIC
    spike_within_tile: Event = _NOT_PUBLIC
    hop_east_west: Event = _NOT_PUBLIC
    hop_north_south: Event = _NOT_PUBLIC
    barrier_one_tile: Event = _NOT_PUBLIC
    barrier_all_tiles: Event = _NOT_PUBLIC


#: Names of all events.
EVENTS = tuple(entry.name for entry in fields(Events) if entry.name != "published_for")
#: Fields of a packing that are numbers, and those that are lists of widths.
PACKING_NUMBERS = ("header_bits", "block_synapses", "word_bits", "tag_bits")
PACKING_WIDTHS = ("weight_bits", "delay_bits", "index_bits")
