"""What is installed is pinned with hashes, and complete: nothing is resolved when the environment is made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ci_script import script

ROOT = Path(__file__).resolve().parents[2]
LOCKED = sorted(path.name for path in ROOT.glob("requirements*.txt"))
#: Installed without their dependencies, as requirements-lava.in and requirements-peers.in say.
ALONE = {"lava-nc", "lava-dl", "norse", "neurobench"}


def entries(name):
    """Name of a package -> its pins with their hashes."""
    found = {}
    for key, lines in script("requirements").pins((ROOT / name).read_text()):
        found.setdefault(key.lower().replace("_", "-"), []).append(lines)
    return found


@pytest.mark.parametrize("name", LOCKED)
def test_every_entry_is_one_version_with_hashes(name):
    for key, pins in entries(name).items():
        for pin in pins:
            first, *hashes = (line.strip().removesuffix(" \\") for line in pin.splitlines())
            assert re.fullmatch(rf"{key}==[\w.+]+( ; .+)?", first, re.IGNORECASE)
            assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes)
        assert len(pins) == 1 or all(" ; " in pin for pin in pins)


def test_the_locked_files_hold_what_is_asked_for():
    for source in ROOT.glob("requirements*.in"):
        locked = entries(source.with_suffix(".txt").name)
        for key, (asked,) in entries(source.name).items():
            assert any(pin.startswith(asked.strip() + " ") for pin in locked[key]), f"run `make requirements`: {asked}"


def test_the_cpu_file_differs_in_torch_and_cuda_alone():
    full, cpu = entries("requirements.txt"), entries("requirements-cpu.txt")
    assert (
        cpu["torch"][0].startswith(full["torch"][0].split(" ")[0] + "+cpu ") and next(iter(cpu)) == next(iter(full)) == "torch"
    )
    assert {key for key in full if full[key] != cpu.get(key)} - {"torch"} == {key for key in full if key not in cpu}
    assert all(key.startswith(script("requirements").CUDA) for key in full if key not in cpu)


def test_everything_that_they_need_is_listed():
    """The metadata of what is installed here, for this Python and platform."""
    import importlib.metadata as metadata

    from packaging.requirements import Requirement

    listed = {key for name in LOCKED for key in entries(name)}
    missing = []
    for key in listed - ALONE:
        try:
            needs = metadata.requires(key) or ()
        except metadata.PackageNotFoundError:  # of another platform, or of the audit
            continue
        for need in map(Requirement, needs):
            name = need.name.lower().replace("_", "-")
            if (need.marker is None or need.marker.evaluate({"extra": ""})) and name not in listed:
                missing.append(f"{key} needs {need}")
    assert missing == []


def test_nothing_is_installed_without_a_hash():
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if "--requirement" in line]
    assert len(installs) >= 3
    assert all("$(HASHED)" in line or "--require-hashes" in line for line in installs)
    assert "--no-deps --no-build-isolation" in makefile  # nor built with what was downloaded for the build


def test_no_address_of_an_index_is_written_down():
    for name in [*LOCKED, *(path.name for path in ROOT.glob("requirements*.in")), "Makefile", ".ci/run", ".ci/requirements.py"]:
        assert "://" not in (ROOT / name).read_text() and "index-url" not in (ROOT / name).read_text()


def test_the_report_of_the_audit():
    report = script("audit").report
    fine = {"name": "numpy", "version": "2", "vulns": []}
    bad = {"name": "torch", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    skipped = {"name": "torch", "skip_reason": "not found"}
    assert report([skipped]) == report([]) == (
        ["audit: no known vulnerability was looked up, since the database does not answer here"], False,
    )  # fmt: skip
    assert report([fine, skipped]) == (
        ["audit: 0 known vulnerabilities in 1 pinned releases; the database does not know 1 others"], False,
    )  # fmt: skip
    assert report([fine, bad]) == (
        ["audit: torch 1: CVE-1, mended in 2", "audit: 1 known vulnerabilities in 2 pinned releases"], True,
    )  # fmt: skip
