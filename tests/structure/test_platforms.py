"""On a system without Linux's calls everything that needs none of them works, and what does is refused in one message."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import elsewhere
import numpy as np
import pytest
from places import ROOT
from small_network import answered, small_network
from tiny_data import DENSE

import myelin
from myelin.convert import write_netx
from myelin.lava_models import compat

COMMANDS = """
import contextlib, io, json, sys
from myelin.cli import main

results = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""


@pytest.fixture
def run_elsewhere(tmp_path):
    """``run_elsewhere(system, commands)``: exit code, output and errors of each, by name, run in one process there."""

    def run(system, commands):
        path = os.pathsep.join([str(elsewhere.python_path(tmp_path / system, system)), str(ROOT)])
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS], input=json.dumps(list(commands.values())), capture_output=True, text=True,
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": path, "PYTHONWARNDEFAULTENCODING": "1"}, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return dict(zip(commands, json.loads(done.stdout), strict=True))

    return run


@pytest.fixture
def given(tmp_path):
    """A netx file and data."""
    network = small_network()
    write_netx(network, tmp_path / "small.net")
    samples = answered(network)
    myelin.SpikeDataset.from_dense(samples.x, samples.classes, step_ms=1.0).save(tmp_path / "data.npz")
    (tmp_path / "target.toml").write_text('like = "loihi2"\nname = "mine"\n', encoding="utf-8")
    (tmp_path / "tiny.toml").write_text(DENSE, encoding="utf-8")
    return tmp_path


@pytest.mark.subprocess
@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_integers_go_all_their_ways(system, run_elsewhere, given):
    target = ["--target", "loihi2"]
    data = ["--data", "data.npz"]
    works = {
        "convert": ["convert", "small.net", "again.net"],
        "check": ["check", "small.net", *target],
        "map": ["map", "small.net", *target, "--steps", "25", "--plot", "cores.png"],
        "export": ["export", "small.net", *target, *data, "--out", "art"],
        "export over an older one": ["export", "small.net", *target, *data, "--out", "art"],
        "C": ["export", "small.net", "--target", "c99", *data, "--out", "c"],
        "C over an older one": ["export", "small.net", "--target", "c99", *data, "--out", "c"],
        "simulate": ["simulate", "art", *data, "--json", "simulated.json"],
        "profile": ["profile", "art", *data],
        "report": ["report", "art", "--out", "report.html"],
        "config": ["config", "demo"],
        "targets": ["targets"],
    }
    results = run_elsewhere(system, works)
    for name, (code, out, err) in results.items():
        assert code == 0, f"{name}: {out}{err}"
    assert not [path.name for path in given.iterdir() if path.name.endswith(".part")]
    first, again = (myelin.read(given / name) for name in ("small.net", "again.net"))
    frames = np.ones((1, 20, 6), np.uint8)
    np.testing.assert_array_equal(*(myelin.simulate(one, frames, time_axis=1).output for one in (first, again)), strict=True)
    myelin.read(given / "art")  # its hashes hold here too
    assert "accuracy" in results["simulate"][1]


@pytest.mark.subprocess
def test_where_nothing_forks_lava_is_refused_in_one_message(run_elsewhere, given):
    data = ["--data", "data.npz", "--steps", "25", "--step-ms", "1"]
    results = run_elsewhere("win32", {
        "simulate": ["simulate", "small.net", *data, "--backend", "lava"],
        "diff": ["diff", "small.net", "--backends", "fast", "lava", "--steps", "5"],
        "validate": ["validate", "small.net", *data, "--no-reference", "--lava-samples", "2"],
        "doctor": ["doctor"],
    })  # fmt: skip
    reason, _, cure = NO_FORK.partition("; ")
    for name in ("simulate", "diff", "validate"):
        code, _, err = results[name]
        assert (code, err.splitlines()[-1:]) == (2, [f"myelin: error: {NO_FORK}"]), f"{name}: {err}"
    code, out, err = results["doctor"]
    assert code == 1 and f"  missing      {reason}\n  next         {cure}\n" in out, out + err


NO_FORK = (
    "Lava cannot run here: it starts its processes with fork, which this system does not have; use the simulator "
    "(--backend fast, backend='fast' in Python), whose integers are the same, or Linux, such as WSL on Windows"
)


@pytest.mark.lava
def test_a_validation_leaves_lava_out_where_nothing_forks(monkeypatch):
    from myelin.validation.backends import no_lava

    monkeypatch.delattr(os, "fork")
    assert no_lava(5) == NO_FORK and not compat.available()
    assert no_lava(0) == "--lava-samples 0"


@pytest.mark.subprocess
@pytest.mark.training
@pytest.mark.parametrize("system", ["darwin", "win32 with torch"])
def test_training_and_validation(system, run_elsewhere, given, tiny):
    (given / "sweep.toml").write_text('base = "tiny.toml"\nseeds = [0]\n[[case]]\nname = "alone"\n', encoding="utf-8")
    data = ["--data", str(tiny.data)]
    commands = {
        "train": ["train", "tiny.toml", *data, "--out", "run", "--quiet"],
        "resume": ["train", "tiny.toml", *data, "--out", "run", "--quiet", "--resume", "--set", "train.epochs=3"],
        "export": ["export", "run", "--target", "loihi2", *data, "--out", "art"],
        "validate": ["validate", "art", *data, "--max-drop", "100", "--lava-samples", "0"],
        "sweep": ["sweep", "sweep.toml", *data, "--out", "sweep"],
    }
    for name, (code, out, err) in run_elsewhere(system, commands).items():
        assert code == 0, f"{name}: {out}{err}"
