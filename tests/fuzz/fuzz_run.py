"""Fuzzes every reader of the project: ``make fuzz SEED=1 CASES=10000``.

Each case is a sound input with one to three changes, made from the seed and the number of the case alone.  It must be read or
refused in one message, within 20 seconds and 1 GB of memory.  Every other outcome is a failure; its input is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "helpers")]

from fuzz_readers import READERS, make_inputs  # noqa: E402

#: A case hangs if it computes longer than this, or if it does nothing for that long, as before a pipe, in seconds.
CPU_S, BLOCKED_S = 20.0, 20.0
#: Memory in MB that a case may take.
MOST_MB = 1024


class Fuzzer:
    """Two workers: one makes the inputs, the other reads them, so that damage of HDF5 while writing harms no reader."""

    def __init__(self, inputs: Path, work: Path) -> None:
        self.maker, self.reader = Worker(inputs, work), Worker(inputs, work)

    def case(self, reader: str, seed: str, only: list[int] | None = None) -> dict[str, Any]:
        """The outcome of a case; "no case" if its input cannot be made."""
        made = self.maker.case(reader=reader, seed=seed, only=only)
        if made["outcome"] != "made":
            return {"outcome": "no case", "message": made["message"], "seconds": 0.0, "peak_mb": 0}
        return self.reader.case(reader=reader, path=made["path"])

    def stop(self) -> None:
        """End both."""
        self.maker.stop()
        self.reader.stop()


class Worker:
    """A worker process, started again when it is killed."""

    def __init__(self, inputs: Path, work: Path) -> None:
        self.inputs, self.work = inputs, work
        self.process: subprocess.Popen[str] | None = None

    def case(self, **case: Any) -> dict[str, Any]:
        """The outcome of a case; ``hang`` or ``crash`` if the process does not tell it."""
        if self.process is None:
            self._start()
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        told = self._answer()
        if told is None:
            try:
                ended = self.process.wait(1.0)
            except subprocess.TimeoutExpired:
                ended = None
            self.stop()
            message = "" if ended is None else f"the process ended with {ended}"
            outcome, seconds = ("hang", CPU_S) if ended is None else ("crash", 0.0)
            return {"outcome": outcome, "message": message, "seconds": seconds, "peak_mb": 0}
        if told["seconds"] > CPU_S:
            told["outcome"] = "hang"
        elif told["outcome"] in ("read", "refused") and told["peak_mb"] > MOST_MB:
            told["outcome"] = "memory"
        return told

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _start(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fuzz_worker.py")), str(self.inputs), str(self.work)]
        threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MYELIN_TRACEBACK": "1"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | threads,
        )
        assert self._answer(5.0) is not None, "the worker does not start"

    def _answer(self, patience: float = 1.0) -> dict[str, Any] | None:
        """The next line of the process; None if it ended, or hangs: it computes for CPU_S, or does nothing for BLOCKED_S."""
        assert self.process is not None and self.process.stdout is not None
        start, last, idle = self._seconds(), -1.0, 0
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            while not waiting.select(1.0):  # one second at a time: on a loaded machine only what the process does counts
                seconds, state = self._seconds(), self._state()
                idle = idle + 1 if state == "S" and seconds == last else 0
                last = seconds
                if seconds - start > CPU_S * patience or idle > BLOCKED_S * patience:
                    return None
        line = self.process.stdout.readline()
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def _stat(self) -> list[str]:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()

    def _state(self) -> str:
        return self._stat()[0]

    def _seconds(self) -> float:
        """Seconds of the processor that the worker has used."""
        user, system = self._stat()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def plan(cases: int, names: list[str]) -> list[tuple[str, int]]:
    """(reader, number of the case): ``cases`` of them, by the shares of the readers ``names``."""
    total = sum(READERS[name].share for name in names)
    counts = {name: max(1, round(cases * READERS[name].share / total)) for name in names}
    return [(name, number) for name, count in counts.items() for number in range(count)]


def smaller(worker: Fuzzer, reader: str, seed: str, outcome: str) -> list[int] | None:
    """The single change that alone ends in ``outcome``; None if it takes several."""
    for number in range(3):
        if worker.case(reader, seed, [number])["outcome"] == outcome:
            return [number]
    return None


def kept(reader: str, seed: str, only: list[int] | None, inputs: Path, folder: Path) -> Path:
    """The input of a failed case, kept in ``folder``."""
    from fuzz_worker import mutated

    place = folder / seed.replace("/", "-")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return mutated(reader, seed, inputs / reader / "inputs", place, only)


def main() -> int:
    """Run the cases; exit code 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", default="0", help="seed of all cases")
    parser.add_argument("--cases", type=int, default=2000, help="number of cases")
    parser.add_argument("--only", nargs="*", choices=sorted(READERS), help="readers (default: all)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case of each reader, to repeat one")
    parser.add_argument("--inputs", type=Path, help="folder of the sound inputs, made if it is new (default: a temporary one)")
    parser.add_argument("--failures", type=Path, default=Path("fuzz_failures"), help="folder of the inputs that fail")
    parser.add_argument("--json", type=Path, help="file of the figures")
    args = parser.parse_args()
    names = args.only or list(READERS)
    with tempfile.TemporaryDirectory(prefix="fuzz") as temporary:
        inputs = args.inputs or Path(temporary) / "inputs"
        print(f"seed {args.seed}, {args.cases} cases; sound inputs in {inputs}", flush=True)
        make_inputs(inputs, names)
        rows = _run(args, names, inputs, Path(temporary) / "work")
    for row in rows.values():
        print(row["line"])
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")
    failed = sum(row["failed"] for row in rows.values())
    print(f"{sum(row['cases'] for row in rows.values())} cases, {failed} failed (seed {args.seed})")
    return 1 if failed else 0


def _run(args: argparse.Namespace, names: list[str], inputs: Path, work: Path) -> dict[str, dict[str, Any]]:
    worker = Fuzzer(inputs, work)
    rows: dict[str, dict[str, Any]] = {}
    known: Counter[str] = Counter()
    try:
        for name, number in plan(args.cases, names):
            seed = f"{args.seed}/{name}/{args.first + number}"
            told = worker.case(name, seed)
            # confirmed: on a loaded machine it may have waited for something else, and a case before it may have left damage
            if told["outcome"] in ("hang", "crash"):
                print(f"\nagain: {seed} {told['outcome']} {told['message']}", flush=True)
                told = worker.case(name, seed)
            row = rows.setdefault(
                name, {"cases": 0, "read": 0, "refused": 0, "no case": 0, "failed": 0, "peak_mb": 0, "slowest_s": 0.0}
            )
            row["cases"] += 1
            row["peak_mb"], row["slowest_s"] = max(row["peak_mb"], told["peak_mb"]), max(row["slowest_s"], told["seconds"])
            if told["outcome"] in ("read", "refused", "no case"):
                row[told["outcome"]] += 1
            else:
                row["failed"] += 1
                _tell(args, worker, name, seed, told, known, inputs)
            if number % 200 == 199:
                print(f"{name} {number + 1}", end="; ", flush=True)
            row["line"] = (
                f"{name:9} {row['cases']:6} cases: {row['refused']:5} refused, {row['read']:5} read, {row['failed']:4} failed, "
                f"peak {row['peak_mb']:5} MB, slowest {row['slowest_s']:5.1f} s"
            )
    finally:
        worker.stop()
    return rows


def _tell(
    args: argparse.Namespace, worker: Fuzzer, name: str, seed: str, told: dict[str, Any], known: Counter[str], inputs: Path
) -> None:
    """Print a failure, and keep the first two inputs of its kind."""
    last = told["message"].strip().splitlines()[-1:] or [""]
    where = [line.strip() for line in told["message"].splitlines() if line.strip().startswith("File ")][-1:]
    kind = f"{name} {told['outcome']} {where} {last[0][:60] if told['outcome'] != 'memory' else ''}"
    known[kind] += 1
    if known[kind] > 2:
        return
    only = smaller(worker, name, seed, told["outcome"])
    place = kept(name, seed, only, inputs, args.failures)
    print(
        f"FAILED {seed} {told['outcome']} {told['seconds']} s {told['peak_mb']} MB {where} {last[0][:300]}\n       {place}",
        flush=True,
    )
    (args.failures / f"{seed.replace('/', '-')}.txt").write_text(told["message"] + f"\nonly={only}\n")


if __name__ == "__main__":
    started = time.time()
    code = main()
    print(f"{time.time() - started:.0f} s")
    sys.exit(code)
