"""Compiled loops of the event engine: spikes through connections, and neurons through time.  Work is proportional to spikes.

A spike of value x that source j emits at step t adds ``a[t + 1 + D_ij, i] += x W_ij`` for all targets i, in 32 bit integers
that wrap as Lava's do.  ``ConnectionPlan`` (``plan.py``) is a connection prepared for these loops.  A layer runs sample by
sample and step by step in one loop: the current row of a, the states and the lists of pending spikes stay in the L1 cache.

Several rows of weights are added at a time, in 16 bit if their sum provably fits (``narrow``), and then once to the row.
Small functions are inlined: they run in every step, and a call that passes arrays can cost as much as the function itself.
All are in one file, since numba's disk cache notices changes in a function's own file, but not in the files it calls.
"""

from __future__ import annotations

import numpy as np

from myelin.convert.simulator.bits import BITS, lowest_bit, nonzero_bits
from myelin.convert.simulator.plan import BINS, CONV, NONE, ROWS, ROWS_AT_ONCE, STENCIL, SYNAPSES
from myelin.hw_configs.compiling.compiled_cache import njit

#: Options of all compiled loops.
OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**OPTIONS)
def drive(spikes, current, plan, narrow):
    """Add the input of ``spikes`` (batch, steps, sources) through ``plan`` to int32 ``current`` (batch, steps, targets)."""
    steps = current.shape[1]
    counts, listed, values = _no_arrivals(plan, steps, spikes.shape[2])
    sums = np.zeros((plan.bins.size if plan.kind == BINS else 1, current.shape[2]), np.int32)
    marks = _no_marks(plan, steps, spikes)
    for b in range(spikes.shape[0]):
        _send(spikes[b], current[b], plan, True, counts, listed, values, sums, marks)
        if plan.kind == STENCIL:
            for t in range(steps):
                _add_stencil(current[b, t], marks, t, plan)
        if plan.kind == ROWS:
            for t in range(steps):
                _add_rows(current[b, t], plan.weight, listed, values, t, counts[t], narrow, False)


def step(current, drive, constants, states, emitted):
    """Stands for one step of the neurons; all arrays (neurons,) or tuples of such, and numbers among the constants."""
    raise NotImplementedError


def copies(rest):
    """Stands for a tuple of copies of ``rest``: the compiler knows that they do not overlap, and vectorises the loops."""
    raise NotImplementedError


# fmt: off
def run(
    spikes, given, forward, recurrent, narrow, binary, constants, rest, drive, interval, phase, emitted, record_a, records,
):
    # fmt: on
    """Run neurons and their incoming connections from rest; a template for ``fused.loops``.

    Args:
        spikes: (batch, steps, sources) spikes of the source population.
        given: (batch, steps, neurons) int32, input computed beforehand; or of size 0.
        forward, recurrent: ``ConnectionPlan`` of the feed-forward and of the recurrent connection.
        narrow: two flags, ``is_narrow`` of the two connections.
        binary: whether ``spikes`` are 0 or 1.
        constants: tuple of the neurons' constants, as their step takes them.
        rest: tuple of the neurons' states before the first step, (neurons,) int32 each.
        drive: (batch or 1, steps or 1, neurons) int32, see ``Neuron.drive``.
        interval, phase: states return to rest before the step at index t if interval > 0 and (t + 1 - phase) % interval == 0.
        emitted, record_a: (batch, steps, neurons) uint8, int32, written; the record may be of size 0.
        records: tuple of the same for each state.
    """
    batch, steps, neurons = emitted.shape
    states = copies(rest)
    counts, listed, values = _no_arrivals(forward, steps, spikes.shape[2])
    back_counts, back_listed, back_values = _no_arrivals(recurrent, steps, neurons)
    active = np.zeros(neurons, np.uint64)
    sums = np.zeros((forward.bins.size if forward.kind == BINS else 1, neurons), np.int32)
    back_sums = np.zeros((recurrent.bins.size if recurrent.kind == BINS else 1, neurons), np.int32)
    marks, back_marks = _no_marks(forward, steps, spikes), _no_marks(recurrent, steps, emitted)
    # ROWS and STENCIL add in the step of arrival, so one row is enough; others scatter into the rows of later steps
    ahead = forward.kind not in (NONE, ROWS, STENCIL) or recurrent.kind not in (NONE, ROWS, STENCIL)
    current = np.zeros((steps if ahead else 1, neurons), np.int32)
    back_image, back_kernel = _image(current, recurrent), _kernel(recurrent)
    for b in range(batch):
        for k in range(len(states)):
            states[k][:] = rest[k]
        current[:] = 0
        back_counts[:] = 0
        _send(spikes[b], current, forward, not binary, counts, listed, values, sums, marks)
        drive_b, own = b if drive.shape[0] > 1 else 0, emitted[b].reshape(-1)
        for t in range(steps):
            row = current[t if ahead else 0]
            if not ahead:
                row[:] = 0
            if given.size:
                row += given[b, t]
            if forward.kind == ROWS:
                _add_rows(row, forward.weight, listed, values, t, counts[t], narrow[0], binary)
            elif forward.kind == STENCIL:
                _add_stencil(row, marks, t, forward)
            if recurrent.kind == STENCIL:
                _add_stencil(row, back_marks, t, recurrent)
            if recurrent.kind == ROWS:
                _add_rows(row, recurrent.weight, back_listed, back_values, t, back_counts[t], narrow[1], True)
            if record_a.size:
                record_a[b, t] = row
            if interval > 0 and (t + 1 - phase) % interval == 0:
                for k in range(len(states)):
                    states[k][:] = rest[k]
            step(row, drive[drive_b, t if drive.shape[1] > 1 else 0], constants, states, emitted[b, t])
            for k in range(len(states)):
                if records[k].size:
                    records[k][b, t] = states[k]
            if recurrent.kind != NONE:
                count = _list(own, t * neurons, neurons, active)
                if recurrent.kind == ROWS:
                    for n in range(count):
                        j = active[n]
                        arrival = np.uint64(t + 1 + recurrent.delay[j, 0])
                        if arrival < np.uint64(steps):
                            place = back_counts[arrival]
                            back_listed[arrival, place] = j
                            back_counts[arrival] = place + np.uint64(1)
                elif recurrent.kind == STENCIL:
                    for n in range(count):
                        arrival = np.uint64(t + 1 + recurrent.delay[active[n], 0])
                        if arrival < np.uint64(steps):
                            back_marks[arrival, recurrent.bins[active[n]]] = 1
                elif recurrent.kind == CONV:
                    for n in range(count):
                        _add_conv(back_image, back_kernel, t, active[n], 1, recurrent)
                else:
                    for n in range(count):
                        _scatter(current, t, active[n], 1, recurrent, back_sums)
                    if recurrent.kind == BINS and count:
                        _flush(current, t, recurrent, back_sums)


def step_batch(current, drive, constants, rest, states, emitted):
    """One step for a batch; a template for ``fused.loops``.

    Args:
        current, emitted: (batch, neurons) int32, uint8.
        drive: (neurons,) int32.
        constants, rest: see ``run``.
        states: tuple of (batch, neurons) int32, changed.
    """
    a, over = np.empty(current.shape[1], np.int32), np.empty(current.shape[1], np.uint8)
    rows = copies(rest)
    for b in range(current.shape[0]):
        a[:] = current[b]
        for k in range(len(rows)):
            rows[k][:] = states[k][b]
        step(a, drive, constants, rows, over)
        for k in range(len(rows)):
            states[k][b] = rows[k]
        emitted[b] = over


@njit(**OPTIONS)
def _no_arrivals(plan, steps, sources):
    """Empty lists by step of arrival: counts, sources (with room to complete a group of four) and values."""
    wanted = plan.kind == ROWS
    shape = (steps if wanted else 1, sources + 3 if wanted else 1)
    return np.zeros(shape[0], np.uint64), np.empty(shape, np.int32), np.ones(shape, np.int32)


@njit(inline="always", **OPTIONS)
def _list(values, start, size, active):
    """Write the indices of the nonzero values in ``values[start : start + size]``, (n,), to ``active``; return their number."""
    count = np.uint64(0)
    for first in range(np.uint64(0), np.uint64(size), np.uint64(BITS)):
        left, place = np.uint64(size) - first, np.uint64(start) + first
        found = np.uint64(0)
        if place + np.uint64(BITS) <= np.uint64(values.size):
            found = nonzero_bits(values, place)
            if left < np.uint64(BITS):
                found &= (np.uint64(1) << left) - np.uint64(1)
        else:
            for i in range(left):
                found |= np.uint64(values[place + i] != 0) << i
        while found:
            active[count] = first + lowest_bit(found)
            count += np.uint64(1)
            found &= found - np.uint64(1)
    return count


@njit(inline="always", **OPTIONS)
def _send(spikes, current, plan, graded, counts, listed, values, sums, marks):
    """Send all spikes (steps, sources) of a sample.

    ROWS: to the lists of their arrival step.  STENCIL: to ``marks`` of that step.  Others: to ``current`` (steps, targets).
    """
    if plan.kind == NONE:
        return
    steps, sources = spikes.shape
    flat, active = np.ascontiguousarray(spikes).reshape(-1), np.zeros(sources, np.uint64)
    image, kernel = _image(current, plan), _kernel(plan)
    counts[:] = 0
    for t in range(steps):
        count = _list(flat, t * sources, sources, active)
        if plan.kind == ROWS:
            for n in range(count):
                j = active[n]
                arrival = np.uint64(t + 1 + plan.delay[j, 0])
                if arrival < np.uint64(steps):
                    place = counts[arrival]
                    listed[arrival, place] = j
                    if graded:
                        values[arrival, place] = spikes[t, j]
                    counts[arrival] = place + np.uint64(1)
        elif plan.kind == STENCIL:
            for n in range(count):
                arrival = np.uint64(t + 1 + plan.delay[active[n], 0])
                if arrival < np.uint64(steps):
                    marks[arrival, plan.bins[active[n]]] = spikes[t, active[n]]
        elif plan.kind == CONV:
            for n in range(count):
                _add_conv(image, kernel, t, active[n], spikes[t, active[n]], plan)
        else:
            for n in range(count):
                _scatter(current, t, active[n], spikes[t, active[n]], plan, sums)
            if plan.kind == BINS and count:
                _flush(current, t, plan, sums)


@njit(inline="always", **OPTIONS)
def _add_rows(row, weight, listed, values, t, count, narrow, binary):
    """ROWS: add ``values[t, n] weight[listed[t, n], :]`` for all n < count to ``row``; the lists need three extra places."""
    n = 0
    if narrow and binary:
        while n + ROWS_AT_ONCE <= count:
            a, b, c, d = listed[t, n], listed[t, n + 1], listed[t, n + 2], listed[t, n + 3]
            e, f, g, h = listed[t, n + 4], listed[t, n + 5], listed[t, n + 6], listed[t, n + 7]
            for i in range(row.size):
                left = weight[a, i] + weight[b, i] + weight[c, i] + weight[d, i]
                row[i] += np.int16(left + weight[e, i] + weight[f, i] + weight[g, i] + weight[h, i])
            n += ROWS_AT_ONCE
    for rest in range(count, count + 3):
        listed[t, rest] = weight.shape[0] - 1  # the row of zeros completes the last group of four
    while n < count:
        a, b, c, d = listed[t, n], listed[t, n + 1], listed[t, n + 2], listed[t, n + 3]
        p, q, r, s = values[t, n], values[t, n + 1], values[t, n + 2], values[t, n + 3]
        if narrow and binary:
            for i in range(row.size):
                row[i] += np.int16(weight[a, i] + weight[b, i] + weight[c, i] + weight[d, i])
        elif narrow:
            for i in range(row.size):
                row[i] += np.int16(p * weight[a, i] + q * weight[b, i] + r * weight[c, i] + s * weight[d, i])
        else:
            for i in range(row.size):
                row[i] += np.int32(p * weight[a, i] + q * weight[b, i] + r * weight[c, i] + s * weight[d, i])
        n += 4


@njit(**OPTIONS)
def _no_marks(plan, steps, spikes):
    """STENCIL: zeros for the padded images (steps, channels * height * width) of arriving spikes, in the type of ``spikes``."""
    return np.zeros((steps, plan.bins[-1]) if plan.kind == STENCIL else (1, 1), spikes.dtype)


@njit(inline="always", **OPTIONS)
def _add_stencil(row, marks, t, plan):
    """STENCIL: add the convolution of the image of step ``t`` to ``row`` and clear the image."""
    g = plan.geometry
    height, width = g[1] + 2 * g[10], g[2] + 2 * g[11]
    for tap in range(plan.weight.shape[1]):
        c, ky, kx = tap // (g[6] * g[7]), tap // g[7] % g[6], tap % g[7]
        weight = np.int32(plan.weight[0, tap])
        for y in range(g[4]):
            # unsigned: for a signed index numba checks in each access for a negative value, which prevents vectorisation
            read = np.uint64((c * height + y + ky * g[12]) * width + kx * g[13])
            write = np.uint64(y * g[5])
            for x in range(np.uint64(g[5])):
                row[write + x] += weight * np.int32(marks[t, read + x])
    marks[t] = 0


@njit(**OPTIONS)
def _scatter(current, t, j, x, plan, sums):
    """Add the spike of value ``x`` that source ``j`` emits at ``t`` to ``current`` (steps, targets); BINS: to ``sums``."""
    steps, targets = current.shape
    if plan.kind == BINS:
        shared = plan.delay.shape[1] == 1
        for i in range(targets):
            sums[plan.delay[j, 0 if shared else i], i] += np.int32(x) * plan.weight[j, i]
        return
    if plan.kind == SYNAPSES:
        for i in range(targets):
            at = t + 1 + plan.delay[j, i]
            if at < steps:
                current[at, i] += np.int32(x) * plan.weight[j, i]


@njit(**OPTIONS)
def _image(current, plan):
    """CONV: ``current`` (steps, targets) as a view (steps, places, groups, channels of a group)."""
    groups = plan.geometry[14] if plan.kind == CONV else 1
    size = plan.geometry[3] // groups if plan.kind == CONV else 1
    return current.reshape(current.shape[0], current.shape[1] // (groups * size), groups, size)


@njit(**OPTIONS)
def _kernel(plan):
    """CONV: the weights as (in channels, taps, channels of a group)."""
    size = plan.geometry[3] // plan.geometry[14] if plan.kind == CONV else 1
    return plan.weight.reshape(plan.weight.shape[0], plan.weight.shape[1] // size, size)


@njit(inline="always", **OPTIONS)
def _add_conv(image, kernel, t, j, x, plan):
    """CONV: add the spike of value ``x`` that source ``j`` emits at ``t``, for all channels of a place at once."""
    geometry, places = plan.geometry, plan.bins
    arrival = t + 1 + plan.delay[j, 0]
    if arrival >= image.shape[0]:
        return
    out_height, out_width = geometry[4], geometry[5]
    down, right = geometry[8], geometry[9]
    channel = places[3 * j]
    group = channel // (geometry[0] // geometry[14])
    for ky in range(geometry[6]):
        top = places[3 * j + 1] + geometry[10] - ky * geometry[12]
        if down > 1:  # a division costs as much as the rest of the loop
            if top % down != 0:
                continue
            top //= down
        if top < 0 or top >= out_height:
            continue
        for kx in range(geometry[7]):
            left = places[3 * j + 2] + geometry[11] - kx * geometry[13]
            if right > 1:
                if left % right != 0:
                    continue
                left //= right
            if left < 0 or left >= out_width:
                continue
            place, tap = top * out_width + left, ky * geometry[7] + kx
            for o in range(image.shape[3]):
                image[arrival, place, group, o] += np.int32(x) * kernel[channel, tap, o]


@njit(**OPTIONS)
def _flush(current, t, plan, sums):
    """BINS, after all spikes of ``t``: shift each delay's sums with a floor, add them in their step of arrival, clear them."""
    for k in range(plan.bins.size):
        arrival = t + 1 + plan.bins[k]
        for i in range(current.shape[1]):
            if arrival < current.shape[0]:
                current[arrival, i] += sums[k, i] >> plan.shift
            sums[k, i] = 0
