"""Shims that let lava-nc 0.10.0 and lava-dl 0.6.0 import on Python 3.11 and later; applied before the import.

They change nothing in site-packages.  Each shim names the upstream line it works around;
``tests/lava_models/test_compat.py`` fails as soon as upstream imports without it.
"""

from __future__ import annotations

import dataclasses
import importlib
import multiprocessing
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from myelin.hw_configs import parts
from myelin.hw_configs.errors import BackendError, MissingPartError

#: Required import names -> the distributions that provide them.
_LAVA_NC = {"lava.magma": "lava-nc", "asteval": "asteval", "networkx": "networkx"}
_LAVA_DL = {"lava.lib.dl": "lava-dl", "torch": "torch"}

_VAR_MODEL = "lava.magma.compiler.var_model"
_MESSAGES = "lava.magma.runtime.message_infrastructure.multiprocessing"
_OBJECT_DETECTION = "lava.lib.dl.slayer.object_detection"


def missing(*, slayer: bool = False) -> list[str]:
    """The distributions that a run needs and that are not installed; with ``slayer``, also lava-dl."""
    wanted = _LAVA_NC | _LAVA_DL if slayer else _LAVA_NC
    return [distribution for module, distribution in wanted.items() if not _found(module)]


def available() -> bool:
    """True if networks can run with Lava here (on the CPU; a board also needs Intel's lava-loihi)."""
    return not missing() and unsupported() is None


def unsupported() -> str | None:
    """The reason why this system cannot run networks with Lava, whatever is installed, and what to do; None if it can."""
    if hasattr(os, "fork"):
        return None
    return (
        "Lava cannot run here: it starts its processes with fork, which this system does not have; use the simulator "
        "(--backend fast, backend='fast' in Python), whose integers are the same, or Linux, such as WSL on Windows"
    )


def require_runs() -> None:
    """Raise BackendError if this system cannot run networks with Lava, MissingPartError if Lava is missing."""
    if (reason := unsupported()) is not None:
        raise BackendError(reason)
    require()


def require(*, slayer: bool = False) -> None:
    """Raise MissingPartError if Lava, or with ``slayer`` lava-dl, is missing; the message says how to install it."""
    lacking = missing(slayer=slayer)
    if lacking:
        what = "SLAYER" if slayer else "Lava"
        raise MissingPartError(f"{what} cannot run here: {', '.join(lacking)} not installed; {cure(slayer=slayer)}")


def cure(*, slayer: bool = False) -> str:
    """The commands that install Lava, or with ``slayer`` lava-dl, as advice in a message."""
    return parts.cure("train,lava" if slayer else "lava")


def prepare(*, slayer: bool = False) -> None:
    """Make Lava importable; call it before any import of Lava, any number of times.

    Args:
        slayer: whether lava-dl's SLAYER and netx will also be imported.

    Raises:
        MissingPartError: Lava is not installed.
    """
    require(slayer=slayer)
    _free_start_method()
    _allow_unhashable_defaults()
    if slayer:
        _skip_object_detection()


def load_slayer() -> types.ModuleType:
    """lava-dl's ``lava.lib.dl.slayer``, made importable; raises BackendError where lava-dl is not installed."""
    prepare(slayer=True)
    return importlib.import_module("lava.lib.dl.slayer")


def _free_start_method() -> None:
    """Let Lava set multiprocessing's start method ``fork`` if other code (tqdm's lock) has already set ``fork``.

    lava-nc ``magma/runtime/message_infrastructure/multiprocessing.py:47`` sets ``fork`` at import, which raises if any method
    is already set, even ``fork``.  Another method is left unchanged, and Lava refuses it.
    """
    if _MESSAGES not in sys.modules and multiprocessing.get_start_method(allow_none=True) == "fork":
        multiprocessing.set_start_method(None, force=True)


def _allow_unhashable_defaults() -> None:
    """Let ``CoreEncoder``, ``ChipEncoder`` and ``AxonEncoder`` keep instances of a dataclass as default values.

    Python 3.11 and later refuse a default whose class has no hash, as in lava-nc ``magma/compiler/var_model.py:221``
    (``x: ByteEncoder = ByteEncoder()``); Python 3.10 allowed it.  This shim gives the classes of that one module a hash.
    """
    if _VAR_MODEL in sys.modules:
        return
    original: Callable[..., Any] = dataclasses.dataclass

    def with_hash(cls: type | None = None, /, **options: Any) -> Any:
        if cls is not None and cls.__module__ == _VAR_MODEL and not options:
            return original(cls, unsafe_hash=True)
        return original(cls, **options)

    dataclasses.dataclass = with_hash
    try:
        importlib.import_module(_VAR_MODEL)
    finally:
        dataclasses.dataclass = original


def _skip_object_detection() -> None:
    """Replace SLAYER's object detection by an empty module if torchvision or cv2 is missing.

    lava-dl ``lib/dl/slayer/__init__.py:15`` always imports it.  It imports torchvision
    (``object_detection/boundingbox/utils.py:13``) and cv2, which no other part of SLAYER uses.  Not every version of torch has
    a matching torchvision.
    """
    if _OBJECT_DETECTION not in sys.modules and not (_found("torchvision") and _found("cv2")):
        sys.modules[_OBJECT_DETECTION] = types.ModuleType(
            _OBJECT_DETECTION, "Left out by Myelin: torchvision or cv2 is absent."
        )


def _found(module: str) -> bool:
    return parts.found(module)
