"""``myelin report``: measures missing stages, combines all stages, writes the page."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.convert.axes import TimeAxis
from myelin.convert.opened import Opened, kind_of, opened_source, takes
from myelin.convert.stimulus import InputChoice, choose
from myelin.hw_configs import parts
from myelin.hw_configs.argument_checks import check_time_axis, path_of, path_or_none, shown
from myelin.hw_configs.errors import DataError, NetworkError, TargetError
from myelin.hw_configs.temporaries import scratch_folder
from myelin.hw_configs.terminal.screen import Tone, Toned
from myelin.report.make import NEEDED, beside_of, put_together, read_stage, why_and_cure, write
from myelin.report.page import render
from myelin.report.subject import Subject
from myelin.report.verdict import MAY, MAY_NOT, UNDECIDED
from myelin.validation.defaults import MAX_DROP, require_drop

if TYPE_CHECKING:
    from myelin.validation.reference import Reference
    from myelin.validation.validate import Validation

#: Default number of samples to map and profile; means over more samples hardly change.
MEASURED_SAMPLES = 100
#: Tone of each answer.
TONES: dict[str, Tone] = {MAY: "good", MAY_NOT: "bad", UNDECIDED: "warning"}


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

    def __repr__(self) -> str:
        return "\n".join([f"Report on {self.values['name']}", *(f"  {line}" for line in self.lines())])

    def _repr_html_(self) -> str:
        """The page in a frame of a notebook's cell."""
        page = html.escape(render(self.values, embedded=True), quote=True)
        title = html.escape(f"Report on {self.values['name']}", quote=True)
        return f'<iframe srcdoc="{page}" title="{title}" style="width:100%;height:40rem;border:1px solid #999"></iframe>'

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
            Toned(f"verdict       {verdict['headline']}", TONES[verdict["answer"]]),
            *(f"              {reason}" for reason in verdict["reasons"]),
            *left_out,
            f"report        {self.page} ({self.page.stat().st_size / 1024:.0f} KiB), its values {self.beside}",
        ]


def write_report(
    source: Any,
    data: Any = None,
    out: str | os.PathLike[str] = "report.html",
    *,
    reference: Any = None,
    max_drop: float = MAX_DROP,
    split: str | None = None,
    time_axis: TimeAxis | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    dt_ms: float | None = None,
    output_scale: float | None = None,
    target: str | None = None,
    samples: int = MEASURED_SAMPLES,
    stages: Mapping[str, str | os.PathLike[str] | Mapping[str, Any] | Validation] | None = None,
    run: str | os.PathLike[str] | None = None,
    lava_samples: int | None = None,
    progress: bool = False,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Write one offline HTML file that answers whether a network may go to the chip, and its values as JSON beside it.

    Args:
        source: a ``Network``, a path (artifact, netx or NIR file, or a run folder, which is exported for the report), or what
            ``read`` or ``export`` returned.
        data: data to validate, map and profile on, as in ``validate``; None to skip validation, and to map and profile golden
            inputs, or random spikes.
        out: page to write; its values go beside it as .json.
        reference, max_drop, split, time_axis, steps, step_ms, dt_ms, output_scale, lava_samples: for the validation, as
            in ``validate``.  Without any reference the integers are measured alone, and the verdict is open.
        target: target to judge for; None for that of the artifact or run, else loihi2.
        samples: number of samples to map and profile.
        stages: name in ``myelin.report.make.NEEDED`` -> earlier result: its values, its file of ``--json``, or what
            ``validate`` returned.
        run: folder of the training run, for its learning curve; None for ``source`` if that is a run.
        progress: whether to show a progress bar.
        say: called with each line for the user; None for silence.

    Raises:
        NetworkError: the network cannot be read.
        TargetError: no such target.
        DataError: the data cannot be used, or the JSON of a stage is invalid or of another network.
        ConfigError: the page cannot be written.
    """
    if not isinstance(stages, Mapping | None):
        raise DataError(f"stages is {shown(stages)}; stage -> its result is allowed, such as {{'validation': 'v.json'}}")
    given = {name: _earlier(it, name) for name, it in (stages or {}).items()}
    page, curve = path_of("out", out), path_or_none("run", run)
    beside_of(page)  # refused before anything is measured
    require_drop(max_drop)
    check_time_axis(time_axis)
    choice = InputChoice(data=data, split=split, samples=samples, time_axis=time_axis, steps=steps, step_ms=step_ms)
    with scratch_folder("report") as temporary:
        trained_for: str | None = None
        if isinstance(source, str | os.PathLike) and kind_of(source) == "run":
            curve = curve or Path(source)
            trained_for = _trained_for_board(Path(source))
            source = _exported(Path(source), temporary, data, target, time_axis, say)
        of_reference = takes(reference, "dt_ms")
        opened = _of_object(source, None if of_reference and not takes(source, "dt_ms") else dt_ms)
        missing: dict[str, dict[str, str]] = {}
        float_side = _float_side(reference, opened, missing, dt_ms if of_reference else None)
        if data is None:
            missing.pop("validation", None)  # it was not asked for
        if "validation" not in given and data is not None and "validation" not in missing:
            settings = {
                "max_drop": max_drop, "split": split, "time_axis": time_axis, "steps": steps, "step_ms": step_ms,
                "dt_ms": dt_ms, "output_scale": output_scale, "lava_samples": lava_samples, "progress": progress,
            }  # fmt: skip
            chosen = (False if float_side is None else None) if reference is None else reference
            given["validation"] = _validated(source, data, chosen, settings, say)
        stimulus = choose([opened], choice if data is not None else replace(choice, steps=None, step_ms=None))
        subject = Subject.of(opened, stimulus, trained_for if target is None else target)
        if not {"mapping", "profile"} <= given.keys():
            found, unmapped = measured(subject)
            given, missing = {**found, **given}, {**missing, **unmapped}
        values = put_together(subject, given, missing=missing, reference=float_side, run=curve, given=tuple(stages or ()))
        return Report(*write(page, values), values)


def _earlier(it: str | os.PathLike[str] | Mapping[str, Any] | Validation, name: str) -> dict[str, Any]:
    """Values of a stage that was measured before."""
    from myelin.validation.measure import result
    from myelin.validation.validate import Validation

    if name not in NEEDED:
        raise DataError(f"stages: {shown(name)} is no stage; {', '.join(NEEDED)} are allowed")
    if isinstance(it, Validation):
        if name != "validation":
            raise DataError(f"stages: {name} is a Validation; give it as validation")
        return result(it)
    if isinstance(it, Mapping):
        return dict(it)
    if not isinstance(it, str | os.PathLike):
        raise DataError(f"stages: {name} is {shown(it)}; its values, or the file that --json wrote, is allowed")
    return read_stage(path_of(f"stages: {name}", it, DataError), name)


def _of_object(source: Any, dt_ms: float | None) -> Opened:
    """The network, verified if it is an artifact, with the artifact's folder as its path."""
    opened = opened_source(source, dt_ms=dt_ms)
    if opened.checkpoint is not None:
        raise NetworkError(f"{opened.name}: is a run folder that was read; name its path, and it is exported for the report")
    return opened


def _float_side(given: Any, opened: Opened, missing: dict[str, dict[str, str]], dt_ms: float | None) -> Reference | None:
    """The float side; None without one.  What cannot be made because a package is absent goes to ``missing``."""
    from myelin.convert.artifact.provenance import Origin
    from myelin.validation.open_reference import open_reference
    from myelin.validation.reference import NoReference

    origin = None if opened.artifact is None else Origin.of(opened.artifact)
    trained = given is None and origin is not None and origin.checkpoint is not None
    if trained and not parts.found("torch"):
        lacking = why_and_cure(parts.absent("torch"))
        missing["validation"], missing["golden"] = lacking, lacking
        return None
    try:
        return open_reference(given, opened, origin, dt_ms=dt_ms)
    except NoReference:
        return None


def measured(subject: Subject) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Results of `myelin map` and `myelin profile` for a network on its target, and the reasons for missing ones."""
    from myelin.convert.mapping.measure import mapped
    from myelin.convert.profile.measure import profiled

    found = {"profile": profiled(subject.opened, inputs=subject.stimulus)}
    missing = {}
    try:
        found["mapping"] = mapped(subject.opened, subject.target, inputs=subject.stimulus)
    except TargetError as error:
        missing["mapping"] = {"why": str(error), "cure": "a simulator has no cores to map to"}
    return found, missing


def _trained_for_board(run: Path) -> str | None:
    """The target of a run if it is a microcontroller, for which no artifact is exported; else None."""
    from myelin.convert.checkpoint import read_checkpoint
    from myelin.hw_configs.target_files import load_target

    name = read_checkpoint(run).run.target
    return name if load_target(name).controller is not None else None


def _exported(
    run: Path, temporary: Path, data: Any, target: str | None, time_axis: TimeAxis | None, say: Callable[[str], None] | None
) -> Path:
    from myelin.convert.artifact.export import export
    from myelin.convert.checkpoint import read_checkpoint
    from myelin.hw_configs.target_files import load_target

    held = target or read_checkpoint(run).run.target
    if load_target(held).controller is not None:
        held = "cpu"  # an artifact for any machine; the report judges for the board
    exported = export(run, temporary / f"{run.resolve().name}_artifact", target=held, data=data, time_axis=time_axis)
    _tell(say, exported.lines)
    return exported.folder


def _validated(
    source: Any, data: Any, reference: Any, settings: Mapping[str, Any], say: Callable[[str], None] | None
) -> dict[str, Any]:
    """The result of `myelin validate --json` for the network."""
    from myelin.validation import measure

    try:
        found = measure.measured(source, data, reference=reference, **settings)
    except measure.NotTheTrainedNetwork as refused:
        _tell(say, refused.lines())
        raise
    _tell(say, found.lines())
    return measure.result(found)


def _tell(say: Callable[[str], None] | None, lines: Any) -> None:
    if say is not None:
        say("\n".join(lines))
