"""A process that changes inputs and reads them, one case for each line of its standard input, and tells what came out.

In a case the peak of the resident memory is measured anew (Linux: /proc/self/clear_refs).  What allocates more than a few GB
beyond that fails, and counts as a failure too: a reader must say no before it asks for memory.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "helpers")]

from fuzz_readers import READERS, change  # noqa: E402

from myelin.hw_configs.errors import MyelinError  # noqa: E402

#: Address space that a case may take beyond that of the worker, in bytes.
SPACE = 8 * 2**30
#: Changes of a case.
CHANGES = (1, 1, 1, 2, 3)


def mutated(reader: str, seed: str, inputs: Path, work: Path, only: list[int] | None = None) -> Path:
    """The input of case ``seed``, changed, in ``work``; ``only`` names the changes to make, for a smaller case."""
    rng = random.Random(seed)
    choices = sorted(inputs.iterdir())
    source = rng.choice(choices)
    path = work / source.name
    if source.is_dir():
        shutil.copytree(source, path)
    else:
        shutil.copy(source, path)
    others = [one for one in choices if one.is_file() and one.suffix == source.suffix]
    for number in range(rng.choice(CHANGES)):
        if only is None or number in only:
            change(random.Random(f"{seed}/{number}"), path, others)
    finish = READERS[reader].finish
    if finish is not None and path.is_dir():
        finish(random.Random(f"{seed}/finish"), path)
    return path


def overlaid(reader: str, source: Path, other: Path, path: Path) -> Path:
    """A copy of the folder ``source`` as ``path``, with the files of ``other`` in the place of those of their names."""
    shutil.copytree(source, path)
    for file in other.rglob("*"):
        found = [one for one in path.rglob("*") if one.name == file.name] or [path / file.name]
        for one in found:
            shutil.copy(file, one)
    finish = READERS[reader].finish
    if finish is not None:
        finish(random.Random(0), path)
    return path


def read(reader: str, path: Path, inputs: Path) -> dict[str, object]:
    """Read ``path`` and tell: outcome, message, seconds of this process, and peak of the memory in MB beyond the start."""
    before = _memory_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.process_time()
    outcome, message = "read", ""
    try:
        READERS[reader].read(path, inputs)
    except MyelinError as error:
        outcome, message = "refused", str(error)
        if not message or "\n" in message.strip():
            outcome = "fault"
        if "Unable to allocate" in message or "MemoryError" in message or "not enough memory" in message:
            outcome = "memory"
    except BaseException as error:  # SystemExit too
        outcome, message = "fault", "".join(traceback.format_exception(error))
        if isinstance(error, MemoryError):
            outcome = "memory"
    seconds = time.process_time() - start
    peak = max(0, _memory_kb("VmHWM") - before) / 1024
    return {"outcome": outcome, "message": message[-6000:], "seconds": round(seconds, 2), "peak_mb": round(peak)}


def _memory_kb(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)


def main() -> None:
    """Serve cases, one a line: ``{"reader", "seed", "only"}`` makes an input, ``{"reader", "path"}`` reads it."""
    base, work = Path(sys.argv[1]), Path(sys.argv[2])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print does not mix with the answers
    space = _memory_kb("VmSize") * 1024 + SPACE
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        inputs = base / case["reader"] / "inputs"
        if "path" in case:
            answer = read(case["reader"], Path(case["path"]), inputs)
        else:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            try:
                path = mutated(case["reader"], case["seed"], inputs, work, case.get("only"))
                answer = {"outcome": "made", "path": str(path), "seconds": 0}
            except Exception as error:
                message = "".join(traceback.format_exception(error))[-3000:]
                answer = {"outcome": "no case", "message": message, "seconds": 0}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
