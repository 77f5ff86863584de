"""``myelin doctor``: what is installed, whether each backend runs here, what it still lacks, and what to do next."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np

from convert.layers import DelayedRecurrent, Dense
from convert.network import Input, Layer, Network
from convert.neurons import Cuba
from convert.simulator import simulate
from hw_configs.errors import MyelinError
from lava_models import loihi2
from lava_models.runner import run

#: Distribution -> what it is needed for; ``lava-loihi`` is Intel's and not public.
_PACKAGES = {
    "myelin-loihi": "this program",
    "numpy": "everything",
    "h5py": "data and netx files",
    "numba": "compiled loops",
    "safetensors": "checkpoints",
    "matplotlib": "pictures",
    "torch": "training and validation",
    "lava-nc": "backend lava",
    "lava-dl": "reading of SLAYER networks, parity tests",
    "lava-loihi": "backend loihi2",
}


@dataclass(frozen=True)
class Package:
    """An installed distribution, or one that is not (``version`` None)."""

    name: str
    version: str | None
    needed_for: str


@dataclass(frozen=True)
class Backend:
    """Whether a backend works here: tried, not guessed.

    Attributes:
        name: as ``--backend`` takes it, or ``train``.
        works: whether what ``state`` says was tried just succeeded.
        state: what was tried, or what is missing.
        seconds: how long the trial took; None if there was none.
    """

    name: str
    works: bool
    state: str
    seconds: float | None


def examine() -> dict[str, Any]:
    """Versions and a trial of every backend, as values for JSON.

    Returns:
        ``python``, ``platform``, ``packages``, ``backends`` and ``next_step``.
    """
    backends = [
        _try("fast", lambda: _same(simulate(_tiny(), _input()).output)),
        _try("train", _train, tried="a tiny layer with delays in torch: every spike is right, and it has gradients"),
        _try("lava", lambda: _same(run(_tiny(), _input(), timeout_s=60).output)),
        _try("loihi2", loihi2.require, tried="lava-loihi is installed; no board was asked"),
    ]
    broken = [backend for backend in backends if not backend.works]
    if not broken:
        next_step = "everything is here; see `myelin demo`"
    elif broken[0].name == "loihi2":
        next_step = "all but the board works; see `myelin demo`"
    else:
        next_step = f"to get {broken[0].name}: {broken[0].state}"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": [asdict(Package(name, _version(name), use)) for name, use in _PACKAGES.items()],
        "backends": [asdict(backend) for backend in backends],
        "next_step": next_step,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """What ``examine`` found, for the screen."""
    result = [f"python {found['python']} on {found['platform']}", ""]
    result += [
        f"{package['name']:14} {package['version'] or 'not installed':16} {package['needed_for']}"
        for package in found["packages"]
    ]
    result.append("")
    for backend in found["backends"]:
        seconds = f" ({backend['seconds']:.1f} s)" if backend["seconds"] is not None else ""
        result.append(f"{backend['name']:14} {'works' if backend['works'] else 'lacks':6} {backend['state']}{seconds}")
    return [*result, "", f"next: {found['next_step']}"]


def _try(name: str, trial: Callable[[], None], tried: str = "ran a tiny network with delays: every spike is right") -> Backend:
    started = time.perf_counter()
    try:
        trial()
    except MyelinError as error:
        return Backend(name, False, str(error), None)
    return Backend(name, True, tried, time.perf_counter() - started)


def _train() -> None:
    """The network of ``_tiny`` as a layer for training."""
    try:
        from train.trial import tiny_layer
    except Exception as error:  # a broken build of torch raises anything from ImportError to OSError and RuntimeError
        reason = " ".join(str(error).split())
        raise MyelinError(f"torch cannot be imported: {type(error).__name__}: {reason}; run `pip install -e .`") from error
    _same(tiny_layer(_input()))


def _tiny() -> Network:
    """Two neurons that excite each other with delays 2 and 0; weight 128 is above the threshold of 100."""
    neuron = Cuba(100, np.array(4096, np.int32), np.array(4095, np.int32))
    recurrent = DelayedRecurrent(Dense(np.array([[0, 128], [128, 0]])), np.array([2, 0]))
    return Network(Input((1,)), (Layer((2,), Dense(np.array([[128], [0]])), neuron, recurrent=recurrent),))


def _input() -> np.ndarray:
    frames = np.zeros((1, 8, 1), np.uint8)
    frames[0, 0] = 1
    return frames


def _same(output: np.ndarray) -> None:
    """Worked out by hand: neuron 0 spikes at 1, its spike reaches neuron 1 at 1 + 1 + 2, and that one neuron 0 at 4 + 1."""
    expected = np.zeros((1, 8, 2), np.uint8)
    expected[0, [1, 5], 0] = 1
    expected[0, 4, 1] = 1
    if not np.array_equal(output, expected):
        raise MyelinError("a tiny network gives wrong spikes; reinstall the versions that the README names")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
