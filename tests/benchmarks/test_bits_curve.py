"""Accuracy against bits of a delay: which cases of a sweep make which curve."""

from __future__ import annotations

import pytest
from matplotlib.image import imread

from benchmarks.sweeps import bits_curve


@pytest.mark.parametrize(
    ("changes", "bits"),
    [
        ({}, 6),
        ({"delay.grid_steps": 2}, 5),
        ({"delay.grid_steps": 4}, 4),
        ({"delay.grid_steps": 8}, 3),
        ({"delay.bits": 5}, 5),
        ({"delay.bits": 3}, 3),
        ({"delay.bits": 5, "delay.grid_steps": 4}, 3),
    ],
)
def test_bits_hold_the_delays_that_are_allowed(changes, bits):
    assert bits_curve.bits_of(changes) == bits


def sweep(cases, report="valid"):
    """Results of a sweep: by case its changes, and its accuracy on both parts."""
    evaluation = {"integer_accuracy_sd_points": 0.5}
    return {
        "report": report,
        "points": [{"name": str(index), "changes": changes} for index, (changes, _) in enumerate(cases)],
        "table": {
            "rows": [
                {
                    "name": str(index),
                    "evaluations": {
                        "validation": evaluation | {"integer_accuracy_mean_percent": accuracy},
                        "valid": evaluation | {"integer_accuracy_mean_percent": accuracy - 5},
                    },
                }
                for index, (_, accuracy) in enumerate(cases)
            ]
        },
    }


GRIDS = [
    ({}, 93.0),
    ({"delay.grid_steps": 8}, 91.0),
    ({"delay.grid_steps": 2}, 92.5),
    ({"delay.bits": 4}, 92.0),
    ({"delay.rounding": "end"}, 92.8),
    ({"delay.rounding": "end", "delay.grid_steps": 8}, 89.0),
    ({"delay.rounding": "epoch"}, 88.0),
    ({"delay.penalty": 0.01}, 90.0),
]


def test_each_case_stands_in_its_curves():
    assert bits_curve.curves(sweep(GRIDS), "validation") == {
        "coarser steps, hardening": [(6, 93.0, 0.5), (5, 92.5, 0.5), (3, 91.0, 0.5)],
        "shorter delays, hardening": [(6, 93.0, 0.5), (4, 92.0, 0.5)],
        "coarser steps, rounded at the end": [(6, 92.8, 0.5), (3, 89.0, 0.5)],
    }


def test_a_case_without_a_finished_run_is_left_out():
    results = sweep(GRIDS)
    results["table"]["rows"] = results["table"]["rows"][:2]
    assert bits_curve.curves(results, "valid") == {"coarser steps, hardening": [(6, 88.0, 0.5), (3, 86.0, 0.5)]}


def test_the_picture_shows_both_sets_of_samples(tmp_path):
    both, one = tmp_path / "both.png", tmp_path / "one.png"
    assert bits_curve.draw(both, sweep(GRIDS)) and bits_curve.draw(one, sweep(GRIDS, report=""))
    assert imread(both).shape[1] == 2 * imread(one).shape[1]


def test_sweeps_of_something_else_have_no_curve(tmp_path):
    assert not bits_curve.draw(tmp_path / "none.png", sweep([({}, 90.0), ({"layers.*.taps": 5}, 91.0)]))
    assert not list(tmp_path.iterdir())
