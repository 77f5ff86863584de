"""Integer all-to-all connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myelin.convert.arrays import IntArray, Shape, check_range, frozen_int, scalar_int
from myelin.convert.layers.synapse import Counts, Synapse
from myelin.convert.layers.weights import check_weight
from myelin.hw_configs.errors import NetworkError

#: Longest delay a network may have; files and chips hold shorter delays, which is checked there.
DELAY_LIMIT_STEPS = 4095


@dataclass(frozen=True, eq=False)
class Dense(Synapse):
    """Dense connection with an optional delay on every synapse.

    ``a_i[t] = sum_k sh( sum_{j: D_ij = k} W_ij s_j[t - 1 - k] )`` with ``sh(x) = x << e`` (e > 0) or ``x >> -e``, which floors.

    Attributes:
        weight: W, (out, in), -256..255; signed weights above 127 or below -128 must be even (8 bit).
        weight_exp: e.
        delay_steps: synaptic delays D, (out, in) in steps, or None for none.  Axonal delays belong to the source layer
            (``Layer.delay_steps``) and are added to D.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/dense/models.py``.
    """

    KIND: ClassVar[str] = "dense"

    weight: IntArray
    weight_exp: int = 0
    delay_steps: IntArray | None = None

    def __post_init__(self) -> None:
        weight = frozen_int("weight", self.weight)
        if weight.ndim != 2:
            raise NetworkError(f"dense weight has shape {weight.shape}; (out, in) is allowed")
        check_weight(weight)
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "weight_exp", scalar_int("weight_exp", self.weight_exp, -16, 16))
        if self.delay_steps is not None:
            delay = frozen_int("delay_steps", self.delay_steps)
            if delay.shape != weight.shape:
                raise NetworkError(f"synaptic delay_steps has shape {delay.shape}; the weight's {weight.shape} is allowed")
            check_range("delay_steps", delay, 0, DELAY_LIMIT_STEPS)
            object.__setattr__(self, "delay_steps", delay)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape (out,) of the target neurons; ``input_shape`` is flattened in C order.  NetworkError if it does not fit."""
        if int(np.prod(input_shape)) != self.weight.shape[1]:
            raise NetworkError(f"dense weight expects {self.weight.shape[1]} inputs, the layer before has shape {input_shape}")
        return (self.weight.shape[0],)

    def absolute_input_sum(self) -> int:
        """The largest sum of |W| over one neuron's inputs: an upper bound on every product with spikes of 0 or 1."""
        return int(np.abs(self.weight).astype(np.int64).sum(axis=1).max(initial=0))

    def as_dense(self, input_shape: Shape) -> Dense:
        """The connection itself; NetworkError if it does not fit ``input_shape``."""
        self.output_shape(input_shape)
        return self

    def reaches(self, input_shape: Shape, shape: Shape) -> bool:
        """True if ``shape`` has as many neurons as the weight has rows, in any arrangement."""
        return int(np.prod(self.output_shape(input_shape))) == int(np.prod(shape))

    def fan_out(self, input_shape: Shape) -> Counts:
        """See ``Synapse.fan_out``."""
        return np.count_nonzero(self.weight, axis=0).astype(np.int64)

    def fan_in(self, input_shape: Shape, places: bool = False) -> Counts:
        """See ``Synapse.fan_in``; without kernels, every source is a place."""
        return np.count_nonzero(self.weight, axis=1).astype(np.int64)
