"""``myelin report``: measures missing stages, combines all stages, writes the page."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myelin.convert.opened import Opened, read, require
from myelin.convert.stimulus import InputChoice, choose
from myelin.hw_configs import parts
from myelin.hw_configs.errors import TargetError
from myelin.report.make import put_together, read_stage, why_and_cure, write

#: Default number of samples to map and profile; means over more samples hardly change.
MEASURED_SAMPLES = 100
_CURE = "a report shows what was trained; name the artifact or the run: check, map and profile take files"


@dataclass(frozen=True)
class Report:
    """A written report.

    Attributes:
        page: path of the HTML file.
        beside: path of its values as JSON.
        values: the values.
    """

    page: Path
    beside: Path
    values: Mapping[str, Any]

    def lines(self) -> list[str]:
        """Verdict, reasons and files, for the screen."""
        verdict = self.values["verdict"]
        left_out = []
        if not parts.found("torch"):
            unmade = self.values["missing"].get("validation") == why_and_cure(parts.absent("torch"))
            validation = ", validation" if unmade else ""
            what = f"golden samples as floats, delays as training began{validation}"
            left_out = [f"left out      {what}: {parts.absent('torch')}"]
        return [
            f"verdict       {verdict['headline']}",
            *(f"              {reason}" for reason in verdict["reasons"]),
            *left_out,
            f"report        {self.page} ({self.page.stat().st_size / 1024:.0f} KiB), its values {self.beside}",
        ]


def write_report(
    source: str | os.PathLike[str],
    data: str | None = None,
    out: str | os.PathLike[str] = "report.html",
    *,
    split: str | None = None,
    max_drop: float = 1.0,
    samples: int = MEASURED_SAMPLES,
    stages: Mapping[str, str | os.PathLike[str] | Mapping[str, Any]] | None = None,
    run: str | os.PathLike[str] | None = None,
    progress: bool = False,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Write one offline HTML file that answers whether a network may go to the chip, and its values as JSON beside it.

    Args:
        source: an artifact folder; or a run folder, which is exported for the report.
        data: data to validate, map and profile on; None to skip validation, and to map and profile golden inputs.
        out: page to write; its values go beside it as .json.
        split: part of the data; None for test, else valid, else all samples.
        max_drop: for the validation run here, the allowed loss in percent points.
        samples: number of samples to map and profile.
        stages: name in ``myelin.report.make.NEEDED`` -> earlier result: its values, or its file of ``--json``.
        run: folder of the training run, for its learning curve; None for ``source`` if that is a run.
        progress: whether to show a progress bar.
        say: called with each line for the user; None for silence.

    Raises:
        NetworkError: neither an artifact nor a run, or a damaged one.
        DataError: the data cannot be used, or the JSON of a stage is invalid or of another network.
        ConfigError: the page cannot be written.
    """
    given = {name: read_stage(Path(it), name) if isinstance(it, str | os.PathLike) else dict(it)
             for name, it in (stages or {}).items()}  # fmt: skip
    kind = require(source, ("artifact", "run"), "`myelin report`", {"netx": _CURE, "nir": _CURE})
    curve = None if run is None else Path(run)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(source)
        if kind == "run":
            folder, curve = _exported(folder, Path(temporary), data, say), curve or folder
        missing: dict[str, dict[str, str]] = {}
        lacking = {} if parts.found("torch") else why_and_cure(parts.absent("torch"))
        if "validation" not in given and data is not None:
            if lacking:
                missing["validation"] = lacking
            else:
                given["validation"] = _validated(folder, data, split, max_drop, progress, say)
        if not {"mapping", "profile"} <= given.keys():
            found, unmapped = measured(read(folder), data, split, samples)
            given, missing = {**found, **given}, {**missing, **unmapped}
        values = put_together(folder, given, missing=missing, run=curve)
        return Report(*write(Path(out), values), values)


def measured(
    opened: Opened, data: str | None, split: str | None, samples: int
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Results of `myelin map` and `myelin profile` for an artifact on its own target, and the reasons for missing ones.

    Args:
        opened: the artifact.
        data, split: the data to run; None for the golden inputs.
        samples: number of samples.
    """
    from myelin.convert.mapping.measure import mapped
    from myelin.convert.profile.measure import profiled

    stimulus = choose([opened], InputChoice(data=data, split=split, samples=samples))
    found = {"profile": profiled(opened, inputs=stimulus)}
    missing = {}
    try:
        found["mapping"] = mapped(opened, str(opened.exported_for), inputs=stimulus)
    except TargetError as error:
        missing["mapping"] = {"why": str(error), "cure": "a simulator has no cores to map to"}
    return found, missing


def _exported(run: Path, temporary: Path, data: str | None, say: Callable[[str], None] | None) -> Path:
    from myelin.convert.artifact.export import export
    from myelin.convert.checkpoint import read_checkpoint

    target = read_checkpoint(run).run.target
    exported = export(run, temporary / f"{run.resolve().name}_artifact", target=target, data=data)
    _tell(say, exported.lines)
    return exported.folder


def _validated(
    folder: Path, data: str, split: str | None, max_drop: float, progress: bool, say: Callable[[str], None] | None
) -> dict[str, Any]:
    """The result of `myelin validate --json` for the artifact."""
    from myelin.validation.measure import NotTheTrainedNetwork, result, shown, validate

    try:
        found = validate(folder, data, split=split, max_drop=max_drop, progress=progress)
    except NotTheTrainedNetwork as refused:
        _tell(say, refused.lines())
        raise
    _tell(say, shown(found))
    return result(found)


def _tell(say: Callable[[str], None] | None, lines: Any) -> None:
    if say is not None:
        say("\n".join(lines))
