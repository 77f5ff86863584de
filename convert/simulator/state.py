"""The state of a simulation between two steps: a value that can be kept, saved and restored."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import atomic_file
from myelin.hw_configs.reading.array_files import read_npz

_FORMAT = "myelin simulator state 1"


@dataclass(frozen=True, eq=False)
class SimulatorState:
    """The state of each stream: neurons, spikes under way, and the number of steps made.  Its arrays are read-only copies.

    Attributes:
        network: hash of the network that the state belongs to; the same integers have the same hash in any file format.
        counts: (streams,) number of steps that each stream has made.
        memory: (streams, size) int32, see ``myelin.convert.simulator.step_plan``; not for reading.
    """

    network: str
    counts: npt.NDArray[np.int64]
    memory: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, dtype in (("counts", np.int64), ("memory", np.int32)):
            array = np.array(getattr(self, name), dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def streams(self) -> int:
        """Number of streams."""
        return len(self.counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SimulatorState):
            return NotImplemented
        same = np.array_equal(self.counts, other.counts) and np.array_equal(self.memory, other.memory)
        return self.network == other.network and same

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        steps = ", ".join(map(str, self.counts[:4])) + (", ..." if self.streams > 4 else "")
        return (
            f"SimulatorState({self.streams} stream{'s'[: self.streams != 1]} after {steps} steps, network {self.network[:12]})"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to ``path``, an npz file, completely or not at all."""
        with atomic_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, format=_FORMAT, network=self.network, counts=self.counts, memory=self.memory)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SimulatorState:
        """The state that ``save`` wrote to ``path``.

        Raises:
            DataError: the file cannot be read, or holds no state.
        """
        if not isinstance(path, str | os.PathLike):
            raise DataError(
                f"a state is loaded from a path, got a {type(path).__name__}; a SimulatorState in memory is assigned: "
                "simulator.state = state"
            )
        wrong = DataError(f"{os.fspath(path)} holds no state of a simulator; a file written by SimulatorState.save is allowed")
        try:
            file = read_npz(path)
            if str(file["format"]) != _FORMAT:
                raise wrong
            network, counts, memory = str(file["network"]), file["counts"], file["memory"]
        except OSError as error:
            raise DataError(f"{os.fspath(path)}: cannot be read: {error.strerror or error}") from None
        except (ValueError, KeyError):
            raise wrong from None
        fits = counts.ndim == 1 and memory.ndim == 2 and len(counts) == len(memory) > 0
        if not fits or (counts.dtype, memory.dtype) != (np.int64, np.int32) or counts.min() < 0:
            raise wrong
        return cls(network, counts, memory)
