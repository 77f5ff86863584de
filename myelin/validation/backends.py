"""Validation of an artifact with Lava and a board among its stages, as text and as JSON."""

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

#: Samples that also run with Lava's own process models, which rebuild every delayed connection in every step.
STOCK_SAMPLES = 1
_TITLES = {False: "Lava with our process models", True: "Lava with its own process models"}
_BOARD = "Loihi 2 board = golden outputs"


class NotTheTrainedNetwork(GateError):
    """An artifact whose network is not what it should be, and without the trained network that would show it on data."""

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        super().__init__(f"{examination.artifact.folder}: validation failed: {'; '.join(examination.failures)}")

    def lines(self) -> list[str]:
        """What was found, for the screen."""
        from myelin.convert.compare import report as divergence_report
        from myelin.validation.table import network_lines
        from myelin.validation.validate import network_divergence

        found = network_divergence(self.examination)
        divergence = [] if found is None else ["", "first divergence", *divergence_report.lines(found)]
        return [*network_lines(self.examination), *divergence]

    def as_dict(self) -> dict[str, Any]:
        """The same as values for JSON."""
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
    """Compare an artifact's integers with the network that was trained, in the simulator, in Lava and on a board.

    A failure is in the result (``failures``), see ``require_pass``.

    Args:
        artifact: its folder.
        data: ``builtin``, a folder, or a file of the SHD format.
        split: part of the data; None for test, else valid, else all there is.
        max_drop_points: loss in percent points that the 95 % interval must rule out.
        lava_samples: how many run in Lava too; None for a few if Lava is installed.
        board: whether the golden inputs run on a Loihi 2 board.
        plot: where a figure goes as PNG; None for none.
        progress: whether to show a progress bar.

    Raises:
        NetworkError: no artifact, or one without the trained network.
        NotTheTrainedNetwork: that is missing, and the network is not what the rest of the artifact says.
        DataError: the data cannot be used.
        MissingPartError: torch is not installed.
        BackendError: Lava or a board is asked for by name and not installed, or failed.
    """
    from myelin.convert.artifact.examine import examine
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.opened import require
    from myelin.convert.samples import open_samples
    from myelin.lava_models import loihi2

    parts.require("torch")
    if lava_samples:
        compat.require()  # asked for by name: without Lava this is an error, not something to leave out
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
    """Return if the artifact holds the network that was trained, without which no stage can be compared with floats.

    Raises:
        NotTheTrainedNetwork: it does not, and ``network.net`` is not what it should be.
        NetworkError: it does not, and nothing else is wrong.
    """
    if examination.has_checkpoint:
        return
    if examination.failures:
        raise NotTheTrainedNetwork(examination)
    raise NetworkError(next(text for name, text in examination.damaged.items() if name.startswith("checkpoint")))


def verdict_of(validation: Validation) -> Verdict:
    """Pass, fail, or undecided where nothing but the number of samples stands in the way."""
    if not validation.failures:
        return "pass"
    return "undecided" if len(validation.failures) == 1 and validation.gate.outcome == "undecided" else "fail"


def require_pass(validation: Validation) -> None:
    """Raise GateError, with every reason, if the validation failed or nothing is decided."""
    if validation.failures:
        outcome = "is undecided" if verdict_of(validation) == "undecided" else "failed"
        folder = validation.examination.artifact.folder
        raise GateError(f"{folder}: validation {outcome}: {'; '.join(validation.failures)}")


def shown(validation: Validation) -> list[str]:
    """A validation for the screen: of which artifact it is, and the tables."""
    from myelin.convert.artifact.provenance import Origin
    from myelin.validation.table import lines

    artifact = validation.examination.artifact
    origin = Origin.of(artifact)
    return [f"validate      {artifact.folder}: {origin.name}, exported for {origin.target}", *lines(validation)]


def result(validation: Validation) -> dict[str, Any]:
    """What ``--json`` writes: the values of ``myelin.validation.as_json``, and of which artifact they are."""
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
    """Why Lava does not run; None if it does."""
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

        # convert must not import this package, so it is handed what runs
        found.append(IntegerBackend(title, run, frozenset(UNRECORDABLE), min(STOCK_SAMPLES, samples) if stock else samples))
    return found


def _left_out(skipped: str | None) -> list[Equality]:
    from myelin.validation.validate import Equality

    return [Equality(f"{title} = simulator", None, skipped) for title in _TITLES.values()] if skipped else []


def _on_board(artifact: Artifact, asked: bool) -> Equality:
    """Golden inputs on a board; raises what ``myelin.lava_models.board`` does."""
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
