"""Train the sweeps of this folder and write their results: ``python -m benchmarks.sweeps NAME ...``.

Results are ``results/NAME.json``, ``NAME.png`` and ``NAME.md`` beside this folder, and ``NAME_bits.png`` of grids of delays.
The same command again continues what was interrupted, and what is trained already is not trained again: it stays in the folder
given with ``--out``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import myelin.cli
from benchmarks.measure import RESULTS, machine, save, say
from benchmarks.sweeps import bits_curve
from benchmarks.sweeps.summary import condensed
from myelin.hw_configs.files import write_atomically

HERE = Path(__file__).resolve().parent
#: All sweeps, in the order of the README.
NAMES = tuple(sorted(path.stem for path in HERE.glob("*.toml")))


def run(name: str, data: str, out: Path, *, report: str | None, results: Path, options: Sequence[str] = ()) -> int:
    """Train one sweep and write its results; returns the exit code of ``myelin sweep``, and writes nothing unless that is 0."""
    folder = out / name
    asked = ["--report", report] if report else []
    code = myelin.cli.main(["sweep", str(HERE / f"{name}.toml"), "--data", data, "--out", str(folder), *asked, *options])
    if code:
        return code
    results.mkdir(parents=True, exist_ok=True)
    values = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    kept = {"quick": False, "machine": machine(), **condensed(values)}
    save(results / f"{name}.json", kept)
    bits_curve.draw(results / f"{name}_bits.png", kept)
    for suffix, source in ((".md", "table.md"), (".png", "accuracy.png")):
        write_atomically(results / f"{name}{suffix}", (folder / source).read_bytes())
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"sweeps to run, of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--data", required=True, help="what to train on, as for `myelin sweep`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs, one below it for each sweep")
    parser.add_argument("--report", default="valid", help="split that the README reports on; empty for none (default: valid)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--jobs", help="runs at a time, as for `myelin sweep`")
    parser.add_argument("--only-table", action="store_true", help="train nothing: results of the runs that are finished")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"no sweep {unknown[0]!r}; there are {', '.join(NAMES)}")
    options = [*(["--jobs", args.jobs] if args.jobs else []), *(["--only-table"] if args.only_table else [])]
    for name in args.names or NAMES:
        code = run(name, args.data, args.out, report=args.report or None, results=args.results, options=options)
        if code:
            return code
    say("now: python -m benchmarks.table")
    return 0


if __name__ == "__main__":
    sys.exit(main())
