"""Which Myelin this is: the version that run folders, artifacts and reports carry."""

from __future__ import annotations

import functools
import importlib.metadata
import tomllib
from pathlib import Path

#: Name of the distribution.
DISTRIBUTION = "myelin-loihi"


@functools.cache
def version() -> str:
    """Myelin's version: of the checkout that this file stands in, where it stands in one, else of the installed distribution.

    "unknown" where neither says.
    """
    try:
        project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] == DISTRIBUTION:
            return str(project["version"])
    except (OSError, ValueError, KeyError):
        pass  # no checkout of ours
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
