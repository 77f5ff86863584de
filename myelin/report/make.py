"""Makes report.html and report.json from an artifact and the JSON of the stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myelin.convert.artifact.artifact import NETWORK, Artifact, read_artifact
from myelin.convert.artifact.provenance import Origin
from myelin.convert.checkpoint import read_checkpoint
from myelin.envelope import result_of
from myelin.hw_configs.errors import ConfigError, DataError, MissingPartError
from myelin.hw_configs.files import write_atomically, write_json
from myelin.hw_configs.target_files import load_target
from myelin.report import collect
from myelin.report.page import render
from myelin.report.verdict import judge
from myelin.train.run.metrics import percent

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
    "learning_curve": ("an artifact does not hold it", "give the folder of the run with --run RUN"),
}


def read_stage(path: Path, stage: str) -> dict[str, Any]:
    """Read the JSON of a stage of ``NEEDED``; raises DataError if it is not such a file."""
    try:
        values = result_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); name what the command wrote with --json") from error
    lacking = [name for name in NEEDED[stage] if not isinstance(values, dict) or name not in values]
    if lacking:
        raise DataError(f"{path}: is not the JSON of a {stage}: {lacking[0]} is not in it; name what the command wrote")
    return dict(values)


def put_together(
    folder: Path, stages: Mapping[str, dict[str, Any]], *, missing: Mapping[str, Mapping[str, str]], run: Path | None = None
) -> dict[str, Any]:
    """All values of a report.

    Args:
        folder: folder of the artifact.
        stages: name in ``NEEDED`` -> JSON, for the stages that ran.
        missing: name of a stage that could not run -> ``why`` and ``cure``.
        run: folder of the training run, for its learning curve.

    Raises:
        NetworkError: the artifact is damaged, or lacks the trained network.
        DataError: the JSON of a stage is of another network.
    """
    from myelin.convert.rules import calibrate, check
    from myelin.convert.rules.report import as_dict

    artifact = read_artifact(folder)
    origin, checkpoint = Origin.of(artifact), read_checkpoint(folder / "checkpoint")
    _require_same(artifact, origin, stages)
    target = load_target(origin.target)
    calibration = calibrate(artifact.network, [artifact.golden.spikes])
    facts = checkpoint.run
    absent = {name: dict(zip(("why", "cure"), said)) for name, said in _GIVE.items()}
    absent |= {name: dict(said) for name, said in missing.items()}
    trained = None
    try:
        trained = _trained(origin)
    except MissingPartError as error:
        absent["golden"] = why_and_cure(error)
    values: dict[str, Any] = {
        "format": FORMAT,
        "name": facts.name,
        "trained_for": facts.target,
        "best_validation_accuracy_percent": percent(facts.best.validation_accuracy),
        "target": {**collect.target_facts(target), "simulator": target.simulator},
        "training": collect.training(checkpoint),
        "rules": as_dict(
            check(artifact.network, target, calibration), target, calibration, {"kind": "golden", "artifact": folder.name}
        ),
        **{name: stages.get(name) for name in NEEDED},
        "sweep_part": _prepared_sweep(stages.get("sweep")),
        "learning_curve": None if run is None else collect.learning_curve(run),
        "delays": collect.delays(artifact.network, checkpoint, target),
        "weights": collect.weights(artifact.network, checkpoint),
        "golden": None if trained is None else collect.golden_samples(artifact, origin, trained),
        "environment": collect.environment(artifact),
    }
    absent = {name: said for name, said in absent.items() if values.get(name) is None}
    values["missing"] = {
        name: absent.get(name, {"why": "it was not made", "cure": "give it"})
        for name in (*NEEDED, "learning_curve", "golden")
        if values[name] is None
    }
    values["verdict"] = judge(values)
    return values


def write(out: Path, values: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write the page to ``out`` and its values beside it as JSON; returns both paths.

    Raises:
        DataError: a value to show is missing.
        ConfigError: a file cannot be written.
    """
    beside = out.with_suffix(".json")
    if beside == out:
        raise ConfigError(f"{out}: the values go to a .json beside the page; name the page .html")
    page = render(values).encode()
    write_json(beside, values)
    try:
        write_atomically(out, page)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror or error}") from error
    return out, beside


def why_and_cure(error: MissingPartError) -> dict[str, str]:
    """The texts of a report for a section that is left out because a package is missing."""
    why, _, cure = str(error).partition("; ")
    return {"why": why, "cure": cure}


def _trained(origin: Origin) -> Any:
    from myelin.validation.trained import Trained

    return Trained.load(origin.checkpoint, origin.clipped_to_steps)


def _require_same(artifact: Artifact, origin: Origin, stages: Mapping[str, dict[str, Any]]) -> None:
    """Raise DataError if the JSON of a stage is of another network than the artifact's."""
    cure = "run the command again on this artifact"
    validation = stages.get("validation")
    if validation is not None:
        ours = artifact.manifest["files"][NETWORK]["sha256"]
        said = validation.get("network_sha256", ours)
        if said != ours:
            raise DataError(
                f"validation: is of a network.net with SHA-256 {str(said)[:12]}..., this one has {ours[:12]}...; {cure}"
            )
        names = list(origin.keys or map(str, range(origin.classes)))
        if validation["classes"] != names:
            raise DataError(f"validation: its classes are {validation['classes'][:4]}, the artifact's {names[:4]}; {cure}")
    sizes = [layer.neurons for layer in artifact.network.layers]
    for name in ("mapping", "profile"):
        if name in stages:
            found = [layer["neurons"] for layer in stages[name]["layers"] if str(layer["where"]).startswith("layer ")]
            if found != sizes:
                raise DataError(f"{name}: its layers have {found} neurons, the artifact's {sizes}; {cure}")


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
