"""A run that is killed and resumed gives the weights of one that was not, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = [pytest.mark.subprocess, pytest.mark.training]

#: So many epochs that the kill comes in the middle, and it is checked that it did.
EPOCHS = 24
#: One thread each, as torchrun sets it: the order of sums in a product depends on the number of threads.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def command(tiny):
    """Arguments of a long training run with dropout, augmentation and hardening on its way, without --out."""
    changes = [f"train.epochs={EPOCHS}", "train.dropout=0.2", "augment.channel_shift=2", "augment.time_shift_ms=10"]
    return [
        "train",
        tiny.configs["conv"],
        "--data",
        tiny.data,
        "--quiet",
        *(x for change in changes for x in ("--set", change)),
    ]


@pytest.fixture(scope="module")
def uninterrupted(command, main, tmp_path_factory):
    """A run that nothing happened to."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert main(*command, "--out", out) == 0
    return out


def _started(command, out, *launcher):
    """The run in a process of its own, after some of its epochs."""
    arguments = [str(argument) for argument in [*command, "--out", out]]
    process = subprocess.Popen(
        [sys.executable, *launcher, "-m", "myelin", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT if launcher else None,
    )
    metrics, deadline = out / "metrics.jsonl", time.monotonic() + 200
    try:
        while not metrics.exists() or len(metrics.read_bytes().splitlines()) < EPOCHS // 3:
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
    except AssertionError:
        process.terminate()  # torchrun ends its processes then
        raise
    return process


def _kill_in_the_middle(command, out):
    """Start the run and kill it after some epochs; returns how many it had recorded."""
    process = _started(command, out)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    return len((out / "metrics.jsonl").read_bytes().splitlines())


def _without_times(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_killed_and_resumed_is_bit_for_bit_the_same(command, uninterrupted, main, tmp_path, capsys):
    out = tmp_path / "run"
    assert EPOCHS // 3 <= _kill_in_the_middle(command, out) < EPOCHS
    assert json.loads((out / "run.json").read_text())["finished"] is False
    assert main(*command, "--out", out, "--resume") == 0
    for name in ("model.safetensors", "state.safetensors"):
        assert (out / name).read_bytes() == (uninterrupted / name).read_bytes()
    assert _without_times(out) == _without_times(uninterrupted)
    record = json.loads((out / "run.json").read_text())
    assert record["finished"] is True
    assert record["best"] == json.loads((uninterrupted / "run.json").read_text())["best"]


def test_one_of_two_processes_killed_and_resumed_by_one_is_bit_for_bit_the_same(command, tmp_path):
    """All processes stop, one line at most says so, and a process alone goes on with the slices that two had.

    The two map the data and recompute layers, the run that nothing happened to does neither.
    """
    whole, out = tmp_path / "whole", tmp_path / "run"
    alone = [sys.executable, "-m", "myelin", *map(str, command), "--out"]
    subprocess.run([*alone, whole, "--set", "train.slices=2"], env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    recompute = ["--set", "train.recompute=true"]
    mapped = [*command, *recompute, "--in-memory-mb", "0", "--cache", tmp_path / "cache"]
    process = _started(mapped, out, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    (second,) = (child for child in psutil.Process(process.pid).children() if child.environ().get("RANK") == "1")
    second.kill()
    _, said = process.communicate(timeout=100)
    assert process.returncode == 1
    assert len([line for line in said.splitlines() if line.startswith("myelin: ")]) <= 1  # none if torchrun was faster
    done = json.loads((out / "run.json").read_text())
    assert EPOCHS // 3 <= done["epochs_done"] < EPOCHS and done["config"]["train"]["slices"] == 2
    subprocess.run([*alone, out, "--resume", *recompute], env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    assert len(list((tmp_path / "cache").glob("*/times_s.f4"))) == 1
    for name in ("model.safetensors", "state.safetensors"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    assert _without_times(out) == _without_times(whole)


def test_resuming_a_finished_run_changes_nothing(command, uninterrupted, main, capsys):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    assert main(*command, "--out", uninterrupted, "--resume") == 0
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before
    assert f"{EPOCHS} epochs" in capsys.readouterr().out


def test_resume_without_a_run_starts_one(tiny, main, tmp_path, capsys):
    assert main("train", tiny.configs["dense"], "--data", tiny.data, "--out", tmp_path / "run", "--quiet", "--resume") == 0
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_what_cannot_be_resumed(command, uninterrupted, tiny, refused, tmp_path):
    import shutil

    out = tmp_path / "run"
    shutil.copytree(uninterrupted, out)
    resume = [*command, "--out", out, "--resume"]
    assert "another configuration" in refused(*resume, "--set", "train.seed=1")
    state = (out / "state.safetensors").read_bytes()
    (out / "state.safetensors").write_bytes(state[: len(state) // 2])
    assert "state.safetensors: cannot be read as safetensors" in refused(*resume)
    shutil.copy(out / "model.safetensors", out / "state.safetensors")
    assert "state.safetensors is not the state of this run ('progress.json')" in refused(*resume)
    (out / "state.safetensors").write_bytes(state)
    (out / "run.json").write_text("[1]")
    assert "run.json cannot be read (it holds a list; an object is needed)" in refused(*resume)
    (out / "run.json").write_text("{")
    assert "run.json cannot be read" in refused(*resume)


def test_an_interrupt_says_how_to_go_on(command, main, tmp_path, capsys, monkeypatch):
    import myelin.train.run.loop

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(myelin.train.run.loop.TrainingRun, "epoch", interrupted)
    assert main(*command, "--out", tmp_path / "run") == 130
    assert "interrupted; the epochs that ended are kept: continue with the same command and --resume" in capsys.readouterr().err
