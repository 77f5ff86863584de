"""A chip's packing of synapses and its costs of events, parts of a ``Target``; each names the chip it was published for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple


@dataclass(frozen=True)
class SynapsePacking:
    """Layout of the synapses of one input axon in a core's memory.

    The axon's synapses form blocks of at most ``block_synapses``; a block of n takes ``n * (weight bits + delay bits + tag bits
    [+ index bits if sparse]) + header_bits``, rounded up to words of ``word_bits``.

    Attributes:
        published_for: target of the published packing; for other targets it is an estimate.
        header_bits, block_synapses, word_bits: see above.
        tag_bits: tag bits of a synapse that does not learn.
        weight_bits, delay_bits, index_bits: allowed widths of these fields, ascending.
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
        """Memory in bits of an axon with ``synapses`` synapses; the widths of the fields come from ``field_bits``."""
        each = weight_bits + delay_bits + self.tag_bits + index_bits
        blocks, rest = divmod(synapses, self.block_synapses)
        full = self._words(self.block_synapses * each + self.header_bits)
        return self.word_bits * (blocks * full + (self._words(rest * each + self.header_bits) if rest else 0))

    def field_bits(self, field: str, needed: int) -> int | None:
        """Narrowest width in ``weight_bits``, ``delay_bits`` or ``index_bits`` with at least ``needed`` bits, or None."""
        return next((width for width in getattr(self, field) if width >= needed), None)

    def _words(self, bits: int) -> int:
        return -(-bits // self.word_bits)


class Event(NamedTuple):
    """Energy and time of one event; None if not public."""

    energy_pj: float | None = None
    time_ns: float | None = None


_NOT_PUBLIC = Event()


@dataclass(frozen=True)
class Events:
    """Costs of events.

    Attributes:
        published_for: target of the published figures; for other targets they only compare networks with each other.
        synaptic_operation: one spike at one synapse.
        neuron_update_active, neuron_update_inactive: update of one neuron in one step.
        spike_within_tile: transport of a spike to a core of the same tile.
        hop_east_west, hop_north_south: transport of a spike from one tile to the next.
        barrier_one_tile, barrier_all_tiles: end of a step, with one tile or all tiles of the chip in use.
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
#: Numbers of a packing, and its lists of widths.
PACKING_NUMBERS = ("header_bits", "block_synapses", "word_bits", "tag_bits")
PACKING_WIDTHS = ("weight_bits", "delay_bits", "index_bits")
