"""Builds a wheel and tries it where people have it: ``make wheels``.

For every Python that Myelin supports (the classifiers in pyproject.toml) and that this machine has, the wheel is installed into
a new environment outside of the checkout, and ``.ci/wheel_trial.py`` runs there: first the plain install, then with
the extra ``train``, then with Lava.  A Python that is not here is skipped with a line.  The environments are deleted.

Releases are those of requirements.txt, without hashes; ``--newest`` takes what pip finds, as a user's install does.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TRIAL = ROOT / ".ci" / "wheel_trial.py"
STAGES = ("base", "train", "lava")
_WITH_VENV = "import ensurepip, venv, sys; print('{}.{}'.format(*sys.version_info[:2]), sys.executable)"
#: Longest time for an install, and for a trial.
_SECONDS = 1800


class Environment(NamedTuple):
    """A new environment of one Python."""

    version: str
    python: Path


def supported(text: str) -> list[str]:
    """Versions of Python that the classifiers of a pyproject.toml name, such as ``3.11``."""
    classifiers = tomllib.loads(text)["project"]["classifiers"]
    return [match[1] for one in classifiers if (match := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one))]


def found(version: str) -> Path | None:
    """A Python of that version that can make environments: this one, one on the path, or one of pyenv; None if none is here."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [sys.executable, shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}*/bin/python"), reverse=True)]
    for candidate in filter(None, candidates):
        try:  # pyenv puts programs on the path that only say what to do
            done = subprocess.run([candidate, "-c", _WITH_VENV], capture_output=True, encoding="utf-8", timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        named, _, program = done.stdout.strip().partition(" ")
        if done.returncode == 0 and named == version:
            return Path(program)
    return None


def build(folder: Path) -> Path:
    """A wheel in ``folder``, made of a source distribution, so that nothing of the checkout's own builds gets into it."""
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    _run([sys.executable, "-c", code], ROOT)
    (source,) = folder.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation"]
    _run([*pip, "--wheel-dir", str(folder), str(source)], folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def constraints(text: str) -> str:
    """The pins of a requirements file without their hashes, for pip's ``--constraint``."""
    lines = (line.partition(" \\")[0].rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if re.match(r"[A-Za-z0-9]", line))


def try_stage(stage: str, here: Environment, wheel: Path, pins: Sequence[str], folder: Path) -> str | None:
    """Install what ``stage`` needs and run its trial; the reason why it failed, or None."""
    pip = [str(here.python), "-m", "pip", "--quiet", "install", *pins]
    extra = {"base": "", "train": "[train]", "lava": "[train,lava]"}[stage]
    work = folder / stage
    work.mkdir()
    try:
        _run([*pip, f"{wheel}{extra}"], work)
        if stage == "lava":  # as the documentation says: past its metadata
            locked = constraints((ROOT / "requirements-lava.txt").read_text(encoding="utf-8")).splitlines()
            _run([*pip, "--no-deps", "--ignore-requires-python", *locked], work)
        print(_run([str(here.python), "-I", str(TRIAL), stage], work), end="", flush=True)
    except RuntimeError as error:
        return str(error)
    return None


def _run(command: list[str], folder: Path) -> str:
    """What a command prints; RuntimeError with its end if it fails."""
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYENV_VERSION")}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(command[:4])} took more than {_SECONDS} s") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def main(argv: Sequence[str] | None = None) -> int:
    """Try every Python; exit code 0 if all that were tried work, and at least one was."""
    versions = supported((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--python", nargs="+", default=versions, metavar="X.Y", help=f"default: {' '.join(versions)}")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES, help="default: all")
    parser.add_argument("--newest", action="store_true", help="releases that pip finds, not those of requirements.txt")
    args = parser.parse_args(argv)
    tried, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="myelin-wheels-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        wheel = build(folder)
        print(f"wheels: {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB", flush=True)
        (folder / "pins.txt").write_text(constraints((ROOT / "requirements.txt").read_text(encoding="utf-8")), encoding="utf-8")
        pins = [] if args.newest else ["--constraint", str(folder / "pins.txt")]
        for version in args.python:
            python = found(version)
            if python is None:
                print(f"wheels: Python {version}: not here, skipped", flush=True)
                continue
            tried += 1
            place = folder / version
            _run([str(python), "-m", "venv", str(place / "venv")], folder)
            programs = place / "venv" / ("Scripts" if os.name == "nt" else "bin")
            here = Environment(version, programs / "python")
            for stage in args.stages:
                reason = try_stage(stage, here, wheel, pins, place)
                print(f"wheels: Python {version}, {stage}: {'works' if reason is None else reason}", flush=True)
                failed += reason is not None
            shutil.rmtree(place, ignore_errors=True)  # torch takes gigabytes
    print(f"wheels: {tried} of {len(args.python)} Pythons tried, {failed} failures")
    return int(failed > 0 or not tried)


if __name__ == "__main__":
    sys.exit(main())
