"""Triton's compiler takes the kernels, for a GPU that need not be there: the interpreter takes more than it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from places import ROOT

pytest.importorskip("triton", reason="Triton is not installed")
pytestmark = pytest.mark.subprocess


def test_all_kernels_compile_for_a_gpu(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-W", "ignore", str(ROOT / "tests" / "helpers" / "compiled_kernels.py"), "80"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 8 and all(kernel["binary"] for kernel in found)
    for kernel in found:
        assert kernel["shared"] <= 48 * 1024  # any GPU has that for a program
        assert not kernel["loads_past_the_cache_of_writes"]  # other threads write what these kernels read
        if "triton_recurrent" in kernel["kernel"]:
            assert kernel["barriers"] >= 3  # before the first step, between the parts of a step, after it
