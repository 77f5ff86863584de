"""Myelin's version has one source."""

from __future__ import annotations

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
