"""Threads that share the chunks of a run: errors, runs in runs, forks, and BLAS."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from myelin.convert import simulate
from myelin.convert.simulator import threads

TWO = frozenset({0, 1})


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: TWO)


def test_this_thread_and_a_helper_share_the_items():
    both = threading.Barrier(2, timeout=10)
    found = list(threads.shared(lambda item: (both.wait(), item)[1], range(4)))
    assert sorted(found) == [0, 1, 2, 3]


def test_helpers_stay_between_calls():
    both = threading.Barrier(2, timeout=10)

    def name(item):
        both.wait()
        return threading.current_thread().name

    first, second = (set(threads.shared(name, range(2))) for _ in range(2))
    assert first == second
    assert threading.current_thread().name in first and len(first) == 2


@pytest.mark.parametrize("where", ["here", "helper"])
def test_an_error_ends_the_rest(where):
    begun, both = [], threading.Barrier(2, timeout=10)
    own = threading.current_thread()

    def work(item):
        begun.append(item)
        if len(begun) <= 2:
            both.wait()
            if (threading.current_thread() is own) == (where == "here"):
                raise ValueError("wrong")
            time.sleep(0.05)
        return item

    with pytest.raises(ValueError, match="wrong"):
        list(threads.shared(work, range(50)))
    assert len(begun) < 50
    assert sorted(threads.shared(abs, [-1, -2])) == [1, 2]  # the helpers work on


def test_an_index_error_of_the_work_is_an_error():
    with pytest.raises(IndexError, match="mine"):
        list(threads.shared(_fail, [0, 1]))


def _fail(item):
    raise IndexError("mine")


def test_a_run_inside_a_run_does_not_wait_for_itself(small):
    """An observer that simulates: all helpers may be waiting for its turn."""
    spikes = np.ones((6, 4, 2), np.uint8)
    expected, found = simulate(small, spikes), []

    def observe(passage):
        found.append(simulate(small, spikes, chunk=1).output)

    simulate(small, spikes, chunk=1, observe=observe)
    assert len(found) == 12
    for output in found:
        np.testing.assert_array_equal(output, expected.output)


@pytest.mark.subprocess
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_has_helpers_of_its_own(small):
    spikes = np.ones((6, 4, 2), np.uint8)
    expected = simulate(small, spikes, chunk=1).output
    child = os.fork()
    if not child:
        equal = np.array_equal(simulate(small, spikes, chunk=1).output, expected)
        os._exit(0 if equal else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_blas_is_limited_from_the_first_product_of_several_runs_to_the_end_of_the_last():
    def now():
        return threads._blas().info()[0]["num_threads"]

    with threads._blas().limit(limits=2):
        if now() != 2:
            pytest.skip("this BLAS has one thread")
        first, second = threads.OneBlasThread(), threads.OneBlasThread()
        with first:
            assert now() == 2
            first.begin()
            first.begin()
            with second:
                second.begin()
            assert now() == 1  # the first has not ended
            second.__enter__()
            second.begin()
        assert now() == 1  # the second has not ended
        second.__exit__()
        assert now() == 2
