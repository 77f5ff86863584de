"""The table of a sweep: accuracies over seeds, and differences paired by sample and seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np

from myelin.convert.published_steps import EXPLAINED as PUBLISHED_STEPS
from myelin.convert.statistics import compare_pooled
from myelin.hw_configs.terminal.screen import table as screen_table
from myelin.hw_configs.written import thousands
from myelin.sweep.evaluations import unpacked
from myelin.sweep.file import label
from myelin.sweep.plan import SweepPlan
from myelin.sweep.worker import VALIDATION

Result = dict[str, Any]

#: Explanation of the columns, shown below every table.
EXPLAINED = (
    "integer: accuracy of the integer network, mean +- standard deviation over n seeds (lowest..highest); to float and to the "
    "reference: differences in percent points on the same samples with the same seeds, pooled over the seeds, with a 95 % "
    "interval (Tango's, samples that several seeds answered counted by their effective number) and an exact p (McNemar's test, "
    "whole samples flipped). Interval and p speak of these trained networks on other samples; how much another seed changes is "
    "the standard deviation."
)


def make_table(plan: SweepPlan) -> dict[str, Any]:
    """The table of the finished runs, for JSON; a point without finished runs has no row."""
    results: list[dict[int, Result]] = [{} for _ in plan.sweep.points]
    for run in plan.runs:
        result = plan.result(run)
        if result is not None:
            results[run.place][run.seed] = result
    parts = [VALIDATION, *([plan.report] if plan.report else [])]
    rows = []
    for place, (point, found) in enumerate(zip(plan.sweep.points, results)):
        if not found:
            continue
        reference = plan.sweep.references[place]
        other = {} if reference is None else results[reference]
        rows.append(
            {
                "name": point.name,
                "case": point.case,
                "grid": dict(point.grid),
                "reference": None if reference is None else plan.sweep.points[reference].name,
                "seeds": sorted(found),
                "seeds_missing": sorted(set(plan.sweep.seeds) - set(found)),
                **_figures(list(found.values())),
                "evaluations": {part: _evaluation(part, found, other) for part in parts},
            }
        )
    done = sum(map(len, results))
    return {"runs": len(plan.runs), "runs_done": done, "rows": rows, "notes": list(_notes(results)), "explained": EXPLAINED}


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    delays = [result["delay_mean_steps"] for result in results if result["delay_mean_steps"] is not None]
    return {
        "parameters": results[0]["parameters"],
        "recurrent_parameters": results[0]["recurrent_parameters"],
        "seconds_per_epoch": fmean(result["seconds_per_epoch"] for result in results),
        "train_seconds": fmean(result["train_seconds"] for result in results),
        "delay_mean_steps": fmean(delays) if delays else None,
        "rates_spikes_per_neuron_and_step": [
            fmean(rates) for rates in zip(*(result["rates_spikes_per_neuron_and_step"] for result in results))
        ],
    }


def _evaluation(part: str, own: Mapping[int, Result], reference: Mapping[int, Result]) -> dict[str, Any]:
    """Row for one part of the data; ``own`` and ``reference``: seed -> result."""
    found = {seed: result["evaluations"][part] for seed, result in own.items()}
    other = {seed: result["evaluations"][part] for seed, result in reference.items()}
    return {
        "samples_by_seed": [evaluation["samples"] for evaluation in found.values()],
        **_spread("integer", found.values()),
        **_spread("float", found.values()),
        "integer_published_mean_percent": _published(found.values()),
        "to_float": paired(found, found, "float_predictions"),
        "to_reference": paired(found, other, "integer_predictions"),
    }


def _spread(which: str, evaluations: Any) -> dict[str, Any]:
    percent = [float(evaluation[f"{which}_accuracy_percent"]) for evaluation in evaluations]
    return {
        f"{which}_accuracy_mean_percent": fmean(percent),
        f"{which}_accuracy_sd_points": stdev(percent) if len(percent) > 1 else None,
        f"{which}_accuracy_min_percent": min(percent),
        f"{which}_accuracy_max_percent": max(percent),
        f"{which}_accuracy_by_seed_percent": percent,
    }


def _published(evaluations: Any) -> float | None:
    """Mean over the seeds of what published scripts count (``myelin.convert.published_steps``); None if nothing differs."""
    found = [evaluation.get("integer_published_percent") for evaluation in evaluations]
    return None if None in found else fmean(found)


def paired(own: Mapping[int, Result], other: Mapping[int, Result], predictions: str) -> dict[str, Any] | None:
    """Accuracy of ``own``'s integers minus that of ``predictions`` in ``other``, over the seeds with the same samples.

    ``own`` and ``other``: seed -> evaluation, as ``myelin.sweep.evaluations`` makes it, with ``sample_numbers``.
    """
    seeds = [seed for seed in own if seed in other and _same_samples(own[seed], other[seed])]
    if not seeds:
        return None
    labels = [unpacked(own[seed]["labels"]) for seed in seeds]
    counted = [truth >= 0 for truth in labels]  # steps without a label count nowhere
    candidate, reference = (
        [(unpacked(found[seed][name]) == truth)[mask] for seed, truth, mask in zip(seeds, labels, counted)]
        for found, name in ((own, "integer_predictions"), (other, predictions))
    )
    numbers = np.concatenate(
        [np.repeat(own[seed]["sample_numbers"], mask.reshape(len(mask), -1).sum(axis=1)) for seed, mask in zip(seeds, counted)]
    )
    pooled = compare_pooled(np.concatenate(reference), np.concatenate(candidate), numbers)
    by_seed = [100 * float(a.mean() - b.mean()) for a, b in zip(candidate, reference)]
    return {
        "seeds": seeds,
        "pairs": pooled.pairs,
        "samples": pooled.samples,
        "difference_points": 100 * pooled.difference,
        "difference_low_points": 100 * pooled.difference_interval[0],
        "difference_high_points": 100 * pooled.difference_interval[1],
        "difference_by_seed_points": by_seed,
        "difference_sd_points": stdev(by_seed) if len(by_seed) > 1 else None,
        "only_other_right_pairs": pooled.only_reference,
        "only_this_right_pairs": pooled.only_candidate,
        "p": pooled.p,
    }


def _same_samples(one: Result, other: Result) -> bool:
    return bool(one["sample_numbers"] == other["sample_numbers"] and one["labels"] == other["labels"])


def _notes(results: Sequence[Mapping[int, Result]]) -> Iterator[str]:
    """Yield notes that qualify the numbers."""
    for by_seed in results:
        for seed, result in by_seed.items():
            found = result["evaluations"][VALIDATION]
            ours = found.get("integer_as_trained_percent", found["integer_accuracy_percent"])
            said = result["training_says_validation_accuracy_percent"]
            if abs(ours - said) > 1e-6:
                yield (
                    f"{result['case']!r}, seed {seed}: the integer network gets {ours:.2f} % of the validation part right, "
                    f"training recorded {said:.2f} % for the same epoch"
                )


def headings(table: Mapping[str, Any]) -> list[str]:
    """Column headings for the screen and table.md."""
    grid = table["rows"][0]["grid"] if table["rows"] else {}
    compared = ["to reference", "95 %", "p"] if any(row["reference"] for row in table["rows"]) else []
    keys = [label(key, grid) for key in grid]
    published = ["published %"] if _has_published(table) else []
    shown = ["n", "integer %", "range", *published, "float %", "to float", "95 %"]
    return ["case", *keys, *shown, *compared, "recurrent", "s/epoch"]


def cells(table: Mapping[str, Any], part: str) -> list[list[str]]:
    """Rows below ``headings`` for one part of the data."""
    compared = any(row["reference"] for row in table["rows"])
    result = []
    for row in table["rows"]:
        values = row["evaluations"][part]
        result.append(
            [
                row["case"],
                *(value if isinstance(value, str) else json.dumps(value) for value in row["grid"].values()),
                f"{len(row['seeds'])}" + (f" of {len(row['seeds'] + row['seeds_missing'])}" if row["seeds_missing"] else ""),
                _mean(values, "integer"),
                f"{values['integer_accuracy_min_percent']:.2f}..{values['integer_accuracy_max_percent']:.2f}",
                *([_or_dash(values.get("integer_published_mean_percent"))] if _has_published(table) else []),
                _mean(values, "float"),
                *_difference(values["to_float"])[:2],
                *(() if not compared else _difference(values["to_reference"]) if row["reference"] else ("reference", "", "")),
                thousands(row["recurrent_parameters"]),
                f"{row['seconds_per_epoch']:.2f}",
            ]
        )
    return result


def _has_published(table: Mapping[str, Any]) -> bool:
    parts = [values for row in table["rows"] for values in row["evaluations"].values()]
    return any(values.get("integer_published_mean_percent") is not None for values in parts)


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def lines(plan: SweepPlan, table: Mapping[str, Any]) -> list[str]:
    """The table for the screen."""
    result: list[str] = []
    grid = {"case", *(label(key, row["grid"]) for row in table["rows"] for key in row["grid"])}
    for part, title in _titles(plan, table):
        heads = headings(table)
        shown = screen_table(heads, cells(table, part), "".join("<" if head in grid else ">" for head in heads))
        result += ["", title, *shown]
    return [*result, "", *_below(table)]


def markdown(plan: SweepPlan, table: Mapping[str, Any]) -> str:
    """The table for table.md."""
    result = [f"# {plan.sweep.path.stem}"]
    for part, title in _titles(plan, table):
        head = headings(table)
        rows = [head, ["---"] * len(head), *cells(table, part)]
        result += ["", title, "", *("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows)]
    return "\n".join([*result, "", *_below(table)]) + "\n"


def _titles(plan: SweepPlan, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (part, heading) of each table."""
    for part in [VALIDATION, *([plan.report] if plan.report else [])]:
        sizes = sorted({size for row in table["rows"] for size in row["evaluations"][part]["samples_by_seed"]})
        span = f"{sizes[0]}..{sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
        what = "validation part, held out of training" if part == VALIDATION else f"{part} split"
        yield part, f"{plan.facts['name']}, {what}: {span} samples a seed"


def _below(table: Mapping[str, Any]) -> list[str]:
    unfinished = table["runs"] - table["runs_done"]
    missing = [f"{unfinished} of {table['runs']} runs are not finished."] if unfinished else []
    steps = [f"published: of all steps, {PUBLISHED_STEPS}."] if _has_published(table) else []
    return [*missing, *table["notes"], *steps, table["explained"]]


def _mean(values: Mapping[str, Any], which: str) -> str:
    mean, sd = values[f"{which}_accuracy_mean_percent"], values[f"{which}_accuracy_sd_points"]
    return f"{mean:.2f}" if sd is None else f"{mean:.2f} +- {sd:.2f}"


def _difference(paired: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if paired is None:
        return "-", "", ""
    low, high = paired["difference_low_points"], paired["difference_high_points"]
    return f"{paired['difference_points']:+.2f}", f"{low:+.2f}..{high:+.2f}", f"{paired['p']:.3g}"
