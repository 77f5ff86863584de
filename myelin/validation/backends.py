"""Validation of an artifact with Lava and a board among its stages, printed and written: what both commands share."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from myelin.hw_configs.errors import GateError, NetworkError
from myelin.lava_models import compat

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.artifact.examine import Examination
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.network import Network
    from myelin.convert.recording import Record, Recording
    from myelin.convert.samples import Samples
    from myelin.lava_models.runner import Worker
    from myelin.validation.validate import Backend, Equality, Validation

#: Samples that also run with Lava's own process models, which rebuild every delayed connection in every step.
STOCK_SAMPLES = 1
_TITLES = {False: "Lava with our process models", True: "Lava with its own process models"}
_BOARD = "Loihi 2 board = golden outputs"


def validate_artifact(
    examination: Examination,
    origin: Origin,
    samples: Samples,
    *,
    max_drop_points: float,
    lava_samples: int,
    board: bool = False,
    json: Path | None = None,
    plot: Path | None = None,
    progress: bool = False,
) -> Validation:
    """Validate, print the tables, write them to ``json`` and ``plot``; a failure is in the result, see ``require_pass``.

    Args:
        examination, origin, samples: of the artifact, where it comes from, on what; see ``require_trained``.
        max_drop_points: allowed loss in percent points.
        lava_samples: how many run in Lava too, if it is installed.
        board: whether the golden inputs run on a board.
        json: where the result goes as JSON, or None.
        plot: where a figure goes as PNG, or None.
        progress: whether to show a progress bar.
    """
    from myelin.hw_configs.files import write_json
    from myelin.lava_models.runner import Worker
    from myelin.validation.table import lines
    from myelin.validation.trained import Trained
    from myelin.validation.validate import validate

    trained = Trained.load(origin.checkpoint, origin.clipped_to_steps)
    skipped = _no_lava(lava_samples)
    with contextlib.ExitStack() as stack:
        backends = [] if skipped else _lava(stack.enter_context(Worker()), lava_samples)
        validation = validate(
            examination,
            trained,
            samples,
            classes=origin.keys or tuple(map(str, range(origin.classes))),
            max_drop_points=max_drop_points,
            backends=backends,
            others=[*_left_out(skipped), _on_board(examination.artifact, board)],
            progress=progress,
        )
    print("\n".join(lines(validation)))
    if json is not None:
        write_json(json, result(validation))
    if plot is not None:
        from myelin.validation.plot import stages_with_intervals

        stages_with_intervals(plot, validation)
    return validation


def require_trained(examination: Examination, json: Path | None = None) -> None:
    """Return if the artifact holds the network that was trained, without which no stage can be compared with floats.

    Raises:
        GateError: it does not, and ``network.net`` is not what it should be; printed, and written to ``json``.
        NetworkError: it does not, and nothing else is wrong.
    """
    from myelin.hw_configs.files import write_json
    from myelin.validation.as_json import examination_as_dict
    from myelin.validation.table import network_lines

    if examination.has_checkpoint:
        return
    folder = examination.artifact.folder
    if examination.failures:
        print("\n".join(network_lines(examination)))
        _show_divergence(examination)
        if json is not None:
            write_json(json, {"artifact": str(folder), "format": 1, "network": examination_as_dict(examination)})
        raise GateError(f"{folder}: validation failed: {'; '.join(examination.failures)}")
    raise NetworkError(next(text for name, text in examination.damaged.items() if name.startswith("checkpoint")))


def require_pass(artifact: Artifact, validation: Validation) -> None:
    """Raise GateError, with every reason, if the validation failed or nothing is decided."""
    failures = validation.failures
    if failures:
        undecided = len(failures) == 1 and validation.gate.outcome == "undecided"
        outcome = "is undecided" if undecided else "failed"
        raise GateError(f"{artifact.folder}: validation {outcome}: {'; '.join(failures)}")


def _show_divergence(examination: Examination) -> None:
    from myelin.convert.compare import report as divergence_report
    from myelin.validation.validate import network_divergence

    found = network_divergence(examination)
    if found is not None:
        print("\n".join(["", "first divergence", *divergence_report.lines(found)]))


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


def _lava(worker: Worker, samples: int) -> list[Backend]:
    from myelin.lava_models.runner import UNRECORDABLE
    from myelin.validation.validate import Backend

    found = []
    for stock, title in _TITLES.items():

        def run(network: Network, frames: npt.NDArray[Any], record: Record, stock: bool = stock) -> Recording:
            return worker.run(network, frames, record=record, stock=stock)

        # convert must not import this package, so it is handed what runs
        found.append(Backend(title, run, frozenset(UNRECORDABLE), min(STOCK_SAMPLES, samples) if stock else samples))
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
