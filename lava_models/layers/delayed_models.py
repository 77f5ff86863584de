"""ProcessModels for Lava's DelayDense and DelaySparse that do not rebuild the weights in every step.

Import this module only after ``compat.prepare()``.  Do not define a Process in this folder: Lava's compiler executes every
file next to a Process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import DelayDense
from lava.proc.sparse.process import DelaySparse
from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights
from scipy.sparse import csr_matrix

from myelin.lava_models.layers.connection import MAX_DELAY_STEPS
from myelin.lava_models.layers.delayed import DelayedProduct


class _EventDrivenDelay(PyLoihiProcessModel):
    """Lava's fixed-point semantics of DelayDense and DelaySparse; ``a_buff`` has the same values as in Lava's own models."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, bool, precision=1)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=16)
    a_buff: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=16)
    num_message_bits: np.ndarray = LavaPyType(np.ndarray, int, precision=5)
    weights: Any = None
    delays: Any = None

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.product: DelayedProduct | None = None

    def _prepare(self) -> DelayedProduct:
        """Clip and truncate the weights as Lava's models do in their first step (lava-nc ``proc/dense/models.py:319``)."""
        if self.delays.max() > MAX_DELAY_STEPS:
            raise ValueError(f"the longest delay is {self.delays.max()} steps, Lava holds {MAX_DELAY_STEPS}")
        sign_mode = self.proc_params.get("sign_mode") or determine_sign_mode(self.weights)
        weight = clip_weights(self.weights, sign_mode, num_bits=8)
        weight = truncate_weights(weight, sign_mode, self.proc_params.get("num_weight_bits", 8))
        return DelayedProduct(weight, self.delays, self.proc_params.get("weight_exp", 0), self.a_buff.shape[1])

    def run_spk(self) -> None:
        """Send the activations that are due, then add the later activations caused by this step's spikes."""
        if self.product is None:
            self.product = self._prepare()
        self.a_out.send(self.a_buff[:, 0])
        spikes = self.s_in.recv()
        if self.num_message_bits.item() == 0:
            spikes = spikes.astype(bool)
        self.a_buff[:, :-1] = self.a_buff[:, 1:]
        self.a_buff[:, -1] = 0
        if spikes.any():
            self.a_buff += self.product(spikes).astype(np.int32)


@implements(proc=DelayDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("bit_accurate_loihi", "fixed_pt")
class EventDrivenDelayDense(_EventDrivenDelay):
    """ProcessModel for Lava's DelayDense."""

    weights: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=8)
    delays: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=6)


@implements(proc=DelaySparse, protocol=LoihiProtocol)
@requires(CPU)
@tag("bit_accurate_loihi", "fixed_pt")
class EventDrivenDelaySparse(_EventDrivenDelay):
    """ProcessModel for Lava's DelaySparse."""

    weights: csr_matrix = LavaPyType(csr_matrix, np.int32, precision=8)
    delays: csr_matrix = LavaPyType(csr_matrix, np.int32, precision=6)


#: The models that a run configuration selects instead of Lava's own.
FAST_MODELS = {DelayDense: EventDrivenDelayDense, DelaySparse: EventDrivenDelaySparse}
