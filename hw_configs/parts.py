"""Optional parts, which a plain install leaves out: the purpose of each, and a one-line message on how to install it.

``pip install myelin-loihi`` simulates, checks, maps, profiles, explores and reports.  Code that trains, runs Lava, reads NIR
files or logs to TensorBoard asks here for its packages, so every missing package gives the same kind of message.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import NamedTuple

from myelin.hw_configs.errors import MissingPartError

#: Name of this project on the package index.
DISTRIBUTION = "myelin-loihi"
#: Command that installs Lava; the metadata of both packages excludes Python > 3.10, torch >= 2.4 and numpy >= 2.
INSTALL_LAVA = "pip install --no-deps --ignore-requires-python lava-nc==0.10.0 lava-dl==0.6.0"


class OptionalPart(NamedTuple):
    """A package that may be absent: the extra of this project that brings it, and what needs it."""

    extra: str
    needed_for: str


#: Parts by the import name of the package.
PARTS = {
    "torch": OptionalPart("train", "training and validation"),
    "tensorboard": OptionalPart("tensorboard", "logs for TensorBoard"),
    "wandb": OptionalPart("wandb", "logs for Weights & Biases"),
    "nir": OptionalPart("nir", "NIR files"),
    "lava": OptionalPart("lava", "Lava's backends"),
    "asteval": OptionalPart("lava", "Lava's backends"),
    "networkx": OptionalPart("lava", "Lava's backends"),
}


def require(*modules: str) -> None:
    """Raise MissingPartError, with the command to install it, for the first of ``modules`` that is not installed."""
    for module in modules:
        if not found(module):
            raise absent(module)


def found(module: str) -> bool:
    """Whether ``module`` can be found for an import; it is not imported."""
    try:
        return sys.modules.get(module) is not None or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is absent
        return False


def missing_part(error: ModuleNotFoundError) -> MissingPartError | None:
    """The error to show for a failed import of one of ``PARTS``; None for any other module."""
    module = (error.name or "").partition(".")[0]
    return absent(module) if module in PARTS else None


def cure(extras: str) -> str:
    """Instruction to install ``extras``, such as "lava" or "train,lava": from the index, or in the checkout in use."""
    commands = [f"`pip install '{DISTRIBUTION}[{extras}]'`"]
    if (checkout := _checkout()) is not None:
        commands = [f"`pip install -e '.[{extras}]'` in {checkout}"]
    if "lava" in extras.split(","):
        commands.append(f"then `{INSTALL_LAVA}`")
    return f"run {', '.join(commands)}"


def absent(module: str) -> MissingPartError:
    """The error for a missing ``module``, one of ``PARTS``: the features that need it and the command to install it."""
    extra, needed_for = PARTS[module]
    return MissingPartError(f"{needed_for} need the package {module}, which is not installed; {cure(extra)}")


def _checkout() -> Path | None:
    """The checkout that contains this file; None if it was installed from a wheel."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() and (root / "myelin").is_dir() else None
