"""Numbers of threads and the processor's instructions change no integer.

Each process imports everything anew under its own settings: how many threads numba, OpenMP and BLAS have, and a generic
processor, for which numba, torch, MKL, oneDNN and OpenBLAS use vectors of 128 bits.  Sums of floats may then differ in the last
bits, since the order of additions depends on the width of a vector: gradients, and weights after a step.  Integers of one
checkpoint do not.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import processor_driver as driver
import pytest
import torch
from places import ROOT

#: The generic processor's loops are compiled once, for most of a minute.
pytestmark = [pytest.mark.subprocess, pytest.mark.timeout(900)]

TWO = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
ONE = dict.fromkeys(TWO, "1")
GENERIC = {
    "NUMBA_CPU_NAME": "generic",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory, request):
    """The results of a process with these settings; the loops of the generic processor are kept between runs of the tests."""
    folder = tmp_path_factory.mktemp("processors")
    torch.save(driver.module().state_dict(), folder / "checkpoint.pt")
    cache = getattr(request.config, "cache", None)
    loops = folder if cache is None else cache.mkdir("numba_generic")

    def start(name, settings):
        own = {"NUMBA_CACHE_DIR": str(loops)} if "NUMBA_CPU_NAME" in settings else {}
        command = [sys.executable, driver.__file__, str(folder / "checkpoint.pt"), str(folder / f"{name}.npz")]
        environment = {key: value for key, value in os.environ.items() if key not in GENERIC} | settings | own
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(name, process):
        said, _ = process.communicate(timeout=800)
        assert process.returncode == 0, said
        with np.load(folder / f"{name}.npz") as file:
            return {key: file[key] for key in file.files}

    begun = {
        name: start(name, settings)
        for name, settings in {"two threads": TWO, "one thread": ONE, "generic processor": ONE | GENERIC}.items()
    }
    return {name: finish(name, process) for name, process in begun.items()}


@pytest.mark.parametrize("name", ["one thread", "generic processor"])
def test_every_integer_is_the_same(run, name):
    expected, found = run["two threads"], run[name]
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        if not key.startswith("float"):
            assert values.dtype.kind in "iu" and (values.any() or not values.ndim)
            np.testing.assert_array_equal(found[key], values, err_msg=f"{key}, {name}")
    np.testing.assert_array_equal(found["evaluated"], found["exported"])


@pytest.mark.parametrize("name", ["one thread", "generic processor"])
def test_floats_of_a_step_agree_to_their_precision(run, name):
    expected, found = run["two threads"], run[name]
    floats = [key for key in expected if key.startswith("float")]
    assert sum(key.startswith("float gradient") for key in floats) >= 9
    for key in floats:
        scale = np.abs(expected[key]).max()
        np.testing.assert_allclose(found[key], expected[key], rtol=0, atol=1e-4 * scale, err_msg=f"{key}, {name}")
