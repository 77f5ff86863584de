"""What is freed is used again: an array made anew causes no page faults."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest
from places import ROOT

CODE = """
import resource, sys
import numpy as np
from myelin.train.run.memory import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use(): [np.full(700_000, 1.0, np.float32) for _ in range(4)]
use()
before = faults()
for _ in range(20):
    use()
print(faults() - before)
"""


@pytest.mark.subprocess
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_pages_are_mapped_once():
    assert resource.getpagesize() <= 65536

    def faults(*arguments):
        done = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, cwd=ROOT, check=True)
        return int(done.stdout)

    assert faults("keep") < 200
    assert faults() > 2000
