"""Timing of implementations side by side, and a description of the machine."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.files import write_json

RESULTS = Path(__file__).resolve().parent / "results"
#: Prefixes of environment variables that affect the speed of BLAS and compiled loops: on a processor with 512-bit vectors,
#: BLAS set to Haswell is half as fast.
_TELLING = ("OPENBLAS_", "MKL_", "OMP_", "NUMBA_", "BLIS_")
_PACKAGES = ("numpy", "numba", "scipy", "torch", "lava-nc", "lava-dl")


@dataclass(frozen=True)
class Run:
    """An implementation to time.

    Attributes:
        name: name in tables.
        samples: number of samples per call.
        call: function that runs them and returns the output.
        expected: expected output, or None if nothing is compared.
        note: note for readers.
    """

    name: str
    samples: int
    call: Callable[[], npt.NDArray[Any]]
    expected: npt.NDArray[Any] | None = None
    note: str = ""

    def check(self) -> None:
        """Run once and compare the output; also warms up compiled code and caches.  AssertionError if outputs differ."""
        output = self.call()
        if self.expected is not None:
            np.testing.assert_array_equal(output, self.expected, err_msg=f"{self.name} differs from simulate")

    def seconds(self) -> float:
        """Seconds of one call; its output is compared again, which is not timed."""
        began = time.perf_counter()
        output = self.call()
        passed = time.perf_counter() - began
        if self.expected is not None and not np.array_equal(output, self.expected):
            raise AssertionError(f"{self.name} differs from simulate")
        return passed


def rounds(pairs: Sequence[tuple[Run, Run]], repeats: int) -> list[list[tuple[float, float]]]:
    """Seconds of both members of each (reference, peer) in every round, run as reference, peer, reference, next peer, ...

    Other load on the machine affects both members of a pair equally, so ratios are taken within pairs.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in pairs]
    for index in range(repeats):
        say(f"  round {index + 1} of {repeats}")
        for place, (reference, peer) in enumerate(pairs):
            taken[place].append((reference.seconds(), peer.seconds()))
    return taken


def turns(
    own: Sequence[Callable[[], float]], peer: Callable[[], float], repeats: int, calls: int = 3
) -> list[tuple[tuple[float, ...], float]]:
    """Seconds of ours and of a slow peer in every round: the median of ``calls`` calls of each of ours, then one of the peer.

    All are functions that run an implementation and return its seconds.
    """
    taken = []
    for _ in range(repeats):
        ours = tuple(statistics.median(call() for _ in range(calls)) for call in own)
        taken.append((ours, peer()))
    return taken


def best_of(call: Callable[[], Any], repeats: int) -> float:
    """Shortest of ``repeats`` times of a call, in seconds."""
    return min(timed(call) for _ in range(repeats))


def timed(call: Callable[[], Any]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, minimum and maximum, to four digits."""
    return {"median": digits(statistics.median(values)), "low": digits(min(values)), "high": digits(max(values))}


def fitted_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Exponent p of seconds = c * size ** p, by least squares of the logarithms; 1 is linear."""
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def digits(value: float, count: int = 4) -> float:
    """``value`` rounded to ``count`` significant digits."""
    if not value or not math.isfinite(value):
        return 0.0
    return round(value, count - 1 - math.floor(math.log10(abs(value))))


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and those it starts, on one core; the simulator uses as many threads as cores."""
    if not hasattr(os, "sched_setaffinity"):
        raise OSError("this system cannot keep a process on one core")
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(everywhere)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Facts about machine and software, without names of hosts, users or paths."""
    from threadpoolctl import threadpool_info

    blas: dict[str, Any] = next((pool for pool in threadpool_info() if pool["user_api"] == "blas"), {})
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "blas": " ".join(str(blas.get(key) or "") for key in ("internal_api", "version", "architecture")).strip(),
        "environment": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(_TELLING) and "/" not in value
        },
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "load_average": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def save(path: Path, values: dict[str, Any]) -> None:
    """Write the results as JSON, and report the file."""
    write_json(path, values)
    say(f"wrote {path}")


def say(text: str) -> None:
    """Print a progress message on stderr."""
    print(text, file=sys.stderr, flush=True)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
