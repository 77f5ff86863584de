"""Runs that must be equal: the simulator, the training code, Lava and a board; where two of them first diverge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.artifact import NETWORK
from myelin.convert.artifact.examine import Examination
from myelin.convert.compare.difference import Parity, Trains, compare_trains
from myelin.convert.compare.divergence import diverge
from myelin.convert.compare.report import as_dict
from myelin.convert.compare.runs import ComparedRun
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording
from myelin.convert.samples import Samples, spread_choice
from myelin.convert.simulator.simulator import simulate

#: Runs the integers as the simulator does: (network, frames (batch, steps, *input shape), record) -> Recording.
Run = Callable[[Network, npt.NDArray[Any], Record], Recording]


@dataclass(frozen=True, eq=False)
class IntegerBackend:
    """A backend that runs the integers besides the simulator.

    Attributes:
        title: name of the backend.
        run: (network, frames (batch, steps, *input shape), record) -> Recording.
        without: names of states that it cannot record.
        samples: number of samples to run.
    """

    title: str
    run: Run
    without: frozenset[str]
    samples: int


@dataclass(frozen=True)
class Equality:
    """Two runs that must be equal.

    Attributes:
        name: name of the pair.
        parity: result of the comparison; None if it was not run.
        skipped: reason for not running it; None if it was run.
        divergence: where and why they diverge, as in ``myelin.convert.compare.report.as_dict``, with ``a``, ``b`` and
            ``input``; None if they are equal, or if only ``parity`` is known.
    """

    name: str
    parity: Parity | None
    skipped: str | None = None
    divergence: Mapping[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether the runs are equal or were not compared."""
        return self.parity is None or self.parity.equal

    def __str__(self) -> str:
        return f"{self.name}: skipped: {self.skipped}" if self.parity is None else str(self.parity)


def network_divergence(examination: Examination) -> Mapping[str, Any] | None:
    """Where the expected network and the artifact's network diverge on the golden inputs; None if equal or unknown."""
    if not examination.deviations:
        return None
    golden = examination.artifact.golden.spikes
    return _divergence(*_expected_runs(examination), np.arange(len(golden)), golden, "golden inputs")


def training_equality(
    parity: Parity, network: Network, examination: Examination | None, trained: Run, samples: Samples
) -> Equality:
    """The comparison with the training code, located on the first sample whose output differs.

    The divergence is between the networks if they differ, else between training code and simulator.
    """
    if parity.first is None:
        return Equality(parity.name, parity, divergence=None if examination is None else network_divergence(examination))
    if examination is not None and examination.deviations:
        runs = _expected_runs(examination)
    else:
        here = NETWORK if examination is None else str(examination.artifact.folder)
        runs = (
            ("training code", here, ComparedRun(network, trained, frozenset({"a", "u", "v"}))),
            _simulated(network, here),
        )
    return Equality(parity.name, parity, divergence=_on_sample(*runs, parity.first.sample, samples))


def backend_equality(network: Network, backend: IntegerBackend, samples: Samples) -> Equality:
    """Compare a backend with the simulator in every spike and output value, on some samples of different classes."""
    numbers = spread_choice(samples.labels, backend.samples)
    frames = samples.frames(numbers, count_lost=False)
    record = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
    expected, got = simulate(network, frames, record=record), backend.run(network, frames, record)
    parity = compare_trains(f"{backend.title} = simulator", _trains(expected), _trains(got), numbers)
    found = None
    if parity.first is not None:
        other = backend.title, NETWORK, ComparedRun(network, backend.run, backend.without)
        found = _on_sample(_simulated(network, NETWORK), other, parity.first.sample, samples)
    return Equality(parity.name, parity, divergence=found)


def _trains(recording: Recording) -> Trains:
    layers = [(f"the spikes of layer {index}", names["spikes"]) for index, names in sorted(recording.layers.items())]
    return [*layers, ("the output", recording.output)]


#: Name of a backend, name of its network, and the run.
_Named = tuple[str, str, ComparedRun]


def _simulated(network: Network, name: str) -> _Named:
    return "simulator", name, ComparedRun(network, lambda network, frames, record: simulate(network, frames, record=record))


def _expected_runs(examination: Examination) -> tuple[_Named, _Named]:
    assert examination.expected is not None
    place = examination.artifact.folder
    return (
        _simulated(examination.expected, f"{place / str(examination.reference)}, what it should be"),
        _simulated(examination.artifact.network, f"{place / NETWORK}, what it is"),
    )


def _on_sample(a: _Named, b: _Named, sample: int, samples: Samples) -> dict[str, Any]:
    numbers = np.array([sample])
    return _divergence(a, b, numbers, samples.frames(numbers, count_lost=False), f"sample {sample} of {samples.dataset.name}")


def _divergence(a: _Named, b: _Named, numbers: npt.NDArray[np.int64], frames: npt.NDArray[Any], text: str) -> dict[str, Any]:
    found = diverge(a[2], b[2], [(numbers, frames)])
    runs = {key: {"network": name, "backend": backend} for key, (backend, name, _) in (("a", a), ("b", b))}
    return {**runs, "input": {"text": text}, **as_dict(found)}
