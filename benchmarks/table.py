"""Results as Markdown, and the tables that stand in README.md: ``python -m benchmarks.table`` writes them there."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS
from hw_configs.files import write_atomically

README = Path(__file__).resolve().parents[1] / "README.md"
_SIGNS = "¹²³⁴⁵⁶⁷⁸⁹"
_TITLES = {"dense": "Dense recurrence", "conv": "Convolutional recurrence (ConvDelRec)"}


def simulate_table(results: dict[str, Any]) -> str:
    """Samples a second on each network, and how many times as fast the simulator is."""
    lines = []
    for network in results["networks"]:
        shares = network["densities"]
        layers = " and ".join(f"{share:.1%}" for share in shares["layers"])
        notes = list(dict.fromkeys(row["note"] for row in network["rows"] if row["note"]))
        lines += [
            f"{_TITLES[network['recurrence']]}: {network['network']}; {network['steps']} steps; {shares['input']:.1%} of the "
            f"input's entries are not zero (mean {shares['input_mean']:.2g}), {layers} of the hidden neurons spike in a step.",
            "",
            "| | samples/s, median (best) | `simulate` is faster by, median (range) |",
            "|---|---|---|",
            *(_row(row, f" {_SIGNS[notes.index(row['note'])]}" if row["note"] else "") for row in network["rows"]),
            "",
        ]
        if notes:
            lines += [" ".join(f"{sign} {note}." for sign, note in zip(_SIGNS, notes)), ""]
    return "\n".join([*lines, machine_line(results)])


def machine_line(results: dict[str, Any]) -> str:
    """What it was measured on."""
    facts = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    told = "".join(f", {name}={value}" for name, value in facts["environment"].items())
    quick = " Tiny sizes (--quick): these numbers mean nothing." if results["quick"] else ""
    software = f"Python {facts['python']}, {versions}, {facts['blas']}{told}"
    return f"{facts['cpu']}, {facts['cores']} cores; {software}; {facts['date']}.{quick}"


def number(value: float) -> str:
    """Three digits, with separators of thousands."""
    if value >= 100:
        digits = max(0, len(str(int(value))) - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


#: Tables of the README by the name in their markers.
TABLES: dict[str, Callable[[dict[str, Any]], str]] = {"simulate": simulate_table}


def section(name: str, folder: Path = RESULTS) -> str:
    """What stands between the markers ``name``: nothing before it was measured."""
    path = folder / f"{name}.json"
    return f"\n{TABLES[name](json.loads(path.read_text(encoding='utf-8')))}\n" if path.is_file() else ""


def with_tables(text: str, folder: Path = RESULTS) -> str:
    """``text`` with the current tables between their markers.  Raises ValueError where markers are missing."""
    for name in TABLES:
        begin, end = f"<!-- benchmarks:{name} -->", f"<!-- /benchmarks:{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"no place for a table: {begin} and {end} must stand there once each, in this order")
        before, after = text.split(begin)[0], text.split(end)[1]
        text = f"{before}{begin}\n{section(name, folder)}\n{end}{after}"
    return text


def _row(row: dict[str, Any], sign: str) -> str:
    ratio, rate = row["simulate_is_faster"], row["samples_per_s"]
    times = "" if ratio is None else f"{number(ratio['median'])} ({number(ratio['low'])} to {number(ratio['high'])})"
    return f"| {row['name']}{sign} | {number(rate['median'])} ({number(rate['high'])}) | {times} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--readme", type=Path, default=README, help="the file to write into")
    path = parser.parse_args(arguments).readme
    write_atomically(path, with_tables(path.read_text(encoding="utf-8")).encode())
    print(f"wrote the tables of {path.name}")


if __name__ == "__main__":
    main()
