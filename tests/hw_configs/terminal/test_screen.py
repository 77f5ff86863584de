"""Tables and lines fit the terminal; colour is for terminals alone."""

from __future__ import annotations

import io
import sys

import pytest

from myelin.hw_configs.terminal.screen import Toned, folded, judged, screen_width, show, table, warned

HEADS = ("cores", "neurons", "axons out %", "", "bound by")
ROWS = [
    ("layer 0 (dense, recurrent conv)", "1,234", "12.5", "", "nothing; fullest: synapse memory"),
    ("layer 1 (dense)", 7, "?", "", "axons"),
]
SIDES = "<>>><"


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self):
        return True


def words(lines):
    return sorted(" ".join(lines).split())


def test_off_a_terminal_a_row_is_a_line_and_an_empty_column_is_left_out():
    assert screen_width() is None
    assert table(HEADS, ROWS, SIDES) == [
        "cores                            neurons  axons out %  bound by",
        "layer 0 (dense, recurrent conv)    1,234         12.5  nothing; fullest: synapse memory",
        "layer 1 (dense)                        7            ?  axons",
    ]


@pytest.mark.parametrize("columns", (40, 60, 80, 120))
def test_a_table_fits_and_breaks_no_word(columns, monkeypatch):
    whole = table(HEADS, ROWS, SIDES, indent=2)
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = table(HEADS, ROWS, SIDES, indent=2)
    assert max(map(len, shown)) <= columns
    assert set(words(shown)) == set(words(whole))
    assert all(line.startswith("  ") for line in shown if line)


def test_what_does_not_fit_is_shown_below_with_the_first_column_again(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    shown = table(("name", "first number", "second number"), [("one", "1" * 20, "2" * 20)], "<>>")
    assert [line.split() for line in shown] == [
        ["name", "first", "number"],
        ["one", "1" * 20],
        [],
        ["name", "second", "number"],
        ["one", "2" * 20],
    ]


def test_columns_move_together_before_a_table_is_divided(monkeypatch):
    monkeypatch.setenv("COLUMNS", "41")
    rows = [("one", "1" * 18, "2" * 17)]
    assert table(("name", "a", "b"), rows, "<>>")[1] == f"one  {'1' * 18} {'2' * 17}"  # "name" is one wider than "one"


def test_a_long_line_goes_on_below_its_text(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    line = "not checked   axons in: axons_in_per_core of loihi2 not public, not checked"
    assert list(folded([line])) == [
        "not checked   axons in: axons_in_per_core of",
        "              loihi2 not public, not checked",
    ]
    command = "next          myelin validate " + "a" * 60 + " --data builtin"
    assert list(folded([command])) == [command]
    assert all(isinstance(part, Toned) and part.tone == "warning" for part in folded([warned(line)]))


def test_verdicts_are_coloured_on_a_terminal_alone(monkeypatch):
    lines = ["network       a.net [bold] :smile:", judged("loihi2 holds a.net", True), judged("FAIL: it differs", False)]
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    show(lines)
    assert sys.stdout.getvalue() == "\n".join(lines) + "\n"
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(lines)
    assert sys.stdout.getvalue().splitlines() == [
        lines[0],
        "\x1b[32mloihi2 holds a.net\x1b[0m",
        "\x1b[1;31mFAIL: it differs\x1b[0m",
    ]
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(lines)
    assert "\x1b[3" not in sys.stdout.getvalue() and "loihi2 holds a.net" in sys.stdout.getvalue()


def test_a_label_of_thirteen_letters_hangs_and_a_per_cent_sign_stays_with_its_number(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert list(folded(["not in frames 116 of 5,019,483 events (12.25 %): 116 late"])) == [
        "not in frames 116 of 5,019,483 events",
        "              (12.25 %): 116 late",
    ]
    assert list(folded(["pooled over the seeds, with an interval 95 % wide"])) == [
        "pooled over the seeds, with an interval",
        "95 % wide",
    ]
