"""Dense connections as Lava's Dense or DelayDense."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myelin.convert.layers import Dense
from myelin.convert.layers.weights import synapse_format
from myelin.lava_models.layers.connection import LavaConnection, dense_connection


def dense_delays(synapse: Dense, source_delays: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Delay in steps of every synapse (out, in): its synaptic delay plus the axonal delay of its source neuron.

    Args:
        synapse: the weights and synaptic delays.
        source_delays: axonal delays in steps of the source neurons, in any shape with one element per column of the weights.
    """
    delays = np.broadcast_to(source_delays.reshape(1, -1), synapse.weight.shape).astype(np.int64)
    return delays if synapse.delay_steps is None else delays + synapse.delay_steps


def dense_connections(synapse: Dense, source_delays: npt.NDArray[np.int32], message_bits: int = 0) -> list[LavaConnection]:
    """The Dense or DelayDense of ``a_i[t] = sum_k sh( sum_{j: D_ij = k} W_ij s_j[t - 1 - k] )``, D from ``dense_delays``.

    The axonal delays of the source apply to the columns of the weights.  (netx 0.6.0 applies a layer's own delays to the rows
    of its incoming weights, which differs with a bias, a recurrence or a reset: lava-dl ``netx/hdf5.py:436``.)

    Args:
        synapse: W, its exponent and its synaptic delays.
        source_delays: axonal delay in steps of each source neuron.
        message_bits: 0 for spikes of 0 or 1, else the width of the messages.
    """
    form = synapse_format(synapse.weight, synapse.weight_exp)
    return [dense_connection(form, dense_delays(synapse, source_delays), message_bits)]
