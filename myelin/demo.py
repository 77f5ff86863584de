"""``myelin demo``: all steps on the built-in data, timed and resumable, with a summary of the results at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.convert.statistics.words import accuracy_change, interval
from myelin.envelope import Verdict, envelope
from myelin.hw_configs.errors import ConfigError, GateError
from myelin.hw_configs.files import write_json
from myelin.hw_configs.terminal.screen import Toned, show, tell
from myelin.hw_configs.written import counted
from myelin.lava_models import compat
from myelin.validation.backends import STOCK_SAMPLES
from myelin.validation.defaults import MAX_DROP
from myelin.validation.measure import require_pass, validate, verdict_of
from myelin.validation.measure import result as validation_json
from myelin.validation.table import shown

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.samples import Samples
    from myelin.train.run.compiling.ahead import Compilation
    from myelin.validation.validate import Validation

EXPERIMENT, DATA, TARGET = "demo", "builtin", "loihi2"
_LAVA_SAMPLES = 5
#: Number of held-out samples for the exploration of quantisation settings.
_EXPLORED_SAMPLES = 200


class _Steps:
    """Announces each step and records its duration."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, name: str, what: str) -> Iterator[None]:
        print(f"\n== {len(self.seconds) + 1} {name}: {what}", flush=True)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        print(f"   {name} took {self.seconds[name]:.1f} s", flush=True)


def demo(
    out: Path,
    *,
    config: str = EXPERIMENT,
    data: str = DATA,
    target: str = TARGET,
    overrides: Sequence[str] = (),
    max_drop: float = MAX_DROP,
    progress: bool = True,
) -> list[Path]:
    """Train, export, check, simulate, validate, draw and report into ``out``; print each step and return what was made.

    A finished run in ``out`` is reused, an unfinished one is continued.

    Args:
        out: folder to write.
        config, data, target, overrides: as in ``myelin train`` and ``myelin export``.
        max_drop: allowed loss in percent points.
        progress: whether training shows a progress bar.

    Raises:
        GateError: the rules or the validation failed; earlier results are kept.
        MyelinError: as raised by each step.
    """
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.artifact.export import export
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.explore.measure import explored
    from myelin.convert.samples import open_samples
    from myelin.report.measure import TONES, write_report

    steps = _Steps()
    run, art = out / "run", out / "artifact"
    with steps.step("train", f"experiment {config} on {data}, into {run}"):
        show(_train(config, data, run, [*overrides], progress))
    with steps.step("export", f"integers for {target}, into {art}"):
        show(export(run, art, target=target, data=data).lines)
    artifact = read_artifact(art)
    origin = Origin.of(artifact)
    with steps.step("check", f"the rules of {target} on the file that was written"):
        _check(art, target)
    assert origin.binning is not None  # that of the run
    samples = open_samples(data, origin.binning, classes=origin.classes, keys=origin.keys)
    with steps.step("simulate", f"{samples.split} split in the simulator"):
        result = _simulate(art, out, data)
    with steps.step("validate", "float against integers against Lava, on the same samples"):
        validation = validate(
            art,
            data,
            max_drop=max_drop,
            lava_samples=_LAVA_SAMPLES if compat.available() else None,  # a number asks for Lava by name
            plot=out / "validation.png",
        )
        show(shown(validation))
        values = validation_json(validation)
        _write(out / "validation.json", "validate", values, verdict_of(validation))
    with steps.step("draw", "pictures"):
        pictures = _draw(artifact, origin, samples, run, out)
    with steps.step("explore", "what fewer or other bits would do, on the samples that training held out"):
        exploration = explored(art, data, samples=_EXPLORED_SAMPLES, progress=False)
        _write(out / "exploration.json", "explore", exploration)
    with steps.step("report", "one page that loads nothing"):
        stages = {"validation": values, "exploration": exploration}
        report = write_report(art, data, out / "report.html", stages=stages, run=run)
        show(f"   {line}" for line in report.lines())
    made = [
        run,
        art,
        *(out / f"{name}.json" for name in ("simulation", "validation", "exploration")),
        out / "validation.png",
        *pictures,
        out / "report.html",
        out / "report.json",
    ]
    _summarise(steps, result, validation, made, out, data)
    verdict = report.values["verdict"]
    show([Toned(f"   verdict           {verdict['headline']}", TONES[verdict["answer"]]), f"   open {out / 'report.html'}"])
    require_pass(validation)
    return made


def _train(config: str, data: str, run: Path, overrides: list[str], progress: bool) -> list[str]:
    """Train, continue or reuse the run; returns the lines of the summary."""
    from myelin.train.config.files import config_from_dict
    from myelin.train.config.task import resolve_for_data
    from myelin.train.run.compiling.ahead import Compilation, compiling
    from myelin.train.run.files.run_record import RUN, read_run
    from myelin.train.run.loop import with_slices
    from myelin.train.run.processes.parallel import ALONE
    from myelin.train.run.start import configuration, summary, train_run, training_data
    from myelin.training.simulation_ahead import simulation_ahead

    plan = configuration(config, overrides)
    there, later = (run / RUN).is_file(), list[Compilation]()
    try:
        before = read_run(run) if there else None
        done = before is not None and before.epochs_done >= plan.train.epochs
        with contextlib.ExitStack() as background:
            # both are stopped if anything fails
            compilation = Compilation() if done else background.enter_context(compiling(plan, tell))
            background.callback(_stop, later)
            dataset = training_data(data, plan)
            plan = resolve_for_data(plan, dataset)
            if before is not None:
                if config_from_dict(before.config) != with_slices(plan, run, there, ALONE):
                    raise ConfigError(f"{run}: holds a run with another configuration")
                print(f"   {run} is there: {_progress_of(before.epochs_done, plan.train.epochs)}")
            if compilation.needed:  # so will be the loops of the next steps: they are compiled while the network trains
                compilation.afterwards = lambda: later.append(simulation_ahead(plan))
            record = train_run(plan, dataset, run, resume=there, progress=progress, compilation=compilation)
            for each in later:
                each.wait()
    except ConfigError as error:
        if not there:
            raise
        raise ConfigError(f"{str(error).partition(';')[0]}; delete {run}, or give another --out") from error
    return summary(record, run)


def _stop(compilations: Iterable[Compilation]) -> None:
    for each in compilations:
        each.stop()


def _progress_of(done: int, planned: int) -> str:
    if done == planned:
        return "finished, used as it is"
    return f"continued after epoch {done - 1}" if done else "continued from the start"


def _check(artifact: Path, target: str) -> None:
    from myelin.convert.rules.measure import checked
    from myelin.convert.rules.report import lines

    result = checked(artifact, target)
    show(lines(result))
    if not result["holds"]:
        said = "; ".join(violation["message"] for violation in result["violations"])
        raise GateError(f"{result['target']} does not hold {artifact}: {said}")


def _simulate(artifact: Path, out: Path, data: str) -> dict[str, Any]:
    from myelin.backends.simulate import lines, simulated
    from myelin.convert.stimulus import InputChoice

    result = simulated(artifact, InputChoice(data=data))
    show(lines(result))
    _write(out / "simulation.json", "simulate", result)
    return result


def _write(file: Path, command: str, result: Mapping[str, Any], verdict: Verdict = None) -> None:
    write_json(file, envelope(command, result, verdict))


def _draw(artifact: Artifact, origin: Origin, samples: Samples, run: Path, out: Path) -> list[Path]:
    from myelin.convert import plots
    from myelin.convert.samples import spread_choice
    from myelin.convert.simulator.simulator import simulate
    from myelin.hw_configs.target_files import load_target
    from myelin.train.run.files.metrics import METRICS
    from myelin.train.run.plots import learning_curve

    network, step_ms = artifact.network, samples.binning.step_ms
    chosen = spread_choice(samples.labels, 1)
    frames = samples.frames(chosen, count_lost=False)
    record = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
    recording = simulate(network, frames, record=record)
    paths = [out / name for name in ("raster.png", "delays.png", "learning.png")]
    label = int(samples.labels[chosen[0]])
    plots.raster(paths[0], network, frames, recording, step_ms=step_ms, keys=origin.keys, label=label)
    limit = load_target(origin.target).delay_steps_max
    plots.delay_histogram(paths[1], network, limit_steps=limit, step_ms=step_ms)
    learning_curve(paths[2], run / METRICS)
    return paths


def _gate_line(validation: Validation) -> str:
    gate = validation.gate
    assert gate is not None  # the artifact holds the trained network
    if not validation.failures:
        return f"PASS: {counted(gate.samples, 'sample')} rule out a loss of more than {gate.max_drop:g} points"
    return "UNDECIDED, see above" if gate.outcome == "undecided" and len(validation.failures) == 1 else "FAIL, see above"


def _summarise(steps: _Steps, result: dict[str, Any], validation: Validation, made: list[Path], out: Path, data: str) -> None:
    total = sum(steps.seconds.values())
    floats, integers, gate = validation.stages[0], validation.stages[-1], validation.gate
    assert gate is not None
    lava = [equality for equality in validation.equalities if equality.name.startswith("Lava")]
    ran = [equality.parity.samples for equality in lava if equality.parity is not None]
    if not ran:
        lava_line = f"skipped: {lava[0].skipped}"
    elif all(equality.holds for equality in lava):
        lava_line = f"every spike of {max(ran)} samples equal, stock models on {STOCK_SAMPLES}"
    else:
        lava_line = "DIFFERENT SPIKES, see above"
    change = 0.0 - gate.drop, 0.0 - gate.drop_high, 0.0 - gate.drop_low
    rows = [
        ("integer accuracy", f"{integers.accuracy_percent:.2f} % on {result['samples']} samples ({result['split']} split)"),
        ("", f"95 % interval {integers.accuracy_low_percent:.2f} .. {integers.accuracy_high_percent:.2f} %"),
        ("float accuracy", f"{floats.accuracy_percent:.2f} %"),
        ("difference", f"the integer network {accuracy_change(*change, 'float network')}"),
        ("", interval(*change[1:], "points")),
        ("gate", _gate_line(validation)),
        ("Lava", lava_line),
        ("simulator", f"{result['ms_per_sample']:.2f} ms a sample"),
        ("time", f"{total:.0f} s: " + ", ".join(f"{name} {seconds:.0f}" for name, seconds in steps.seconds.items())),
    ]
    print("\n== summary")
    show(f"   {name:17} {text}" for name, text in rows)
    print("   made")
    show(f"     {path}" for path in made)
    print(f"   next              myelin validate {out / 'artifact'} --data {data} --lava-samples 20", flush=True)
