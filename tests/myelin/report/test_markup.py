"""Elements and fields of a report: escaping, paths, formats."""

from __future__ import annotations

import pytest

from myelin.report.markup import Facts, Html, el, join, resolve, table
from myelin.report.svg import nice_ticks, short


def test_text_and_attributes_are_escaped():
    made = el("p", "<b>&", Html("<i></i>"), None, 3, title='"><script>', class_="x", data_field=None)
    assert made == '<p title="&quot;&gt;&lt;script&gt;" class="x">&lt;b&gt;&amp;<i></i>3</p>'
    assert join(["<", Html("<br>")]) == "&lt;<br>"
    assert "<b>" not in table(("<b>",), [("<b>", "<b>")], "<b>")


def test_paths():
    values = {"a": [{"b": 1}, {"b": {"0": "x"}}]}
    assert resolve(values, "a[0].b") == 1 and resolve(values, "a[1].b.0") == "x"
    with pytest.raises(KeyError):
        resolve(values, "a[0].c")
    with pytest.raises(IndexError):
        resolve(values, "a[2]")


def test_a_number_names_its_field():
    f = Facts({"n": 1.257, "none": None, "text": "<", "missing": {"x": {"why": "<no>", "cure": "do"}}})
    assert f.num("n", ".1f", "ms") == '<span data-field="n" data-format=".1f" class="n">1.3</span> ms'
    assert "data-field" not in f.num("none") and "data-field" not in f.text("none")
    assert f.text("text") == '<span data-field="text">&lt;</span>'
    assert f.missing("y") is None and "&lt;no&gt;" in str(f.missing("x"))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (83.1, 91.7), (-3.2, 0.4), (0, 0.003), (0, 62)])
def test_ticks_are_few_and_inside(low, high):
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 7 and low <= ticks[0] and ticks[-1] <= high


@pytest.mark.parametrize(("value", "text"), [(12_300, "12.3k"), (2e6, "2M"), (17, "17"), (0.25, "0.25")])
def test_short_numbers(value, text):
    assert short(value) == text
