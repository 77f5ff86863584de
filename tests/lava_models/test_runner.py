"""Failures inside Lava end in one message, and nothing is left running."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid

import numpy as np
import psutil
import pytest
from places import ROOT

from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.hw_configs.errors import BackendError
from myelin.lava_models import checks, compat, run
from myelin.lava_models.runner import Worker

MARK = "MYELIN_TEST_MARK"
pytestmark = [
    pytest.mark.lava,
    pytest.mark.subprocess,
    pytest.mark.skipif(bool(compat.missing()), reason="lava-nc is not installed"),
]


def chain(delay=3):
    return Network(
        Input((2,)),
        (
            Layer((2,), Dense(np.full((2, 2), 2)), Cuba(1, 0, 0), delay_steps=delay),
            Layer((2,), Dense(np.full((2, 2), 2)), Cuba(1, 0, 0)),
        ),
    )


def spikes(steps):
    return np.ones((1, steps, 2), np.uint8)


@pytest.fixture
def mark(monkeypatch):
    """A value in the environment by which everything that a test starts can be found; nothing may be left."""
    value = uuid.uuid4().hex
    monkeypatch.setenv(MARK, value)
    yield value
    assert gone(value, 5), f"left running: {marked(value)}"


def marked(value):
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def gone(value, seconds):
    end = time.monotonic() + seconds
    while marked(value):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def lava_processes(value, at_least):
    """The processes that the worker has forked, once there are so many."""
    end = time.monotonic() + 60
    while True:
        found = []
        for process in marked(value):
            with contextlib.suppress(psutil.Error):  # it may end while we look
                if process.parent() in marked(value) and "resource_tracker" not in " ".join(process.cmdline()):
                    found.append(process)
        if len(found) >= at_least:
            return found
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_an_exception_in_a_process_model_becomes_one_message(monkeypatch, mark, stock):
    monkeypatch.setattr(checks, "check_network", lambda *_: None)  # so that Lava meets a delay of 64, and raises
    began = time.monotonic()
    with pytest.raises(BackendError) as raised:
        run(chain(delay=64), spikes(10), stock=stock, timeout_s=60)
    assert time.monotonic() - began < 30
    assert "\n" not in str(raised.value)
    assert "Lava process 'layer 1 DelayDense' failed: ValueError: " in str(raised.value)


def test_after_a_failure_the_next_run_works(monkeypatch, mark):
    with Worker() as worker:
        with monkeypatch.context() as patch:
            patch.setattr(checks, "check_network", lambda *_: None)
            with pytest.raises(BackendError):
                worker.run(chain(delay=64), spikes(10))
        assert worker.run(chain(), spikes(10)).output.any()


def in_background(call):
    caught = []

    def body():
        try:
            call()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, caught


def test_a_hang_ends_after_the_time_limit(mark):
    """Stopped processes stand in for one that waits forever."""
    thread, caught = in_background(lambda: run(chain(), spikes(1_000_000), timeout_s=3))
    for process in lava_processes(mark, 8):
        process.suspend()
    thread.join(40)
    assert not thread.is_alive()
    assert "made no progress for 3 s" in str(caught[0]) and isinstance(caught[0], BackendError)


def test_a_killed_process_is_noticed_at_once(mark):
    thread, caught = in_background(lambda: run(chain(), spikes(1_000_000), timeout_s=300))
    lava_processes(mark, 8)[-1].kill()
    thread.join(40)
    assert not thread.is_alive()
    assert "exit code -9" in str(caught[0]) and isinstance(caught[0], BackendError)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_survives_the_caller(mark, number):
    """An interrupt from the keyboard, or the death of the calling process, ends everything that it started."""
    code = """
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with interrupts ignored
        import numpy as np
        from myelin.convert import Cuba, Dense, Input, Layer, Network
        from myelin.lava_models import run
        network = Network(Input((2,)), (Layer((2,), Dense([[2, 2]] * 2), Cuba(1, 0, 0)),))
        run(network, np.ones((1, 1000000, 2), int))
    """
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    lava_processes(mark, 6)
    caller.send_signal(number)
    _, printed = caller.communicate(timeout=30)
    assert gone(mark, 10)
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in printed


def test_a_worker_that_died_between_two_runs_says_so_and_is_replaced(mark):
    with Worker() as worker:
        worker.run(chain(), spikes(5))
        worker._child.process.kill()
        worker._child.process.wait()
        with pytest.raises(BackendError, match="the process that runs Lava"):
            worker.run(chain(), spikes(5))
        assert worker.run(chain(), spikes(10)).output.any()


def test_progress_is_told_sample_by_sample(lava):
    told = []
    lava.run(chain(), np.ones((3, 4, 2), int), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
