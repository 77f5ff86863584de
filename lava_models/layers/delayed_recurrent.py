"""Recurrent connections with axonal delays as separate Dense, DelayDense, Sparse or DelaySparse processes."""

from __future__ import annotations

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.layers import Conv, DelayedRecurrent
from myelin.convert.layers.conv import as_chw
from myelin.lava_models.layers.connection import LavaConnection
from myelin.lava_models.layers.conv import unrolled_connections
from myelin.lava_models.layers.dense import dense_connections


def recurrent_connections(recurrent: DelayedRecurrent, shape: Shape, *, dense: bool = False) -> list[LavaConnection]:
    """Lava connections from a population's spikes to its own input: ``a[t] = synapse( s_j[t - 1 - delay_steps_j] )``.

    The recurrence is a separate connection with its own delays and exponent.  (netx 0.6.0 reuses the delays of the
    feed-forward weights and drops the exponent: lava-dl ``netx/blocks/process.py:280``.)  Convolutions are unrolled.

    Args:
        recurrent: the synapse and its axonal delays ``delay_steps``.
        shape: the population's shape.
        dense: use Dense and DelayDense also for a convolution.
    """
    delays = np.broadcast_to(recurrent.delay_steps, shape)
    if isinstance(recurrent.synapse, Conv):
        return unrolled_connections(recurrent.synapse, as_chw(shape), delays, dense=dense)
    return dense_connections(recurrent.synapse.as_dense(shape), delays)
