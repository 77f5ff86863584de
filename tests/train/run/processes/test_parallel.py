"""Several processes compute what one does: the same bits; and when one fails, all stop and one speaks."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import numba
import numpy as np
import pytest
import torch
from places import HELPERS, ROOT

from myelin.hw_configs.errors import ConfigError
from myelin.train.run.processes.parallel import ALONE, Processes, Slices

DRIVER = HELPERS / "parallel_driver.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def arrays(path):
    with np.load(path) as file:
        return dict(file)


@pytest.mark.subprocess
@pytest.mark.training
def test_two_processes_equal_one_bit_for_bit(tmp_path):
    alone, two = tmp_path / "alone", tmp_path / "two"
    alone.mkdir()
    two.mkdir()
    for launcher, folder in (([sys.executable], alone), ([*TORCHRUN, "2"], two)):
        command = [*launcher, DRIVER, folder, "3"]  # three slices for two processes: they share unequally
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
    expected = arrays(alone / "process0.npz")
    for rank in range(2):
        found = arrays(two / f"process{rank}.npz")
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"process {rank}: {name}")
    assert all(expected[f"{seed}.lost"][3] > 0 for seed in range(3))  # augmentation did something
    assert len({expected[f"{seed}.0.synapse.weight"].tobytes() for seed in range(3)}) == 3


@pytest.mark.subprocess
@pytest.mark.training
def test_one_that_fails_speaks_for_all(tmp_path):
    """Process 1 finds no data: it says so, once, with its number; process 0 does not hang."""
    script = tmp_path / "unequal.py"
    script.write_text(
        "import os, sys, myelin.cli\n"
        "data = 'builtin' if os.environ['RANK'] == '0' else 'nowhere'\n"
        "sys.exit(myelin.cli.main(['train', 'demo', '--data', data, '--out', sys.argv[1], '--quiet', '--timeout', '60']))\n"
    )
    done = subprocess.run(
        [*TORCHRUN, "2", script, tmp_path / "run"], env=ENVIRONMENT, capture_output=True, text=True, timeout=200, cwd=ROOT
    )
    assert done.returncode == 1  # torchrun's own
    said = [line for line in done.stderr.splitlines() if "myelin: " in line]
    assert len(said) == 1
    assert "process 1 of 2: nowhere: no such file or folder" in said[0]
    assert not (tmp_path / "run").exists()


def test_slices_cover_a_batch_and_processes_the_slices():
    for count in (1, 2, 3, 5):
        for size in (1, 2, 3, 4):
            parts = [Processes(rank, size).slices(count) for rank in range(size)]
            assert [i for part in parts for i in part.own] == list(range(count))
            for samples in (0, 1, 2, 7, 16):
                bounds = [edge for part in parts for edge in part.bounds(samples)]
                assert bounds[0][0] == 0 and bounds[-1][1] == samples
                assert all(before[1] == after[0] for before, after in pairwise(bounds))
                spans = [part.span(samples) for part in parts]
                assert sum(span.stop - span.start for span in spans) == samples
    assert Slices(2, range(1, 2)).bounds(5) == [(2, 5)]


def test_one_process_alone_needs_no_launcher():
    rows = torch.ones(3, 2)
    assert ALONE.gather("x") == ["x"] and ALONE.gather_rows(rows, 3) is rows and ALONE.from_first(lambda: 4) == 4
    ALONE.agree("data", 1)


def test_processes_that_disagree_are_named(monkeypatch):
    monkeypatch.setattr(Processes, "gather", lambda self, value: [value, "other"])
    with pytest.raises(ConfigError, match="data differ between processes 0 and 1; start all with the same command"):
        Processes(0, 2).agree("data", "one")


def test_a_launcher_whose_processes_do_not_meet(monkeypatch, tmp_path):
    from myelin.train.run.processes.parallel import process_group

    threads = str(numba.config.NUMBA_NUM_THREADS)  # set by what is tested here unless it is there, and nobody else
    values = {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "localhost", "NUMBA_NUM_THREADS": threads}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(ConfigError, match="did not find each other"), process_group(1):
        pass
