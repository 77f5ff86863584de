"""What every stage asks of a connection: the contract that a new layer fulfils in a file of its own."""

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
    """A connection from one population to another, and all that a stage asks of it.

    A connection is a frozen dataclass (``@dataclass(frozen=True, eq=False)``) with a name of its own and the three methods
    below that are abstract.  Everything else has a default that works on ``as_dense``, the same connection as a matrix: the
    simulator, the rules, the mapping and Lava run that matrix where nothing faster or smaller is registered, and a file that
    cannot name the connection refuses it.
    """

    #: Name of the connection in messages and files.
    KIND: ClassVar[str]
    #: Whether one kernel serves every place, so that populations are (channels, height, width) on both sides.
    SPATIAL: ClassVar[bool] = False
    #: Bits that a sum wraps to where its spikes have no delays; None where it does not wrap.
    SUM_BITS: ClassVar[int | None] = None

    #: Integer weights; what their axes mean is the connection's own.
    weight: IntArray
    #: A sum is shifted left by this, or right with a floor.
    weight_exp: int = 0
    #: Synaptic delays of the weight's shape in steps; None for none.
    delay_steps: IntArray | None = None

    @property
    def kind(self) -> str:
        """Name of this connection in messages and files."""
        return self.KIND

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the neurons that are reached from a population of ``input_shape``; NetworkError where it does not fit."""

    @abstractmethod
    def as_dense(self, input_shape: Shape) -> Dense:
        """The same connection as a matrix (out, in) of flat populations in C order, equal in every sum."""

    @abstractmethod
    def absolute_input_sum(self) -> int:
        """Largest sum over one neuron's inputs of |W|: bounds every product with spikes of 0 or 1."""

    def reaches(self, input_shape: Shape, shape: Shape) -> bool:
        """Whether a population of ``shape`` can be what is reached from ``input_shape``."""
        return self.output_shape(input_shape) == shape

    def check_recurrent(self, shape: Shape) -> None:
        """Raise NetworkError unless the connection maps a population of ``shape`` to itself."""
        target = self.output_shape(shape)
        if not self.reaches(shape, shape):
            raise NetworkError(f"recurrent {self.kind} maps shape {shape} to {target}; the same shape is allowed")

    def row(self, input_shape: Shape, neuron: int) -> tuple[IntArray, IntArray | None]:
        """Weights (sources,), 0 where no synapse is, and synaptic delays of all that reach ``neuron`` (flat index)."""
        dense = self.as_dense(input_shape)
        return dense.weight[neuron], None if dense.delay_steps is None else dense.delay_steps[neuron]

    def fan_out(self, input_shape: Shape) -> Counts:
        """(sources,) how many nonzero weights each spike of a source meets."""
        return np.count_nonzero(self.as_dense(input_shape).weight, axis=0).astype(np.int64)

    def fan_in(self, input_shape: Shape, places: bool = False) -> Counts:
        """(neurons,) from how many sources a spike reaches each neuron, over weights that are not zero.

        ``places``: where kernels are shared, the places are counted instead, whatever channels there are at each.
        """
        return np.count_nonzero(self.as_dense(input_shape).weight, axis=1).astype(np.int64)
