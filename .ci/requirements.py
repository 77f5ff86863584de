"""Renews the files requirements*.txt from requirements*.in: ``make requirements``.

Every file lists all that it needs, with the hashes of every file of a release, so that it holds on each platform.  uv resolves
them on the public index.  There, torch for Linux needs the libraries of CUDA; a CPU build needs none, and has a version
of its own.  requirements.txt has the former, requirements-cpu.txt the latter; all else in them is the same.  ``make
setup`` takes the CPU build if pip is configured for an index or a folder that has one with a hash that is listed.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Oldest Python; Lava's metadata refuses it, and is read for Python 3.10.
PYTHON, PYTHON_OF_LAVA = "3.11", "3.10"
#: What only torch with CUDA needs, by the beginning of a name, unless requirements.in names it.
CUDA = ("nvidia-", "cuda-", "triton")
_HEAD = "# Made by `make requirements` from {source}; change that file, not this one.\n"
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")

#: (name of a package, its lines from the pin to the last hash); a package recurs if markers choose its version.
Pins = list[tuple[str, str]]


def pins(text: str) -> Pins:
    """The entries of a requirements file."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    return [(re.split(r"[=\[ ]", part)[0], re.sub(r"(?m)^ *#.*\n?", "", part).rstrip() + "\n") for part in parts]


def resolved(source: str, *options: str) -> Pins:
    """What uv makes of a file."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--generate-hashes", "--quiet", *options, source]
    where = os.environ.get("PIP_CERT")
    found = subprocess.run(
        command,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | ({"SSL_CERT_FILE": where} if where else {}),
    )
    return pins(found.stdout)


def cpu_build(pin: str) -> str:
    """The pin of torch's CPU build, with the hashes that requirements-cpu.txt has for it and that of the file here."""
    pin = f"{pin}+cpu"
    file = ROOT / "requirements-cpu.txt"
    before = dict(pins(file.read_text())).get("torch", "") if file.is_file() else ""
    hashes = set(_HASH.findall(before)) if before.startswith(f"{pin} ") else set()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, pin]
        subprocess.run(command, cwd=folder, check=False, stderr=subprocess.DEVNULL)
        hashes |= {"sha256:" + hashlib.sha256(file.read_bytes()).hexdigest() for file in Path(folder).iterdir()}
    if not hashes:
        raise SystemExit(f"{pin}: pip finds no such build here; renew where it is configured for an index that has one")
    return " \\\n".join([pin, *(f"    --hash={one}" for one in sorted(hashes))]) + "\n"


def write(name: str, source: str, entries: Pins, said: str = "") -> None:
    """Write a requirements file."""
    (ROOT / name).write_text(_HEAD.format(source=source) + said + "".join(lines for _, lines in entries))


def renew() -> None:
    """Write all files."""
    found = resolved("requirements.in", "--python-version", PYTHON)
    torch = [entry for entry in found if entry[0] == "torch"]
    others = [entry for entry in found if entry[0] != "torch"]
    named = dict(pins((ROOT / "requirements.in").read_text()))
    without_cuda = [(name, lines) for name, lines in others if not name.startswith(CUDA) or name in named]
    cpu = [("torch", cpu_build(named["torch"].strip()))]
    # torch comes first: where pip finds no CPU build, it ends at once
    write("requirements-cpu.txt", "requirements.in", [*cpu, *without_cuda])
    write("requirements.txt", "requirements.in", [*torch, *others])
    write("requirements-audit.txt", "requirements-audit.in", resolved("requirements-audit.in", "--python-version", PYTHON))
    for name in ("lava", "peers"):
        source = f"requirements-{name}.in"
        said = "".join(re.findall(r"(?m)^#.*\n", (ROOT / source).read_text()))
        write(f"requirements-{name}.txt", source, resolved(source, "--no-deps", "--python-version", PYTHON_OF_LAVA), said)


if __name__ == "__main__":
    renew()
