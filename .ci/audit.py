"""Looks the pinned releases up in a database of known vulnerabilities: ``make audit``.

Exit code 0: none is known, or the database cannot be reached, which is said.  Exit code 1: a release has one, which is said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path.name for path in ROOT.glob("requirements*.txt"))
#: Longest time for the database.
TIMEOUT_S = 180


def report(dependencies: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """Lines on what pip-audit found, and whether a vulnerability is known."""
    looked = [one for one in dependencies if "skip_reason" not in one]
    found = [
        f"audit: {one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no release yet'}"
        for one in looked
        for flaw in one["vulns"]
    ]
    if not looked:
        return ["audit: no known vulnerability was looked up, since the database does not answer here"], False
    missed = len(dependencies) - len(looked)
    unknown = f"; the database does not know {missed} others" if missed else ""
    return [*found, f"audit: {len(found)} known vulnerabilities in {len(looked)} pinned releases{unknown}"], bool(found)


def main() -> int:
    """Run pip-audit and print the report."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command += [part for name in FILES for part in ("--requirement", name)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S)
        dependencies = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        dependencies = []
    lines, flawed = report(dependencies)
    print("\n".join(lines))
    return int(flawed)


if __name__ == "__main__":
    sys.exit(main())
