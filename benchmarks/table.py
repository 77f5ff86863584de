"""Results as Markdown, and the tables of docs/benchmarks.md: ``python -m benchmarks.table`` updates them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS
from benchmarks.sweeps.summary import sweep_table
from benchmarks.tables.table_baselines import inference_table, train_step_table
from benchmarks.tables.table_felt import blocks_table, epoch_table, few_table, first_minute_table
from benchmarks.tables.table_step import step_table
from benchmarks.tables.table_words import machine_line, number, times
from myelin.hw_configs.files import write_atomically

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
_SIGNS = "¹²³⁴⁵⁶⁷⁸⁹"
_TITLES = {"dense": "Dense recurrence", "conv": "Convolutional recurrence (ConvDelRec)"}


def simulate_table(results: dict[str, Any]) -> str:
    """Samples per second on each network, and the simulator's relative speed."""
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
    beside = results["conv_faster_than_dense"]
    ratios = " and ".join(
        f"{times(beside[key])} times on {name}" for key, name in (("all_cores", "all cores"), ("one_core", "one"))
    )
    lines += [f"`simulate` runs ConvDelRec faster than dense recurrence, in the same rounds: {ratios}, median (range).", ""]
    return "\n".join([*lines, machine_line(results)])


def stream_line(results: dict[str, Any]) -> str:
    """A sentence about the million samples."""
    return (
        f"`stream` took {number(results['samples'])} samples of {results['steps']} steps through {results['network']} in "
        f"{number(results['seconds'])} s, {number(results['samples_per_s'])} a second; the process never held more than "
        f"{results['peak_rss_mb']} MB, where input and output of all samples are "
        f"{number(results['input_of_all_samples_mb'] + results['output_of_all_samples_mb'])} MB."
    )


def peak_line(results: dict[str, Any]) -> str:
    """A sentence about the fractions of the machine's peaks."""
    dense, events = results["dense"], results["events"][-1]
    return (
        f"Matrix products of the dense engine at {dense['network'].split(',')[0]} reach {dense['gflop_per_s']:.0f} GFLOP/s, "
        f"{dense['share_of_blas']:.0%} of what BLAS does on a product of 2048 x 2048 in the same run; the event engine makes "
        f"{events['giga_synaptic_operations_per_s']:.0f}e9 synaptic operations a second at {events['network'].split(',')[0]}: "
        f"{events['weights_read_gb_per_s']:.0f} GB/s of weights read, {events['times_memory_read']:.1f} times what the memory "
        f"gives and {events['share_of_second_cache_read']:.0%} of what the second cache does."
    )


#: Tables of the page by the names in their markers.
TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "train_step": train_step_table,
    "inference": inference_table,
    "simulate": simulate_table,
    "stream": stream_line,
    "step": step_table,
    "peak": peak_line,
    "blocks": blocks_table,
    "epoch": epoch_table,
    "first_minute": first_minute_table,
    "few": few_table,
    "delays": sweep_table,
    "claim": sweep_table,
    "delays_dense": sweep_table,
    "controls": sweep_table,
    "controls_dense": sweep_table,
}


def section(name: str, folder: Path = RESULTS) -> str:
    """The text between the markers ``name``; empty before it was measured."""
    path = folder / f"{name}.json"
    return f"\n{TABLES[name](json.loads(path.read_text(encoding='utf-8')))}\n" if path.is_file() else ""


def with_tables(text: str, folder: Path = RESULTS) -> str:
    """``text`` with the current tables between their markers; ValueError if markers are missing."""
    for name in TABLES:
        begin, end = f"<!-- benchmarks:{name} -->", f"<!-- /benchmarks:{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"no place for a table: {begin} and {end} must stand there once each, in this order")
        before, after = text.split(begin)[0], text.split(end)[1]
        text = f"{before}{begin}\n{section(name, folder)}\n{end}{after}"
    return text


def _row(row: dict[str, Any], sign: str) -> str:
    ratio, rate = row["simulate_is_faster"], row["samples_per_s"]
    faster = "" if ratio is None else times(ratio)
    return f"| {row['name']}{sign} | {number(rate['median'])} ({number(rate['high'])}) | {faster} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="the file to write into")
    path = parser.parse_args(arguments).page
    write_atomically(path, with_tables(path.read_text(encoding="utf-8")).encode())
    print(f"wrote the tables of {path.name}")


if __name__ == "__main__":
    main()
