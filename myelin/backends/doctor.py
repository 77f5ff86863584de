"""``myelin doctor``: lists installed packages, tries every backend, and names missing parts and the next step."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np

from myelin.convert.layers import DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network
from myelin.convert.neurons import Cuba
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs import parts
from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.terminal.screen import judged, table, warned
from myelin.lava_models import loihi2
from myelin.lava_models.runner import Worker

#: Distribution -> its purpose; ``lava-loihi`` is Intel's and not public.
_PACKAGES = {
    "myelin-loihi": "this program",
    "numpy": "everything",
    "h5py": "data and netx files",
    "numba": "compiled loops",
    "safetensors": "checkpoints",
    "matplotlib": "pictures",
    "torch": "training and validation",
    "lava-nc": "backends lava, lava-stock and loihi2",
    "lava-dl": "reading of SLAYER networks, parity tests",
    "lava-loihi": "backend loihi2",
}


@dataclass(frozen=True)
class Package:
    """A distribution; ``version`` is None if it is not installed."""

    name: str
    version: str | None
    needed_for: str


@dataclass(frozen=True)
class BackendReport:
    """Whether a backend works here, determined by a trial.

    Attributes:
        name: name for ``--backend`` and ``diff --backends``, or ``train``.
        what: description.
        needed_for_cpu: whether Lava on the CPU needs it.
        works: whether the trial succeeded.
        there: the successful trial, or the installed parts of a backend that does not work.
        missing: the error or the missing part; None if it works.
        next_step: advice for the user.
        seconds: duration of the trial; None if it failed.
    """

    name: str
    what: str
    needed_for_cpu: bool
    works: bool
    there: str
    missing: str | None
    next_step: str
    seconds: float | None


def examine() -> dict[str, Any]:
    """Versions and a trial of every backend, as values for JSON.

    Returns:
        ``python``, ``platform``, ``packages``, ``backends``, ``cpu_works`` (everything works that Lava on the CPU needs) and
        ``next_step``.
    """
    ran = "ran a tiny network with delays: every spike is right"
    with ThreadPoolExecutor(1) as beside:  # Lava runs in processes of its own, while the others are tried here
        lava = beside.submit(_try_lava, ran)
        here = [
            _try("fast", "simulator", ran, "myelin simulate ART --data PATH", _fast, cpu=True),
            _try("c", "the generated C, compiled for this machine", ran, "myelin diff ART --backends fast c", _compiled),
            _try(
                "loihi2", "Loihi 2 board", "lava-loihi is there and a board is named; no board was asked", "myelin board ART",
                loihi2.require,
            ),
            _try(
                "train", "training", "a tiny layer with delays in torch: every spike is right, and it has gradients",
                "myelin train demo --data builtin --out RUN", _train,
            ),
        ]  # fmt: skip
        backends = [here[0], *lava.result(), *here[1:]]
    broken = [backend for backend in backends if not backend.works]
    first = next((backend for backend in broken if backend.name != "loihi2"), None)
    if not broken:
        next_step = "everything is here; see `myelin demo`"
    elif first is None:
        next_step = "all but the board works; see `myelin demo`"
    else:
        next_step = f"to get {first.name}: {first.next_step}"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": [asdict(Package(name, _version(name), use)) for name, use in _PACKAGES.items()],
        "backends": [asdict(backend) for backend in backends],
        "cpu_works": all(backend.works for backend in backends if backend.needed_for_cpu),
        "next_step": next_step,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The result of ``examine`` as lines for the screen."""
    result = [f"python {found['python']} on {found['platform']}", ""]
    packages = [
        (package["name"], package["version"] or "not installed", package["needed_for"]) for package in found["packages"]
    ]
    result += table(("package", "version", "needed for"), packages, "<<<")
    for backend in found["backends"]:
        seconds = f" ({backend['seconds']:.1f} s)" if backend["seconds"] is not None else ""
        line = f"{backend['name']:14} {'works' if backend['works'] else 'lacks':6} {backend['what']}"
        result += ["", line if backend["works"] else warned(line)]
        if backend["there"]:
            result.append(f"  there        {backend['there']}{seconds}")
        if backend["missing"] is not None:
            result.append(f"  missing      {backend['missing']}")
        result.append(f"  next         {backend['next_step']}")
    ways = "works" if found["cpu_works"] else "does not work yet"
    verdict = judged(f"the way on the CPU (simulator and Lava) {ways}", found["cpu_works"])
    return [*result, "", verdict, f"next: {found['next_step']}"]


def _try_lava(ran: str) -> list[BackendReport]:
    """Try Lava with our models and with its own, one after the other in one process."""
    with Worker(timeout_s=60) as worker:

        def trial(stock: bool) -> None:
            _same(worker.run(_tiny(), _input(), stock=stock).output)

        ours, own = "Lava on the CPU, our models of delays", "Lava on the CPU, its own"
        return [
            _try("lava", ours, ran, "myelin diff ART --backends fast lava", lambda: trial(False), cpu=True),
            _try("lava-stock", own, ran, "myelin diff ART --backends lava lava-stock", lambda: trial(True), cpu=True),
        ]


def _try(name: str, what: str, tried: str, use: str, trial: Callable[[], None], *, cpu: bool = False) -> BackendReport:
    started = time.perf_counter()
    try:
        trial()
    except MyelinError as error:
        missing, _, cure = str(error).partition("; ")
        return BackendReport(
            name, what, cpu, False, _there(name), missing, cure or "see docs/getting_started.md, what to install", None
        )
    return BackendReport(name, what, cpu, True, tried, None, f"`{use}`", time.perf_counter() - started)


def _there(name: str) -> str:
    """The installed parts of a backend that does not work."""
    needs: dict[str, tuple[str, ...]] = {
        "c": (),
        "lava": ("lava-nc",),
        "lava-stock": ("lava-nc",),
        "loihi2": ("lava-nc", "lava-loihi"),
        "train": ("torch",),
    }
    found = [(package, _version(package)) for package in needs.get(name, ("numba",))]
    return ", ".join(f"{package} {version}" for package, version in found if version is not None)


def _fast() -> None:
    _same(simulate(_tiny(), _input()).output)


def _compiled() -> None:
    from myelin.convert.c99.compiled import CompiledNetwork

    _same(CompiledNetwork(_tiny()).run(_input(), {}).output)


def _train() -> None:
    """Try the network of ``_tiny`` as a layer for training."""
    parts.require("torch")
    try:
        from myelin.train.trial import tiny_layer
    except Exception as error:  # a broken build of torch raises anything from ImportError to OSError and RuntimeError
        reason = " ".join(str(error).replace(";", ",").split())  # the text after a semicolon is the cure
        raise MyelinError(f"torch cannot be imported: {type(error).__name__}: {reason}; {parts.cure('train')}") from error
    _same(tiny_layer(_input()))


def _tiny() -> Network:
    """Two neurons that excite each other with delays 2 and 0; weight 128 exceeds the threshold of 100."""
    neuron = Cuba(100, np.array(4096, np.int32), np.array(4095, np.int32))
    recurrent = DelayedRecurrent(Dense(np.array([[0, 128], [128, 0]])), np.array([2, 0]))
    return Network(Input((1,)), (Layer((2,), Dense(np.array([[128], [0]])), neuron, recurrent=recurrent),))


def _input() -> np.ndarray:
    frames = np.zeros((1, 8, 1), np.uint8)
    frames[0, 0] = 1
    return frames


def _same(output: np.ndarray) -> None:
    """Check the output against hand calculation.

    Neuron 0 spikes at 1; its spike reaches neuron 1 at 1 + 1 + 2 = 4, whose spike reaches neuron 0 at 4 + 1.
    """
    expected = np.zeros((1, 8, 2), np.uint8)
    expected[0, [1, 5], 0] = 1
    expected[0, 4, 1] = 1
    if not np.array_equal(output, expected):
        raise MyelinError("a tiny network gives wrong spikes; reinstall the versions that docs/getting_started.md names")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
