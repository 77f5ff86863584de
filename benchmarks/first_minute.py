"""Seconds from the command to the first step of training, with and without cache: ``python -m benchmarks.first_minute``.

Each figure is that of a new process: Python starts, libraries are imported, loops are compiled or loaded, data are read, and
one step of training is done.  numba's cache on disk lies in a folder of its own, empty at first; Python's own caches are there.
``--against FOLDER`` measures another checkout in the same run, in turns.  ``--demo`` runs the demonstration to its end and
reports the seconds of its stages too.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, machine, save, say

#: This checkout.
HERE = Path(__file__).resolve().parents[1]
#: What is started, by name: the arguments of ``myelin``, to which a folder for the results is added.
COMMANDS = {
    "demo": ("demo",),
    "train delrec": ("train", "delrec", "--data", "builtin", "--set", "data.channels=140", "--set", "train.batch_size=32"),
}
#: Program of the process: runs ``myelin``, writes to a file when the first step is done, and then ends or goes on.
_PROBE = """
import os, sys, time
mark, ends, *arguments = sys.argv[1:]
from torch.optim.optimizer import register_optimizer_step_post_hook
def done(*_):
    hook.remove()
    with open(mark, "w") as file:
        file.write(repr(time.time()))
    if ends == "1":
        sys.stdout.flush()
        os._exit(0)
hook = register_optimizer_step_post_hook(done)
from myelin.cli import main
sys.exit(main(arguments))
"""
_STAGE = re.compile(r"^ +(\w+) took ([0-9.]+) s$", re.MULTILINE)


def started(checkout: Path, command: Sequence[str], cache: Path, *, whole: bool = False) -> dict[str, Any]:
    """Seconds until the first step of ``myelin`` with ``command``, run from ``checkout`` with numba's cache in ``cache``.

    ``whole``: run to the end, and give the seconds of all of it and of the stages that it names.

    Raises:
        RuntimeError: the process failed, or trained no step; the message holds its output.
    """
    environment = os.environ | {"PYTHONPATH": str(checkout), "NUMBA_CACHE_DIR": str(cache)}
    with tempfile.TemporaryDirectory() as temporary:
        mark = Path(temporary, "first_step")
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, str(mark), "0" if whole else "1", *command, "--out", str(Path(temporary, "out"))],
            cwd=temporary,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        ended = time.time()
        if not mark.exists() or (whole and done.returncode not in (0, 1)):
            raise RuntimeError(f"{' '.join(command)} in {checkout.name} ended with {done.returncode}:\n{done.stdout[-2000:]}")
        found: dict[str, Any] = {"first_step_s": round(float(mark.read_text()) - began, 2)}
    if whole:
        stages = {name: float(seconds) for name, seconds in _STAGE.findall(done.stdout)}
        found |= {"whole_s": round(ended - began, 2), "stages_s": stages}
    return found


def measure(checkouts: dict[str, Path], commands: Sequence[str], *, whole: bool = False) -> list[dict[str, Any]]:
    """A row for each command, state of the cache (empty, then full) and checkout, in this order."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in commands:
            for state in ("empty", "full"):
                for label, checkout in checkouts.items():
                    say(f"{name}, {state} cache, {label}")
                    cache = Path(temporary, f"{label}-{name.replace(' ', '-')}")
                    found = started(checkout, COMMANDS[name], cache, whole=whole)
                    rows.append({"command": name, "cache": state, "checkout": label, **found})
    return rows


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lines for people."""
    lines = [f"{'command':14} {'cache':6} {'checkout':9} {'first step':>10}"]
    for row in rows:
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row.get("stages_s", {}).items())
        whole = f"   all {row['whole_s']:.1f} s ({stages})" if "whole_s" in row else ""
        lines.append(f"{row['command']:14} {row['cache']:6} {row['checkout']:9} {row['first_step_s']:8.1f} s{whole}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_minute", description=__doc__.splitlines()[0])
    parser.add_argument("--against", metavar="FOLDER", type=Path, help="another checkout to measure in the same run")
    parser.add_argument("--command", choices=list(COMMANDS), action="append", help="what to start (default: all)")
    parser.add_argument("--demo", action="store_true", help="only the demonstration, to its end, with its stages")
    parser.add_argument("--json", type=Path, help="where to write (default: results/first_minute.json)")
    given = parser.parse_args(arguments)
    checkouts = {"this": HERE} | ({} if given.against is None else {"other": given.against.resolve()})
    rows = measure(checkouts, ["demo"] if given.demo else given.command or list(COMMANDS), whole=given.demo)
    print("\n".join(table(rows)))
    save(
        given.json or RESULTS / "first_minute.json",
        {"benchmark": "first_minute", "quick": False, "machine": machine(), "rows": rows},
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
