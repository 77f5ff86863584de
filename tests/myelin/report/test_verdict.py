"""The verdict of a report on values made by hand: what forbids, what leaves open, what helps."""

from __future__ import annotations

import copy

import pytest

from myelin.report.verdict import CURES, judge


def compared(points, low, high):
    return {
        "difference_points": points,
        "difference_low_points": low,
        "difference_high_points": high,
        "spike_rate_change_percent_by_layer": {"0": -3.0, "1": 0.2},
    }


def stage(name, *found):
    return {
        "name": name,
        "description": f"{name} quantised",
        "to_float": compared(*found) if found else None,
        "to_previous": compared(*found) if found else None,
    }


GOOD = {
    "target": {"title": "a chip", "simulator": False, "not_public": ["axons_in_per_core"], "energy_label": "relative only"},
    "rules": {"violations": []},
    "mapping": {"refusals": [], "broken_rules": [], "cores": 3, "available_cores": 120},
    "profile": {"warnings": []},
    "sweep": None,
    "missing": {},
    "validation": {
        "samples": 1000,
        "network_sha256": "0" * 64,
        "network": {"failures": []},
        "parities": [
            {"name": "a = b", "equal": True, "skipped": None, "values": 9, "different_values": 0, "samples": 4,
             "divergence": None},
            {"name": "board", "equal": None, "skipped": "--board not given", "values": 0, "samples": 0, "divergence": None},
        ],
        "stages": [stage("float"), *(stage(n, -0.1, -0.8, 0.6) for n in ("delays", "weights", "decays", "simulator"))],
        "alone": ["delays", "weights", "decays"],
        "cumulated": ["float", "simulator"],
        "by_class": [
            {"name": "yes", "difference_points": -10.0, "float_correct_samples": 9, "integer_correct_samples": 8},
            {"name": "no", "difference_points": 0.0, "float_correct_samples": 9, "integer_correct_samples": 9},
        ],
        "gate": {
            "outcome": "passes", "message": "the gate's words", "drop_points": 0.2, "drop_low_points": -0.4,
            "drop_high_points": 0.8, "samples_needed": None, "more_samples_needed": None,
        },
    },
}  # fmt: skip


@pytest.fixture
def values():
    return copy.deepcopy(GOOD)


def test_all_is_well(values):
    found = judge(values)
    assert found["answer"] == "may go" and found["headline"] == "This network may go to a chip."
    assert found["reasons"][0] == "the gate's words" and "it takes 3 of 120 cores" in found["reasons"]
    assert found["cost"].startswith(
        "Not that these samples could tell: the integer network differs by -0.20 points from the floats, which may be chance "
    )
    assert found["where"] == []  # nothing is lost
    assert found["helps"] == []
    assert found["caveats"] == [
        "not compared: board (--board not given)",
        "not public, so not checked: axons_in_per_core",
        "energy and time: relative only",
    ]


@pytest.mark.parametrize(("outcome", "high"), [("passes", -0.01), ("undecided", 0.6)])
def test_where_something_may_be_lost(values, outcome, high):
    """Places are named if the whole shows a loss, or if the gate does not pass."""
    values["validation"]["gate"] |= {"outcome": outcome, "drop_low_points": -high}
    found = judge(values)
    assert found["where"] == [
        "no quantisation alone shows a loss; the largest estimate is -0.10 points (delays quantised)",
        "one after the other, the largest estimate, which may be chance, is at 'simulator quantised': -0.10 points to the one "
        "before",
        "layer 0 fires -3.0 % as integers",
        "fewer samples are right in the classes yes (-1)",
    ]


def break_rule(values):
    values["rules"]["violations"] = [{"message": "layer 0: too long", "where": "layer 0", "cure": "shorten it"}]
    return "layer 0: too long"


def break_mapping(values):
    values["mapping"]["refusals"] = [{"message": "too many cores"}]
    return "too many cores"


def break_network(values):
    values["validation"]["network"]["failures"] = ["a weight was changed"]
    return "a weight was changed"


def break_parity(values):
    values["validation"]["parities"][0] |= {"equal": False, "different_values": 2}
    return "a = b: 2 of 9 values differ, and none may"


def break_gate(values):
    values["validation"]["gate"]["outcome"] = "fails"
    return "the gate's words"


@pytest.mark.parametrize("breaking", [break_rule, break_mapping, break_network, break_parity, break_gate])
def test_each_thing_that_forbids(values, breaking):
    reason = breaking(values)
    found = judge(values)
    assert found["answer"] == "may not go" and reason in found["reasons"]


def test_a_broken_rule_says_its_cure_and_is_named_once(values):
    values["mapping"]["broken_rules"] = [break_rule(values)]
    found = judge(values)
    assert found["reasons"] == ["layer 0: too long"] and "layer 0: shorten it" in found["helps"]


def test_too_few_samples(values):
    values["validation"]["gate"] |= {"outcome": "undecided", "samples_needed": 1500, "more_samples_needed": 500}
    found = judge(values)
    assert found["answer"] == "undecided" and found["reasons"] == ["the gate's words"]
    assert found["helps"] == ["validate on about 1,500 samples, 500 more than now"]


@pytest.mark.parametrize("part", ["validation", "mapping"])
def test_a_stage_that_did_not_run(values, part):
    values[part] = None
    values["missing"] = {part: {"why": "no data", "cure": "give data"}}
    found = judge(values)
    assert found["answer"] == "undecided" and "no data" in found["reasons"][0]


def test_a_simulator_needs_no_cores(values):
    values["mapping"], values["target"]["simulator"] = None, True
    values["missing"] = {"mapping": {"why": "no cores", "cure": ""}}
    assert judge(values)["answer"] == "may go"


@pytest.mark.parametrize("name", ["delays", "weights", "decays"])
def test_what_costs_is_named_with_its_cure(values, name):
    found = next(stage for stage in values["validation"]["stages"] if stage["name"] == name)
    found["to_float"] |= {"difference_points": -2.0, "difference_low_points": -3.0, "difference_high_points": -1.0}
    told = judge(values)
    assert told["where"][0] == f"{name} quantised, alone: -2.00 points, and the interval excludes none"
    assert told["helps"] == [CURES[name]]


@pytest.mark.parametrize(("low", "high", "begins"), [(0.1, 0.9, "Yes: "), (-0.9, -0.1, "No: "), (-0.5, 0.5, "Not that")])
def test_whether_accuracy_was_lost(values, low, high, begins):
    values["validation"]["gate"] |= {"drop_points": (low + high) / 2, "drop_low_points": low, "drop_high_points": high}
    assert judge(values)["cost"].startswith(begins)


def test_a_validation_of_no_named_network_is_a_caveat(values):
    del values["validation"]["network_sha256"]
    assert any("could not be proven" in text for text in judge(values)["caveats"])
