"""What a plain install does without the parts it leaves out, and the one line that each missing part ends in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib

import packaged
import pytest
from places import ROOT

from myelin.hw_configs import parts
from myelin.hw_configs.errors import BackendError, MissingPartError

#: Put on the path of a process and of those it starts: there these parts are not installed.
OUT_OF_REACH = """
import sys

class Gone:
    @staticmethod
    def find_spec(name, *_):
        if name.partition(".")[0] in {gone!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Gone)
"""


@pytest.fixture
def without(tmp_path):
    """``without(*parts)``: a folder for Python's path that puts them out of reach."""

    def make(*gone):
        folder = tmp_path / "-".join(gone)
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(OUT_OF_REACH.format(gone=gone))
        return folder

    return make


def test_a_missing_part_is_an_error_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(MissingPartError) as raised:
        parts.require("json", "nir")
    said, _, cure = str(raised.value).partition("; ")
    assert (said, cure) == (
        "NIR files need the package nir, which is not installed",
        f"run `pip install -e '.[nir]'` in {ROOT}",
    )
    assert raised.value.exit_code == 2 and isinstance(raised.value, BackendError)
    parts.require("json", "numpy")


def test_an_install_names_the_index_and_lava_its_second_command(monkeypatch):
    monkeypatch.setattr(parts, "_checkout", lambda: None)
    assert parts.cure("train") == "run `pip install 'myelin-loihi[train]'`"
    assert re.findall("`(.+?)`", parts.cure("lava")) == ["pip install 'myelin-loihi[lava]'", parts.INSTALL_LAVA]


@pytest.mark.parametrize("module", [*parts.PARTS, "torch.nn.functional"])
def test_a_failed_import_of_a_part_is_told_from_any_other(module):
    error = parts.missing_part(ModuleNotFoundError(name=module))
    assert error is not None and f"the package {module.partition('.')[0]}, which is not installed; run `pip install" in str(
        error
    )
    assert parts.missing_part(ModuleNotFoundError(name="torchvision")) is None
    assert parts.missing_part(ModuleNotFoundError("no name")) is None


def test_every_part_is_an_extra_and_no_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = lambda requirements: {re.match(r"[\w-]+", text)[0] for text in requirements}  # noqa: E731
    for module, part in parts.PARTS.items():
        assert module not in names(project["dependencies"])
        assert module in names(extras[part.extra]) or module == "lava"
    inside = re.fullmatch(r"myelin-loihi\[(.+)\]", extras["all"][0])[1].split(",")
    assert set(inside) == {part.extra for part in parts.PARTS.values()} and len(extras["all"]) == 1


def test_the_command_line_catches_a_stray_import(main, monkeypatch, capsys):
    def stray(*_):
        raise ModuleNotFoundError("No module named 'lava'", name="lava.magma")

    monkeypatch.setattr("myelin.cli.build_parser", stray)
    assert main("check") == 2
    said = capsys.readouterr().err
    assert said.startswith("myelin: error: Lava's backends need the package lava, which is not installed; run `pip install")
    assert said.count("\n") == 1


IMPORTS = """
import importlib, json, pkgutil
import myelin
from myelin.hw_configs.errors import MissingPartError

found = {}
for module in pkgutil.walk_packages(myelin.__path__, "myelin.", onerror=lambda name: None):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except MissingPartError as error:
        found[module.name] = str(error)
    except ModuleNotFoundError as error:
        found[module.name] = f"not told: {error}"
print(json.dumps(found))
"""


@pytest.mark.subprocess
def test_every_module_without_any_part_is_there_or_says_what_it_lacks(without, tmp_path):
    done = packaged.python("-c", IMPORTS, place=ROOT, cwd=tmp_path, path=(without(*parts.PARTS),))
    found = json.loads(done.stdout or "{}")
    told = {name for name, said in found.items() if "the package torch, which is not installed; run `pip install" in said}
    assert {"myelin.train.model", "myelin.train.layers", "myelin.train.run.loop"} <= told, done.stderr
    # imported by nothing but Lava's process, after ``compat.prepare()``
    assert found.keys() - told == {"myelin.lava_models.layers.delayed_models"}
    assert [name for name in told if not name.startswith("myelin.train.")] == ["myelin.nn"]


WITHOUT_TORCH = """
import contextlib, io, json, sys
from myelin.cli import main

results = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as left:  # argparse
            code = left.code
    results.append([code, out.getvalue(), err.getvalue()])
assert "torch" not in sys.modules
print(json.dumps(results))
"""


@pytest.mark.subprocess
def test_what_works_without_torch_and_what_says_that_it_needs_it(without, artifacts, runs, tiny, tmp_path):
    art, data, report = str(artifacts["conv"]), ["--data", str(tiny.data)], str(tmp_path / "report.html")
    works = {
        "doctor": ["doctor"],
        "export": ["export", str(runs["conv"]), "--target", "loihi2", "--out", str(tmp_path / "art"), *data],
        "check": ["check", art, "--target", "loihi2"],
        "map": ["map", art, "--target", "loihi2", "--plot", str(tmp_path / "cores.png")],
        "profile": ["profile", art, *data],
        "simulate": ["simulate", art, *data],
        "explore": ["explore", art, *data, "--samples", "4", "--plot", str(tmp_path / "explore.png")],
        "report": ["report", art, "--out", report, "--run", str(runs["conv"])],
        "report with data": ["report", art, "--out", report, *data],
    }
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(f'base = "{tiny.configs["conv"]}"\nseeds = [0]\n[[case]]\nname = "alone"\n')
    refused = {
        "train": ["train", str(tiny.configs["conv"]), *data, "--out", str(tmp_path / "run")],
        "validate": ["validate", art, *data],
        "sweep": ["sweep", str(sweep), *data, "--out", str(tmp_path / "sweep")],
        "demo": ["demo", "--out", str(tmp_path / "demo")],
    }
    commands = works | refused
    path = os.pathsep.join([str(without("torch")), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], input=json.dumps(list(commands.values())), capture_output=True, text=True,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = dict(zip(commands, json.loads(done.stdout), strict=True))
    line = parts.absent("torch")
    for name in works:
        code, out, err = results[name]
        assert code == (1 if name == "doctor" and "lava" not in out else 0), f"{name}: {out}{err}"
    for name in refused:
        code, _, err = results[name]
        assert (code, err.splitlines()[-1:]) == (2, [f"myelin: error: {line}"]) and err.count("\n") == 1, f"{name}: {err}"
    assert "accuracy" in results["simulate"][1]
    for name, what in (("report", "training began: "), ("report with data", "training began, validation: ")):
        (left_out,) = [text for text in results[name][1].splitlines() if text.startswith("left out ")]
        assert left_out.endswith(f"{what}{line}")
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["golden"] is None and values["missing"]["golden"]["cure"].startswith("run `pip install")
    assert values["missing"]["validation"]["why"] == "training and validation need the package torch, which is not installed"
    assert all(one["initial_counts"] is None for one in values["delays"]) and values["delays"]
    assert "the package torch, which is not installed" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "run").exists()
