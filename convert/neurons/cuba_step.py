"""CUBA neurons through time: the compiled loop over steps, with the layer's connection to itself."""

from __future__ import annotations

import numpy as np
from numba import njit

from convert.layers.scatter import BINS, NONE, flush, scatter
from hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SHIFT

_LIMIT = np.int32(STATE_MAX)
_WRAP = np.int32(CURRENT_WRAP)
_TURN = np.int32(2 * CURRENT_WRAP)


@njit(nogil=True, cache=True, error_model="numpy")
def run(  # type: ignore[no-untyped-def]  # noqa: ANN201
    current,  # noqa: ANN001
    bias,  # noqa: ANN001
    keep_u,  # noqa: ANN001
    keep_v,  # noqa: ANN001
    threshold,  # noqa: ANN001
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
    """Run a population from rest, the equations of ``convert.neurons.cuba``.

    A product with (4096 - decay) / 4096 is exact in float64 (fewer than 53 bits), and its conversion to an integer drops the
    fraction: shift toward zero, as Lava's ``sign(x) * (abs(x) >> 12)``.  Sums wrap at 32 bit, as Lava's arrays do.

    Args:
        current: (batch, steps, neurons) int32 feed-forward input a; the recurrent input is added in place.
        bias: (batch or 1, steps or 1, neurons) int32, ``bias_mant << bias_exp``.
        keep_u, keep_v: (neurons,) float64, (4096 - decay) / 4096.
        threshold: vThMant << 6, int32.
        kind, weight, delay, geometry, bins, shift: the recurrent ``Plan``.
        spikes: (batch, steps, neurons) uint8, written.
        record_u, record_v: (batch, steps, neurons) int32 written, or of size 0.
    """
    batch, steps, neurons = current.shape
    u = np.zeros(neurons, np.int32)
    v = np.zeros(neurons, np.int32)
    fired = np.zeros(neurons, np.int64)
    sums = np.zeros((bins.size if kind == BINS else 1, neurons), np.int32)
    for b in range(batch):
        u[:] = 0
        v[:] = 0
        for t in range(steps):
            row = current[b, t]
            drive = bias[b if bias.shape[0] > 1 else 0, t if bias.shape[1] > 1 else 0]
            out = spikes[b, t]
            for i in range(neurons):
                c = np.int32(np.int32(u[i] * keep_u[i]) + (row[i] << STATE_SHIFT))
                if c > _WRAP:
                    c = np.int32(c - _TURN)
                elif c <= -_WRAP:
                    c = np.int32(c + _TURN)
                w = np.int32(np.int32(v[i] * keep_v[i]) + c + drive[i])
                w = min(max(w, -_LIMIT), _LIMIT)
                over = w > threshold
                u[i] = c
                v[i] = np.int32(0) if over else w
                out[i] = over
            if record_u.size:
                record_u[b, t] = u
            if record_v.size:
                record_v[b, t] = v
            if kind != NONE:
                count = 0
                for i in range(neurons):
                    fired[count] = i
                    count += out[i]
                for n in range(count):
                    scatter(current[b], t, fired[n], 1, kind, weight, delay, geometry, sums)
                if kind == BINS and count:
                    flush(current[b], t, bins, shift, sums)
