"""``make wheels``: which Pythons it tries, what it installs, and what it says of those that are not here."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from ci_script import script
from places import ROOT

wheels = script("wheels")
HERE = "{}.{}".format(*sys.version_info[:2])


def test_the_classifiers_are_the_pythons_that_are_tried():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    versions = wheels.supported(text)
    assert versions == ["3.11", "3.12", "3.13"] and project["requires-python"] == f">={versions[0]}"
    page = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| (3\.\d+) \|", page) == versions


def test_pins_without_hashes():
    text = "# made\nnumpy==2 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n"
    text += "colorama==1 ; sys_platform == 'win32' \\\n    --hash=sha256:2\n"
    assert wheels.constraints(text) == "numpy==2\ncolorama==1 ; sys_platform == 'win32'\n"
    pins = wheels.constraints((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert "\ntorch==" in "\n" + pins and "sha256" not in pins


@pytest.mark.subprocess
def test_a_python_is_found_by_running_it(tmp_path, monkeypatch):
    assert wheels.found(HERE).samefile(sys.executable)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    (folder := tmp_path / "versions" / "3.99.1" / "bin").mkdir(parents=True)
    (folder / "python").write_text("#!/bin/sh\necho 'pyenv: not installed' >&2\nexit 127\n", encoding="utf-8")
    (folder / "python").chmod(0o755)
    assert wheels.found("3.99") is None
    (folder / "python").write_text("#!/bin/sh\necho 3.99 /else/where\n", encoding="utf-8")
    assert wheels.found("3.99") == Path("/else/where")


@pytest.mark.parametrize(
    ("reasons", "code", "last"),
    [
        ({}, 0, "wheels: 1 of 2 Pythons tried, 0 failures"),
        ({"train": "pip failed"}, 1, "wheels: 1 of 2 Pythons tried, 1 failures"),
    ],
)
def test_what_is_not_here_is_skipped_with_a_line(monkeypatch, capsys, reasons, code, last):
    def built(folder):
        (folder / "myelin.whl").touch()
        return folder / "myelin.whl"

    monkeypatch.setattr(wheels, "build", built)
    monkeypatch.setattr(wheels, "_run", lambda command, folder: "")
    monkeypatch.setattr(wheels, "found", {"3.98": None, "3.99": Path("python3.99")}.get)
    monkeypatch.setattr(wheels, "try_stage", lambda stage, *_: reasons.get(stage))
    assert wheels.main(["--python", "3.98", "3.99"]) == code
    assert capsys.readouterr().out.splitlines() == [
        "wheels: myelin.whl, 0.0 MB",
        "wheels: Python 3.98: not here, skipped",
        "wheels: Python 3.99, base: works",
        f"wheels: Python 3.99, train: {reasons.get('train', 'works')}",
        "wheels: Python 3.99, lava: works",
        last,
    ]
    assert wheels.main(["--python", "3.98"]) == 1  # nothing was tried
