"""``myelin validate``: any network against any reference, as text and as JSON."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from myelin.backends import names
from myelin.hw_configs import parts
from myelin.hw_configs.argument_checks import path_or_none
from myelin.hw_configs.errors import BackendError, DataError, GateError, NetworkError
from myelin.lava_models import compat
from myelin.validation.defaults import MAX_DROP, require_drop

if TYPE_CHECKING:
    from myelin.convert.artifact.examine import Examination
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.axes import TimeAxis
    from myelin.convert.opened import Opened
    from myelin.envelope import Verdict
    from myelin.validation.reference import Reference
    from myelin.validation.validate import Validation


class NotTheTrainedNetwork(GateError):
    """An artifact whose network is not the expected one, and without a reference for a comparison on data."""

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        super().__init__(f"{examination.artifact.folder}: validation failed: {'; '.join(examination.failures)}")

    def lines(self) -> list[str]:
        """The findings as lines for the screen."""
        from myelin.convert.compare import report as divergence_report
        from myelin.validation.equalities import network_divergence
        from myelin.validation.table import network_lines

        found = network_divergence(self.examination)
        divergence = [] if found is None else ["", "first divergence", *divergence_report.lines(found)]
        return [*network_lines(self.examination), *divergence]

    def as_dict(self) -> dict[str, Any]:
        """The findings as values for JSON."""
        from myelin.validation.as_json import examination_as_dict

        folder = self.examination.artifact.folder
        return {"artifact": str(folder), "format": 1, "network": examination_as_dict(self.examination)}


def validate(
    source: Any,
    data: Any,
    *,
    reference: Any = None,
    max_drop: float = MAX_DROP,
    split: str | None = None,
    time_axis: TimeAxis | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    dt_ms: float | None = None,
    output_scale: float | None = None,
    lava_samples: int | None = None,
    board: bool = False,
    backend: Literal["c"] | None = None,
    plot: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Validation:
    """Compare a network's integers with a reference, in the simulator, in Lava and on a board.

    The data decides what is compared: one class for a sample (the accuracy), one for each step (the accuracy of the labelled
    steps), or traces (the root mean square error).  An output counts at its own step t: a class at step t is that of the
    largest output at step t.  A trace is compared in the unit that
    ``output_scale`` says, a voltage of 4096 being 1.0; spikes are 0 or 1.

    Failures do not raise; they are in the result (``failures``).  ``require_pass`` raises for them.

    Args:
        source: a ``Network``, a path (artifact, netx or NIR file), or what ``read`` or ``export`` returned.
        data: a path, ``builtin``, a ``SpikeDataset``, a pair (x, y) of arrays or tensors, or a torch Dataset.
        reference: the float side.  A run folder, or an artifact with a trained or a float network; a ``FloatNetwork``, or a
            netx or NIR file with floats; an npz file of stored predictions (``predictions``, ``scores`` or ``outputs``, and
            ``labels`` to have them checked); a torch module; or any callable: it gets samples, the user's own x as it was given
            or else frames (batch, steps, *input shape), and returns classes (batch,), scores (batch, classes), or outputs of
            every step (batch, steps, classes) or (batch, classes, steps).  None: the trained or float network in the artifact
            or file.  False: none, so that only what must be equal is judged.
        max_drop: allowed loss of accuracy in percent points, or allowed increase of the error in percent; the 95 % interval
            must rule out a larger one.
        split: part of the data; None for test, else valid, else all samples.
        time_axis: axis of time of x, and of a reference's outputs, 1 or -1; None recognises it by the shapes.
        steps, step_ms: how spikes become frames, for a network that does not define it and data that does not either.
        dt_ms: length of a step in milliseconds, for those of ``source`` and ``reference`` that are NIR files.
        output_scale: for traces the integer output that means 1.0.  None: as the artifact's quantisation chose it, else as the
            readout weights of a float reference say, else 4096 for voltages and 1 for spikes.
        lava_samples: number of samples that also run in Lava; None for a few if Lava is installed.
        board: whether the golden inputs of an artifact run on a Loihi 2 board.
        backend: "c" to run some samples also in the generated C, compiled for this machine; None for none.
        plot: PNG file to write; None for no figure.
        progress: whether to show a progress bar.

    Raises:
        NetworkError: the network or the reference cannot be read, or do not fit; or there is no reference.
        NotTheTrainedNetwork: there is no reference, and the network contradicts the rest of the artifact.
        DataError: the data cannot be used, or the reference answers in no allowed shape.
        MissingPartError: torch is needed and not installed.
        BackendError: Lava, a board or C was requested and is not installed, or failed.
    """
    found = measured(
        source, data, reference=reference, max_drop=max_drop, split=split, time_axis=time_axis, steps=steps, step_ms=step_ms,
        dt_ms=dt_ms, output_scale=output_scale, lava_samples=lava_samples, board=board, backend=backend, plot=plot,
        progress=progress,
    )  # fmt: skip
    if found.gate is None and found.examination is None and not any(one.parity for one in found.equalities):
        skipped = "; ".join(f"{one.name}: {one.skipped}" for one in found.equalities)
        name = "network" if found.opened is None else found.opened.name
        raise NetworkError(f"{name}: without a reference nothing was compared ({skipped}); give one, or let Lava run")
    return found


def measured(
    source: Any,
    data: Any,
    *,
    reference: Any,
    max_drop: float,
    split: str | None,
    time_axis: TimeAxis | None,
    steps: int | None,
    step_ms: float | None,
    dt_ms: float | None,
    output_scale: float | None,
    lava_samples: int | None,
    board: bool = False,
    backend: Literal["c"] | None = None,
    plot: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Validation:
    """``validate``, also where nothing could be compared."""
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.opened import takes
    from myelin.convert.stimulus import InputChoice, open_data
    from myelin.lava_models import loihi2
    from myelin.lava_models.runner import Worker
    from myelin.validation import backends
    from myelin.validation.validate import validated

    picture = path_or_none("plot", plot)
    require_drop(max_drop)
    if backend not in (None, "c"):
        raise DataError(f"backend is {backend!r}; 'c' or None is allowed")
    if lava_samples:
        compat.require_runs()  # requested explicitly: a missing Lava is an error, not a reason to skip
    if board:
        loihi2.require()
    of_reference = takes(reference, "dt_ms")
    opened, examination = _opened(source, None if of_reference and not takes(source, "dt_ms") else dt_ms)
    if board and opened.artifact is None:
        raise BackendError(
            f"{opened.name}: a board runs the golden inputs of an artifact; export it first, with `myelin export`"
        )
    origin = None if opened.artifact is None else Origin.of(opened.artifact)
    float_side = _reference(reference, opened, origin, examination, dt_ms if of_reference else None)
    choice = InputChoice(data=data, split=split, steps=steps, step_ms=step_ms, time_axis=time_axis)
    samples = open_data(opened, choice)
    count = names.DEFAULT_LAVA_SAMPLES if lava_samples is None else lava_samples
    skipped = backends.no_lava(count)
    compiled = backends.compiled(opened.network, len(samples)) if backend == "c" else []
    keys = (origin.keys if origin is not None else ()) or samples.dataset.keys
    with contextlib.ExitStack() as stack:
        validation = validated(
            opened,
            samples,
            float_side,
            classes=keys or tuple(map(str, range(opened.network.num_classes))),
            examination=examination,
            max_drop=max_drop,
            time_axis=time_axis,
            output_scale=output_scale,
            given=data[0] if isinstance(data, tuple) else None,
            backends=compiled + ([] if skipped else backends.lava(stack.enter_context(Worker()), count)),
            others=[*backends.left_out(skipped), backends.on_board(opened.artifact, board)],
            progress=progress,
        )
    if picture is not None:
        from myelin.validation.plot import stages_with_intervals

        stages_with_intervals(picture, validation)
    return validation


def _opened(source: Any, dt_ms: float | None) -> tuple[Opened, Examination | None]:
    """The network; an artifact is examined instead of verified, so that a change in it is located."""
    from myelin.convert.artifact.examine import examine
    from myelin.convert.opened import Opened, kind_of, opened_source, require

    path = source if isinstance(source, str | os.PathLike) else None
    if isinstance(source, Opened) and source.artifact is not None:
        path = source.artifact.folder
    if path is not None and kind_of(path) == "artifact":
        if dt_ms is not None:
            opened_source(path, dt_ms=dt_ms)  # refuses it
        examination = examine(path)
        return Opened(Path(path), "artifact", examination.artifact.network, examination.artifact), examination
    if path is not None:
        cure = "export it first, with `myelin export`"
        require(path, ("artifact", "netx", "nir"), "`myelin validate`", {"run": cure})
    return opened_source(source, dt_ms=dt_ms), None


def _reference(
    given: Any, opened: Opened, origin: Origin | None, examination: Examination | None, dt_ms: float | None
) -> Reference | None:
    """The float side; raises NotTheTrainedNetwork or NetworkError if there is none and none was given."""
    from myelin.validation.open_reference import open_reference

    if given is None and examination is not None and origin is not None:
        lost = [text for name, text in examination.damaged.items() if name.startswith(("checkpoint", "floats"))]
        brought = examination.has_checkpoint or (origin.checkpoint is None and origin.floats is not None and not lost)
        if not brought and examination.failures:
            raise NotTheTrainedNetwork(examination)
        if not brought and lost:
            raise NetworkError(f"{lost[0]}; or give a reference with --reference (reference= in Python)")
        if examination.has_checkpoint:
            parts.require("torch")
    return open_reference(given, opened, origin, dt_ms=dt_ms)


def verdict_of(validation: Validation) -> Verdict:
    """Pass, fail, or undecided if the only obstacle is the number of samples."""
    if not validation.failures:
        return "pass"
    undecided = validation.gate is not None and validation.gate.outcome == "undecided"
    return "undecided" if len(validation.failures) == 1 and undecided else "fail"


def require_pass(validation: Validation) -> None:
    """Raise GateError, with every reason, if the validation failed or is undecided."""
    if validation.failures:
        outcome = "is undecided" if verdict_of(validation) == "undecided" else "failed"
        raise GateError(f"{_name(validation)}: validation {outcome}: {'; '.join(validation.failures)}")


def result(validation: Validation) -> dict[str, Any]:
    """The values that ``--json`` writes: the artifact, and the values of ``myelin.validation.as_json``.

    ``artifact`` is the path of the network; ``network_sha256`` and ``exported_for`` are null unless it is an artifact.
    """
    from myelin.convert.artifact.artifact import NETWORK
    from myelin.convert.artifact.files import sha256
    from myelin.convert.artifact.provenance import Origin
    from myelin.validation.as_json import as_dict

    opened = validation.opened
    assert opened is not None
    artifact = opened.artifact
    origin = None if artifact is None else Origin.of(artifact)
    return {
        "artifact": opened.name,
        "network_sha256": None if artifact is None else sha256(artifact.folder / NETWORK),
        "name": opened.name if origin is None else origin.name,
        "exported_for": None if origin is None else origin.target,
        "note": opened.note,
        **as_dict(validation),
    }


def _name(validation: Validation) -> str:
    return "network" if validation.opened is None else validation.opened.name
