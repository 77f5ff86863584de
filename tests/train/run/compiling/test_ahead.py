"""A run with an empty cache compiles what it needs in processes beside it, says so once, and trains even if they die."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from myelin.train.run.compiling import ahead

pytestmark = [pytest.mark.subprocess, pytest.mark.skipif((os.cpu_count() or 1) == 1, reason="one core compiles by itself")]

#: Sigma-delta neurons with delays: their loops are the quickest to compile.
CONFIG = """
sigma_delta = {}
[data]
steps = 10
step_ms = 15.0
channels = 14
message_bits = 4
validation = 0.25
[[layers]]
neurons = 8
delay_per = "neuron"
[train]
epochs = 1
batch_size = 24
"""
BEFORE = {
    "as it is": "",
    "no worker lives": """
from myelin.train.run.compiling import ahead
started = ahead._started
def killed(*given):
    processes = started(*given)
    assert len(processes) == 2
    for process in processes:
        process.kill()
    return processes
ahead._started = killed
""",
    "nothing can be written": """
from numba.core import caching
real = caching._CacheLocator.ensure_cache_path
def ensure(locator):
    if not locator.get_cache_path().startswith(os.environ["TMPDIR"]):
        raise OSError("read-only")
    real(locator)
caching._CacheLocator.ensure_cache_path = ensure
""",
}


@pytest.fixture
def train(tiny, tmp_path):
    """``train(run, before)``: the lines of a training process."""
    config, temporary = tmp_path / "config.toml", tmp_path / "temporary"
    config.write_text(CONFIG)
    temporary.mkdir()
    folder = tmp_path / "cache"

    def call(run, before="as it is"):
        program = f"import os, sys\n{BEFORE[before]}\nfrom myelin.cli import main\nsys.exit(main(sys.argv[1:]))"
        names = {"NUMBA_CACHE_DIR": str(folder), "TMPDIR": str(temporary), ahead.WORKERS: "2"}
        done = subprocess.run(
            [sys.executable, "-c", program, "train", config, "--data", tiny.data, "--out", tmp_path / run, "--quiet"],
            env=os.environ | names,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines() + done.stderr.splitlines()

    return call


def compiled(lines):
    return [line for line in lines if "compiling" in line]


def test_an_empty_cache_is_filled_once(train, tmp_path):
    lines = train("first")
    assert compiled(lines) == [
        "compiling     3 loops for this machine (delay_forward, shift and delay_backward): once; later runs start at once"
    ]
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    names = " ".join(path.name for path in files)
    assert "delay_backward" in names and "layer_forward" not in names
    lines = train("second")
    assert compiled(lines) == []
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}


def test_processes_that_are_killed_cost_only_time(train):
    lines = train("run", "no worker lives")
    assert len(compiled(lines)) == 1


def test_a_cache_that_cannot_be_written(train, tmp_path):
    lines = train("run", "nothing can be written")
    (line,) = compiled(lines)
    assert f"kept in {tmp_path / 'temporary'}{os.sep}myelin-numba-" in line
    assert line.endswith("since numba can write to no other cache; NUMBA_CACHE_DIR names a lasting one")
    assert list((tmp_path / "temporary").rglob("*delay_backward*.nbc"))
    assert not (tmp_path / "cache").exists()
