"""The description of one Lava connection process, without Lava: computed once, created again for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from myelin.convert.layers.weights import SynapseFormat

#: Longest delay of Lava's connections, 6 bit; above it the ProcessModel raises (lava-nc ``proc/dense/models.py:331``).
MAX_DELAY_STEPS = 63

_MODULES = {
    "Dense": "lava.proc.dense.process",
    "DelayDense": "lava.proc.dense.process",
    "Sparse": "lava.proc.sparse.process",
    "DelaySparse": "lava.proc.sparse.process",
    "Conv": "lava.proc.conv.process",
}


@dataclass(frozen=True)
class LavaConnection:
    """A Lava connection process: its class name and its constructor arguments.

    ``Conv`` uses (x, y, channel) on both sides.  All others connect a flat source to a flat target, both in the C order of
    (channels, height, width).

    Attributes:
        process: ``Dense``, ``DelayDense``, ``Sparse``, ``DelaySparse`` or ``Conv``.
        arguments: keyword arguments of its constructor; ``sign_mode`` is the number of Lava's ``SignMode``.
        port: the port of the neurons that its activations reach.
    """

    process: str
    arguments: Mapping[str, Any]
    port: str = "a_in"

    def create(self, name: str) -> Any:
        """A new process named ``name``; call ``compat.prepare()`` first."""
        arguments = {**self.arguments, "name": name}
        if "sign_mode" in arguments:
            arguments["sign_mode"] = import_module("lava.utils.weightutils").SignMode(arguments["sign_mode"])
        return getattr(import_module(_MODULES[self.process]), self.process)(**arguments)


def dense_connection(form: SynapseFormat, delays: npt.NDArray[np.int64], message_bits: int) -> LavaConnection:
    """All-to-all connection; weights and delays in steps have shape (out, in)."""
    # The delay of a synapse with weight 0 would only make the buffer of activations longer.
    delays = np.where(form.weight != 0, delays, 0).astype(np.int64)
    arguments = _common(form, message_bits) | {"weights": form.weight}
    if not delays.any():
        return LavaConnection("Dense", arguments)
    return LavaConnection("DelayDense", arguments | {"delays": delays, "max_delay": int(delays.max())})


def sparse_connection(
    form: SynapseFormat, targets: npt.NDArray[np.intp], sources: npt.NDArray[np.intp], shape: tuple[int, int],
    delays: npt.NDArray[np.int64], message_bits: int,
) -> LavaConnection:  # fmt: skip
    """Connection from a list of synapses: the target, source and delay in steps of each, in a matrix of ``shape`` (out, in)."""
    kept = form.weight != 0
    targets, sources = targets[kept], sources[kept]
    arguments = _common(form, message_bits) | {"weights": csr_matrix((form.weight[kept], (targets, sources)), shape=shape)}
    delays = delays[kept].astype(np.int64)
    if not delays.any():
        return LavaConnection("Sparse", arguments)
    late = delays > 0  # DelaySparse takes a delay that is not stored as 0
    matrix = csr_matrix((delays[late], (targets[late], sources[late])), shape=shape)
    return LavaConnection("DelaySparse", arguments | {"delays": matrix, "max_delay": int(delays.max())})


def _common(form: SynapseFormat, message_bits: int) -> dict[str, Any]:
    return {
        "weight_exp": form.weight_exp,
        "num_weight_bits": form.num_weight_bits,
        "sign_mode": form.sign_mode,
        "num_message_bits": message_bits,
    }
