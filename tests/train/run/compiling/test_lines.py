"""What is said of loops that are compiled, and how many processes may do it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from myelin.hw_configs.compiling.compilation import Needed
from myelin.train.run.compiling import ahead


def loops(*names):
    return [Needed(SimpleNamespace(py_func=SimpleNamespace(__name__=name)), ()) for name in names]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["layer_forward"], "a loop for this machine (layer_forward)"),
        (["layer_forward", "layer_forward"], "a loop for this machine (layer_forward)"),  # with other types
        (["layer_forward", "shift"], "2 loops for this machine (layer_forward and shift)"),
        (["a", "b", "c"], "3 loops for this machine (a, b and c)"),
    ],
)
def test_the_line_names_the_loops(names, text, monkeypatch):
    monkeypatch.setattr(ahead, "TEMPORARY", None)
    assert ahead.told(loops(*names)) == f"compiling     {text}: once; later runs start at once"


def test_the_line_says_where_a_cache_is_that_will_not_last(monkeypatch):
    monkeypatch.setattr(ahead, "TEMPORARY", Path("/tmp/folder"))
    assert ahead.told(loops("shift")).endswith(
        f": kept in {Path('/tmp/folder')} alone, since numba can write to no other cache; NUMBA_CACHE_DIR names a lasting one"
    )


@pytest.mark.parametrize(("asked", "number"), [(None, 4), ("", 4), ("0", 0), ("3", 3), ("9", 4), ("many", 4)])
def test_processes_within_cores_and_the_limit_of_the_user(asked, number, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv(ahead.WORKERS, raising=False)
    if asked is not None:
        monkeypatch.setenv(ahead.WORKERS, asked)
    assert ahead.workers() == number


def test_what_comes_afterwards_comes_when_the_wait_is_over():
    done = []
    compilation = ahead.Compilation()
    compilation.afterwards = lambda: done.append(1)
    compilation.stop()
    assert not done
    compilation.wait()
    assert done == [1]
