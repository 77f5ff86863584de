"""Myelin's version has one source."""

from __future__ import annotations

import re
import tomllib

import setuptools
from places import ROOT

import myelin
from myelin.hw_configs.version import VERSION


def test_the_project_reads_it_where_runs_and_artifacts_do(monkeypatch):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in settings["project"]["dynamic"]
    assert settings["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "myelin.hw_configs.version.VERSION"}
    assert myelin.__version__ == VERSION and VERSION[0].isdigit()
    monkeypatch.chdir(ROOT)
    distribution = setuptools.Distribution()
    distribution.parse_config_files()
    assert distribution.get_version() == VERSION


def test_the_changelog_and_the_citation_name_it_with_its_date():
    """Keep a Changelog 1.1.0: newest first, each version dated, changes in groups of known names."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"(?m)^## (.*)$", text)
    assert heads[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", head).groups() for head in heads[1:]]
    assert released == sorted(released, reverse=True) and released[0][0] == VERSION
    groups = re.findall(r"(?m)^### (.*)$", text)
    assert set(groups) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {VERSION}\ndate-released: {released[0][1]}\n" in citation
