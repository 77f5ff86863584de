"""Compiled loops of the simulator: spikes through connections, and neurons through time.  Work is proportional to spikes.

For a spike of value x that source j emits at step t, all targets i get ``a[t + 1 + D_ij, i] += x W_ij``, in 32 bit integers
that wrap as Lava's do.  ``Plan`` is a connection as these loops want it.

All of them stand in this one file on purpose: numba's cache on disk sees changes of the file a function stands in, not of the
files it calls into.  Arrays are indexed, not sliced: a slice costs two atomic operations on a reference count; the most common
connections are written out where they are used: a call costs as much as the additions it makes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SHIFT

#: No connection.
NONE = 0
#: One delay for all synapses of a source: a row of weights is added to one row of currents.
ROWS = 1
#: A delay for every synapse.
SYNAPSES = 2
#: Convolution with a delay for each source; nothing is unrolled.
CONV = 3
#: A list of synapses for each source, with one delay for all of them: a small convolution, unrolled.
LIST = 5
#: Negative weight exponent that does not divide the weights: sums are kept apart by delay, then each is shifted and floored.
BINS = 4

_LIMIT = np.int32(STATE_MAX)
_WRAP = np.int32(CURRENT_WRAP)
_TURN = np.int32(2 * CURRENT_WRAP)
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}


class Plan(NamedTuple):
    """A connection, prepared.

    Attributes:
        kind: NONE, ROWS, SYNAPSES, CONV, LIST or BINS.
        weight: (sources, targets), exponent folded in unless BINS; CONV: (in channels, kernel height * width * out / groups);
            LIST: (1, synapses), those of a source side by side.
        delay: ROWS, CONV, LIST: (sources, 1) steps; SYNAPSES: (sources, targets) steps; BINS: the same shapes, index into
            ``bins``.
        geometry: CONV: channels, height, width in; the same out; kernel, stride, padding, dilation (two each); groups.
            LIST: (sources + 1,) where the synapses of each source begin.
        bins: BINS: the delays that occur, in steps, ascending.  LIST: the target of each synapse.
        shift: BINS: bits to shift right.
    """

    kind: int
    weight: npt.NDArray[Any]
    delay: npt.NDArray[np.int32]
    geometry: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int32]
    shift: int


NO_PLAN = Plan(NONE, np.zeros((1, 1), np.int16), np.zeros((1, 1), np.int32), np.zeros(15, np.int64), np.zeros(1, np.int32), 0)


@njit(**_OPTIONS)
def drive(spikes, current, kind, weight, delay, geometry, bins, shift):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add to ``current`` (batch, steps, targets) what ``spikes`` (batch, steps, sources) cause."""
    steps, targets = current.shape[1], current.shape[2]
    sums = np.zeros((bins.size if kind == BINS else 1, targets), np.int32)
    active = np.zeros(spikes.shape[2], np.int64)
    for b in range(spikes.shape[0]):
        for t in range(steps):
            count = 0
            for j in range(spikes.shape[2]):  # list them first: no branch for the processor to guess wrong
                active[count] = j
                count += spikes[b, t, j] != 0
            for n in range(count):
                j = active[n]
                x = spikes[b, t, j]
                if kind == ROWS and x == 1:
                    arrival = t + 1 + delay[j, 0]
                    if arrival < steps:
                        for i in range(targets):
                            current[b, arrival, i] += weight[j, i]
                elif kind == LIST:
                    arrival = t + 1 + delay[j, 0]
                    if arrival < steps:
                        for k in range(geometry[j], geometry[j + 1]):
                            current[b, arrival, bins[k]] += np.int32(x) * weight[0, k]
                else:
                    _scatter(current, b, t, j, x, kind, weight, delay, geometry, sums)
            if kind == BINS and count:
                _flush(current, b, t, bins, shift, sums)


@njit(**_OPTIONS)
def run_cuba(  # type: ignore[no-untyped-def]  # noqa: ANN201
    current,  # noqa: ANN001
    bias,  # noqa: ANN001
    keep_u,  # noqa: ANN001
    keep_v,  # noqa: ANN001
    threshold,  # noqa: ANN001
    interval,  # noqa: ANN001
    phase,  # noqa: ANN001
    kind,  # noqa: ANN001
    weight,  # noqa: ANN001
    delay,  # noqa: ANN001
    geometry,  # noqa: ANN001
    bins,  # noqa: ANN001
    shift,  # noqa: ANN001
    spikes,  # noqa: ANN001
    record_u,  # noqa: ANN001
    record_v,  # noqa: ANN001
):
    """Run CUBA neurons from rest, the equations of ``convert.neurons.cuba``, with the population's connection to itself.

    A product with (4096 - decay) / 4096 is exact in float64 (fewer than 53 bits), and its conversion to an integer drops the
    fraction: shift toward zero, as Lava's ``sign(x) * (abs(x) >> 12)``.

    Args:
        current: (batch, steps, neurons) int32 feed-forward input a; the recurrent input is added in place.
        bias: (batch or 1, steps or 1, neurons) int32, ``bias_mant << bias_exp``.
        keep_u, keep_v: (neurons,) float64, (4096 - decay) / 4096.
        threshold: vThMant << 6, int32.
        interval, phase: u and v become 0 before the step at index t where interval > 0 and (t + 1 - phase) % interval == 0.
        kind, weight, delay, geometry, bins, shift: the recurrent ``Plan``.
        spikes: (batch, steps, neurons) uint8, written.
        record_u, record_v: (batch, steps, neurons) int32 written, or of size 0.
    """
    batch, steps, neurons = current.shape
    u = np.zeros(neurons, np.int32)
    v = np.zeros(neurons, np.int32)
    active = np.zeros(neurons, np.int64)
    sums = np.zeros((bins.size if kind == BINS else 1, neurons), np.int32)
    for b in range(batch):
        u[:] = 0
        v[:] = 0
        bias_b = b if bias.shape[0] > 1 else 0
        for t in range(steps):
            bias_t = t if bias.shape[1] > 1 else 0
            if interval > 0 and (t + 1 - phase) % interval == 0:
                u[:] = 0
                v[:] = 0
            for i in range(neurons):
                c = np.int32(np.int32(u[i] * keep_u[i]) + (current[b, t, i] << STATE_SHIFT))
                if c > _WRAP:
                    c = np.int32(c - _TURN)
                elif c <= -_WRAP:
                    c = np.int32(c + _TURN)
                w = np.int32(np.int32(v[i] * keep_v[i]) + c + bias[bias_b, bias_t, i])
                w = min(max(w, -_LIMIT), _LIMIT)
                over = w > threshold
                u[i] = c
                v[i] = np.int32(0) if over else w
                spikes[b, t, i] = over
            if record_u.size:
                record_u[b, t] = u
            if record_v.size:
                record_v[b, t] = v
            if kind != NONE:
                count = 0
                for i in range(neurons):
                    active[count] = i
                    count += spikes[b, t, i]
                for n in range(count):
                    j = active[n]
                    if kind == ROWS:
                        arrival = t + 1 + delay[j, 0]
                        if arrival < steps:
                            for i in range(neurons):
                                current[b, arrival, i] += weight[j, i]
                    elif kind == LIST:
                        arrival = t + 1 + delay[j, 0]
                        if arrival < steps:
                            for k in range(geometry[j], geometry[j + 1]):
                                current[b, arrival, bins[k]] += weight[0, k]
                    else:
                        _scatter(current, b, t, j, 1, kind, weight, delay, geometry, sums)
                if kind == BINS and count:
                    _flush(current, b, t, bins, shift, sums)


@njit(**_OPTIONS)
def delayed(spikes, delay, lead, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """``result[b, t, j] = spikes[b, t - lead - delay[j], j]``, left as it is where that lies before the start."""
    steps = spikes.shape[1]
    for b in range(spikes.shape[0]):
        for t in range(steps):
            for j in range(spikes.shape[2]):
                x = spikes[b, t, j]
                if x != 0 and t + lead + delay[j] < steps:
                    result[b, t + lead + delay[j], j] = x


@njit(**_OPTIONS)
def _scatter(current, b, t, j, x, kind, weight, delay, geometry, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the spike of value ``x`` that source ``j`` emits at ``t`` in sample ``b`` to ``current``, BINS: to ``sums``."""
    steps, targets = current.shape[1], current.shape[2]
    if kind == ROWS:
        arrival = t + 1 + delay[j, 0]
        if arrival < steps:
            for i in range(targets):
                current[b, arrival, i] += np.int32(x) * weight[j, i]
    elif kind == SYNAPSES:
        for i in range(targets):
            arrival = t + 1 + delay[j, i]
            if arrival < steps:
                current[b, arrival, i] += np.int32(x) * weight[j, i]
    elif kind == CONV:
        arrival = t + 1 + delay[j, 0]
        if arrival < steps:
            _scatter_conv(current, b, arrival, j, x, weight, geometry)
    elif kind == BINS:
        shared = delay.shape[1] == 1
        for i in range(targets):
            sums[delay[j, 0 if shared else i], i] += np.int32(x) * weight[j, i]


@njit(**_OPTIONS)
def _scatter_conv(current, b, arrival, j, x, weight, geometry):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    channels, height, width = geometry[0], geometry[1], geometry[2]
    out_height, out_width = geometry[4], geometry[5]
    down, right, groups = geometry[8], geometry[9], geometry[14]
    place_in = j % (height * width)
    channel = j // (height * width)
    y = place_in // width
    targets = geometry[3] // groups
    area = out_height * out_width
    first = (channel // (channels // groups)) * targets * area
    for ky in range(geometry[6]):
        top = y + geometry[10] - ky * geometry[12]
        if down > 1:  # a division costs as much as all the rest
            if top % down != 0:
                continue
            top //= down
        if top < 0 or top >= out_height:
            continue
        for kx in range(geometry[7]):
            left = place_in - y * width + geometry[11] - kx * geometry[13]
            if right > 1:
                if left % right != 0:
                    continue
                left //= right
            if left < 0 or left >= out_width:
                continue
            place = first + top * out_width + left
            tap = (ky * geometry[7] + kx) * targets
            for o in range(targets):
                current[b, arrival, place + o * area] += np.int32(x) * weight[channel, tap + o]


@njit(**_OPTIONS)
def _flush(current, b, t, bins, shift, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """BINS, after all spikes of ``t``: shift each delay's sums, which floors, add them where they arrive, clear them."""
    for k in range(bins.size):
        arrival = t + 1 + bins[k]
        for i in range(current.shape[2]):
            if arrival < current.shape[1]:
                current[b, arrival, i] += sums[k, i] >> shift
            sums[k, i] = 0
