"""What every stage asks of a neuron of a float network: the twin of the contract for integers."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape, check_broadcast
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError

FloatArray = npt.NDArray[np.float64]


class FloatNeuron(ABC):
    """Constants of a population of neurons in floats of any scale, and all that a stage asks of them.

    A float neuron is a frozen dataclass that lists its states and its constants below and implements ``step``, ``rounded`` and
    ``structure``; ``myelin.convert.floats.twins`` registers which integer neuron it stands for.  What NIR, calibration and the
    reports of rounding errors need beyond that they ask for by name, and refuse where it is not there.
    """

    #: Names of the states, in the order in which ``step`` changes them.
    STATES: ClassVar[tuple[str, ...]]
    #: Constants that are arrays, () or broadcastable to the layer's shape: (name, smallest, largest value).
    CONSTANTS: ClassVar[tuple[tuple[str, float, float], ...]] = ()
    #: State that a readout of states gives; None where such neurons cannot be one.
    READOUT: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        for name, low, high in self.CONSTANTS:
            object.__setattr__(self, name, frozen_float(name, getattr(self, name), low, high))

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless every constant broadcasts to ``shape``."""
        for name, _, _ in self.CONSTANTS:
            check_broadcast(name, getattr(self, name), shape)

    def flattened(self, shape: Shape) -> Self:
        """These neurons with every array of constants as (neurons,)."""
        changes = {name: np.broadcast_to(getattr(self, name), shape).reshape(-1) for name, _, _ in self.CONSTANTS}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    @property
    def output(self) -> Literal["spikes", "state"]:
        """What a layer of them gives: spikes, or for a readout that never spikes its state."""
        return "spikes"

    def rest(self, shape: tuple[int, ...]) -> dict[str, FloatArray]:
        """States before the first step: zero."""
        return {name: np.zeros(shape) for name in self.STATES}

    @abstractmethod
    def step(self, states: dict[str, FloatArray], x: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
        """States (batch, neurons) after one step with the summed input ``x``, and the spikes; constants are flattened."""

    @abstractmethod
    def structure(self) -> Neuron:
        """Integer neurons of the same kind with all constants zero: enough to check that layers fit together."""

    @abstractmethod
    def rounded(self, scale: int) -> Neuron:
        """The nearest integer neurons where weight 1 of the floats is ``2 ** scale`` in the integers."""

    def fitting_scale(self, scale: int) -> int:
        """The largest scale up to ``scale`` with which the constants of ``rounded`` fit their fields."""
        return scale

    def calibrated(self, scale: float, threshold: float, bias: float) -> Neuron:
        """The integer neurons that calibration tries.

        Args:
            scale: weight 1 of the floats is this in the integers.
            threshold: factor on the threshold.
            bias: added to every bias, as a share of the threshold; only where there is one.
        """
        raise NetworkError(f"{type(self).__name__} neurons cannot be calibrated; round them (myelin.convert.quantise.rounding)")

    def scale_limits(self, threshold_max: int) -> list[float]:
        """Scales beyond which a constant of ``calibrated`` leaves its field."""
        return []

    @property
    def has_threshold(self) -> bool:
        """Whether calibration may vary a threshold."""
        return False

    @property
    def has_bias(self) -> bool:
        """Whether calibration may vary a bias."""
        return False

    @property
    def largest_constant(self) -> float:
        """Largest magnitude that the readout's state must be able to reach besides what it does reach."""
        return 0.0

    def kept(self) -> tuple[float, ...] | None:
        """Mean share that is kept of each state in a step, where every state is a sum of the one before; None elsewhere."""
        return None

    def rounding_errors(self, rounded: Any, scale: int) -> tuple[float, float]:
        """Relative error of the threshold and largest error of a decay in ``rounded(scale)``; 0 for what there is not."""
        return 0.0, 0.0


def frozen_float(name: str, values: npt.ArrayLike, low: float = -np.inf, high: float = np.inf) -> FloatArray:
    """A read-only float64 copy of ``values``; raises NetworkError where one is NaN, infinite or outside low..high."""
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
