"""Processes of a sweep that end before they took their job are reported like any other, on Windows too."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from myelin.sweep import pool


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(22, "Invalid argument")])
def test_a_process_that_ended_before_it_took_its_job(tmp_path, monkeypatch, error):
    class Pipe:
        def write(self, _):
            raise error

        close = flush = lambda self: self.write(b"")

    class Ended:
        returncode = 3221225477  # how Windows says that it broke off; a signal has a number below 0

        def __init__(self, *_, **given):
            self.stdin = Pipe()
            given["stdout"].write(b"first\n")

        def poll(self):
            return self.returncode

    monkeypatch.setattr(pool.subprocess, "Popen", Ended)
    monkeypatch.setattr(pool, "_job", lambda *_: {})
    plan, told = SimpleNamespace(folder=lambda run: tmp_path / run.name), []
    runs = [SimpleNamespace(name=name) for name in ("a", "b")]
    failures = pool.run_all(plan, runs, pool.Workers(1, 1), lambda run, why: told.append((run.name, why)), lambda: None)
    assert failures == dict(told) == {"a": "first", "b": "first"}
