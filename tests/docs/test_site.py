"""The documentation is built without network; a broken link, a missing page or an unlisted public name fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from places import ROOT

mkdocs = pytest.importorskip("mkdocs", reason="mkdocs is not installed")
pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed")

pytestmark = pytest.mark.subprocess
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis")


def build(site, root=ROOT):
    """The finished process of ``mkdocs build --strict``."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=240)


def test_the_site(tmp_path):
    made = build(tmp_path / "site")
    assert made.returncode == 0, made.stderr
    commands = (tmp_path / "site" / "reference" / "commands.html").read_text()
    assert '<h2 id="train">' in commands and "--max-drop" in commands
    assert "number of epochs" in (tmp_path / "site" / "reference" / "configuration.html").read_text()
    python = (tmp_path / "site" / "reference" / "python.html").read_text()
    assert "Train a network with learnable delays and write a run folder" in python
    for page in (tmp_path / "site").rglob("*.html"):
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', page.read_text()), (
            f"{page.name} loads from elsewhere"
        )


def test_a_broken_link_fails(tmp_path):
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("docs", "examples", "benchmarks"):
        shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
    for name in ("myelin", "train", "convert", "lava_models", "hw_configs"):
        (root / name).symlink_to(ROOT / name)
    settings = (ROOT / "mkdocs.yml").read_text()
    head, _, rest = settings.partition("  - mkdocstrings:\n")  # to read all docstrings again takes most of the time
    (root / "mkdocs.yml").write_text(head + rest[rest.index("markdown_extensions:") :])
    page = root / "docs" / "index.md"
    page.write_text(page.read_text() + "\n[nowhere](nowhere.md) [no heading](training.md#no-such-heading)\n")
    made = build(tmp_path / "site", root)
    assert made.returncode == 1
    assert "nowhere.md" in made.stderr and "no-such-heading" in made.stderr
