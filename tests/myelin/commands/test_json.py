"""One envelope for the JSON of every command, in a file or as the only thing on standard output."""

from __future__ import annotations

import argparse
import json

import pytest

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
        "sweep": ((tmp_path / "grid.toml", *data, "--out", tmp_path / "sweep", "--jobs", 1), 0, "pass", "table"),
        "doctor": ((), None, None, "backends"),
    }[command]  # fmt: skip


COMMANDS = ("check", "profile", "map", "simulate", "diff", "explore", "quantise", "validate", "sweep", "doctor")


def test_every_command_with_json_is_tried_here():
    (group,) = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    having = {name for name, parser in group.choices.items() if "--json" in parser.format_help()}
    assert having == {*COMMANDS, "board"}  # a board's is in tests/lava_models/test_board.py


#: What some of them start beside themselves, and train.
MARKS = {"sweep": (pytest.mark.subprocess, pytest.mark.training), "doctor": (pytest.mark.subprocess, pytest.mark.lava)}


@pytest.mark.parametrize("command", [pytest.param(name, marks=MARKS.get(name, ())) for name in COMMANDS])
def test_the_envelope_in_a_file_and_on_standard_output(command, tiny, artifacts, runs, main, tmp_path, capsys):
    arguments, code, verdict, field = arguments_of(command, tiny, artifacts, runs, tmp_path)
    file = tmp_path / "out.json"
    first = main(command, *arguments, "--json", file)
    assert first == code or command == "doctor"
    written, shown = json.loads(file.read_text()), capsys.readouterr()
    assert list(written) == ["format", "myelin", "command", "verdict", "result"]
    assert (written["format"], written["myelin"], written["command"]) == (FORMAT, VERSION, command)
    assert written["verdict"] == (("pass" if first == 0 else "fail") if command == "doctor" else verdict)
    assert field in written["result"] and shown.out

    assert main(command, *arguments, "--json", "-") == first
    again = capsys.readouterr()
    printed = json.loads(again.out)  # nothing else is there
    assert {**printed, "result": None} == {**written, "result": None} and printed["result"].keys() == written["result"].keys()
    assert shown.out.splitlines()[0].split()[0] in again.err  # the text for people


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
