"""The conclusion of an exploration names the fewest bits that lose nothing beyond the interval."""

from __future__ import annotations

from myelin.convert.explore.conclusion import conclusions, fewest_bits


def point(value, high, *, difference=-1.0, memory=2048, rules=()):
    low = difference - 2
    interval = {"difference_points": difference, "difference_low_points": low, "difference_high_points": high}
    return {"value": value, **interval, "core_memory_bytes": memory, "broken_rules": list(rules)}


def result(weights, delays=(), pareto=(), part="held out of the training data"):
    knobs = [{"name": "weight_bits", "points": list(weights)}, {"name": "delay_bits", "points": list(delays)}]
    return {"knobs": knobs, "pareto": list(pareto), "samples": 1200, "input": {"part": part}}


def test_the_fewest_bits_below_which_accuracy_is_lost():
    points = [point(2, 0.3), point(3, -0.5), point(4, 0.2), point(5, 0.0), point(8, 1.0)]
    assert fewest_bits(points)["value"] == 4  # that 2 bits lose nothing, though 3 do, is chance
    assert fewest_bits([point(4, 0.2), point(8, 1.0, rules=["too many"])])["value"] == 4
    assert fewest_bits([point(4, 0.2, rules=["too few"]), point(5, -0.1)]) is None


def test_it_is_said_with_its_interval_and_as_exploratory():
    pair = point("4/5", 0.4, memory=1536) | {"weight_bits": 4, "delay_bits": 5}
    worse = point("2/3", -0.4, memory=512) | {"weight_bits": 2, "delay_bits": 3}
    assert list(conclusions(result([point(4, 0.5)], [point(1, 0.5)], [worse, pair]))) == [
        "weights: 4 bits, the fewest that lose nothing beyond the interval: -1.00 points, 95 % interval -3.00 .. +0.50",
        "delays: 1 bit, the fewest that lose nothing beyond the interval: -1.00 points, 95 % interval -3.00 .. +0.50",
        "both: 4/5 bits of weights/delays lose nothing beyond the interval in the least core memory, 1.5 KiB: -1.00 points, "
        "95 % interval -3.00 .. +0.40",
        "exploratory: chosen on 1,200 samples held out of training, it says nothing about the test split; fewer samples make "
        "wider intervals, in which losses hide",
    ]


def test_where_every_setting_loses_it_says_so():
    first, last = conclusions(result([point(4, -0.5)], part="test split"))
    assert first == "weights: no number of bits that was tried and that the target supports keeps within the interval"
    assert last.startswith("exploratory: chosen on 1,200 samples of the test split; fewer")
