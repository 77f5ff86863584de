"""Sweep files: what they multiply to, worked out by hand, and what is refused."""

from __future__ import annotations

import re

import pytest

from myelin.hw_configs.errors import ConfigError
from myelin.sweep.file import label, read_sweep

TWO_CASES = """
base = "delrec"
seeds = [3, 1]
[set]
train.epochs = 40
[[case]]
name = "Learned delays"
[[case]]
name = "fixed/random"
base = "own.toml"
set = { "delay.learn" = false, train.epochs = 20 }
[grid]
"layers.*.taps" = [1, 3]
delay.rounding = ["end", "epoch"]
[compare]
reference = "Learned delays"
"""


@pytest.fixture
def sweep(tmp_path):
    """``sweep(text)``: the sweep of a file with that text, beside a configuration own.toml."""

    def read(text):
        (tmp_path / "own.toml").write_text('name = "own"\n')
        path = tmp_path / "s.toml"
        path.write_text(text)
        return read_sweep(path)

    return read


def test_cases_times_grid(sweep, tmp_path):
    found = sweep(TWO_CASES)
    assert found.seeds == (3, 1)
    assert [point.name for point in found.points] == [
        "Learned-delays_taps=1_rounding=end",
        "Learned-delays_taps=1_rounding=epoch",
        "Learned-delays_taps=3_rounding=end",
        "Learned-delays_taps=3_rounding=epoch",
        "fixed-random_taps=1_rounding=end",
        "fixed-random_taps=1_rounding=epoch",
        "fixed-random_taps=3_rounding=end",
        "fixed-random_taps=3_rounding=epoch",
    ]
    assert found.points[1].changes == (("train.epochs", 40), ("layers.*.taps", 1), ("delay.rounding", "epoch"))
    last = found.points[7]
    assert last.changes == (
        ("train.epochs", 40),
        ("delay.learn", False),
        ("train.epochs", 20),
        ("layers.*.taps", 3),
        ("delay.rounding", "epoch"),
    )
    assert (found.points[0].base, last.base) == ("delrec", str(tmp_path / "own.toml"))
    assert str(last) == "case 'fixed/random', layers.*.taps = 3, delay.rounding = \"epoch\""


def test_every_row_is_compared_with_the_reference_at_its_grid_point(sweep):
    assert sweep(TWO_CASES).references == (None, None, None, None, 0, 1, 2, 3)


def test_the_reference_may_stay_at_a_value_of_the_grid(sweep):
    text = TWO_CASES + 'at = { "layers.*.taps" = 3 }\n'
    assert sweep(text).references == (2, 3, None, None, 2, 3, 2, 3)
    one_case = 'base = "demo"\n[grid]\n"layers.*.taps" = [1, 3, 5]\n[compare]\nat = { "layers.*.taps" = 3 }\n'
    found = sweep(one_case)
    assert [point.name for point in found.points] == ["demo_taps=1", "demo_taps=3", "demo_taps=5"]
    assert found.references == (1, None, 1)


def test_least(sweep):
    found = sweep('base = "demo"')
    assert [(point.name, point.changes) for point in found.points] == [("demo", ())]
    assert (found.seeds, found.axes, found.references) == ((0,), {}, (None,))


def test_labels_are_long_only_where_they_must_be():
    keys = ("layers.0.taps", "layers.1.taps", "delay.sigma")
    assert [label(key, keys) for key in keys] == ["layers.0.taps", "layers.1.taps", "sigma"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seeds =", "seed ="), "unknown key seed in the file; did you mean seeds?"),
        (("[set]", "[sets]"), "unknown key sets in the file; did you mean set?"),
        (('name = "Learned delays"', 'nam = "x"'), "unknown key nam in case 1; did you mean name?"),
        (('name = "Learned delays"', 'name = "/"'), "the name of case 1 is '/'; a text with a letter or a digit is needed"),
        (("[3, 1]", "[3, 3]"), "seeds is [3, 3]; a list of different whole numbers of 0 or more is needed"),
        (("[3, 1]", "[]"), "seeds is []"),
        (("[3, 1]", "[true]"), "seeds is [True]"),
        (("[1, 3]", "3"), "grid: layers.*.taps is 3; a list of at least one value is needed"),
        (("[1, 3]", "[3, 3]"), "grid: layers.*.taps is [3, 3]; a value stands in it twice"),
        (("train.epochs = 40", "train.seed = 4"), "set has train.seed; leave it out, seeds gives the seeds"),
        (("train.epochs = 40", "layers.1.taps = 3"), "'Learned delays' sets layers.1.taps, and the grid varies layers.*.taps"),
        (("train.epochs = 40", 'train.epochs = 1\n"train.epochs" = 2'), "set names a key twice"),
        (('"fixed/random"', '"learned delays"'), "would share the folder learned-delays_taps=1_rounding=end"),
        (('reference = "Learned delays"', 'reference = "fixed random"'), "which is no case; did you mean 'fixed/random'?"),
        (('reference = "Learned delays"', ""), "compare: the reference is None, which is no case; cases are 'Learned delays'"),
        (('base = "delrec"', ""), "case 'Learned delays' has no base; name a built-in experiment or a TOML file"),
        (("[set]", "[set"), "no sweep can be read from it"),
    ],
)
def test_refused(change, said, sweep):
    assert TWO_CASES.count(change[0]) == 1
    text = TWO_CASES.replace(*change)
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        sweep(text)
    assert "s.toml: " in str(caught.value)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ('"layers.*.taps" = 5', "at has layers.*.taps = 5, which is not in the grid; its values are 1, 3"),
        ("delay.sigma = 5", "at has delay.sigma = 5, which is not in the grid; its keys are layers.*.taps, delay.rounding"),
    ],
)
def test_a_reference_outside_the_grid_is_refused(at, said, sweep):
    with pytest.raises(ConfigError, match=re.escape(said)):
        sweep(TWO_CASES + f"at = {{ {at} }}\n")


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match="no sweep can be read from it"):
        read_sweep(tmp_path / "none.toml")


def test_a_sweep_names_its_runs_and_refuses_too_many(sweep, tmp_path):
    grid = "\n".join(f'"train.k{number}" = [1,2,3,4,5,6,7,8,9,10]' for number in range(9))
    with pytest.raises(ConfigError) as error:  # before anything is expanded: 10^9 points would not end
        sweep(f'base = "demo"\nseeds = [0, 1]\n[grid]\n{grid}')
    assert str(error.value).endswith(
        "it has 2,000,000,000 runs (1 cases x a grid of 1,000,000,000 x 2 seeds); 1,000 are allowed: shorten the lists of the "
        "grid, or allow more with --max-runs 2000000000 (max_runs=2000000000)"
    )
    assert len(sweep(TWO_CASES).points) == 8
    with pytest.raises(ConfigError, match="it has 16 runs"):
        read_sweep(tmp_path / "s.toml", max_runs=15)
    assert len(read_sweep(tmp_path / "s.toml", max_runs=16).points) == 8
