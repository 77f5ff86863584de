"""How a chip packs synapses, and what an event costs it: parts of a ``Target``, each with the chip they were published for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple


@dataclass(frozen=True)
class SynapsePacking:
    """How the synapses of one input axon lie in a core's memory.

    The axon's synapses form blocks of at most ``block_synapses``; a block of n takes ``n * (weight bits + delay bits + tag bits
    [+ index bits when sparse]) + header_bits``, rounded up to words of ``word_bits``.

    Attributes:
        published_for: target whose packing this is; of another, it is an estimate.
        header_bits, block_synapses, word_bits: see above.
        tag_bits: a synapse that does not learn.
        weight_bits, delay_bits, index_bits: widths that these fields may have, rising.
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
        """Memory in bits of an axon with ``synapses`` synapses, whose fields have the widths that ``field_bits`` gives."""
        each = weight_bits + delay_bits + self.tag_bits + index_bits
        blocks, rest = divmod(synapses, self.block_synapses)
        full = self._words(self.block_synapses * each + self.header_bits)
        return self.word_bits * (blocks * full + (self._words(rest * each + self.header_bits) if rest else 0))

    def field_bits(self, field: str, needed: int) -> int | None:
        """Narrowest width of ``weight_bits``, ``delay_bits`` or ``index_bits`` that holds ``needed`` bits; None: none does."""
        return next((width for width in getattr(self, field) if width >= needed), None)

    def _words(self, bits: int) -> int:
        return -(-bits // self.word_bits)


class Event(NamedTuple):
    """Energy and time of one event; None: not public."""

    energy_pj: float | None = None
    time_ns: float | None = None


_NOT_PUBLIC = Event()


@dataclass(frozen=True)
class Events:
    """What events cost.

    Attributes:
        published_for: target whose figures these are; of another, they only compare networks with each other.
        synaptic_operation: one spike at one synapse.
        neuron_update_active, neuron_update_inactive: one neuron, one step.
        spike_within_tile: a spike on its way to a core of the same tile.
        hop_east_west, hop_north_south: a spike from one tile to the next.
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
