"""Whole delays by what they do: the best of nearest, floor, and flips in the order of their sensitivity."""

from __future__ import annotations

import numpy as np

from myelin.convert.quantise.delays import round_delays


def test_whole_delays_stay():
    got = round_delays(np.array([[0.0, 3.0]]), lambda delays: 1.0)
    assert (got.method, got.flips, got.error) == ("whole", 0, 1.0)
    np.testing.assert_array_equal(got.delay_steps, [[0, 3]])


def test_floor_where_floor_is_better():
    got = round_delays(np.array([0.9, 1.6, 2.0]), lambda delays: float(delays.sum()))
    assert got.method == "floor"
    np.testing.assert_array_equal(got.delay_steps, [0, 1, 2])


def test_the_delay_that_gains_most_is_flipped_first():
    weights = np.array([1.0, 5.0, 2.0])
    wanted = np.array([1, 2, 1])
    calls = []

    def error(delays):
        calls.append(delays.tolist())
        return float(weights @ np.abs(delays - wanted))

    fractions = np.array([1.4, 1.4, 1.4])  # nearest and floor are 1, 1, 1: only the second should go up
    got = round_delays(fractions, error)
    assert (got.method, got.flips, got.error) == ("flipped", 1, 0.0)
    np.testing.assert_array_equal(got.delay_steps, wanted)
    assert calls[0] == [1, 1, 1]
    np.testing.assert_array_equal(fractions, [1.4, 1.4, 1.4])


def test_a_flip_that_no_longer_helps_is_undone():
    """Each of two flips alone reaches the sum that is wanted; both together overshoot."""
    got = round_delays(np.array([0.4, 0.45]), lambda delays: abs(float(delays.sum()) - 1))
    assert (got.flips, got.error, int(got.delay_steps.sum())) == (1, 0.0, 1)


def test_no_more_sensitivities_are_measured_than_asked_for():
    calls = []
    round_delays(np.linspace(0.2, 0.45, 20), lambda delays: float(len(calls.append(0) or [])), most_flips=3)
    assert len(calls) == 2 + 3
