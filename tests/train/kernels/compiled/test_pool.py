"""Training in a process forked from one that has trained: GNU OpenMP would end it, torch's threads would wait for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.subprocess

SCRIPT = """
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
import torch
from myelin import nn
from myelin.train.kernels.compiled import pool

def train(seed):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(nn.DelayedRecurrent(20, 32, delay=True), nn.Readout(32, 3))
    net((torch.rand(16, 20, 50) < 0.2).float()).square().mean().backward()
    return len(pool._helpers), [parameter.grad.tolist() for parameter in net.parameters() if parameter.grad is not None]

if __name__ == "__main__":
    helpers, here = train(0)
    with ProcessPoolExecutor(1, mp_context=mp.get_context("fork")) as forked:
        twins, there = forked.submit(train, 0).result(timeout=200)
    print(helpers == twins == pool.threads() - 1, here == there, len(here), train(0) == (helpers, here))
"""


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fork is Linux's")
def test_a_forked_process_trains_to_the_same_bits(tmp_path, threads, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
    script = tmp_path / "forks.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "ignore", script], capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True", "5", "True"], done.stdout
