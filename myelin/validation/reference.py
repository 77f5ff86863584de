"""The float side of a validation: a trained network, a float network, a module, a callable, or stored predictions.

``open_reference`` (in the file of that name) makes one from what a user gives.  Each kind is a file: ``trained`` (all stages of
the quantisation), ``float_reference``, ``module_reference``, ``callable_reference``, ``stored_reference``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import NetworkError
from myelin.validation.answers import Answer, Shapes

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.convert.samples import Samples

#: Name of the stage of the float side, and its description unless a reference has another.
FLOAT = "float"
#: Samples in a batch, which all stages run; limits memory.
CHUNK = 128


@dataclass(frozen=True, eq=False)
class Chunk:
    """Samples to answer.

    Attributes:
        numbers: (batch,) numbers of the samples in the data.
        frames: (batch, steps, *input shape) spikes.
        given: (batch, ...) part of the array or tensor that the user gave as x; None if the data came otherwise.
    """

    numbers: npt.NDArray[np.int64]
    frames: npt.NDArray[Any]
    given: Any = None


@dataclass(frozen=True, eq=False)
class StageRun:
    """The result of a stage on a chunk.

    Attributes:
        answer: the answers.
        spikes: index of a spiking layer -> number of spikes; {} if unknown.
        exact: (batch, steps, *output shape) output in integers that the simulator must give too; None if there is none.
        scale: value of ``answer.output`` that means 1.0 in a trace.
    """

    answer: Answer
    spikes: Mapping[int, int] = field(default_factory=dict)
    exact: npt.NDArray[Any] | None = None
    scale: float = 1.0


class FloatSpikes(NamedTuple):
    """Spikes of the float stage, index of a spiking layer -> (batch, steps, neurons); and its predicted classes (batch,)."""

    layers: Mapping[int, npt.NDArray[Any]]
    predictions: npt.NDArray[np.int64]


class NoReference(NetworkError):
    """No reference was given, and the network brings none."""


class Reference(ABC):
    """The float side.

    Attributes:
        KIND: ``checkpoint``, ``floats``, ``module``, ``callable`` or ``predictions``.
        name: name for messages and results.
        stages: names of its stages in order, ``float`` first.
        sizes: index of a spiking layer -> its number of neurons; {} if the stages count no spikes.
        exact_name: name of its own integers, in comparisons.
        integer_scale: integer output that means 1.0 in a trace, if the reference knows; None for ``trace_scale``.
    """

    KIND: ClassVar[str]
    stages: tuple[str, ...] = (FLOAT,)
    sizes: Mapping[int, int] = {}
    exact_name = "the training code's own evaluation"
    integer_scale: float | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def run(self, chunk: Chunk, shapes: Shapes) -> dict[str, StageRun]:
        """The results of all ``stages``; raises DataError if an answer has no allowed shape."""

    def samples_at_a_time(self, steps: int) -> int:
        """Number of samples in a chunk."""
        return CHUNK

    def readout_weights(self) -> npt.NDArray[np.float64] | None:
        """The float weights of its last layer, in the unit of its outputs; None if they are not known."""
        return None

    def spikes(self, frames: npt.NDArray[Any], network: Network) -> FloatSpikes | None:
        """The spikes of its float stage for ``frames`` (batch, steps, *input shape); None if they are not known."""
        return None

    @property
    def description(self) -> str:
        """The float stage in words."""
        return f"reference: {self.name}"

    @property
    def title(self) -> str:
        """The reference in sentences: it is a float network, or may be anything."""
        return "float network" if self.KIND in ("checkpoint", "floats") else "reference"

    def check(self, samples: Samples) -> None:  # noqa: B027  most references answer any samples
        """Raise DataError unless the reference answers these samples."""

    def as_dict(self) -> dict[str, str]:
        """Values for JSON."""
        return {"kind": self.KIND, "name": self.name}
