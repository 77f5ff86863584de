"""Validates an artifact, also with Lava and a board, as text and as JSON."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from myelin.backends import names
from myelin.hw_configs import parts
from myelin.hw_configs.errors import GateError, NetworkError
from myelin.lava_models import compat

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.artifact.examine import Examination
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.network import Network
    from myelin.convert.opened import Kind
    from myelin.convert.recording import Record, Recording
    from myelin.convert.samples import Samples
    from myelin.envelope import Verdict
    from myelin.lava_models.runner import Worker
    from myelin.validation.validate import Equality, IntegerBackend, Validation

#: Samples for Lava's own process models, which are slow: they rebuild every delayed connection in every step.
STOCK_SAMPLES = 1
_TITLES = {False: "Lava with our process models", True: "Lava with its own process models"}
_BOARD = "Loihi 2 board = golden outputs"


class NotTheTrainedNetwork(GateError):
    """An artifact whose network is not the expected one, and that lacks the trained network for a comparison on data."""

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        super().__init__(f"{examination.artifact.folder}: validation failed: {'; '.join(examination.failures)}")

    def lines(self) -> list[str]:
        """The findings as lines for the screen."""
        from myelin.convert.compare import report as divergence_report
        from myelin.validation.table import network_lines
        from myelin.validation.validate import network_divergence

        found = network_divergence(self.examination)
        divergence = [] if found is None else ["", "first divergence", *divergence_report.lines(found)]
        return [*network_lines(self.examination), *divergence]

    def as_dict(self) -> dict[str, Any]:
        """The findings as values for JSON."""
        from myelin.validation.as_json import examination_as_dict

        folder = self.examination.artifact.folder
        return {"artifact": str(folder), "format": 1, "network": examination_as_dict(self.examination)}


def validate_artifact(
    artifact: str | os.PathLike[str],
    data: str,
    *,
    split: str | None = None,
    max_drop_points: float = 1.0,
    lava_samples: int | None = None,
    board: bool = False,
    plot: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Validation:
    """Compare an artifact's integers with the trained network, in the simulator, in Lava and on a board.

    Failures do not raise; they are in the result (``failures``).  ``require_pass`` raises for them.

    Args:
        artifact: folder of the artifact.
        data: ``builtin``, a folder, or a file of the SHD format.
        split: part of the data; None for test, else valid, else all samples.
        max_drop_points: allowed loss in percent points; the 95 % interval must rule out a larger one.
        lava_samples: number of samples that also run in Lava; None for a few if Lava is installed.
        board: whether the golden inputs run on a Loihi 2 board.
        plot: PNG file to write; None for no figure.
        progress: whether to show a progress bar.

    Raises:
        NetworkError: no artifact, or an artifact without the trained network.
        NotTheTrainedNetwork: the trained network is missing, and the network contradicts the rest of the artifact.
        DataError: the data cannot be used.
        MissingPartError: torch is not installed.
        BackendError: Lava or a board was requested and is not installed, or failed.
    """
    from myelin.convert.artifact.examine import examine
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.opened import require
    from myelin.convert.samples import open_samples
    from myelin.lava_models import loihi2

    parts.require("torch")
    if lava_samples:
        compat.require()  # requested explicitly: a missing Lava is an error, not a reason to skip
    if board:
        loihi2.require()
    cure = "it does not hold the trained network to compare with; `myelin diff` compares integers"
    cures: dict[Kind, str] = {"netx": cure, "nir": cure, "run": "export it first, with `myelin export`"}
    require(artifact, ("artifact",), "`myelin validate`", cures)
    examination = examine(artifact)
    require_trained(examination)
    origin = Origin.of(examination.artifact)
    samples = open_samples(data, origin.binning, split=split, classes=origin.classes, keys=origin.keys)
    count = names.DEFAULT_LAVA_SAMPLES if lava_samples is None else lava_samples
    validation = _validated(examination, origin, samples, max_drop_points, count, board, progress)
    if plot is not None:
        from myelin.validation.plot import stages_with_intervals

        stages_with_intervals(Path(plot), validation)
    return validation


def _validated(
    examination: Examination,
    origin: Origin,
    samples: Samples,
    max_drop_points: float,
    lava_samples: int,
    board: bool,
    progress: bool,
) -> Validation:
    from myelin.lava_models.runner import Worker
    from myelin.validation.trained import Trained
    from myelin.validation.validate import validate

    trained = Trained.load(origin.checkpoint, origin.clipped_to_steps)
    skipped = _no_lava(lava_samples)
    with contextlib.ExitStack() as stack:
        backends = [] if skipped else _lava(stack.enter_context(Worker()), lava_samples)
        return validate(
            examination,
            trained,
            samples,
            classes=origin.keys or tuple(map(str, range(origin.classes))),
            max_drop_points=max_drop_points,
            backends=backends,
            others=[*_left_out(skipped), _on_board(examination.artifact, board)],
            progress=progress,
        )


def require_trained(examination: Examination) -> None:
    """Raise unless the artifact contains the trained network, which every comparison with floats needs.

    Raises:
        NotTheTrainedNetwork: the trained network is missing, and ``network.net`` is not the expected network.
        NetworkError: the trained network is missing, and there is no other error.
    """
    if examination.has_checkpoint:
        return
    if examination.failures:
        raise NotTheTrainedNetwork(examination)
    raise NetworkError(next(text for name, text in examination.damaged.items() if name.startswith("checkpoint")))


def verdict_of(validation: Validation) -> Verdict:
    """Pass, fail, or undecided if the only obstacle is the number of samples."""
    if not validation.failures:
        return "pass"
    return "undecided" if len(validation.failures) == 1 and validation.gate.outcome == "undecided" else "fail"


def require_pass(validation: Validation) -> None:
    """Raise GateError, with every reason, if the validation failed or is undecided."""
    if validation.failures:
        outcome = "is undecided" if verdict_of(validation) == "undecided" else "failed"
        folder = validation.examination.artifact.folder
        raise GateError(f"{folder}: validation {outcome}: {'; '.join(validation.failures)}")


def shown(validation: Validation) -> list[str]:
    """A validation as lines for the screen: the artifact and the tables."""
    from myelin.convert.artifact.provenance import Origin
    from myelin.validation.table import lines

    artifact = validation.examination.artifact
    origin = Origin.of(artifact)
    return [f"validate      {artifact.folder}: {origin.name}, exported for {origin.target}", *lines(validation)]


def result(validation: Validation) -> dict[str, Any]:
    """The values that ``--json`` writes: the artifact, and the values of ``myelin.validation.as_json``."""
    from myelin.convert.artifact.artifact import NETWORK
    from myelin.convert.artifact.files import sha256
    from myelin.convert.artifact.provenance import Origin
    from myelin.validation.as_json import as_dict

    artifact = validation.examination.artifact
    origin = Origin.of(artifact)
    return {
        "artifact": str(artifact.folder),
        "network_sha256": sha256(artifact.folder / NETWORK),
        "name": origin.name,
        "exported_for": origin.target,
        **as_dict(validation),
    }


def _no_lava(samples: int) -> str | None:
    """The reason why Lava does not run; None if it does."""
    if not samples:
        return "--lava-samples 0"
    if not compat.available():
        return f"{', '.join(compat.missing())} not installed; to include it: {compat.cure()}"
    return None


def _lava(worker: Worker, samples: int) -> list[IntegerBackend]:
    from myelin.lava_models.runner import UNRECORDABLE
    from myelin.validation.validate import IntegerBackend

    found = []
    for stock, title in _TITLES.items():

        def run(network: Network, frames: npt.NDArray[Any], record: Record, stock: bool = stock) -> Recording:
            return worker.run(network, frames, record=record, stock=stock)

        # convert must not import this package, so the function to run is passed in
        found.append(IntegerBackend(title, run, frozenset(UNRECORDABLE), min(STOCK_SAMPLES, samples) if stock else samples))
    return found


def _left_out(skipped: str | None) -> list[Equality]:
    from myelin.validation.validate import Equality

    return [Equality(f"{title} = simulator", None, skipped) for title in _TITLES.values()] if skipped else []


def _on_board(artifact: Artifact, asked: bool) -> Equality:
    """Run the golden inputs on a board; raises the errors of ``myelin.lava_models.board``."""
    from myelin.convert.compare.difference import Parity
    from myelin.lava_models.board import MAX_LAG_STEPS, golden_alignment, require_rules
    from myelin.lava_models.runner import Worker
    from myelin.validation.validate import Equality

    if not asked:
        return Equality(_BOARD, None, "--board not given")
    require_rules(artifact)
    with Worker() as worker:
        found = golden_alignment(artifact.network, artifact.golden, worker, MAX_LAG_STEPS)
    return Equality(_BOARD, Parity(_BOARD, len(artifact.golden.spikes), found.values, found.different_values, found.first))
