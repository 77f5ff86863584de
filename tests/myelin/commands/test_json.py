"""One envelope for the JSON of every command, in a file or as the only thing on standard output."""

from __future__ import annotations

import argparse
import json
import shutil

import numpy as np
import pytest
from scipy.io import wavfile

from myelin.cli import build_parser
from myelin.envelope import FORMAT, envelope, result_of
from myelin.hw_configs.version import VERSION

GRID = 'base = "{config}"\nseeds = [0]\n[[case]]\nname = "as it is"\n'


def arguments_of(command, tiny, artifacts, runs, tmp_path):
    """(arguments, exit code, verdict, a field of the result) of a run of the command."""
    art, data = artifacts["dense"], ("--data", tiny.data)
    if command == "sweep":
        (tmp_path / "grid.toml").write_text(GRID.format(config=tiny.configs["dense"]))
    return {
        "check": ((art, "--target", "loihi2"), 0, "pass", "violations"),
        "profile": ((art,), 0, None, "operations_per_sample"),
        "map": ((art, "--target", "loihi2"), 0, "pass", "core_list"),
        "simulate": ((art, *data), 0, None, "accuracy_percent"),
        "diff": ((art, runs["dense"]), 0, "pass", "values"),
        "explore": ((art, *data, "--samples", 4), 0, None, "knobs"),
        "quantise": (
            (runs["dense"], *data, "--target", "loihi2", "--method", "plain", "--samples", 4, "--out", tmp_path / "q.net"),
            0, "pass", "choices",
        ),
        "validate": ((art, *data, "--lava-samples", 0), 1, "undecided", "gate"),
        "sweep": ((tmp_path / "grid.toml", *data, "--out", tmp_path / "sweep", "--jobs", 1), 0, None, "table"),
        "experiments": ((), 0, None, "experiments"),
        "targets": ((), 0, None, "targets"),
        "config": (("demo",), 0, None, "settings"),
        "doctor": ((), None, None, "backends"),
        "export": ((runs["dense"], *data, "--target", "loihi2", "--out", tmp_path / "art"), 0, "pass", "longest_delay_steps"),
        "report": ((art, "--out", tmp_path / "r.html", "--samples", 4), 0, None, "verdict"),
        "convert": ((art, tmp_path / "a.h5"), 0, None, "kind"),
        "nir export": ((art, "--out", tmp_path / "a.nir"), 0, None, "step_ms"),
        "nir import": ((tmp_path / "a.nir", "--out", tmp_path / "a.net"), 0, None, "rounding_errors"),
        "encode": ((tmp_path / "wavs", "--out", tmp_path / "w.h5", "--channels", 140), 0, None, "spikes"),
        # a finished run: nothing is trained again
        "train": ((tiny.configs["dense"], *data, "--out", tmp_path / "run", "--resume", "--quiet"), 0, None, "record"),
    }[command]  # fmt: skip


def prepared(command, tiny, artifacts, runs, main, tmp_path):
    """What some of them read."""
    if command == "nir import":
        pytest.importorskip("nir")
        assert main("nir", "export", artifacts["dense"], "--out", tmp_path / "a.nir") == 0
    if command == "train":
        shutil.copytree(runs["dense"], tmp_path / "run")
    if command == "encode":
        (tmp_path / "wavs").mkdir()
        tone = (8000 * np.sin(2 * np.pi * 400 * np.arange(800) / 8000)).astype(np.int16)
        wavfile.write(tmp_path / "wavs" / "low_anna_0.wav", 8000, tone)


COMMANDS = (
    "check", "profile", "map", "simulate", "diff", "explore", "quantise", "validate", "sweep", "doctor", "export", "report",
    "convert", "nir export", "nir import", "encode", "train", "experiments", "targets", "config",
)  # fmt: skip


def test_every_command_with_json_is_tried_here():
    (group,) = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    lacking = {name for name, parser in group.choices.items() if "--json" not in parser.format_help()}
    assert lacking == {"nir", "completion"}  # its two actions have it; a script for a shell
    # a board's is in tests/lava_models/test_board.py, the demo's below
    assert group.choices.keys() == {name.split()[0] for name in COMMANDS} | {"board", "demo", "completion"}


#: What some of them start beside themselves, and train.
MARKS = {"sweep": (pytest.mark.subprocess, pytest.mark.training), "doctor": (pytest.mark.subprocess, pytest.mark.lava)}


@pytest.mark.parametrize("command", [pytest.param(name, marks=MARKS.get(name, ())) for name in COMMANDS])
def test_the_envelope_in_a_file_and_on_standard_output(command, tiny, artifacts, runs, main, tmp_path, capsys):
    if command.startswith("nir"):
        pytest.importorskip("nir")
    prepared(command, tiny, artifacts, runs, main, tmp_path)
    arguments, code, verdict, field = arguments_of(command, tiny, artifacts, runs, tmp_path)
    capsys.readouterr()
    file = tmp_path / "out.json"
    first = main(*command.split(), *arguments, "--json", file)
    assert first == code or command == "doctor"
    written, shown = json.loads(file.read_text()), capsys.readouterr()
    assert list(written) == ["format", "myelin", "command", "verdict", "result"]
    assert (written["format"], written["myelin"], written["command"]) == (FORMAT, VERSION, command)
    assert written["verdict"] == (("pass" if first == 0 else "fail") if command == "doctor" else verdict)
    assert field in written["result"] and shown.out

    assert main(*command.split(), *arguments, "--json", "-") == first
    again = capsys.readouterr()
    printed = json.loads(again.out)  # nothing else is there
    assert {**printed, "result": None} == {**written, "result": None} and printed["result"].keys() == written["result"].keys()
    assert shown.out.splitlines()[0].split()[0] in again.err  # the text for people


def test_the_demo_lists_what_it_made(main, monkeypatch, tmp_path, capsys):
    """Its steps are tested in tests/whole_way; here, what it returns."""

    def made(out, *, overrides):
        print("== 1 train")
        assert overrides == ["train.epochs=3"]
        return [out / "run", out / "report.html"]

    monkeypatch.setattr("myelin.demo.demo", made)
    assert main("demo", "--out", tmp_path, "--epochs", 3, "--json", "-") == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert (found["command"], found["verdict"]) == ("demo", "pass") and "== 1 train" in shown.err
    assert found["result"] == {"folder": str(tmp_path), "made": [str(tmp_path / "run"), str(tmp_path / "report.html")]}


def test_a_verdict_that_fails(small, artifacts, main, tmp_path, capsys):
    target = tmp_path / "short.toml"
    target.write_text('name = "short"\ntitle = "Short"\n[limits]\ndelay_steps_max = { value = 0, source = "made up" }\n')
    assert main("check", artifacts["dense"], "--target", target, "--json", "-") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"


def test_an_error_leaves_standard_output_empty(main, tmp_path, capsys):
    assert main("check", tmp_path / "none", "--target", "loihi2", "--json", "-") == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("myelin: error: ")


def test_readers_take_the_envelope_and_what_was_written_before_it():
    values = {"table": [], "seeds": []}
    assert result_of(envelope("sweep", values)) == result_of(values) == values
    assert result_of([1]) == [1]
