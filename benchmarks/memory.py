"""Peak memory of one implementation, measured in a process of its own: ``python -m benchmarks.memory MODULE JSON``.

MODULE's ``prepared(**JSON)`` builds everything, runs once at a small size so that everything is loaded and compiled, and
returns the call to measure.
"""

from __future__ import annotations

import gc
import importlib
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def growth_mb(module: str, **arguments: Any) -> float:
    """Peak growth, in MB, of a fresh process during a call from ``benchmarks.<module>``."""
    command = [sys.executable, "-m", "benchmarks.memory", module, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    if done.returncode:
        raise RuntimeError(f"memory of {arguments} could not be measured: {done.stderr.strip()[-2000:]}")
    return float(done.stdout)


def measured(module: str, **arguments: Any) -> float:
    """As ``growth_mb``, measured in this process."""
    call = importlib.import_module(f"benchmarks.{module}").prepared(**arguments)
    gc.collect()
    before = forget_peak()
    call()
    return max(0.0, peak_mb() - before)


def forget_peak() -> float:
    """Reset the peak if the system can; returns the memory in use, in MB, or else the peak so far."""
    if _FORGET.exists():
        _FORGET.write_text("5", encoding="ascii")
    return peak_mb()


def peak_mb() -> float:
    """Peak memory in MB since ``forget_peak``.

    It is Linux's counter of this process alone: ``ru_maxrss`` of a child starts at the memory of its parent.
    """
    if _FORGET.exists():
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("VmHWM:"))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    print(measured(sys.argv[1], **json.loads(sys.argv[2])))
