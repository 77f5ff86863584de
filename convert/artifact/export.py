"""Export a network of any source as an artifact; refuses networks that the target does not support."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.argument_checks import one_of, path_of, truth
from myelin.hw_configs.errors import DataError, GateError, NetworkError
from myelin.hw_configs.target import Target

if TYPE_CHECKING:
    from myelin.convert.arrays import Shape
    from myelin.convert.artifact.exportable import Exportable
    from myelin.convert.artifact.golden_inputs import GoldenInputs
    from myelin.convert.axes import TimeAxis
    from myelin.convert.network import Network
    from myelin.convert.samples import Task


@dataclass(frozen=True, eq=False)
class Exported:
    """The result of ``export``; a path, for every function that takes one.

    Attributes:
        folder: path of the artifact.
        network: its integer network.
        lines: its content as text for the screen.
        has_floats: whether it holds floats that validation compares with: a run's checkpoint, or those that were quantised.
        data: path or name of the data of its golden inputs; None for arrays and random spikes.
    """

    folder: Path
    network: Network
    lines: tuple[str, ...]
    has_floats: bool = False
    data: str | None = None

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        return "\n".join([f"Exported to {self.folder}", *(f"  {line}" for line in self.lines)])


def export(
    source: Any,
    out: str | os.PathLike[str],
    *,
    target: Target | str | Path,
    inputs: Any = None,
    classes: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    clip_delays: bool = False,
    data: Any = None,
    input_shape: Shape | int | None = None,
    time_axis: TimeAxis | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    task: Task | None = None,
    dt_ms: float | None = None,
) -> Exported:
    """Write an artifact: the network, golden inputs with their exact outputs, a manifest, and a run's checkpoint.

    For a microcontroller, and for the target ``c99``, the folder holds the network as portable C instead, with golden values
    and a self-test.

    Args:
        source: a ``Network``, a torch module, a path (run folder, netx or NIR file, artifact), or what ``read`` or ``export``
            returned.
        out: folder to write; an older artifact, or export as C, is replaced.
        target: a target, its name, or a TOML file that describes one.
        inputs: golden inputs, (batch, steps, *input shape) or (batch, *input shape, steps), at most 64 samples.  None: samples
            of ``data``; else those of an artifact; else of a run's data, if they are built in; else random spikes, which the
            manifest says.
        classes: names of the classes; None for those of the run or of the data.
        provenance: facts of the user, as JSON values, stored unchanged in the manifest.
        clip_delays: shorten delays that are too long for the target; ``lines`` reports their number.
        data: data for the golden inputs.
        input_shape: of a torch module, None if ``inputs`` tell it; or of a netx file without an input layer.
        time_axis: axis of time of ``inputs``, 1 or -1; None recognises it by the input shape.
        steps, step_ms: how spikes become frames, for sources that do not define it.
        task: ``classes``, ``steps`` (a class for each step) or ``trace``; None for that of the run or of the data.
        dt_ms: as in ``read``.

    Raises:
        NetworkError: ``source`` cannot be read, or ``out`` holds something else or cannot be written.
        TargetError: no such target.
        DataError: inputs or data that do not fit, no data for the golden inputs of a run, or wrong classes or provenance.
        GateError: the target does not support the network; the message lists every violation.
    """
    from myelin.convert.artifact.exportable import exportable
    from myelin.convert.artifact.golden_inputs import class_names, described, golden_inputs
    from myelin.convert.given import is_path
    from myelin.convert.samples import TASKS
    from myelin.convert.stimulus import InputChoice
    from myelin.hw_configs.target_files import load_target

    place = path_of("out", out, NetworkError)
    truth("clip_delays", clip_delays, "; read(path, clip_delays=STEPS) shortens delays to a number of steps", DataError)
    if task is not None:
        one_of("task", task, TASKS, DataError)
    given = InputChoice(steps=steps, step_ms=step_ms)  # refuses what is no length
    held = target if isinstance(target, Target) else load_target(target)
    names = class_names(classes)
    found = exportable(source, target=held.name, inputs=inputs, input_shape=input_shape, time_axis=time_axis, dt_ms=dt_ms)
    choice = InputChoice() if data is None else replace(given, data=data)
    golden = golden_inputs(found, inputs, replace(choice, time_axis=time_axis), names)
    if inputs is not None or data is not None:
        found = replace(found, data=os.fspath(data) if data is not None and is_path(data) else None)
    found = described(found, golden, names or None, task=task, steps=given.steps, step_ms=given.step_ms)
    return write_exportable(found, golden, place, held, clip_delays=clip_delays, user=provenance)


def write_exportable(
    source: Exportable,
    golden: GoldenInputs,
    out: Path,
    target: Target,
    *,
    clip_delays: bool = False,
    user: Mapping[str, Any] | None = None,
) -> Exported:
    """Check the network of ``source`` against the rules and write its artifact; see ``export``."""
    from myelin.convert import delays
    from myelin.convert.artifact.artifact import write_artifact
    from myelin.convert.artifact.card import CARD
    from myelin.convert.artifact.golden import Golden
    from myelin.convert.artifact.golden_inputs import silent
    from myelin.convert.artifact.lava_export import ARRAYS, SCRIPT
    from myelin.convert.rules import calibrate, check, not_checked, notes

    network, limit = source.network, source.clipped_to_steps
    clipped: list[str] = []
    if clip_delays and target.delay_steps_max is not None:
        network, shortened = delays.clip_delays(network, target.delay_steps_max)
        clipped = [str(entry) for entry in shortened]
        limit = min(target.delay_steps_max, limit or target.delay_steps_max) if clipped else limit
    calibration = calibrate(network, [golden.frames])
    violations = check(network, target, calibration)
    if violations:
        listed = "; ".join(f"({number}) {violation.message}" for number, violation in enumerate(violations, 1))
        raise GateError(f"{target.name} does not hold {source.name}, nothing was written: {listed}")
    if target.controller is not None:
        return _write_c(source, golden, out, target, network, clipped)
    if user is not None and not isinstance(user, Mapping):
        raise DataError(f"provenance is {user!r}; a table of numbers, texts, lists and tables is allowed")
    write_artifact(
        out,
        network,
        target,
        inputs=golden.frames,
        provenance={
            **source.facts,
            "classes": source.classes,
            "keys": list(source.keys),
            "task": source.task,
            "binning": None if source.binning is None else source.binning.as_dict(),
            "clipped_to_steps": limit,
            "clipped": clipped,
            "golden": golden.facts,
        },
        user=user,
        metrics=source.metrics,
        attachments=source.attachments,
    )
    remark = silent(golden.frames, Golden.read(out, network).output)
    others = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in source.attachments})
    count = len(network.layers)
    lines = (
        f"exported      {source.said}, {count} layer{'' if count == 1 else 's'}, longest delay {network.max_delay_steps} steps",
        *(f"clipped       {line}" for line in clipped),
        f"rules         {target.name} holds it" + "".join(f"; {line}" for line in not_checked(target, calibration)),
        *(f"note          {line}" for line in notes(target, calibration)),
        f"golden        {golden.text}",
        *([] if remark is None else [f"note          {remark}"]),
        f"artifact      {out}: {', '.join(['network.net', 'golden.npz', 'manifest.json', CARD, *others])}; {SCRIPT} and "
        f"{ARRAYS} run it with stock lava-nc alone",
    )
    return Exported(out, network, lines, bool(source.attachments), source.data)


def _write_c(
    source: Exportable, golden: GoldenInputs, out: Path, target: Target, network: Network, clipped: list[str]
) -> Exported:
    """Write the network as C for a microcontroller."""
    from myelin.convert.c99.folder import FILES, write_c_folder
    from myelin.convert.c99.report import memory_lines, work_lines

    folder = write_c_folder(out, network, target, golden.frames, source.name)
    count = len(network.layers)
    lines = (
        f"exported      {source.said}, {count} layer{'' if count == 1 else 's'}, longest delay {network.max_delay_steps} steps",
        *(f"clipped       {line}" for line in clipped),
        *(f"memory        {line}" for line in memory_lines(folder.footprint, target)),
        *(f"work          {line}" for line in work_lines(folder.work, target)),
        f"golden        {folder.golden.said}; {golden.text}",
        f"C             {out}: {', '.join(FILES)}; `make -C {out} test` compares every output",
    )
    return Exported(out, network, lines)
