"""Writes the tables of the tasks into ``docs/results.md``, between marks, and draws its pictures, from committed results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.tasks import pictures
from benchmarks.tasks.plan import NAMES, read_plan
from myelin.hw_configs.files import write_atomically

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"
#: A table stands between these two lines.
BEGIN, END = "<!-- table {} -->", "<!-- end of table {} -->"


def write_page(results: Path, page: Path = PAGE) -> None:
    """Replace each table that has results; a page without marks gets them at its end, and a missing page is made."""
    found = list(all_results(results))
    text = page.read_text(encoding="utf-8") if page.is_file() else "# Results\n"
    for values in found:
        name = f"{values['task']} {values['table']}"
        begin, end = BEGIN.format(name), END.format(name)
        block = f"{begin}\n{markdown(values)}\n{end}"
        if begin not in text:
            text = f"{text.rstrip()}\n\n{block}\n"
        else:
            text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _, block=block: block, text, flags=re.DOTALL)
    write_atomically(page, text.encode())
    pictures.draw(found, page.parent / "pictures")


def all_results(folder: Path) -> Iterator[dict[str, Any]]:
    """The results of all tables that there are, in the order of the plans."""
    for task in NAMES:
        for table in read_plan(task).tables:
            file = folder / f"{task}_{table}.json"
            if file.is_file():
                yield json.loads(file.read_text(encoding="utf-8"))


def markdown(values: Mapping[str, Any]) -> str:
    """A table: accuracy of integers on the reported split, difference to the first row, parameters, costs on loihi2."""
    rows = values["rows"]
    published = any("published_mean_percent" in row["evaluations"]["report"] for row in rows)
    sizes = sorted({size for row in rows for size in row["evaluations"]["report"]["samples"]})
    heads = ["", "seeds", "accuracy, %", *(["as published scripts count, %"] if published else [])]
    heads += ["held out, %", "to the first row, points", "p", "parameters", "synapse memory, KiB", "operations a sample"]
    lines = [
        f"**{values['title']}.** {values['task']}, {values['report']} split, {' or '.join(map(str, sizes))} samples; "
        f"{values['data']['samples']} to train on and hold out.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(_cells(row, published))} |" for row in rows),
    ]
    if values["missing"]:
        lines += ["", f"Not finished: {'; '.join(values['missing'])}."]
    return "\n".join(lines)


def _cells(row: Mapping[str, Any], published: bool) -> Iterator[str]:
    found, costs = row["evaluations"]["report"], row.get("costs")
    yield row["case"]
    yield str(len(row["seeds"]))
    yield _mean(found, "accuracy")
    if published:
        yield _mean(found, "published")
    yield _mean(row["evaluations"]["validation"], "accuracy")
    paired = found["to_reference"]
    if paired is None:
        yield from ("", "")
    else:
        low, high = paired["difference_low_points"], paired["difference_high_points"]
        yield f"{paired['difference_points']:+.2f} ({low:+.2f} to {high:+.2f})"
        yield "< 0.0001" if paired["p"] < 1e-4 else f"{paired['p']:.2g}"
    yield f"{row['parameters']:,}"
    yield "" if costs is None else f"{costs['synapse_memory_kib']:,.1f}"
    if costs is None:
        yield ""
    else:
        yield f"{costs['synaptic_operations_per_sample']:,.0f}{'' if costs['fits'] else ' (not held)'}"


def _mean(found: Mapping[str, Any], which: str) -> str:
    mean, sd = found.get(f"{which}_mean_percent"), found.get(f"{which}_sd_points")
    if mean is None:
        return ""
    return f"{mean:.2f}" if sd is None else f"{mean:.2f} ± {sd:.2f}"
