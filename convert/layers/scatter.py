"""One spike through a connection: compiled loops that add its weights to the currents of the steps where it arrives.

For a spike of value x that source j emits at step t, all targets i get ``a[t + 1 + D_ij, i] += x W_ij``, in 32 bit integers
that wrap as Lava's do.  Work is proportional to spikes, not to synapses.  ``Plan`` is the connection as these loops want it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

#: One delay for all synapses of a source: a row of weights is added to one row of currents.
ROWS = 1
#: A delay for every synapse.
SYNAPSES = 2
#: Convolution with a delay for each source; no matrix is unrolled.
CONV = 3
#: Negative weight exponent that does not divide the weights: sums are kept apart by delay, then each is shifted and floored.
BINS = 4
#: No connection.
NONE = 0


class Plan(NamedTuple):
    """A connection, prepared.

    Attributes:
        kind: NONE, ROWS, SYNAPSES, CONV or BINS.
        weight: (sources, targets), exponent folded in unless BINS; CONV: (in channels, kernel height * width * out / groups).
        delay: ROWS, CONV: (sources, 1) steps; SYNAPSES: (sources, targets) steps; BINS: the same shapes, index into ``bins``.
        geometry: CONV: channels, height, width in; the same out; kernel, stride, padding, dilation (two each); groups.
        bins: BINS: the delays that occur, in steps, ascending.
        shift: BINS: bits to shift right.
    """

    kind: int
    weight: npt.NDArray[Any]
    delay: npt.NDArray[np.int32]
    geometry: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int32]
    shift: int


NO_PLAN = Plan(NONE, np.zeros((1, 1), np.int16), np.zeros((1, 1), np.int32), np.zeros(15, np.int64), np.zeros(1, np.int32), 0)

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def scatter(current, t, j, x, kind, weight, delay, geometry, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add the spike of value ``x`` that source ``j`` emits at ``t`` to ``current`` (steps, targets), BINS: to ``sums``."""
    steps = current.shape[0]
    if kind == ROWS:
        arrival = t + 1 + delay[j, 0]
        if arrival < steps:
            row = current[arrival]
            synapses = weight[j]
            if x == 1:
                for i in range(row.size):
                    row[i] += synapses[i]
            else:
                for i in range(row.size):
                    row[i] += np.int32(x) * synapses[i]
    elif kind == SYNAPSES:
        for i in range(current.shape[1]):
            arrival = t + 1 + delay[j, i]
            if arrival < steps:
                current[arrival, i] += np.int32(x) * weight[j, i]
    elif kind == CONV:
        arrival = t + 1 + delay[j, 0]
        if arrival < steps:
            _scatter_conv(current[arrival], j, x, weight, geometry)
    elif kind == BINS:
        shared = delay.shape[1] == 1
        for i in range(current.shape[1]):
            sums[delay[j, 0 if shared else i], i] += np.int32(x) * weight[j, i]


@njit(**_OPTIONS)
def _scatter_conv(row, j, x, weight, geometry):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    channels, height, width = geometry[0], geometry[1], geometry[2]
    out_channels, out_height, out_width = geometry[3], geometry[4], geometry[5]
    kernel_height, kernel_width = geometry[6], geometry[7]
    groups = geometry[14]
    channel = j // (height * width)
    y = (j // width) % height
    z = j % width
    targets = out_channels // groups
    first = (channel // (channels // groups)) * targets
    area = out_height * out_width
    for ky in range(kernel_height):
        top = y + geometry[10] - ky * geometry[12]
        if top < 0 or top % geometry[8] != 0 or top // geometry[8] >= out_height:
            continue
        for kx in range(kernel_width):
            left = z + geometry[11] - kx * geometry[13]
            if left < 0 or left % geometry[9] != 0 or left // geometry[9] >= out_width:
                continue
            place = first * area + (top // geometry[8]) * out_width + left // geometry[9]
            tap = (ky * kernel_width + kx) * targets
            for o in range(targets):
                row[place + o * area] += np.int32(x) * weight[channel, tap + o]


@njit(**_OPTIONS)
def flush(current, t, bins, shift, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """BINS, after all spikes of ``t``: shift each delay's sums, which floors, add them where they arrive, clear them."""
    for k in range(bins.size):
        arrival = t + 1 + bins[k]
        for i in range(current.shape[1]):
            if arrival < current.shape[0]:
                current[arrival, i] += sums[k, i] >> shift
            sums[k, i] = 0


@njit(**_OPTIONS)
def drive(spikes, current, kind, weight, delay, geometry, bins, shift):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add to ``current`` (batch, steps, targets) what ``spikes`` (batch, steps, sources) cause."""
    sums = np.zeros((bins.size if kind == BINS else 1, current.shape[2]), np.int32)
    for b in range(spikes.shape[0]):
        for t in range(spikes.shape[1]):
            silent = True
            for j in range(spikes.shape[2]):
                x = spikes[b, t, j]
                if x != 0:
                    silent = False
                    scatter(current[b], t, j, x, kind, weight, delay, geometry, sums)
            if kind == BINS and not silent:
                flush(current[b], t, bins, shift, sums)


@njit(**_OPTIONS)
def delayed(spikes, delay, lead, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """``result[b, t, j] = spikes[b, t - lead - delay[j], j]``, 0 where that lies before the start."""
    steps = spikes.shape[1]
    for b in range(spikes.shape[0]):
        for t in range(steps):
            for j in range(spikes.shape[2]):
                x = spikes[b, t, j]
                if x != 0 and t + lead + delay[j] < steps:
                    result[b, t + lead + delay[j], j] = x
