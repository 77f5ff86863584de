"""Scripts of ``.ci`` as modules."""

from __future__ import annotations

import importlib.util

from places import ROOT


def script(name):
    """The script ``.ci/NAME.py`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
