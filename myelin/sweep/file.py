"""Reads the file of a sweep: cases, a grid and seeds, expanded to points.  Nothing is trained here.

::

    base = "delrec"                   # a built-in experiment, or a TOML file beside this one
    seeds = [0, 1, 2]
    [set]                             # changes of every run, keys as in --set
    "train.epochs" = 40
    [[case]]
    name = "learned delays"
    [[case]]
    name = "fixed delays"
    set = { "delay.learn" = false }   # and base, if it has one of its own
    [grid]                            # every case with every combination
    "layers.*.taps" = [1, 3, 5]
    [compare]
    reference = "learned delays"      # at the same grid point, unless `at` names another
    at = { "layers.*.taps" = 3 }
"""

from __future__ import annotations

import difflib
import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.reading.text_files import read_toml

#: Runs that a sweep may have unless ``max_runs`` says otherwise.
MAX_RUNS = 1000
#: Allowed keys in the tables of the file.
_KEYS = ("base", "seeds", "set", "case", "grid", "compare")
_CASE_KEYS = ("name", "base", "set")
_COMPARE_KEYS = ("reference", "at")
#: Keys of a configuration that the sweep sets itself -> why a file may not set them.
_OWN = {"train.seed": "seeds gives the seeds", "name": "the name of the case is the run's"}

Changes = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class GridPoint:
    """A case at a point of the grid; it is trained once with each seed.

    Attributes:
        name: name of the folder below ``runs``, unique in the sweep.
        case: name of the case.
        base: built-in experiment or path of a TOML file.
        changes: dotted key -> value, in the order in which they are applied; grid keys come last.
        grid: the part of ``changes`` from the grid.
    """

    name: str
    case: str
    base: str
    changes: Changes
    grid: Changes

    def __str__(self) -> str:
        return ", ".join([f"case {self.case!r}", *(f"{key} = {json.dumps(value)}" for key, value in self.grid)])


@dataclass(frozen=True)
class Sweep:
    """An expanded sweep file.

    Attributes:
        path: path of the file.
        seeds: seeds for every point.
        points: cases in the order of the file, each over the grid; the last key of the grid runs fastest.
        axes: grid key -> values.
        references: for each point the index in ``points`` of its reference; None for the reference itself, and if the file has
            no comparison.
    """

    path: Path
    seeds: tuple[int, ...]
    points: tuple[GridPoint, ...]
    axes: dict[str, tuple[Any, ...]]
    references: tuple[int | None, ...]


def read_sweep(path: Path, max_runs: int = MAX_RUNS) -> Sweep:
    """Read and expand a sweep file.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, a missing or contradictory entry, or more than ``max_runs`` runs.
    """
    try:
        values = read_toml(path)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path}: no sweep can be read from it: {error}") from error
    try:
        return _expand(path, values, max_runs)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def label(key: str, among: Mapping[str, Any]) -> str:
    """The last part of a dotted key, or the whole key if another key of ``among`` has the same last part."""
    last = key.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in among) == 1 else key


def _expand(path: Path, values: dict[str, Any], max_runs: int) -> Sweep:
    _known(values, _KEYS, "the file")
    seeds = _seeds(values.get("seeds", [0]))
    common = _changes(values.get("set", {}), "set")
    axes = {key: _axis(key, axis) for key, axis in _changes(values.get("grid", {}), "grid")}
    cases = _cases(values)
    runs = len(cases) * math.prod(len(axis) for axis in axes.values()) * len(seeds)
    if runs > max_runs:
        raise ConfigError(
            f"it has {runs:,} runs ({len(cases)} cases x a grid of {runs // len(cases) // len(seeds):,} x {len(seeds)} seeds); "
            f"{max_runs:,} are allowed: shorten the lists of the grid, or allow more with --max-runs {runs} (max_runs={runs})"
        )
    points = []
    for case in cases:
        own = _changes(case.get("set", {}), f"set of case {case['name']!r}")
        for key, axis in itertools.product([key for key, _ in (*common, *own)], axes):
            if _overlap(key, axis):
                raise ConfigError(f"case {case['name']!r} sets {key}, and the grid varies {axis}; leave one of them out")
        for combination in itertools.product(*axes.values()):
            grid = tuple(zip(axes, combination))
            name = slug("_".join([case["name"], *(f"{label(key, axes)}={_text(value)}" for key, value in grid)]))
            base = _base(path, case.get("base", values.get("base")), case["name"])
            points.append(GridPoint(name, case["name"], base, (*common, *own, *grid), grid))
    _refuse_twins(points)
    return Sweep(path, seeds, tuple(points), axes, _references(values.get("compare"), points, axes, cases))


def _known(values: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(values, dict):
        raise ConfigError(f"{where} is {values!r}; a table with {', '.join(keys)} is needed")
    for key in values:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
            raise ConfigError(f"unknown key {key} in {where}; {hint}")


def _seeds(values: Any) -> tuple[int, ...]:
    whole = isinstance(values, list) and all(isinstance(seed, int) and not isinstance(seed, bool) for seed in values)
    if not whole or not values or min(values) < 0 or len(set(values)) < len(values):
        raise ConfigError(f"seeds is {values!r}; a list of different whole numbers of 0 or more is needed")
    return tuple(values)


def _changes(values: Any, where: str) -> Changes:
    """Dotted keys and values; nested tables are sections, so ``train.epochs`` works with and without quotes."""
    if not isinstance(values, dict):
        raise ConfigError(f"{where} is {values!r}; a table of configuration keys is needed")
    result = tuple(_flat(values, ""))
    for key, _ in result:
        if key in _OWN:
            raise ConfigError(f"{where} has {key}; leave it out, {_OWN[key]}")
    if len(dict(result)) < len(result):
        raise ConfigError(f"{where} names a key twice, with and without quotes; name it once")
    return result


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _axis(key: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list) or not values:
        raise ConfigError(f"grid: {key} is {values!r}; a list of at least one value is needed")
    if len({_text(value) for value in values}) < len(values):
        raise ConfigError(f"grid: {key} is {values!r}; a value stands in it twice")
    return tuple(values)


def _cases(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The cases; if the file has none, a single case without changes."""
    cases = values.get("case")
    if cases is None:
        base = values.get("base")
        return [{"name": Path(base).stem if isinstance(base, str) else "base"}]
    if not isinstance(cases, list) or not cases:
        raise ConfigError(f"case is {cases!r}; tables headed [[case]] are needed")
    for number, case in enumerate(cases, 1):
        _known(case, _CASE_KEYS, f"case {number}")
        name = case.get("name")
        if not isinstance(name, str) or not re.search(r"\w", name):
            raise ConfigError(f"the name of case {number} is {name!r}; a text with a letter or a digit is needed")
    return cases


def _base(path: Path, base: Any, case: str) -> str:
    if not isinstance(base, str):
        got = "has no base" if base is None else f"has the base {base!r}"
        raise ConfigError(f"case {case!r} {got}; name a built-in experiment or a TOML file, for it or for all")
    beside = path.parent / base
    return str(beside) if os.path.isfile(beside) else base


def _overlap(first: str, second: str) -> bool:
    """Whether two dotted keys are equal or one contains the other; ``*`` matches any part."""
    return all(a == b or "*" in (a, b) for a, b in zip(first.split("."), second.split(".")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def slug(text: str) -> str:
    """A name for a folder: characters other than letters, digits and ``. _ = + -`` become dashes."""
    return re.sub(r"[^\w.=+-]+", "-", text).strip("-.")


def _refuse_twins(points: list[GridPoint]) -> None:
    seen: dict[str, GridPoint] = {}
    for point in points:
        twin = seen.setdefault(point.name.casefold(), point)
        if twin is not point:
            raise ConfigError(f"{twin} and {point} would share the folder {point.name}; name the cases differently")


def _references(
    compare: Any, points: list[GridPoint], axes: dict[str, tuple[Any, ...]], cases: list[dict[str, Any]]
) -> tuple[int | None, ...]:
    if compare is None:
        return (None,) * len(points)
    _known(compare, _COMPARE_KEYS, "compare")
    names = [case["name"] for case in cases]
    reference = compare.get("reference", names[0] if len(names) == 1 else None)
    if reference not in names:
        near = difflib.get_close_matches(str(reference), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"cases are {', '.join(map(repr, names))}"
        raise ConfigError(f"compare: the reference is {reference!r}, which is no case; {hint}")
    at = dict(_changes(compare.get("at", {}), "at"))
    for key, value in at.items():
        if key not in axes or value not in axes[key]:
            allowed = f"its values are {', '.join(map(_text, axes[key]))}" if key in axes else f"its keys are {', '.join(axes)}"
            raise ConfigError(f"compare: at has {key} = {_text(value)}, which is not in the grid; {allowed or 'it has none'}")
    places = {(point.case, _text([value for _, value in point.grid])): place for place, point in enumerate(points)}
    found = []
    for place, point in enumerate(points):
        there = places[reference, _text([at.get(key, value) for key, value in point.grid])]
        found.append(None if there == place else there)
    return tuple(found)
