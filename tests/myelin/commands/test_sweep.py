"""`myelin sweep` as a user sees it: refused before it starts, interrupted, killed, continued, shared among processes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from myelin.convert.statistics import compare_pooled
from myelin.sweep import run as sweep_run

pytestmark = [pytest.mark.subprocess, pytest.mark.training]

#: Learns too fast to stay finite, in the second of its runs' epochs at the latest.
DIVERGES = '{ "train.learning_rate" = 1e38, "train.clip_norm" = 1e38 }'


def _text(epochs=2, cases=("learned", "fixed"), seeds="[0, 1]", rest=""):
    changes = {"fixed": 'set = { "delay.learn" = false }', "diverges": f"set = {DIVERGES}"}
    listed = "".join(f'[[case]]\nname = "{name}"\n{changes.get(name, "")}\n' for name in cases)
    return f'base = "dense.toml"\nseeds = {seeds}\nset.train.epochs = {epochs}\n{listed}{rest}'


def _write(tiny, folder, *args, **kwargs):
    shutil.copy(tiny.configs["dense"], folder)
    path = folder / "sweep.toml"
    path.write_text(_text(*args, **kwargs))
    return path


@pytest.fixture
def file(tiny, tmp_path):
    """``file(...)``: a sweep file beside its configuration."""
    return lambda *args, **kwargs: _write(tiny, tmp_path, *args, **kwargs)


@pytest.fixture(scope="module")
def whole(tiny, main, tmp_path_factory):
    """A sweep that ran to its end with a report on the test split: its folder, and what it printed."""
    folder, printed = tmp_path_factory.mktemp("whole"), io.StringIO()
    path = _write(tiny, folder, rest='[compare]\nreference = "learned"\n')
    with contextlib.redirect_stdout(printed):
        assert main("sweep", path, "--data", tiny.data, "--out", folder / "out", "--jobs", 2, "--report", "test") == 0
    return folder, printed.getvalue()


@pytest.fixture
def finished(whole, tmp_path):
    """A copy of that to work in: the file and its folder."""
    folder = tmp_path / "copy"
    shutil.copytree(whole[0], folder)
    return folder / "sweep.toml", folder / "out"


def _state(out):
    """(time, content) of every file of every run."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (out / "runs").rglob("*") if path.is_file()}


def test_the_whole_way(whole, tiny, main, tmp_path, capsys):
    out, shown = whole[0] / "out", whole[1]
    assert "2 points (cases x grid) x 2 seeds = 4 runs, 0 of them finished" in shown
    assert shown.count(" (integers), ") == 4
    record = json.loads((out / "sweep.json").read_text())
    assert [run["name"] for run in record["runs"]] == ["learned/seed0", "learned/seed1", "fixed/seed0", "fixed/seed1"]
    results = [json.loads((out / "runs" / run["name"] / "result.json").read_text()) for run in record["runs"]]

    # the split is that of training, and every figure follows from the stored predictions
    from myelin.train.datasets import load, split

    data = load(tiny.data, "train")
    for result in results:
        part, test = result["evaluations"]["validation"], result["evaluations"]["test"]
        assert part["sample_numbers"] == split(data, 0.25, result["seed"], "stratified")[1].tolist()
        assert part["labels"] == data.labels[part["sample_numbers"]].tolist()
        assert part["integer_accuracy_percent"] == pytest.approx(result["training_says_validation_accuracy_percent"])
        assert test["sample_numbers"] == list(range(24))
        right = np.array(test["integer_predictions"]) == test["labels"]
        assert test["integer_accuracy_percent"] == pytest.approx(100 * right.mean())
    row = record["table"]["rows"][1]["evaluations"]["test"]
    right = [np.array(result["evaluations"]["test"]["integer_predictions"]) == test["labels"] for result in results]
    assert row["integer_accuracy_mean_percent"] == pytest.approx(100 * np.mean(right[2:]))
    assert row["integer_accuracy_sd_points"] == pytest.approx(100 * np.std([r.mean() for r in right[2:]], ddof=1))
    pooled = compare_pooled(np.concatenate(right[:2]), np.concatenate(right[2:]), np.tile(np.arange(24), 2))
    assert row["to_reference"]["difference_points"] == pytest.approx(100 * pooled.difference)
    assert row["to_reference"]["p"] == pytest.approx(pooled.p)
    assert f"{row['integer_accuracy_mean_percent']:.2f} +- {row['integer_accuracy_sd_points']:.2f}" in shown
    assert (out / "table.md").read_text().count("\n| ") == 2 * 4
    assert (out / "accuracy.png").read_bytes().startswith(b"\x89PNG")

    # runs are those of `myelin train`, with the case as their name
    config = json.loads((out / "runs" / "fixed" / "seed1" / "run.json").read_text())["config"]
    assert (config["name"], config["train"]["seed"], config["train"]["epochs"], config["delay"]["learn"]) == (
        "fixed",
        1,
        2,
        False,
    )
    run, art = out / "runs" / "fixed" / "seed1", tmp_path / "art"
    assert main("export", run, "--target", "loihi2", "--out", art, "--data", tiny.data) == 0
    capsys.readouterr()
    assert main("simulate", art, "--data", tiny.data, "--split", "test", "--json", tmp_path / "s.json") == 0
    simulated = json.loads((tmp_path / "s.json").read_text())["result"]
    assert simulated["accuracy_percent"] == pytest.approx(results[3]["evaluations"]["test"]["integer_accuracy_percent"])
    capsys.readouterr()


def test_again_trains_nothing_and_more_cases_keep_what_is_there(finished, tiny, main, tmp_path):
    path, out = finished
    record = json.loads((out / "sweep.json").read_text())
    before = _state(out)
    again = ("--data", tiny.data, "--out", out, "--quiet")
    assert main("sweep", path, *again, "--report", "test", "--json", tmp_path / "t.json") == 0
    assert _state(out) == before
    assert json.loads((tmp_path / "t.json").read_text())["result"]["table"] == record["table"]
    path.write_text(_text(cases=("zero", "learned", "fixed"), seeds="[1]"))
    assert main("sweep", path, *again) == 0
    after = _state(out)
    assert {name: after[name] for name in before} == before
    assert [row["case"] for row in json.loads((out / "sweep.json").read_text())["table"]["rows"]] == [
        "zero",
        "learned",
        "fixed",
    ]


def test_a_changed_file_is_refused_where_runs_cannot_be_kept(finished, tiny, refused):
    path, out = finished
    before = _state(out)
    path.write_text(_text(epochs=3))
    told = refused("sweep", path, "--data", tiny.data, "--out", out)
    assert "runs/learned/seed0: was started with train.epochs 2, the file now says 3; give the case another name" in told
    path.write_text(_text())
    other = path.parent / "other_train.h5"
    from myelin.train.datasets import write_shd

    write_shd(tiny.dataset(10, 7), other)
    assert "was trained on other data than" in refused("sweep", path, "--data", other, "--out", out)
    assert _state(out) == before


def test_everything_is_checked_before_anything_starts(file, tiny, refused, tmp_path):
    out = tmp_path / "out"

    def told(text, *more):
        path = file()
        path.write_text(text)
        message = refused("sweep", path, "--data", tiny.data, "--out", out, *more)
        assert not out.exists()
        return message

    bad = _text(rest='[[case]]\nname = "odd"\nset = { "layers.*.taps" = 4 }\n[[case]]\nname = "typo"\nset.train.epoch = 3\n')
    message = told(bad)
    assert "nothing was trained: (1) case 'odd': layers.taps is 4; an odd number" in message
    assert "(2) case 'typo': unknown key train.epoch; did you mean epochs?" in message
    grid = '[grid]\n"delay.high" = [12, 70]\n'
    assert "case 'learned', delay.high = 70 (and 1 more): delay.low and delay.high" in told(_text(rest=grid))
    assert "do not pool to 13" in told(_text(rest='[grid]\n"data.channels" = [14, 13]\n'))
    assert "train.weight_bits is 0: float weights have no integer network" in told(
        _text(rest="[grid]\ntrain.weight_bits = [0]\n")
    )
    assert "threshold is 0.3; a multiple of 1/64" in told(_text(rest="[grid]\nneuron.threshold = [0.3]\n"))
    assert "no configuration 'demos'" in told('base = "demos"')
    assert "has no valid split to report on, it has train, test" in told(_text(), "--report", "valid")
    assert "none of its 4 runs is finished" in told(_text(), "--only-table")
    out.mkdir()
    (out / "notes.txt").touch()
    assert "exists, is not empty and holds no sweep" in refused("sweep", file(), "--data", tiny.data, "--out", out)


def test_a_run_that_fails_and_one_that_is_killed_leave_the_others_alone(file, tiny, main, tmp_path, capsys, monkeypatch):
    path, out = file(30, ("learned", "diverges", "fixed"), "[0]"), tmp_path / "out"
    metrics = out / "runs" / "learned" / "seed0" / "metrics.jsonl"
    killed = []

    def look(_):
        if not killed and metrics.exists() and metrics.read_bytes().count(b"\n") >= 3:
            for child in psutil.Process().children():
                if child.pid not in killed and _works_on(child, metrics.parent):
                    child.kill()
                    killed.append(child.pid)

    monkeypatch.setattr(sweep_run._Progress, "look", look)
    command = ("sweep", path, "--data", tiny.data, "--out", out, "--jobs", 1)
    assert main(*command) == 2  # no verdict
    shown = capsys.readouterr()
    assert "2 of 3 runs failed, the others are done: (1) learned/seed0: killed by SIGKILL, see " in shown.err
    assert "(2) diverges/seed0: " in shown.err
    assert "became nan" in shown.err or "became inf" in shown.err or "NaN" in shown.err
    assert "[3/3] fixed/seed0: validation" in shown.out
    assert "2 of 3 runs are not finished." in shown.out
    kept = metrics.read_text().splitlines()
    assert 3 <= len(kept) < 30

    # the same without the case that diverges continues the killed run where it stopped, and leaves the finished one alone
    before = _state(out)
    path.write_text(_text(30, ("learned", "fixed"), "[0]"))
    assert main(*command) == 0
    # all but the last, whose state may not have been written yet when the kill came: seconds and all, so none ran again
    assert metrics.read_text().splitlines()[: len(kept) - 1] == kept[:-1]
    assert json.loads((metrics.parent / "run.json").read_text())["finished"] is True
    after = _state(out)
    fixed = {name for name in before if "fixed" in name.parts}
    assert {name: after[name] for name in fixed} == {name: before[name] for name in fixed}
    assert "left out      1 runs" in capsys.readouterr().out


def _works_on(child, folder):
    with open(f"/proc/{child.pid}/fd/1") as log:
        return os.path.realpath(log.name) == os.path.realpath(f"{folder}.log")


def test_an_interrupt_leaves_no_process_behind_and_says_how_to_go_on(file, tiny, main, tmp_path, capsys, monkeypatch):
    path, out = file(500, ("learned",)), tmp_path / "out"

    def look(_):
        if len(list(out.rglob("*.log"))) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweep_run._Progress, "look", look)
    before = {child.pid for child in psutil.Process().children()}  # other tests' worker of Lava
    assert main("sweep", path, "--data", tiny.data, "--out", out, "--jobs", 2, "--quiet") == 130
    told = capsys.readouterr().err
    assert f"interrupted; 0 of 2 runs are finished; continue the others with the same command ({out})" in told
    assert {child.pid for child in psutil.Process().children()} <= before


def test_when_the_sweep_is_killed_its_runs_end(file, tiny, tmp_path):
    path, out = file(100000, ("learned",), "[0]"), tmp_path / "out"
    sweep = _start("sweep", path, "--data", tiny.data, "--out", out, "--quiet")
    metrics = out / "runs" / "learned" / "seed0" / "metrics.jsonl"
    _until(metrics.exists, sweep)
    (child,) = psutil.Process(sweep.pid).children()
    os.kill(sweep.pid, signal.SIGKILL)
    sweep.wait(30)
    psutil.wait_procs([child], 30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_processes_of_a_launcher_share_the_runs(file, tiny, tmp_path):
    path, out = file(cases=("learned", "fixed", "diverges"), seeds="[0]"), tmp_path / "out"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = [
        _start(
            "sweep", path, "--data", tiny.data, "--out", out,
            RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    shown = [rank.communicate(timeout=240) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [2, 0], shown
    assert "[1/2] learned/seed0" in shown[0][0]
    assert "[1/1] fixed/seed0" in shown[1][0]
    assert "1 of 3 runs failed" in shown[0][1]
    assert "written" not in shown[1][0]
    rows = json.loads((out / "sweep.json").read_text())["table"]["rows"]
    assert [row["case"] for row in rows] == ["learned", "fixed"]


def test_a_launcher_that_is_none(file, tiny, refused, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    told = refused("sweep", file(), "--data", tiny.data, "--out", tmp_path / "out")
    assert told == "RANK and WORLD_SIZE are set, but not MASTER_ADDR; start with torchrun, which sets it"


def _start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "myelin", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip


def _until(holds, process):
    deadline = time.monotonic() + 120
    while not holds():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
