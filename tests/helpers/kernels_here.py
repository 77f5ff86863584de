"""Where Triton's kernels run in tests: on the GPU that torch finds, otherwise in Triton's interpreter (see conftest.py)."""

from __future__ import annotations

import os

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

if DEVICE == "cpu" and not INTERPRETED:
    pytest.skip("Triton compiles for a GPU here that torch cannot use", allow_module_level=True)

#: For tests in which the CPU takes the place of a GPU.
on_the_cpu = pytest.mark.skipif(not INTERPRETED, reason="the kernels are compiled for the GPU here")
