"""The contract of a connection, used by every stage; a new connection fulfils it in its own file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    from myelin.convert.layers.dense import Dense

Counts = npt.NDArray[np.int64]


class Synapse(ABC):
    """A connection from one population to another.

    A connection is a frozen dataclass (``@dataclass(frozen=True, eq=False)``) with its own ``KIND`` and the three abstract
    methods below.  All other methods have a default that uses ``as_dense``, the same connection as a matrix.  The simulator,
    the rules, the mapping and Lava use that matrix if nothing faster or smaller is registered.  A file format that has no
    name for the connection refuses it.
    """

    #: Name of the connection in messages and files.
    KIND: ClassVar[str]
    #: True if all places share one kernel; populations are then (channels, height, width) on both sides.
    SPATIAL: ClassVar[bool] = False
    #: Number of bits to which a sum wraps if its spikes have no delays; None if it does not wrap.
    SUM_BITS: ClassVar[int | None] = None

    #: Integer weights; each connection defines their axes.
    weight: IntArray
    #: A sum is shifted left by this; if negative, right with a floor.
    weight_exp: int = 0
    #: Synaptic delays in steps, in the shape of the weights; None for none.
    delay_steps: IntArray | None = None

    @property
    def kind(self) -> str:
        """Name of this connection in messages and files."""
        return self.KIND

    @property
    def parts(self) -> tuple[Synapse, ...]:
        """The connections that give one sum for each target neuron, one for each of the neuron's ``INPUTS``: itself."""
        return (self,)

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the target neurons for a source population of ``input_shape``; NetworkError if it does not fit."""

    @abstractmethod
    def as_dense(self, input_shape: Shape) -> Dense:
        """The same connection as a matrix (out, in) between flat populations in C order, with equal sums."""

    @abstractmethod
    def absolute_input_sum(self) -> int:
        """The largest sum of |W| over one neuron's inputs: an upper bound on every product with spikes of 0 or 1."""

    def reaches(self, input_shape: Shape, shape: Shape) -> bool:
        """True if a population of ``shape`` can be the target for a source of ``input_shape``."""
        return self.output_shape(input_shape) == shape

    def check_recurrent(self, shape: Shape) -> None:
        """Raise NetworkError unless the connection maps a population of ``shape`` to itself."""
        target = self.output_shape(shape)
        if not self.reaches(shape, shape):
            raise NetworkError(f"recurrent {self.kind} maps shape {shape} to {target}; the same shape is allowed")

    def row(self, input_shape: Shape, neuron: int) -> tuple[IntArray, IntArray | None]:
        """Weights (sources,) into ``neuron`` (flat index), 0 without a synapse, and their synaptic delays in steps or None."""
        dense = self.as_dense(input_shape)
        return dense.weight[neuron], None if dense.delay_steps is None else dense.delay_steps[neuron]

    def fan_out(self, input_shape: Shape) -> Counts:
        """The fan-out (sources,): the number of nonzero weights that a spike of each source meets."""
        return np.count_nonzero(self.as_dense(input_shape).weight, axis=0).astype(np.int64)

    def fan_in(self, input_shape: Shape, places: bool = False) -> Counts:
        """The fan-in (neurons,): the number of sources that reach each neuron through a nonzero weight.

        ``places``: if kernels are shared, count places instead; all channels at one place count once.
        """
        return np.count_nonzero(self.as_dense(input_shape).weight, axis=1).astype(np.int64)
