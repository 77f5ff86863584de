"""Compiled loops of the mapping: placement of neurons on cores one by one, and the memory reads and targets of spikes.

The work is proportional to the number of synapses.  Both loops are in this one file on purpose: numba's disk cache notices
changes in a function's own file, but not in the files of the functions it calls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.compiling.compiled_cache import njit

#: Limited resources of a core, in the order of ``limits`` and of the columns of loads.  A strategy, not the chip, limits
#: operations.
NEURONS, DELAY_SLOTS, SYNAPSE_BITS, AXONS_IN, AXONS_OUT, NEURON_CONFIGS, OPERATIONS = range(7)
COLUMNS = 7

_OPTIONS = {"nogil": True, "cache": True}


class LinkArrays(NamedTuple):
    """A connection in the form the loops need; neurons are in the order of the layout.

    Attributes:
        axon_ptr, axon: sources that reach neuron j with a nonzero weight are ``axon[axon_ptr[j]:axon_ptr[j + 1]]``.
        unit: the unit of each neuron.  The first neuron of a unit on a core adds the unit's synapses there.  If weights are
            shared, a unit is an output channel; otherwise each neuron is its own unit.
        list_ptr, list_id, list_count: a unit's entries start at ``list_ptr[unit]``; an entry adds ``list_count`` synapses to
            the list ``list_id``.
        source_axon: the input axon of each source; if kernels are shared, the channels of a place share one.
        numbers: number of lists, bits of a synapse in a sparse list and in a dense list (0: no dense list is possible),
            synapses of a block, bits of its header, bits of a word.
    """

    axon_ptr: npt.NDArray[np.int64]
    axon: npt.NDArray[np.int32]
    unit: npt.NDArray[np.int32]
    list_ptr: npt.NDArray[np.int64]
    list_id: npt.NDArray[np.int32]
    list_count: npt.NDArray[np.int32]
    source_axon: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int64]


@njit(inline="always", **_OPTIONS)
def _words(synapses, each, block, header, word):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The value of ``SynapsePacking.axon_bits`` in words."""
    rest = synapses % block
    words = synapses // block * -(-(block * each + header) // word)
    if rest:
        words += -(-(rest * each + header) // word)
    return words


@njit(**_OPTIONS)
def lay(links, slots, sent, config, operations, limits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Place neurons on cores in their order; begin a new core whenever a limit would be exceeded.

    Args:
        links: two connections; a missing one is empty.
        slots: delay slots of a neuron.
        sent: (neurons,) output axons of each neuron.
        config: (neurons,) index of each neuron's set of decays.
        operations: (neurons,) synaptic operations of each neuron.
        limits: (COLUMNS,) limits of a core.

    Returns:
        stops (cores,), loads (cores, COLUMNS), the resource that ended each core (-1: all neurons are placed), bits of each
        link (cores, 2), whether the link is stored as dense lists (cores, 2), and (neuron, resource, amount) of a neuron that
        fits no core (neuron -1: none).
    """
    neurons = sent.size
    stops = np.zeros(neurons, np.int64)
    loads = np.zeros((neurons, COLUMNS))
    reasons = np.full(neurons, -1, np.int64)
    bits = np.zeros((neurons, 2), np.int64)
    dense = np.zeros((neurons, 2), np.bool_)
    axon_seen_0, axon_seen_1 = np.full(links[0].source_axon.size, -1), np.full(links[1].source_axon.size, -1)
    unit_seen_0, unit_seen_1 = np.full(links[0].list_ptr.size, -1), np.full(links[1].list_ptr.size, -1)
    list_seen_0, list_seen_1 = np.full(links[0].numbers[0], -1), np.full(links[1].numbers[0], -1)
    held_0, held_1 = np.zeros(links[0].numbers[0], np.int64), np.zeros(links[1].numbers[0], np.int64)
    config_seen = np.full(config.max() + 1 if neurons else 1, -1)
    load, trial = np.zeros(COLUMNS), np.zeros(COLUMNS)
    axons, sparse = np.zeros(2, np.int64), np.zeros(2, np.int64)
    trial_bits, trial_dense = np.zeros(2, np.int64), np.zeros(2, np.bool_)
    core, first, j = 0, 0, 0
    while j < neurons:
        trial[:] = load
        trial[NEURONS] += 1
        trial[DELAY_SLOTS] += slots
        trial[AXONS_OUT] += sent[j]
        trial[OPERATIONS] += operations[j]
        if config_seen[config[j]] != core:
            config_seen[config[j]] = core
            trial[NEURON_CONFIGS] += 1
        trial[SYNAPSE_BITS] = 0
        for k in range(2):
            link = links[k]
            axon_seen = axon_seen_0 if k == 0 else axon_seen_1
            unit_seen = unit_seen_0 if k == 0 else unit_seen_1
            list_seen = list_seen_0 if k == 0 else list_seen_1
            held = held_0 if k == 0 else held_1
            each, flat, block, header, word = link.numbers[1:]
            for e in range(link.axon_ptr[j], link.axon_ptr[j + 1]):
                entering = link.source_axon[link.axon[e]]
                if axon_seen[entering] != core:
                    axon_seen[entering] = core
                    axons[k] += 1
            unit = link.unit[j]
            if unit_seen[unit] != core:
                unit_seen[unit] = core
                for e in range(link.list_ptr[unit], link.list_ptr[unit + 1]):
                    entry = link.list_id[e]
                    if list_seen[entry] != core:
                        list_seen[entry] = core
                        held[entry] = 0
                    before = _words(held[entry], each, block, header, word)
                    held[entry] += link.list_count[e]
                    sparse[k] += _words(held[entry], each, block, header, word) - before
            words = sparse[k]
            trial_dense[k] = False
            if flat:
                full = axons[k] * _words(int(trial[NEURONS]), flat, block, header, word)
                if full < words:
                    words = full
                    trial_dense[k] = True
            trial_bits[k] = words * word
            trial[SYNAPSE_BITS] += words * word
        trial[AXONS_IN] = axons[0] + axons[1]
        worst, reason = 1.0, -1
        for resource in range(COLUMNS):
            if trial[resource] > limits[resource] and trial[resource] / max(limits[resource], 1.0) >= worst:
                worst, reason = trial[resource] / max(limits[resource], 1.0), resource
        if reason >= 0 and j == first:
            return stops[:core], loads[:core], reasons[:core], bits[:core], dense[:core], (j, reason, trial[reason])
        if reason >= 0:
            reasons[core] = reason
            core += 1
            first = j
            load[:] = 0
            axons[:] = 0
            sparse[:] = 0
            continue
        load[:] = trial
        loads[core] = trial
        bits[core] = trial_bits
        dense[core] = trial_dense
        j += 1
        stops[core] = j
    cores = core + 1 if neurons else 0
    return stops[:cores], loads[:cores], reasons[:cores], bits[:cores], dense[:cores], (-1, -1, 0.0)


@njit(**_OPTIONS)
def traffic(link, stops, dense, spikes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Count the traffic of a connection's spikes on the cores that ``lay`` returned.

    Args:
        link: the connection.
        stops: (cores,) the index after the last neuron of each core.
        dense: (cores,) whether the connection is stored there as dense lists.
        spikes: (sources,) number of spikes of each source.

    Returns:
        Number of cores that each source reaches (sources,), words of memory read on each core (cores,), and spikes arriving
        at each core (cores,).
    """
    reached = np.zeros(link.source_axon.size, np.int64)
    read, arrived = np.zeros(stops.size), np.zeros(stops.size)
    met = np.zeros(link.source_axon.size, np.int64)
    each, flat, block, header, word = link.numbers[1:]
    start = 0
    for core in range(stops.size):
        first, last = link.axon_ptr[start], link.axon_ptr[stops[core]]
        for e in range(first, last):
            met[link.axon[e]] += 1
        full = _words(stops[core] - start, flat, block, header, word)
        for e in range(first, last):
            source = link.axon[e]
            if met[source]:
                reached[source] += 1
                read[core] += (full if dense[core] else _words(met[source], each, block, header, word)) * spikes[source]
                arrived[core] += spikes[source]
                met[source] = 0
        start = stops[core]
    return reached, read, arrived
