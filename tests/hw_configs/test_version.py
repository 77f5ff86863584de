"""Myelin's version has one source."""

from __future__ import annotations

import tomllib

from places import ROOT

from myelin.hw_configs import version as module
from myelin.hw_configs.version import DISTRIBUTION, version


def test_it_is_that_of_the_checkout():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == (DISTRIBUTION, version())


def test_without_a_checkout_it_is_that_of_the_installed_distribution(monkeypatch, tmp_path):
    def installed(name):
        if name not in there:
            raise module.importlib.metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(module, "__file__", str(tmp_path / "myelin" / "hw_configs" / "version.py"))
    monkeypatch.setattr(module.importlib.metadata, "version", installed)
    there = {DISTRIBUTION: "9.8.7"}
    assert version.__wrapped__() == "9.8.7"
    there = {}
    assert version.__wrapped__() == "unknown"
