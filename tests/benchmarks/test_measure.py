"""The arithmetic of the benchmarks, worked out by hand; nothing here is timed."""

import json
import re

import numpy as np
import pytest

from benchmarks import measure, networks, peak, simulate
from benchmarks.stream import Shifted
from myelin.convert import simulate as simulated


def run(name, samples=1, expected=None, output=0, calls=None):
    def call():
        if calls is not None:
            calls.append(name)
        return np.array(output)

    return measure.Run(name, samples, call, expected)


def test_reference_and_peers_take_turns():
    calls = []
    ours, a, b = (run(name, calls=calls) for name in ("ours", "a", "b"))
    taken = measure.rounds([(ours, a), (ours, b)], repeats=2)
    assert calls == ["ours", "a", "ours", "b"] * 2
    assert [len(pairs) for pairs in taken] == [2, 2]


def test_outputs_that_differ_are_refused():
    wrong = run("wrong", expected=np.array(1))
    for call in (wrong.check, wrong.seconds):
        with pytest.raises(AssertionError, match="wrong differs from simulate"):
            call()
    run("right", expected=np.array(0)).check()


def test_ratios_are_taken_within_pairs():
    ours, peer = run("ours", samples=100), run("peer", samples=2)
    row = simulate.row(ours, peer, [(1.0, 1.0), (2.0, 0.5), (1.0, 2.0)])  # 100, 50, 100 beside 2, 4, 1 samples a second
    assert row["samples_per_s"] == {"median": 2.0, "low": 1.0, "high": 4.0}
    assert row["simulate_is_faster"] == {"median": 50.0, "low": 12.5, "high": 100.0}
    assert simulate.row(ours, ours, [(1.0, 1.0)])["simulate_is_faster"] is None


def test_lava_without_its_start():
    """A step takes 0.01 s and the start 0.5 s: 1.5 s for 100 steps, 4.5 s for 400."""
    ours, runs = run("ours", samples=100), {400: run("lava"), 100: run("lava")}
    alone, whole = simulate.lava_rows(ours, runs, {400: [(1.0, 4.5)] * 3, 100: [(1.0, 1.5)] * 3}, 100)
    assert (alone["name"], whole["name"]) == ("lava, steps alone", "lava, with their start")
    assert alone["start_s"] == pytest.approx(0.5)
    assert alone["samples_per_s"]["median"] == pytest.approx(1.0)
    assert alone["simulate_is_faster"]["median"] == pytest.approx(100)
    assert whole["simulate_is_faster"]["median"] == pytest.approx(150)


def test_exponents_and_digits():
    sizes = [10, 20, 40, 80]
    assert measure.fitted_exponent(sizes, [3e-4 * size for size in sizes]) == 1
    assert measure.fitted_exponent(sizes, [0.1 * size**2 for size in sizes]) == 2
    assert [measure.digits(value) for value in (123456.0, 0.00123456, 0.0)] == [123500, 0.001235, 0]


def test_arrivals_are_those_that_reach_a_later_step():
    rng = np.random.default_rng(1)
    train, delay = rng.integers(0, 2, (3, 10, 5), np.uint8), np.array([[0], [1], [4], [8], [9]])
    expected = sum(t + 1 + delay[j, 0] < 10 for b, t, j in np.argwhere(train))
    assert peak.arrivals(train, delay) == expected > 0


def test_shares_of_the_peak_are_complete():
    spikes = networks.samples(4, steps=20, inputs=20)
    network = networks.network(spikes, neurons=(16, 16), classes=4)
    found = {"blas_gflop_per_s": 1.0, "blas_one_core_gflop_per_s": 1.0}
    found |= {"read_second_cache_gb_per_s": 1.0, "read_gb_per_s": 1.0}
    dense = peak.dense(network, spikes, found, 1)
    assert dense["flop_per_sample"] == 2 * 20 * (20 * 16 + 3 * 16 * 16 + 16 * 4)
    assert {"products", "neurons"} <= set(dense["one_core_seconds"])
    assert peak.events(network, spikes, found, 1)["synaptic_operations_per_sample"] > 0
    np.testing.assert_array_equal(simulated(network, spikes).output, simulated(network, spikes, engine="dense").output)


def test_streamed_samples_are_as_many_as_asked_for_and_like_the_pool():
    pool = networks.samples(6, steps=10, inputs=7)
    batches = list(Shifted(pool, 10, 4))
    assert [batch.shape for batch in batches] == [(4, 10, 7), (4, 10, 7), (2, 10, 7)]
    sums = set(pool.sum(axis=(1, 2)))
    assert all(set(batch.sum(axis=(1, 2))) <= sums for batch in batches)


def test_results_name_no_places():
    facts = json.dumps(measure.machine())
    texts = [facts, *(path.read_text(encoding="utf-8") for path in measure.RESULTS.glob("*.json"))]
    for text in texts:
        assert not re.search(r'"/|/home/|/root|/tmp|/work', text)
