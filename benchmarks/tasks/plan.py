"""Reads the plan of a task, a TOML file beside this one, and makes a sweep of each of its tables.

::

    base = "ecg"                      # the experiment
    seeds = [0, 1, 2]
    report = "test"                   # the split that no choice is made on
    [set]                             # changes of every network
    "train.epochs" = 60
    [[case]]
    name = "learned"
    [[case]]
    name = "dense, as many parameters"
    set = { "layers.*.recurrent" = "dense" }
    size_as = "learned"               # neurons a layer such that the number of parameters is the nearest to that case's
    [[reference]]                     # plain torch, trained with the same data and augmentation (benchmarks.tasks.reference)
    name = "GRU"
    kind = "gru"
    size_as = "learned"
    [tables.delays]
    title = "..."
    cases = ["learned", "..."]        # the first one is the reference of all differences

The runs of all tables of a task lie in one folder, so a case of two tables is trained once.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from myelin.hw_configs.errors import ConfigError

HERE = Path(__file__).resolve().parent
#: All tasks.
NAMES = tuple(sorted(path.stem for path in HERE.glob("*.toml")))


@dataclass(frozen=True)
class Case:
    """A network: its name, changes of the configuration, and the case that it has as many parameters as."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    base: str | None = None
    size_as: str | None = None


@dataclass(frozen=True)
class Reference:
    """A recurrent network of plain torch: ``kind`` is gru or lstm; ``changes`` are arguments of ``reference.Plan``."""

    name: str
    kind: str
    size_as: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table: its title, and the names of its cases and references; the first one is what the others are compared with."""

    name: str
    title: str
    cases: tuple[str, ...]
    references: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None


@dataclass(frozen=True)
class TaskPlan:
    """The plan of a task."""

    task: str
    base: str
    seeds: tuple[int, ...]
    report: str
    common: dict[str, Any]
    cases: dict[str, Case]
    references: dict[str, Reference]
    tables: dict[str, Table]

    def seeds_of(self, table: Table) -> tuple[int, ...]:
        """Seeds of a table."""
        return self.seeds if table.seeds is None else table.seeds

    def config(self, name: str, **more: Any) -> Any:
        """The configuration of a case, with as many neurons as it is to have; ``more``: further changes."""
        from myelin.train.config.files import load_config

        case = self.cases[name]
        changes = {**self.common, **case.changes, **more}
        return load_config(case.base or self.base, changes=changes.items())

    def changes(self, name: str, classes: int) -> dict[str, Any]:
        """Changes of a case beside the common ones, with its number of neurons if that is to be found."""
        case = self.cases[name]
        if case.size_as is None:
            return case.changes
        wanted = self.parameters(case.size_as, classes)
        neurons = nearest_size(lambda size: self.parameters(name, classes, size), wanted)
        return {**case.changes, "layers.*.neurons": neurons}

    def parameters(self, name: str, classes: int, neurons: int | None = None) -> int:
        """Number of parameters of a case, with ``neurons`` a layer."""
        if neurons is None and self.cases[name].size_as is not None:
            neurons = self.changes(name, classes)["layers.*.neurons"]
        return parameters_of(self.config(name, **({} if neurons is None else {"layers.*.neurons": neurons})), classes)


def quick(plan: TaskPlan) -> TaskPlan:
    """The plan with one seed, few epochs and few samples: shows that it runs."""
    few = {"train.epochs": 3, "data.samples": 60}
    few_of = {name: replace(case, changes={**case.changes, **few}) for name, case in plan.cases.items()}
    tables = {name: replace(table, seeds=None) for name, table in plan.tables.items()}
    return replace(plan, seeds=plan.seeds[:1], cases=few_of, tables=tables)


def parameters_of(config: Any, classes: int) -> int:
    """Number of parameters that a network of ``config`` learns: all but delays that are no choice of training."""
    from myelin.train.model import build_model

    model = build_model(config, classes)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def nearest_size(parameters: Any, wanted: int, most: int = 4096) -> int:
    """The size from 1 to ``most`` whose number of parameters, which grows with it, is nearest to ``wanted``."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if parameters(middle) < wanted else (low, middle)
    return min((max(1, low - 1), low), key=lambda size: abs(parameters(size) - wanted))


def read_plan(task: str) -> TaskPlan:
    """The plan of ``task``.

    Raises:
        ConfigError: no such task, or a table names a case that is not there.
    """
    if task not in NAMES:
        raise ConfigError(f"no task {task!r}; there are {', '.join(NAMES)}")
    values = tomllib.loads((HERE / f"{task}.toml").read_text(encoding="utf-8"))
    cases = {
        case["name"]: Case(case["name"], case.get("set", {}), case.get("base"), case.get("size_as"))
        for case in values.get("case", ())
    }
    references = {
        found["name"]: Reference(found["name"], found["kind"], found["size_as"], found.get("set", {}))
        for found in values.get("reference", ())
    }
    tables = {}
    for name, table in values["tables"].items():
        seeds = tuple(table["seeds"]) if "seeds" in table else None
        tables[name] = Table(name, table["title"], tuple(table["cases"]), tuple(table.get("references", ())), seeds)
        for said, there in ((tables[name].cases, cases), (tables[name].references, references)):
            unknown = [one for one in said if one not in there]
            if unknown:
                raise ConfigError(
                    f"{task}.toml: table {name} has {unknown[0]!r}, which is no case; known are {', '.join(there)}"
                )
    report = values["report"]
    return TaskPlan(task, values["base"], tuple(values["seeds"]), report, values.get("set", {}), cases, references, tables)


def write_sweep(plan: TaskPlan, table: Table, path: Path, classes: int) -> None:
    """Write the sweep of a table, as ``myelin sweep`` reads it."""
    lines = [f"base = {json.dumps(plan.base)}", f"seeds = {list(plan.seeds_of(table))}", "[set]", *_toml(plan.common)]
    for name in table.cases:
        case = plan.cases[name]
        lines += ["", "[[case]]", f"name = {json.dumps(name)}"]
        lines += [f"base = {json.dumps(case.base)}"] if case.base else []
        changes = plan.changes(name, classes)
        lines += [f"set = {{ {', '.join(_toml(changes))} }}"] if changes else []
    lines += ["", "[compare]", f"reference = {json.dumps(table.cases[0])}", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _toml(changes: dict[str, Any]) -> list[str]:
    return [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in changes.items()]
