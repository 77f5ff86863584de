"""Makes the committed results of a table: what its runs answered, compared in pairs, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from benchmarks.measure import machine
from benchmarks.tasks.costs import costs_of, delays_of
from benchmarks.tasks.plan import Table, TaskPlan
from myelin.hw_configs.files import write_json
from myelin.sweep.evaluations import unpacked
from myelin.sweep.table import paired

#: A seed's result: that of a sweep, or of a reference of plain torch.
Results = dict[int, dict[str, Any]]
#: What a kind of row answers with.
_ANSWERS = {"network": "integer_predictions", "reference": "float_predictions"}


def table_of(plan: TaskPlan, table: Table, out: Path, data: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The results of a table, for JSON; a case without finished runs has no row."""
    seeds = plan.seeds_of(table)
    found = {name: _runs(out / "runs", name, seeds) for name in table.cases}
    beside = {name: _references(out, name, seeds) for name in table.references}
    first = found[table.cases[0]]
    rows = [
        _row(name, "network", results, first if name != table.cases[0] else {}, plan.report)
        | {
            "parameters": plan.parameters(name, facts["classes"]),
            "changes": plan.cases[name].changes,
            **_measured(out, name, seeds, data, plan.report),
        }
        for name, results in found.items()
        if results
    ]
    rows += [
        _row(name, "reference", results, first, plan.report) | {"kind_of_reference": plan.references[name].kind}
        for name, results in beside.items()
        if results
    ]
    return {
        "benchmark": f"{plan.task} {table.name}",
        "quick": False,
        "task": plan.task,
        "table": table.name,
        "title": table.title,
        "reference": table.cases[0],
        "report": plan.report,
        "seeds": list(seeds),
        "data": dict(facts),
        "common": plan.common,
        "missing": sorted(
            f"{name}, seed {seed}" for name, results in (found | beside).items() for seed in seeds if seed not in results
        ),
        "rows": rows,
        "machine": machine(),
    }


def _row(name: str, kind: str, results: Results, reference: Results, report: str) -> dict[str, Any]:
    one = next(iter(results.values()))
    evaluations = {}
    for part, said in (("validation", "validation"), ("report", report)):
        own = {seed: _with_part(result, part, said) for seed, result in results.items()}
        other = {seed: _with_part(result, part, said) for seed, result in reference.items()}
        evaluations[part] = _accuracies(own, kind) | {"to_reference": _difference(own, other, part, kind)}
    return {
        "case": name,
        "kind": kind,
        "seeds": sorted(results),
        "parameters": one["parameters"],
        "recurrent_parameters": one.get("recurrent_parameters"),
        "size": one.get("size"),
        "epochs": one["epochs"],
        "train_seconds": [round(result["train_seconds"]) for result in results.values() if "train_seconds" in result],
        "evaluations": evaluations,
    }


def _accuracies(results: Results, kind: str) -> dict[str, Any]:
    """Accuracies of the seeds, and what each sample was answered, right or wrong."""
    which = "integer" if kind == "network" else "float"
    parts = {seed: next(iter(result["evaluations"].values())) for seed, result in results.items()}
    values: dict[str, Any] = {}
    for name in ("accuracy", "published"):
        percent = [part.get(f"{which}_{name}_percent") for part in parts.values()]
        if None not in percent:
            values |= {
                f"{name}_percent": [round(value, 4) for value in percent],
                f"{name}_mean_percent": fmean(percent),
                f"{name}_sd_points": stdev(percent) if len(percent) > 1 else None,
            }
    values["samples"] = [len(part["labels"]) for part in parts.values()]
    values["right"] = {str(seed): _right(part, _ANSWERS[kind]) for seed, part in parts.items()}
    return values


def _right(part: Mapping[str, Any], answers: str) -> str | dict[str, list[int]]:
    """Which samples are right, as the bits of a hexadecimal number, first sample first; of steps the numbers by sample."""
    truth, found = unpacked(part["labels"]), unpacked(part[answers])
    right = found == truth
    if truth.ndim == 1:
        return np.packbits(right).tobytes().hex()
    labelled = truth >= 0
    return {"right": (right & labelled).sum(axis=1).tolist(), "labelled": labelled.sum(axis=1).tolist()}


def _difference(own: Results, other: Results, part: str, kind: str) -> dict[str, Any] | None:
    """Accuracy of ``own`` minus that of the reference's integers, on the same samples with the same seeds."""
    if not other:
        return None
    renamed = {seed: _answers_as_integers(result, _ANSWERS[kind]) for seed, result in own.items()}
    return paired(
        {seed: result["evaluations"][part] for seed, result in renamed.items()},
        {seed: result["evaluations"][part] for seed, result in other.items()},
        "integer_predictions",
    )


def _with_part(result: dict[str, Any], part: str, said: str) -> dict[str, Any]:
    """``result`` with one evaluation alone, under the name ``part``; a sweep names the split, a reference the part."""
    evaluations = result["evaluations"]
    return {**result, "evaluations": {part: evaluations[said if said in evaluations else part]}}


def _answers_as_integers(result: dict[str, Any], answers: str) -> dict[str, Any]:
    parts = result["evaluations"].items()
    return {**result, "evaluations": {part: {**found, "integer_predictions": found[answers]} for part, found in parts}}


def _runs(folder: Path, name: str, seeds: Sequence[int]) -> Results:
    from myelin.sweep.file import slug

    files = {seed: folder / slug(name) / f"seed{seed}" / "result.json" for seed in seeds}
    return {seed: json.loads(path.read_text(encoding="utf-8")) for seed, path in files.items() if path.is_file()}


def _references(out: Path, name: str, seeds: Sequence[int]) -> Results:
    files = {seed: reference_file(out, name, seed) for seed in seeds}
    return {seed: json.loads(path.read_text(encoding="utf-8")) for seed, path in files.items() if path.is_file()}


def reference_file(out: Path, name: str, seed: int) -> Path:
    """Where the result of a reference lies."""
    from myelin.sweep.file import slug

    return out / "references" / slug(name) / f"seed{seed}.json"


def _measured(out: Path, name: str, seeds: Sequence[int], data: str, split: str) -> dict[str, Any]:
    """Costs and delays of a case's networks; measured once, kept beside the runs."""
    from myelin.sweep.file import slug

    folders = [out / "runs" / slug(name) / f"seed{seed}" for seed in seeds]
    done = [folder for folder in folders if (folder / "result.json").is_file()]
    file = out / "costs" / f"{slug(name)}.json"
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["of"] == [folder.name for folder in done]:
            return {"costs": kept["costs"], "delays": kept["delays"]}
    values: dict[str, Any] = {"costs": costs_of(done[0], data, split), "delays": [delays_of(folder) for folder in done]}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"of": [folder.name for folder in done], **values})
    return values
