"""The table of a sweep and its pictures, from results written by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin.convert import plots
from myelin.convert.statistics import paired_interval
from myelin.sweep import plot as plots_sweep
from myelin.sweep import table as sweep_table
from myelin.sweep.file import read_sweep
from myelin.sweep.plan import RESULT_VERSION, PlannedRun, SweepPlan

LABELS = np.arange(20) % 4
#: Wrong answers of the integer and the float network, by case, value of the grid and seed.
WRONG = {
    ("a", 1, 0): (5, 4),
    ("a", 1, 1): (7, 7),
    ("a", 3, 0): (3, 3),
    ("a", 3, 1): (1, 1),
    ("b|c", 1, 0): (9, 9),
    ("b|c", 1, 1): (7, 8),
    ("b|c", 3, 0): (4, 4),
}
SWEEP = """
base = "demo"
seeds = [0, 1]
[[case]]
name = "a"
[[case]]
name = "b|c"
[grid]
"layers.*.taps" = [1, 3]
[compare]
reference = "a"
"""


def _evaluation(wrong, numbers):
    right = {name: np.arange(20) >= count for name, count in zip(("integer", "float"), wrong)}
    return {
        "samples": 20,
        "sample_numbers": list(numbers),
        "labels": LABELS.tolist(),
        **{f"{name}_accuracy_percent": 100 * float(ok.mean()) for name, ok in right.items()},
        **{f"{name}_predictions": np.where(ok, LABELS, LABELS + 1).tolist() for name, ok in right.items()},
    }


@pytest.fixture
def plan(tmp_path):
    """A sweep of which all but one run is finished; each seed holds out other samples."""
    path = tmp_path / "s.toml"
    path.write_text(SWEEP)
    sweep = read_sweep(path)
    runs = [
        PlannedRun(place, seed, f"{point.name}/seed{seed}", {}, f"print {place} {seed}", "data")
        for place, point in enumerate(sweep.points)
        for seed in (0, 1)
    ]
    plan = SweepPlan(sweep, "builtin", None, tmp_path / "out", tuple(runs), {"name": "x.h5"})
    for run in runs:
        point = sweep.points[run.place]
        wrong = WRONG.get((point.case, point.grid[0][1], run.seed))
        if wrong is None:
            continue
        evaluation = _evaluation(wrong, range(100 * run.seed, 100 * run.seed + 20))
        result = {
            "version": RESULT_VERSION,
            "fingerprint": run.fingerprint,
            "case": point.case,
            "parameters": 900,
            "recurrent_parameters": 70,
            "seconds_per_epoch": 1.0 + run.seed,
            "train_seconds": 10.0,
            "delay_mean_steps": 4.0 + run.seed,
            "rates_spikes_per_neuron_and_step": [0.1 + 0.1 * run.seed, 0.3],
            "training_says_validation_accuracy_percent": evaluation["integer_accuracy_percent"],
            "evaluations": {"validation": evaluation},
        }
        plan.folder(run).mkdir(parents=True)
        (plan.folder(run) / "result.json").write_text(json.dumps(result))
    return plan


def test_a_row_by_hand(plan):
    table = sweep_table.make_table(plan)
    assert (table["runs"], table["runs_done"], len(table["rows"]), table["notes"]) == (8, 7, 4, [])
    row = table["rows"][2]  # b|c with one tap: 9 and 7 of 20 wrong
    assert (row["case"], row["grid"], row["reference"]) == ("b|c", {"layers.*.taps": 1}, "a_taps=1")
    assert (row["seconds_per_epoch"], row["delay_mean_steps"]) == (1.5, 4.5)
    assert row["rates_spikes_per_neuron_and_step"] == pytest.approx([0.15, 0.3])
    found = row["evaluations"]["validation"]
    assert found["integer_accuracy_by_seed_percent"] == pytest.approx([55, 65])
    assert found["integer_accuracy_mean_percent"] == pytest.approx(60)
    assert found["integer_accuracy_sd_points"] == pytest.approx(50**0.5)
    assert (found["integer_accuracy_min_percent"], found["integer_accuracy_max_percent"]) == (
        pytest.approx(55),
        pytest.approx(65),
    )
    assert found["float_accuracy_mean_percent"] == pytest.approx(57.5)
    to_float = found["to_float"]
    assert (to_float["pairs"], to_float["samples"], to_float["difference_points"]) == (40, 40, pytest.approx(2.5))
    assert (to_float["only_other_right_pairs"], to_float["only_this_right_pairs"]) == (0, 1)
    to_a = found["to_reference"]
    assert to_a["difference_by_seed_points"] == pytest.approx([-20, 0])
    assert (to_a["seeds"], to_a["difference_points"], to_a["p"]) == ([0, 1], pytest.approx(-10), pytest.approx(0.125))
    interval = [to_a["difference_low_points"] / 100, to_a["difference_high_points"] / 100]
    assert interval == pytest.approx(paired_interval(4, 0, 40))


def test_a_run_that_is_missing_is_said_and_left_out_of_the_pairs(plan):
    table = sweep_table.make_table(plan)
    row = table["rows"][3]
    assert (row["seeds"], row["seeds_missing"]) == ([0], [1])
    found = row["evaluations"]["validation"]
    assert (found["to_reference"]["seeds"], found["to_reference"]["pairs"]) == ([0], 20)
    assert found["integer_accuracy_sd_points"] is None
    cells = sweep_table.cells(table, "validation")[3]
    assert cells[:6] == ["b|c", "3", "1 of 2", "80.00", "80.00..80.00", "80.00"]
    assert "1 of 8 runs are not finished." in sweep_table.lines(plan, table)


def test_other_samples_are_not_paired(plan):
    run = next(run for run in plan.runs if run.name == "b-c_taps=1/seed0")
    path = plan.folder(run) / "result.json"
    result = json.loads(path.read_text())
    result["evaluations"]["validation"]["sample_numbers"][0] = 99
    path.write_text(json.dumps(result))
    found = sweep_table.make_table(plan)["rows"][2]["evaluations"]["validation"]
    assert found["to_reference"]["seeds"] == [1]
    assert found["to_float"]["seeds"] == [0, 1]


def test_a_result_of_another_configuration_does_not_count(plan):
    path = plan.folder(plan.runs[0]) / "result.json"
    path.write_text(path.read_text().replace("print 0 0", "print 0 1"))
    assert plan.result(plan.runs[0]) is None
    assert sweep_table.make_table(plan)["runs_done"] == 6
    path.write_text('{"version"')
    assert plan.result(plan.runs[0]) is None


@pytest.mark.parametrize(
    "value", [None, 7, "text", [], [None] * 20, ["/etc/passwd"] * 20, [[1]] * 20, [0] * 21, [2**70] * 20, [0.5] * 20]
)
@pytest.mark.parametrize(
    "name", ["labels", "float_predictions", "sample_numbers", "integer_accuracy_percent", "evaluations", "case"]
)
def test_a_damaged_result_does_not_count(plan, name, value):
    path = plan.folder(plan.runs[0]) / "result.json"
    result = json.loads(path.read_text())
    place = result if name in result else result["evaluations"]["validation"]
    wrong = not (isinstance(value, int) if "percent" in name else isinstance(value, str) and name == "case")
    place[name] = value
    path.write_text(json.dumps(result))
    assert (plan.result(plan.runs[0]) is None) == wrong
    assert sweep_table.make_table(plan)["runs_done"] == (6 if wrong else 7)


def test_integers_that_differ_from_what_training_saw_are_noted(plan):
    path = plan.folder(plan.runs[0]) / "result.json"
    result = json.loads(path.read_text()) | {"training_says_validation_accuracy_percent": 80.0}
    path.write_text(json.dumps(result))
    assert sweep_table.make_table(plan)["notes"] == [
        "'a', seed 0: the integer network gets 75.00 % of the validation part right, "
        "training recorded 80.00 % for the same epoch"
    ]


def test_screen_and_markdown_say_the_same(plan):
    table = sweep_table.make_table(plan)
    shown = sweep_table.lines(plan, table)
    assert shown[1] == "x.h5, validation part, held out of training: 20 samples a seed"
    spaced = [" ".join(line.split()) for line in shown]
    assert spaced[2] == "case taps n integer % range float % to float 95 % to reference 95 % p recurrent s/epoch"
    assert spaced[3] == "a 1 2 70.00 +- 7.07 65.00..75.00 72.50 +- 10.61 -2.50 -12.88..+6.48 reference 70 1.50"
    markdown = sweep_table.markdown(plan, table).splitlines()
    assert markdown[0] == "# s"
    rows = [line for line in markdown if line.startswith("|")]
    assert len({line.count("|") - line.count("\\|") for line in rows}) == 1
    assert rows[4].startswith("| b\\|c | 1 | 2 | 60.00 +- 7.07 | 55.00..65.00 | 57.50 +- 3.54 | +2.50 |")


@pytest.fixture
def figures(monkeypatch):
    saved = []
    monkeypatch.setattr(plots_sweep, "_save", lambda figure, path: (saved.append(figure), plots._save(figure, path)))
    return saved


def test_accuracy_by_case_shows_every_seed(plan, figures, tmp_path):
    table = sweep_table.make_table(plan)
    plots_sweep.accuracy_by_case(tmp_path / "a.png", table, {"validation": "held out"})
    (axis,) = figures[0].axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["a, taps 1", "a, taps 3", "b|c, taps 1", "b|c, taps 3"]
    dots, cross, bar = axis.get_lines()[6:9]
    assert (list(dots.get_xdata()), list(dots.get_ydata())) == (pytest.approx([55, 65]), [2, 2])
    assert list(cross.get_xdata()) == pytest.approx([57.5])
    assert list(bar.get_xdata()) == pytest.approx([60, 60])
    assert axis.get_title(loc="left") == "held out"


@pytest.mark.parametrize(("values", "scale"), [((1, 3), "linear"), ((0.1, 10), "log")])
def test_accuracy_by_key_has_a_curve_for_each_case(values, scale, plan, figures, tmp_path):
    table = sweep_table.make_table(plan)
    for row in table["rows"]:
        row["grid"]["layers.*.taps"] = values[row["grid"]["layers.*.taps"] == 3]
    plots_sweep.accuracy_by_key(tmp_path / "a.png", table, "layers.*.taps", {"validation": "held out"})
    (axis,) = figures[0].axes
    assert axis.get_xscale() == scale
    assert [text.get_text() for text in axis.get_xticklabels()] == [f"{value:g}" for value in values]
    curves = axis.containers
    assert [curve.get_label() for curve in curves] == ["a", "b|c"]
    line, _, (bars,) = curves[0]
    assert list(line.get_ydata()) == pytest.approx([70, 90])
    assert line.get_xdata()[0] == pytest.approx(values[0], rel=0.1)
    (_, low), (_, high) = bars.get_segments()[0]
    assert (high - low) / 2 == pytest.approx(50**0.5)
