"""Makes report.html and report.json from a network and the JSON of the stages."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.convert.artifact.artifact import NETWORK
from myelin.envelope import result_of
from myelin.hw_configs.errors import ConfigError, DataError, MissingPartError
from myelin.hw_configs.files import json_bytes, write_together
from myelin.hw_configs.reading.text_files import read_json
from myelin.report import collect
from myelin.report.page import render
from myelin.report.subject import Subject, drawn_samples
from myelin.report.verdict import judge
from myelin.train.run.files.metrics import percent

if TYPE_CHECKING:
    from myelin.validation.reference import Reference

#: Version of report.json; fields are only added within a version.
FORMAT = 1
#: Stage -> fields that its JSON must contain.
NEEDED = {
    "validation": ("format", "stages", "gate", "parities", "network", "classes", "confusion"),
    "mapping": ("target", "layers", "core_list", "estimate", "refusals"),
    "profile": ("layers", "warnings"),
    "exploration": ("knobs", "pareto", "exported", "samples", "memory_label"),
    "sweep": ("table", "seeds", "data"),
}
_GIVE = {
    "validation": (
        "it needs data",
        "give data with --data PATH, or what `myelin validate --json` wrote with --validation FILE",
    ),
    "exploration": ("none was given", "give what `myelin explore --json` wrote with --exploration FILE"),
    "sweep": ("no sweep was given", "give what `myelin sweep` wrote with --sweep FILE"),
    "training": (
        "the network was not made from a run of `myelin train`",
        "facts that you give at export stand here: provenance= of myelin.export",
    ),
    "learning_curve": ("an artifact does not hold it", "give the folder of the run with --run RUN"),
}
_NO_RUN = {"why": "the network was not made from a run of `myelin train`", "cure": "give the folder of a run with --run RUN"}
#: Samples that are binned at a time.
_BATCH = 256


def read_stage(path: Path, stage: str) -> dict[str, Any]:
    """Read the JSON of a stage of ``NEEDED``; raises DataError if it is not such a file."""
    try:
        values = result_of(read_json(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); name what the command wrote with --json") from error
    lacking = [name for name in NEEDED[stage] if not isinstance(values, dict) or name not in values]
    if lacking:
        raise DataError(f"{path}: is not the JSON of a {stage}: {lacking[0]} is not in it; name what the command wrote")
    return dict(values)


def put_together(
    subject: Subject,
    stages: Mapping[str, dict[str, Any]],
    *,
    missing: Mapping[str, Mapping[str, str]],
    reference: Reference | None = None,
    run: Path | None = None,
    given: Collection[str] = (),
) -> dict[str, Any]:
    """All values of a report.

    Args:
        subject: the network, with its origin and target.
        stages: name in ``NEEDED`` -> JSON, for the stages that ran.
        missing: name of a stage or part that could not be made -> ``why`` and ``cure``.
        reference: the float side, for its spikes and delays; None for none.
        run: folder of the training run, for its learning curve.
        given: names of the stages that the user gave.

    Raises:
        DataError: the JSON of a stage is of another network, or damaged.
    """
    from myelin.convert.rules import calibrate, check
    from myelin.convert.rules.report import as_dict
    from myelin.validation.float_reference import FloatReference

    opened, target, checkpoint = subject.opened, subject.target, subject.checkpoint
    network, artifact = opened.network, opened.artifact
    with _read_from(given):
        _require_same(subject, stages)
        sweep_part = _prepared_sweep(stages.get("sweep"))
    if artifact is not None:
        calibration = calibrate(network, [artifact.golden.spikes])
        calibrated_on: dict[str, Any] = {"kind": "golden", "artifact": artifact.folder.name}
    else:
        calibration = calibrate(network, (frames for _, frames in subject.stimulus.batches(_BATCH)))
        calibrated_on = subject.stimulus.facts
    absent = {name: dict(zip(("why", "cure"), said)) for name, said in _GIVE.items()}
    absent |= {name: dict(said) for name, said in missing.items()}
    floats = reference.floats if isinstance(reference, FloatReference) else None
    values: dict[str, Any] = {
        "format": FORMAT,
        "name": subject.name,
        "trained_for": None if checkpoint is None else checkpoint.run.target,
        "best_validation_accuracy_percent": None if checkpoint is None else percent(checkpoint.run.best.validation_accuracy),
        "target": {**collect.target_facts(target), "simulator": target.simulator, "cores": target.has_cores},
        "origin": collect.origin(subject),
        "training": None if checkpoint is None else collect.training(checkpoint),
        "rules": as_dict(check(network, target, calibration), target, calibration, calibrated_on),
        **{name: stages.get(name) for name in NEEDED},
        "sweep_part": sweep_part,
        "learning_curve": None if run is None else collect.learning_curve(run),
        "delays": collect.delays(network, checkpoint, floats, target),
        "weights": collect.weights(network, checkpoint),
        "golden": None if "golden" in missing else drawn_samples(subject, reference),
        "environment": collect.environment(artifact),
    }
    if checkpoint is None:
        absent["learning_curve"] = _NO_RUN
    values["missing"] = {
        name: absent.get(name, {"why": "it was not made", "cure": "give it"})
        for name in (*NEEDED, "training", "learning_curve", "golden")
        if values[name] is None
    }
    with _read_from(given):
        values["verdict"] = judge(values)
    return values


@contextlib.contextmanager
def _read_from(given: Collection[str]) -> Iterator[None]:
    """Turn errors from missing values, or from those of the wrong kind, into a DataError, if the user gave values."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if not given:
            raise
        raise DataError(
            f"the JSON of {', '.join(given)}: a value is missing or of the wrong kind ({type(error).__name__}: {error}); give "
            "it as this version's commands write it, or leave it out"
        ) from error


def beside_of(out: Path) -> Path:
    """The file for the values of the page ``out``.

    Raises:
        ConfigError: the page has its name, or it is a file that is no report's, such as the run.json of a run.
    """
    if not out.name or out.is_dir():
        raise ConfigError(f"{out}: is a folder; name the page, such as {out / 'report.html'}")
    beside = out.with_suffix(".json")
    if beside == out:
        raise ConfigError(f"{out}: the values go to a .json beside the page; name the page .html")
    if beside.exists():
        try:
            ours = {"verdict", "missing"} <= read_json(beside).keys()
        except (OSError, ValueError, AttributeError):
            ours = False
        if not ours:
            raise ConfigError(f"{out}: the values go to {beside}, which exists and is no report's; give the page another name")
    return beside


def write(out: Path, values: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write the page to ``out`` and its values beside it as JSON; returns both paths.

    Raises:
        DataError: a value to show is missing.
        ConfigError: a file cannot be written.
    """
    beside = beside_of(out)
    page = render(values).encode(errors="backslashreplace")  # names of files may be in another encoding
    try:
        write_together([(out, page), (beside, json_bytes(values))])
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror or error}") from error
    return out, beside


def why_and_cure(error: MissingPartError) -> dict[str, str]:
    """The texts of a report for a section that is left out because a package is missing."""
    why, _, cure = str(error).partition("; ")
    return {"why": why, "cure": cure}


def _require_same(subject: Subject, stages: Mapping[str, dict[str, Any]]) -> None:
    """Raise DataError if the JSON of a stage is of another network than the subject's."""
    cure, artifact = "run the command again on this network", subject.opened.artifact
    validation = stages.get("validation")
    if validation is not None:
        said = validation.get("network_sha256")
        if artifact is not None and said is not None:
            ours = artifact.manifest["files"][NETWORK]["sha256"]
            if said != ours:
                raise DataError(
                    f"validation: is of a network.net with SHA-256 {str(said)[:12]}..., this one has {ours[:12]}...; {cure}"
                )
        names = subject.classes
        known = subject.origin is not None and subject.origin.keys
        if len(validation["classes"]) != len(names) or (known and validation["classes"] != names):
            raise DataError(f"validation: its classes are {validation['classes'][:4]}, the network's {names[:4]}; {cure}")
    sizes = [layer.neurons for layer in subject.opened.network.layers]
    for name in ("mapping", "profile"):
        if name in stages:
            found = [layer["neurons"] for layer in stages[name]["layers"] if str(layer["where"]).startswith("layer ")]
            if found != sizes:
                raise DataError(f"{name}: its layers have {found} neurons, the network's {sizes}; {cure}")


def _prepared_sweep(sweep: dict[str, Any] | None) -> str | None:
    """Name of the part of the data to show; also adds the grid of each row as texts, because its keys contain dots."""
    if sweep is None:
        return None
    rows = sweep["table"]["rows"]
    if not rows:
        raise DataError("sweep: has no finished run; let it train, or leave --sweep out")
    for row in rows:
        row["grid_list"] = [f"{key} = {value}" for key, value in row["grid"].items()]
    return str(sweep.get("report") or "validation")
