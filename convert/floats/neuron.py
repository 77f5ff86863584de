"""The contract of a float network's neuron, used by every stage; the counterpart of the contract for integer neurons."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, check_broadcast, frozen_int
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import STATE_SHIFT

FloatArray = npt.NDArray[np.float64]


class FloatNeuron(ABC):
    """Constants of a population of neurons in floats of any scale, and their behaviour in every stage.

    A float neuron is a frozen dataclass that sets ``STATES`` and ``CONSTANTS`` below and implements ``step``, ``rounded`` and
    ``structure``.  ``myelin.convert.floats.twins`` registers its integer neuron.  NIR, calibration and the reports of rounding
    errors ask for further values by name, and refuse a neuron that does not have them.
    """

    #: Names of the states, in the order in which ``step`` changes them.
    STATES: ClassVar[tuple[str, ...]]
    #: Constants that are arrays, () or broadcastable to the layer's shape: (name, smallest, largest value).
    CONSTANTS: ClassVar[tuple[tuple[str, float, float], ...]] = ()
    #: The state that a readout of states outputs; None if these neurons cannot be one.
    READOUT: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        for name, low, high in self.CONSTANTS:
            object.__setattr__(self, name, frozen_float(name, getattr(self, name), low, high))

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless every constant broadcasts to ``shape``."""
        for name, _, _ in self.CONSTANTS:
            check_broadcast(name, getattr(self, name), shape)

    def flattened(self, shape: Shape) -> Self:
        """These neurons with every array of constants flattened to (neurons,)."""
        changes = {name: np.broadcast_to(getattr(self, name), shape).reshape(-1) for name, _, _ in self.CONSTANTS}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    @property
    def output(self) -> Literal["spikes", "state"]:
        """The output of a layer of them: "spikes", or "state" for a readout that never spikes."""
        return "spikes"

    def rest(self, shape: tuple[int, ...]) -> dict[str, FloatArray]:
        """The states of ``shape`` before the first step: zero."""
        return {name: np.zeros(shape) for name in self.STATES}

    @abstractmethod
    def step(self, states: dict[str, FloatArray], x: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
        """The states after one step with the summed input ``x``, and the spikes, all (batch, neurons).

        The neurons are ``flattened``.
        """

    @abstractmethod
    def structure(self) -> Neuron:
        """Integer neurons of the same kind with all constants zero, for the check that layers fit together."""

    @abstractmethod
    def rounded(self, scale: int) -> Neuron:
        """The nearest integer neurons, if a float weight of 1 becomes the integer ``2 ** scale``."""

    def exact(self, scale: int) -> Neuron:
        """The integer neurons whose constants are exactly these, if a float weight of 1 becomes the integer ``scale``.

        Raises:
            NetworkError: a constant is no integer; the message says which.
        """
        raise NetworkError(
            f"{type(self).__name__} neurons have no exact integers; round them (myelin.convert.quantise.rounding)"
        )

    @property
    def takes_messages(self) -> bool:
        """As ``Neuron.TAKES_MESSAGES``."""
        return False

    def output_scale(self, scale: int) -> int:
        """The integer that 1 in the layer's output becomes if a float weight of 1 becomes ``scale``."""
        return scale << STATE_SHIFT if self.output == "state" else 1

    def fitting_scale(self, scale: int) -> int:
        """The largest scale up to ``scale`` at which the constants of ``rounded`` fit their fields."""
        return scale

    def calibrated(self, scale: float, threshold: float, bias: float) -> Neuron:
        """The integer neurons for one trial of calibration.

        Args:
            scale: a float weight of 1 becomes this value in the integers.
            threshold: factor on the threshold.
            bias: added to every bias, as a share of the threshold, if the neurons have a bias.

        Raises:
            NetworkError: neurons of this class cannot be calibrated.
        """
        raise NetworkError(f"{type(self).__name__} neurons cannot be calibrated; round them (myelin.convert.quantise.rounding)")

    def scale_limits(self, threshold_max: int) -> list[float]:
        """Upper bounds on the scale; above them a constant of ``calibrated`` does not fit its field."""
        return []

    @property
    def has_threshold(self) -> bool:
        """True if calibration may vary a threshold."""
        return False

    @property
    def has_bias(self) -> bool:
        """True if calibration may vary a bias."""
        return False

    @property
    def largest_constant(self) -> float:
        """A magnitude that the range of the readout's state must include, in addition to the values it reaches."""
        return 0.0

    def kept(self) -> tuple[float, ...] | None:
        """The mean remaining share of each state per step, if each state sums the previous one; else None."""
        return None

    def rounding_errors(self, rounded: Any, scale: int) -> tuple[float, float]:
        """Relative error of the threshold and largest error of a decay in ``rounded(scale)``; 0 if there is none."""
        return 0.0, 0.0


def whole_values(name: str, values: npt.NDArray[Any], unit: str) -> IntArray:
    """``values`` as integers; NetworkError if any is none, that names them as no ``unit``."""
    wrong = values != np.rint(values)
    if wrong.any():
        raise NetworkError(f"{int(wrong.sum())} of {values.size} {name} are no {unit}")
    return frozen_int(name, values)


def frozen_float(name: str, values: npt.ArrayLike, low: float = -np.inf, high: float = np.inf) -> FloatArray:
    """A read-only float64 copy of ``values``; NetworkError if one is not numeric, NaN, infinite or outside low..high."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise NetworkError(f"{name} has dtype {array.dtype}; numbers are allowed")
    result = np.array(array, dtype=np.float64, order="C", copy=True)
    bad = ~np.isfinite(result)
    if bad.any():
        raise NetworkError(f"{name} holds {int(bad.sum())} values that are NaN or infinite; finite numbers are allowed")
    if result.size and (result.min() < low or result.max() > high):
        raise NetworkError(f"{name} lies in {result.min():g}..{result.max():g}, allowed is {low:g}..{high:g}")
    result.setflags(write=False)
    return result
