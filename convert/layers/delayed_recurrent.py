"""Integer recurrent connection with axonal delays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from myelin.convert.arrays import IntArray, Shape, check_broadcast, check_range, frozen_int
from myelin.convert.layers.dense import DELAY_LIMIT_STEPS
from myelin.convert.layers.synapse import Synapse


@dataclass(frozen=True, eq=False)
class DelayedRecurrent:
    """A layer's connection to itself: ``a[t] = synapse( s_j[t - 1 - delay_steps_j] )``.

    Attributes:
        synapse: Dense (N, N), or Conv that keeps the layer's shape (a row of N neurons counts as 1 channel of 1 x N).
        delay_steps: recurrent axonal delay of each neuron in steps; scalar () or broadcastable to the layer's shape.
            With delay 0 a spike arrives in the next step.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: DelRec (Queant et al. 2025); ConvDelRec (arXiv 2604.15997).
    """

    synapse: Synapse
    delay_steps: IntArray = field(default_factory=lambda: np.zeros((), np.int32))

    def __post_init__(self) -> None:
        delay = frozen_int("recurrent delay_steps", self.delay_steps)
        check_range("recurrent delay_steps", delay, 0, DELAY_LIMIT_STEPS)
        object.__setattr__(self, "delay_steps", delay)

    @property
    def parameters(self) -> int:
        """Number of recurrent parameters: weights and delays."""
        return int(self.synapse.weight.size + self.delay_steps.size)

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless the connection maps ``shape`` to itself and the delays broadcast to it."""
        self.synapse.check_recurrent(shape)
        check_broadcast("recurrent delay_steps", self.delay_steps, shape)
