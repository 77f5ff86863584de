"""The float side of a validation: a trained network, a float network, a module, a callable, or stored predictions.

``open_reference`` makes one from what a user gives.  Each kind is a file: ``trained`` (all stages of the quantisation),
``float_reference``, ``module_reference``, ``callable_reference``, ``stored_reference``.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError, NetworkError
from myelin.validation.answers import Answer, Shapes

if TYPE_CHECKING:
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.network import Network
    from myelin.convert.opened import Opened
    from myelin.convert.samples import Samples

#: Name of the stage of the float side, and its description unless a reference has another.
FLOAT = "float"
#: Samples in a batch, which all stages run; limits memory.
CHUNK = 128
_WAYS = (
    "a run folder, an artifact with a trained or a float network, stored predictions (*.npz), or a netx or NIR file with "
    "floats; in Python also a torch module, any callable, or a FloatNetwork"
)


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


def open_reference(given: Any, opened: Opened, origin: Origin | None) -> Reference | None:
    """The reference that a user gave, or that the network brings; None for ``given=False``.

    Args:
        given: see ``myelin.validate``.
        opened: the network that is validated.
        origin: origin of its artifact, None if it is none.

    Raises:
        NetworkError: nothing was given and the network brings none, or the path cannot be read or is of another shape.
        DataError: ``given`` is nothing that can answer.
    """
    from myelin.convert.floats.network import FloatNetwork
    from myelin.validation.callable_reference import CallableReference
    from myelin.validation.float_reference import FloatReference

    if given is False:
        return None
    if isinstance(given, Reference):
        return given
    if given is None:
        return _brought(opened, origin)
    if isinstance(given, FloatNetwork):
        return FloatReference(given, "float network", opened.network)
    if isinstance(given, str | os.PathLike):
        return _of_path(Path(given), opened)
    if hasattr(given, "state_dict") and hasattr(given, "named_modules"):  # a torch module, without importing torch
        from myelin.validation.module_reference import ModuleReference

        return ModuleReference(given, opened.network)
    if callable(given):
        return CallableReference(given)
    raise DataError(f"reference is a {type(given).__name__}; allowed are {_WAYS}; or False for none")


def _brought(opened: Opened, origin: Origin | None) -> Reference:
    """The reference inside the artifact or the NIR file."""
    from myelin.convert.floats.file import read_floats
    from myelin.validation.float_reference import FloatReference
    from myelin.validation.trained import Trained

    if origin is not None and origin.checkpoint is not None and origin.checkpoint.is_dir():
        return Trained.load(origin.checkpoint, origin.clipped_to_steps)
    if origin is not None and origin.floats is not None and origin.floats.is_file():
        return FloatReference(read_floats(origin.floats), origin.floats.name, opened.network)
    if opened.floats is not None:
        return FloatReference(opened.floats, f"the floats of {opened.name}", opened.network)
    raise NoReference(
        f"{opened.name}: {opened.title} without a trained or a float network has nothing to compare its integers with; give it "
        f"with --reference (reference= in Python): {_WAYS}; or judge only what must be equal, with --no-reference "
        "(reference=False)"
    )


def _of_path(place: Path, opened: Opened) -> Reference:
    from myelin.convert.artifact.artifact import read_manifest
    from myelin.convert.artifact.provenance import CHECKPOINT, FLOATS
    from myelin.convert.floats.file import read_floats
    from myelin.convert.floats.sources import open_floats
    from myelin.convert.opened import kind_of
    from myelin.validation.float_reference import FloatReference
    from myelin.validation.stored_reference import StoredReference
    from myelin.validation.trained import Trained

    if place.suffix == ".npz" and place.is_file():
        if StoredReference.names_in(place) & {"structure"}:
            return FloatReference(read_floats(place), str(place), opened.network)
        return StoredReference(place)
    if not place.exists():
        raise NetworkError(f"{place}: no such file or folder; --reference (reference= in Python) takes {_WAYS}")
    kind = kind_of(place)
    if kind == "artifact":
        files = read_manifest(place)["files"]
        if any(name.startswith(f"{CHECKPOINT}/") for name in files):
            return Trained.of_network(place / CHECKPOINT, opened.network)
        if FLOATS in files:
            return FloatReference(read_floats(place / FLOATS), str(place / FLOATS), opened.network)
        raise NetworkError(f"{place}: an artifact without a trained or a float network is no reference; allowed are {_WAYS}")
    if kind == "run":
        return Trained.of_network(place, opened.network)
    return FloatReference(open_floats(place).network, str(place), opened.network)
