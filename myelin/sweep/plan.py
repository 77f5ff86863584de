"""The runs of a sweep, expanded and checked before anything starts; also finds finished runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.errors import ConfigError, DataError, MissingPartError, MyelinError
from myelin.hw_configs.files import write_json
from myelin.hw_configs.reading.text_files import read_json
from myelin.sweep.file import GridPoint, Sweep
from myelin.sweep.results import check_result
from myelin.sweep.sweep_data import Checker, SweepData, WrongData
from myelin.sweep.worker import VALIDATION

if TYPE_CHECKING:
    from myelin.train.config.config import Config

#: Version of ``result.json``; increased when a field changes its meaning, so that runs are evaluated again.
RESULT_VERSION = 1
#: Largest number of reasons listed when configurations are refused.
_MOST_REASONS = 8


@dataclass(frozen=True)
class PlannedRun:
    """One training run.

    Attributes:
        place: index of its point in ``Sweep.points``.
        seed: seed of the run.
        name: ``<point>/seed<k>``, the folder below ``runs``.
        config: the complete configuration, resolved for its target.
        fingerprint: SHA-256 of the configuration and the training data.
        data_sha256: SHA-256 of the training data as in the run's record, after its spikes are split by intervals, if any.
    """

    place: int
    seed: int
    name: str
    config: dict[str, Any]
    fingerprint: str
    data_sha256: str


@dataclass(frozen=True)
class SweepPlan:
    """All runs of a sweep.

    Attributes:
        sweep: the expanded file.
        data: source of the data, as given.
        report: split to report on besides the validation part; None for none.
        out: folder of the sweep.
        runs: every point with every seed; seeds run fastest.
        facts: name, SHA-256 and samples of the data; ``report_sha256`` and ``report_samples`` if there is a report.
    """

    sweep: Sweep
    data: str
    report: str | None
    out: Path
    runs: tuple[PlannedRun, ...]
    facts: dict[str, Any]

    def folder(self, run: PlannedRun) -> Path:
        """The run folder."""
        return self.out / "runs" / run.name

    def result(self, run: PlannedRun) -> dict[str, Any] | None:
        """The result of a finished run with every requested evaluation; None if it is missing, outdated or incomplete."""
        try:
            result = read_json(self.folder(run) / "result.json")
            if (result["version"], result["fingerprint"]) != (RESULT_VERSION, run.fingerprint):
                return None
            if self.report and (self.report, self.facts["report_sha256"]) != (result["report"], result["report_sha256"]):
                return None
            check_result(result, [VALIDATION, *([self.report] if self.report else [])])
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None  # missing or damaged: the run is evaluated again
        assert isinstance(result, dict)
        return result


def make_plan(sweep: Sweep, data: str, out: Path, report: str | None = None) -> SweepPlan:
    """Resolve and check every configuration: values, target, channels of the data, its validation part, the network.

    Raises:
        ConfigError: a configuration is invalid; the message lists every reason with its case and grid point.
        DataError: the data cannot be read, or has no split to report on.
    """
    from myelin.hw_configs.parts import require
    from myelin.train.config.task import resolve_for_data
    from myelin.train.datasets import available_splits, load
    from myelin.train.run.files.fingerprint import fingerprint

    require("torch")  # the networks are built
    if report is not None and report not in available_splits(data):
        there = ", ".join(available_splits(data)) or "a file that names none"
        raise DataError(f"{data}: has no {report} split to report on, it has {there}; leave --report out or name other data")
    source, checker = SweepData(data), Checker(data, report)
    configs: list[tuple[int, int, Config]] = []
    reasons: dict[str, list[GridPoint]] = {}
    for place, point in enumerate(sweep.points):
        try:
            found = [_configuration(point, seed) for seed in sweep.seeds]
            dataset = source.dataset(found[0])
            found = [resolve_for_data(config, dataset) for config in found]
            checker.check(found, dataset)
            configs += [(place, config.train.seed, config) for config in found]
        except (MissingPartError, WrongData):
            raise  # not a matter of one configuration
        except MyelinError as error:
            reasons.setdefault(str(error), []).append(point)
    if reasons:
        raise ConfigError(f"{sweep.path}: nothing was trained: {_listed(reasons)}")
    first = configs[0][2]
    dataset = source.dataset(first)
    facts: dict[str, Any] = {
        "name": Path(dataset.name).name,
        "sha256": fingerprint(dataset),
        "samples": len(dataset),
        "task": dataset.task,
    }
    if report is not None:
        reported = load(data, report, images=first.data.images, message_bits=first.data.message_bits)
        facts |= {"report_sha256": fingerprint(reported), "report_samples": len(reported)}
    runs = tuple(_planned(sweep, place, config, facts["sha256"], source.trained_sha256(config)) for place, _, config in configs)
    return SweepPlan(sweep, data, report, out, runs, facts)


def check_folder(plan: SweepPlan) -> None:
    """Check that the runs in the folder, if any, are those of the plan.

    Raises:
        ConfigError: the folder holds something else, or runs that were started with other settings or data.
    """
    from myelin.train.config.files import config_from_dict, config_to_dict
    from myelin.train.run.files.run_record import RUN, read_run

    out, file = plan.out, plan.out / "sweep.json"
    if out.exists() and not file.is_file() and (not out.is_dir() or any(not p.name.startswith(".") for p in out.iterdir())):
        raise ConfigError(f"{out}: exists, is not empty and holds no sweep; name another folder with --out")
    for run in plan.runs:
        if (plan.folder(run) / RUN).is_file():
            record = read_run(plan.folder(run))
            started = config_to_dict(config_from_dict(record.config))  # newer keys get their defaults
            changed = list(_differences(started, run.config))
            if changed:
                raise ConfigError(
                    f"{plan.folder(run)}: was started with {'; '.join(changed)}; give the case another name, delete "
                    "the folder, or name another --out"
                )
            if record.data_facts.get("sha256") != run.data_sha256:
                raise ConfigError(f"{plan.folder(run)}: was trained on other data than {plan.data}; name another --out")


def claim_folder(plan: SweepPlan) -> list[str]:
    """``check_folder``, then write the plan to ``sweep.json``; returns lines about an earlier plan in the folder."""
    check_folder(plan)
    file = plan.out / "sweep.json"
    before = _runs_before(file)
    write_json(file, as_dict(plan))
    if not before:
        return []
    now = {run.name for run in plan.runs}
    added, gone = len(now - before), sorted(before - now)
    lines = [f"added         {added} runs to the {len(before)} of before"] if added else []
    if gone:
        lines.append(f"left out      {len(gone)} runs that the file no longer has; their folders stay: {', '.join(gone[:4])}")
    return lines


def as_dict(plan: SweepPlan) -> dict[str, Any]:
    """The plan, for JSON."""
    points = [
        {
            "name": point.name,
            "case": point.case,
            "base": point.base,
            "grid": dict(point.grid),
            "changes": dict(point.changes),
            "reference": None if reference is None else plan.sweep.points[reference].name,
        }
        for point, reference in zip(plan.sweep.points, plan.sweep.references)
    ]
    runs = [
        {"name": run.name, "point": plan.sweep.points[run.place].name, "seed": run.seed, "fingerprint": run.fingerprint}
        for run in plan.runs
    ]
    whole = hashlib.sha256("".join(run.fingerprint for run in plan.runs).encode()).hexdigest()
    return {
        "version": RESULT_VERSION,
        "file": plan.sweep.path.name,
        "fingerprint": whole,
        "data": plan.facts,
        "report": plan.report,
        "seeds": list(plan.sweep.seeds),
        "points": points,
        "runs": runs,
    }


def _configuration(point: GridPoint, seed: int) -> Config:
    from myelin.hw_configs.target_files import load_target
    from myelin.train.config.files import load_config
    from myelin.train.config.target import resolve_for_target

    config = load_config(point.base, changes=[*point.changes, ("name", point.name), ("train.seed", seed)])
    config = resolve_for_target(config, load_target(config.target))
    # a run of a sweep is trained by one process, and its record must state that
    return replace(config, train=replace(config.train, slices=config.train.slices_or_one))


def _planned(sweep: Sweep, place: int, config: Config, sha256: str, data_sha256: str) -> PlannedRun:
    from myelin.train.config.files import config_to_dict

    values = config_to_dict(config)
    text = json.dumps([values, sha256], sort_keys=True)
    seed = config.train.seed
    name = f"{sweep.points[place].name}/seed{seed}"
    return PlannedRun(place, seed, name, values, hashlib.sha256(text.encode()).hexdigest(), data_sha256)


def _listed(reasons: dict[str, list[GridPoint]]) -> str:
    texts = []
    for reason, points in reasons.items():
        more = f" (and {len(points) - 1} more)" if len(points) > 1 else ""
        texts.append(f"{points[0]}{more}: {reason}")
    shown = texts[:_MOST_REASONS] + ([f"and {len(texts) - _MOST_REASONS} more reasons"] if len(texts) > _MOST_REASONS else [])
    return shown[0] if len(shown) == 1 else "; ".join(f"({number}) {text}" for number, text in enumerate(shown, 1))


def _differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Yield a text such as ``train.epochs 2, the file now says 3`` for each value that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new)):
            yield from _differences(*pair, f"{key}.{index}")
    elif old != new:
        yield f"{key or 'the configuration'} {json.dumps(old)}, the file now says {json.dumps(new)}"


def _runs_before(file: str | os.PathLike[str]) -> set[str]:
    try:
        return {str(run["name"]) for run in read_json(file)["runs"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
