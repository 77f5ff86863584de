"""The project as others get it: a wheel built from a copy of the checkout, and Python started far from either."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from places import ROOT

#: What a wheel or a source distribution is made of.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "myelin", "train", "convert", "lava_models", "hw_configs")
_NO_RUBBISH = shutil.ignore_patterns("__pycache__", "*.egg-info")


def copy_checkout(folder: Path) -> Path:
    """A copy of what is packaged, links kept as links."""
    folder.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=_NO_RUBBISH)
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


def build(kind: str, source: Path, out: Path) -> Path:
    """The "wheel" or "sdist" of the project in ``source``, by the backend that pip calls."""
    out.mkdir(exist_ok=True)
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(out)], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = out.iterdir()
    return built


def unpack(wheel: Path, folder: Path) -> Path:
    """The wheel as an installer lays it out; files are as old as those of the checkout, so its compiled loops can be shared."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for path in (folder / "myelin").rglob("*.py"):
        original = ROOT / path.relative_to(folder)
        shutil.copystat(original, path)
        for compiled in (original.parent / "__pycache__").glob(f"{path.stem}.*.nb[ic]"):
            (path.parent / "__pycache__").mkdir(exist_ok=True)
            shutil.copy2(compiled, path.parent / "__pycache__")
    return folder


def python(*arguments: object, place: Path, cwd: Path, program: str = sys.executable, path: tuple[Path, ...] = ()):
    """Run Python with ``place`` (a checkout, or where a wheel lies) and ``path`` to import from."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, place]))}
    arguments = [program, *map(str, arguments)]
    return subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)
