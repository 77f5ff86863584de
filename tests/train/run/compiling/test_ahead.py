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
recurrent = "none"
delay_per = "neuron"
[delay]
harden_at = 0.0
freeze_at = 0.0
[train]
epochs = 1
batch_size = 24
"""
BEFORE = {
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

    def call(run, before):
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


def kept(folder):
    """Time of each file of numba's cache in ``folder``."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}


def compiled(lines):
    return [line for line in lines if "compiling" in line]


def test_an_empty_cache_is_filled_once_wherever_it_is(train, tmp_path):
    """numba finds no folder for its cache; the one for temporary files serves all processes, and later runs."""
    (line,) = compiled(train("first", "nothing can be written"))
    head, _, rest = line.partition(" alone, ")
    assert head.rpartition(os.sep)[0] == (
        f"compiling     3 loops for this machine (delay_forward, shift and delay_backward): kept in {tmp_path / 'temporary'}"
    )
    assert rest == "since numba can write to no other cache; NUMBA_CACHE_DIR names a lasting one"
    files = kept(tmp_path / "temporary")
    names = " ".join(path.name for path in files)
    assert "delay_backward" in names and "layer_forward" not in names
    assert compiled(train("second", "nothing can be written")) == []
    assert kept(tmp_path / "temporary") == files and not (tmp_path / "cache").exists()


def test_processes_that_are_killed_cost_only_time(train, tmp_path):
    (line,) = compiled(train("run", "no worker lives"))
    assert line.endswith(": once; later runs start at once")
    assert kept(tmp_path / "cache")


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(22, "Invalid argument")])
def test_a_process_that_ended_before_it_took_its_work(monkeypatch, error):
    """Windows says of a closed pipe that the argument is invalid."""

    class Pipe:
        def write(self, _):
            raise error

        def __enter__(self):
            return self

        def __exit__(self, *_):
            raise error

    class Ended:
        def __init__(self, *_, **__):
            self.stdin = Pipe()

    monkeypatch.setattr(ahead.subprocess, "Popen", Ended)
    monkeypatch.setattr(ahead, "config_to_dict", lambda _: {})
    assert [type(one) for one in ahead.start_workers("module", None, 2)] == [Ended, Ended]
