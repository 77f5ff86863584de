"""The compiled loop of single steps: all populations and connections of a network in one call, with the state in one array.

The integers are those of ``events.py`` and ``neurons/sigma_delta.py``, which run a layer through all steps before the next
layer.  Here every layer makes one step before any makes the next, so a network can run for ever.  ``step_plan.py`` lays the
network out.
A spike that is sent at step t with delay d is added at once to the row of step ``t + 1 + d`` of its target's ring, which has
one row for each step that a spike can still reach.  Why all functions are in one file stands in ``events.py``.
"""

from __future__ import annotations

import numpy as np

from myelin.convert.simulator.plan import BINS, CONV, ROWS, SYNAPSES
from myelin.hw_configs.compiling.compiled_cache import njit
from myelin.hw_configs.fixed_point import CONV_SUM_BITS, CURRENT_WRAP, STATE_MAX, STATE_SHIFT

#: Kinds of populations.  REFERENCE: its neurons make their step in Python, before the call.
#: OTHER and beyond: neurons that bring their step, see ``step_neurons.py``.
REFERENCE, CUBA, CUBA_INPUT, SIGMA, SIGMA_DELTA, DELTA, OTHER = range(7)

#: A population; offsets are places in a stream's memory, unless they say "of the floats" or "of the integers".
POPULATION = np.dtype(
    [
        (name, np.int64)
        for name in (
            "kind", "neurons", "phase",
            "ring", "length", "inputs",  # rows of summed input to come, for each input; the row of step t is t % length
            "states", "spikes", "sums",  # states after the step, one after the other; what was sent; the summed input
            "floats", "integers",  # offset of the fractions that remain; offset of the drive in every step
            "rest", "state_count",  # OTHER: offset of the integers with the states at rest; number of states
            "threshold", "gain", "shift",  # an input neuron's drive is (gain * x + drive) << shift
            "relu", "cumulative", "state_exp",
        )
    ]
)  # fmt: skip

#: A connection; ``delays``, ``geometry`` and ``bins`` are offsets of the integers.
LINK = np.dtype(
    [
        (name, np.int64)
        for name in (
            "kind", "sources", "source", "targets", "ring", "length",
            "weights", "columns", "delays", "shared", "geometry", "bins", "bin_count", "shift",
            "wraps",  # whether the sum wraps to 24 bit
            "highest", "reach",  # offset of the largest magnitude sent so far by each source, or -1; see ``SUM_LIMIT``
        )
    ]
)  # fmt: skip

#: Sums of sigma-delta layers of this magnitude or more are refused.  Lava's synapses store odd weights doubled, and their sums
#: have 32 bit too.
SUM_LIMIT = 1 << 30

_LIMIT = np.int32(STATE_MAX)
_WRAP = np.int32(CURRENT_WRAP)
_TURN = np.int32(2 * CURRENT_WRAP)
_HALF = 1 << (CONV_SUM_BITS - 1)
OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}


def others(kind, row, own, sums, drive, spikes, floats, integers):
    """Stands for the step of a population of kind ``OTHER + kind``, see ``StepNeurons.step``."""
    raise NotImplementedError


# fmt: off
def advance(
    frames, output, records, memory, counts, populations, links, kept, end, weights, floats, integers, scratch, interval,
):
    # fmt: on
    """Run all streams for the steps of ``frames``, from the state in ``memory``, which becomes that after them; a template.

    Args:
        frames: (streams, steps, inputs) int32.
        output: (streams, steps, outputs) int32, written, in C order.
        records: (streams, steps, values) int32, written as ``kept`` says.
        memory: (streams, size) int32, the state.
        counts: (streams,) int64, the number of steps that each stream has made; raised.
        populations, links: (n,) of ``POPULATION`` and ``LINK``, in the order of the network.
        kept: (n, 3) offset in the memory, number of values and offset in ``records``, for each array to record.
        end: (6,) offset and size of the output; offset and length of its ring, or -1; offsets of the integers with its delays,
            and with the flat index of each neuron, or -1.
        weights, floats, integers: (n,) constants.
        scratch: (n,) int32; its second part, after as many values as the widest population has, is 0 and stays so.
        interval: states become 0 before the step at index t if interval > 0 and (t + 1 - phase) % interval == 0.

    Returns:
        Whether a sum of sigma-delta layers may have reached ``SUM_LIMIT``.
    """
    over = False
    for b in range(frames.shape[0]):
        row = memory[b]
        for t in range(frames.shape[1]):
            count = counts[b]
            for i in range(frames.shape[2]):
                row[i] = frames[b, t, i]
            for p in range(populations.size):
                own = populations[p]
                if own.kind == CUBA or own.kind == CUBA_INPUT:
                    _cuba(row, own, count, floats, integers, interval)
                elif own.kind >= OTHER:
                    size = own.neurons
                    sums, spikes = row[own.sums : own.sums + own.inputs * size], row[own.spikes : own.spikes + size]
                    _receive(row, own, count, sums)
                    if interval > 0 and (count + 1 - own.phase) % interval == 0:
                        row[own.states :][: own.state_count * size] = integers[own.rest :][: own.state_count * size]
                    others(own.kind - OTHER, row, own, sums, integers[own.integers :][:size], spikes, floats, integers)
                elif own.kind != REFERENCE:
                    _sigma_delta(row, own, count, integers)
            for c in range(links.size):
                over |= _send(row, links[c], count, weights, integers, scratch)
            _give(row, end, count, integers, output[b, t])
            for k in range(kept.shape[0]):
                for i in range(kept[k, 1]):
                    records[b, t, kept[k, 2] + i] = row[kept[k, 0] + i]
            counts[b] = count + 1
    return over


@njit(inline="always", **OPTIONS)
def _receive(row, own, count, sums):
    """Move the summed inputs of this step from their rings to ``sums``; their rows in the rings become 0."""
    for k in range(own.inputs):
        current = row[own.ring + (k * own.length + count % own.length) * own.neurons :][: own.neurons]
        for i in range(own.neurons):
            sums[k * own.neurons + i] = current[i]
            current[i] = 0


@njit(inline="always", **OPTIONS)
def _cuba(row, own, count, floats, integers, interval):
    """One step of CUBA neurons; the row of their ring becomes 0."""
    size = own.neurons
    u, v = row[own.states : own.states + size], row[own.states + size : own.states + 2 * size]
    spikes, sums = row[own.spikes : own.spikes + size], row[own.sums : own.sums + size]
    keep_u, keep_v = floats[own.floats : own.floats + size], floats[own.floats + size : own.floats + 2 * size]
    bias, threshold = integers[own.integers : own.integers + size], np.int32(own.threshold)
    if own.kind == CUBA:
        _receive(row, own, count, sums)
    if interval > 0 and (count + 1 - own.phase) % interval == 0:
        u[:] = 0
        v[:] = 0
    driven = own.kind == CUBA_INPUT
    for i in range(size):
        # exact in float64 (fewer than 53 bits); the conversion to an integer rounds toward zero, as Lava does
        c = np.int32(np.int32(u[i] * keep_u[i]) + (sums[i] << STATE_SHIFT))
        if c > _WRAP:
            c = np.int32(c - _TURN)
        elif c <= -_WRAP:
            c = np.int32(c + _TURN)
        drive = np.int32((own.gain * row[i] + bias[i]) << own.shift) if driven else bias[i]
        w = np.int32(np.int32(v[i] * keep_v[i]) + c + drive)
        w = min(max(w, -_LIMIT), _LIMIT)
        fired = w > threshold
        u[i] = c
        v[i] = np.int32(0) if fired else w
        spikes[i] = fired


@njit(inline="always", **OPTIONS)
def _sigma_delta(row, own, count, integers):
    """One step of sigma-delta neurons, delta encoders or sums; the row of their ring becomes 0."""
    size = own.neurons
    spikes, sums = row[own.spikes : own.spikes + size], row[own.sums : own.sums + size]
    drive, threshold = integers[own.integers : own.integers + size], np.int32(own.threshold)
    if own.kind == DELTA:
        start = own.states
    else:
        sigma = row[own.states : own.states + size]
        place = own.ring + count % own.length * size
        current = row[place : place + size]
        for i in range(size):
            sums[i] = current[i]
            sigma[i] = np.int32(sigma[i] + current[i])
            current[i] = 0
        if own.kind == SIGMA:
            spikes[:] = sigma
            return
        start = own.states + size
    act, residue = row[start : start + size], row[start + size : start + 2 * size]
    error = row[start + 2 * size : start + 3 * size]
    for i in range(size):
        if own.kind == DELTA:
            new = np.int32((own.gain * row[i] + drive[i]) << own.shift)
        else:
            new = np.int32(row[own.states + i] + drive[i])
        if own.relu:
            new = max(new, np.int32(0))
        change = np.int32(new - act[i] + residue[i])
        magnitude = np.int32(error[i] + change) if own.cumulative else change
        sent = change if np.int32(abs(magnitude)) >= threshold else np.int32(0)
        if own.cumulative:
            error[i] = np.int32(0) if sent != 0 else magnitude
        residue[i] = np.int32(change - sent)
        act[i] = new
        spikes[i] = sent >> own.state_exp


@njit(inline="always", **OPTIONS)
def _send(row, link, count, weights, integers, scratch):
    """Add what the sources of ``link`` sent in this step to the ring of its targets; True if ``SUM_LIMIT`` may be reached."""
    active = 0
    for j in range(link.sources):
        scratch[active] = j
        active += row[link.source + j] != 0
    over = False
    if link.highest >= 0:
        top = np.int64(0)
        for n in range(active):
            j = scratch[n]
            size = min(abs(np.int64(row[link.source + j])), np.int64(2147483647))
            row[link.highest + j] = max(np.int64(row[link.highest + j]), size)
        for j in range(link.sources):
            top = max(top, np.int64(row[link.highest + j]))
        over = top * link.reach >= SUM_LIMIT
    if not active:
        return over
    targets, length = link.targets, link.length
    now = count % length
    if link.kind == ROWS:
        for n in range(active):
            j = np.int64(scratch[n])
            x, slot = row[link.source + j], now + 1 + integers[link.delays + j]
            place = link.ring + (slot - length if slot >= length else slot) * targets
            into, start = row[place : place + targets], link.weights + j * targets
            weight = weights[start : start + targets]
            if x == 1:
                for i in range(targets):
                    into[i] += weight[i]
            else:
                for i in range(targets):
                    into[i] += np.int32(x * weight[i])
    elif link.kind == SYNAPSES:
        for n in range(active):
            j = np.int64(scratch[n])
            x = row[link.source + j]
            for i in range(targets):
                slot = now + 1 + integers[link.delays + j * targets + i]
                place = link.ring + (slot - length if slot >= length else slot) * targets + i
                row[place] += np.int32(x * weights[link.weights + j * targets + i])
    elif link.kind == CONV and link.wraps:
        sums = scratch[scratch.size - targets :]
        for n in range(active):
            j = np.int64(scratch[n])
            _add_conv(sums, 0, link, j, row[link.source + j], weights, integers)
        slot = now + 1
        place = link.ring + (slot - length if slot >= length else slot) * targets
        for i in range(targets):
            row[place + i] += np.int32(((sums[i] + _HALF) & (2 * _HALF - 1)) - _HALF)
            sums[i] = 0
    elif link.kind == CONV:
        for n in range(active):
            j = np.int64(scratch[n])
            slot = now + 1 + integers[link.delays + j]
            place = link.ring + (slot - length if slot >= length else slot) * targets
            _add_conv(row, place, link, j, row[link.source + j], weights, integers)
    elif link.kind == BINS:
        sums = scratch[scratch.size - link.bin_count * targets :]
        for n in range(active):
            j = np.int64(scratch[n])
            x = row[link.source + j]
            for i in range(targets):
                at = integers[link.delays + (j if link.shared else j * targets + i)] * targets + i
                sums[at] += np.int32(x * weights[link.weights + j * targets + i])
        for k in range(link.bin_count):
            slot = now + 1 + integers[link.bins + k]
            place = link.ring + (slot - length if slot >= length else slot) * targets
            for i in range(targets):
                row[place + i] += sums[k * targets + i] >> link.shift
                sums[k * targets + i] = 0
    return over


@njit(**OPTIONS)
def _add_conv(into, start, link, j, x, weights, integers):
    """Add the spike of value ``x`` of source ``j`` to the image (places, channels) that begins at ``into[start]``."""
    g, place = link.geometry, link.bins + 3 * j
    out_channels, out_height, out_width = integers[g + 3], integers[g + 4], integers[g + 5]
    down, right, groups = integers[g + 8], integers[g + 9], integers[g + 14]
    size, channel = out_channels // groups, integers[place]
    group = channel // (integers[g] // groups)
    for ky in range(integers[g + 6]):
        top = integers[place + 1] + integers[g + 10] - ky * integers[g + 12]
        if top % down != 0:
            continue
        top //= down
        if top < 0 or top >= out_height:
            continue
        for kx in range(integers[g + 7]):
            left = integers[place + 2] + integers[g + 11] - kx * integers[g + 13]
            if left % right != 0:
                continue
            left //= right
            if left < 0 or left >= out_width:
                continue
            at = start + (top * out_width + left) * out_channels + group * size
            kernel = link.weights + channel * link.columns + (ky * integers[g + 7] + kx) * size
            for o in range(size):
                into[at + o] += np.int32(x * weights[kernel + o])


@njit(inline="always", **OPTIONS)
def _give(row, end, count, integers, output):
    """Write the output of the step; spikes with axonal delays wait in the ring of the output."""
    start, size, ring, length = end[0], end[1], end[2], end[3]
    if ring < 0:
        for i in range(size):
            output[i if end[5] < 0 else integers[end[5] + i]] = row[start + i]
        return
    now = count % length
    for i in range(size):
        x = row[start + i]
        if x != 0:
            place = i if end[5] < 0 else integers[end[5] + i]
            row[ring + (count + integers[end[4] + place]) % length * size + place] = x
    for i in range(size):
        output[i] = row[ring + now * size + i]
        row[ring + now * size + i] = 0
