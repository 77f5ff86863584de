"""The benchmark of the first minute: what it starts, in which order, and how it says that something failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import first_minute


def test_states_and_checkouts_in_turns(tmp_path, monkeypatch, capsys):
    started = []

    def start(checkout, command, cache, *, whole):
        started.append((checkout, command, cache.name, whole))
        return {"first_step_s": 12.25, "whole_s": 60.0, "stages_s": {"train": 50.0, "export": 4.5}}

    monkeypatch.setattr(first_minute, "started", start)
    file = tmp_path / "found.json"
    assert first_minute.main(["--demo", "--against", str(tmp_path), "--json", str(file)]) == 0
    here, there = (first_minute.HERE, ("demo",), "this-demo", True), (tmp_path, ("demo",), "other-demo", True)
    assert started == [here, there, here, there]
    rows = json.loads(file.read_text())["rows"]
    assert [(row["cache"], row["checkout"]) for row in rows] == [
        ("empty", "this"), ("empty", "other"), ("full", "this"), ("full", "other"),
    ]  # fmt: skip
    assert "demo           empty  this          12.2 s   all 60.0 s (train 50.0, export 4.5)" in capsys.readouterr().out


@pytest.mark.subprocess
def test_a_command_that_trains_nothing_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"check in .* ended with 2:\n(.|\n)*usage"):
        first_minute.started(Path(first_minute.HERE), ("check",), tmp_path)
