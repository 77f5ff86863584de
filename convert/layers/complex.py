"""Integer connections with complex weights: two sums for each target neuron, of the real and of the imaginary weights."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from myelin.convert.arrays import IntArray, Shape, frozen_int
from myelin.convert.layers.conv import Conv
from myelin.convert.layers.dense import Dense
from myelin.convert.layers.synapse import Counts, Synapse
from myelin.hw_configs.errors import NetworkError

#: Names of the parts, in their order.
PARTS = ("real", "imag")


class _Complex(Synapse):
    """Two connections that share all but their weights; a spike arrives through both in the same step.

    The first axis of ``weight`` is (real, imaginary).  Rules, mapping and profiles count both parts.
    """

    #: The fields of the parts that are arrays (2, ...) here.
    _parts: tuple[Synapse, ...]

    @abstractmethod
    def _part(self, weight: IntArray, **shared: Any) -> Synapse:
        """The connection of one part."""

    def __post_init__(self) -> None:
        weight = frozen_int("weight", self.weight)
        if weight.ndim < 1 or weight.shape[0] != len(PARTS):
            raise NetworkError(
                f"{self.kind} weight has shape {weight.shape}; (2, ...) is allowed: the real and the imaginary weights"
            )
        names = [entry.name for entry in fields(self) if entry.name != "weight"]  # type: ignore[arg-type]
        shared = {name: getattr(self, name) for name in names}
        parts = []
        for name, values in zip(PARTS, weight, strict=True):
            try:
                parts.append(self._part(values, **shared))
            except NetworkError as error:
                raise NetworkError(f"{name} part: {error}") from error
        for name in names:
            object.__setattr__(self, name, getattr(parts[0], name))
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "_parts", tuple(parts))

    @property
    def parts(self) -> tuple[Synapse, ...]:
        """The connections with the real and with the imaginary weights."""
        return self._parts

    def output_shape(self, input_shape: Shape) -> Shape:
        """See ``Synapse.output_shape``."""
        return self._parts[0].output_shape(input_shape)

    def reaches(self, input_shape: Shape, shape: Shape) -> bool:
        """See ``Synapse.reaches``."""
        return self._parts[0].reaches(input_shape, shape)

    def check_recurrent(self, shape: Shape) -> None:
        """Raise NetworkError: no neuron has a recurrence with complex weights."""
        raise NetworkError(f"recurrent weights are {self.kind}; a recurrence has real weights")

    def as_dense(self, input_shape: Shape) -> Dense:
        """Raise NetworkError: two sums are no single matrix."""
        raise NetworkError(f"{self.kind} weights give two sums for each neuron, which no single matrix gives; see ``parts``")

    def absolute_input_sum(self) -> int:
        """The largest of the two parts; see ``Synapse.absolute_input_sum``."""
        return max(part.absolute_input_sum() for part in self._parts)

    def fan_out(self, input_shape: Shape) -> Counts:
        """The number of nonzero weights, real and imaginary, that a spike of each source meets."""
        return np.sum([part.fan_out(input_shape) for part in self._parts], axis=0)

    def fan_in(self, input_shape: Shape, places: bool = False) -> Counts:
        """The fan-in of both parts together: a source that reaches a neuron through both counts twice."""
        return np.sum([part.fan_in(input_shape, places) for part in self._parts], axis=0)


@dataclass(frozen=True, eq=False)
class ComplexDense(_Complex):
    """Dense connection with complex weights, for neurons with two inputs such as ``Rf``; the equation of each part is Dense's.

    Attributes:
        weight: (2, out, in), the real and the imaginary weights; see ``Dense``.
        weight_exp: exponent of both.
        delay_steps: synaptic delays (out, in) in steps, of both, or None for none.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.
    """

    KIND: ClassVar[str] = "complex dense"

    weight: IntArray
    weight_exp: int = 0
    delay_steps: IntArray | None = None

    def _part(self, weight: IntArray, **shared: Any) -> Dense:
        return Dense(weight, **shared)


@dataclass(frozen=True, eq=False)
class ComplexConv(_Complex):
    """Convolution with complex weights; the equation of each part is Conv's, and each sum wraps to 24 bit on its own.

    Attributes:
        weight: (2, out channels, in channels / groups, kernel height, kernel width), the real and the imaginary weights.
        stride, padding, dilation, groups: of both; see ``Conv``.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.
    """

    KIND: ClassVar[str] = "complex conv"
    SPATIAL: ClassVar[bool] = True
    SUM_BITS: ClassVar[int | None] = Conv.SUM_BITS

    weight: IntArray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def _part(self, weight: IntArray, **shared: Any) -> Conv:
        return Conv(weight, **shared)


def complex_synapse(real: Synapse, imag: Synapse) -> ComplexDense | ComplexConv:
    """The connection whose parts are ``real`` and ``imag``, which share all but their weights.

    Raises:
        NetworkError: the parts differ in more than their weights, or are of a kind without a complex one.
    """
    for kind, made in ((Dense, ComplexDense), (Conv, ComplexConv)):
        if type(real) is type(imag) is kind:
            shared = {entry.name: getattr(real, entry.name) for entry in fields(kind) if entry.name != "weight"}
            for name, value in shared.items():
                if not np.array_equal(value, getattr(imag, name)):
                    raise NetworkError(f"{name} of the real part is {value}, of the imaginary part {getattr(imag, name)}")
            if real.weight.shape != imag.weight.shape:
                raise NetworkError(
                    f"the real weights have shape {real.weight.shape}, the imaginary ones {imag.weight.shape}; one is allowed"
                )
            return made(np.stack([real.weight, imag.weight]), **shared)
    raise NetworkError(f"weights of kind {real.kind!r} and {imag.kind!r} make no complex connection; dense or conv does")
