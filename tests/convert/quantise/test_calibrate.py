"""Calibrated integers: what they are chosen by, that they beat plain rounding, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert import simulate
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent, dequantised
from myelin.convert.floats.simulator import late, simulate_floats
from myelin.convert.quantise.calibrate import mismatch, quantise, state_error
from myelin.convert.quantise.layer import Grid
from myelin.convert.quantise.report import as_dict, batches, choices, compare_networks, table
from myelin.convert.quantise.rounding import round_network
from myelin.hw_configs.errors import DataError, NetworkError


def network(seed=0, fractions=False):
    """Two layers of spikes, the second with a bias, and a readout; weights with a heavy tail."""
    rng = np.random.default_rng(seed)
    steps = np.where(fractions * np.arange(24) % 24 > 18, rng.uniform(0, 6, (2, 24)), rng.integers(0, 6, (2, 24)))
    hidden = FloatLayer(
        (24,),
        FloatDense(0.25 * rng.standard_t(2.5, (24, 16))),
        FloatCuba(1.0, 0.6, 0.3),
        delay_steps=steps[0],
        recurrent=FloatRecurrent(FloatConv(rng.normal(0, 0.3, (1, 1, 1, 3)), padding=(0, 1)), steps[1]),
    )
    second = FloatLayer(
        (20,), FloatDense(0.25 * rng.standard_t(2.5, (20, 24))), FloatCuba(1.0, 0.7, 0.2, rng.normal(0.02, 0.02, 20))
    )
    readout = FloatLayer((4,), FloatDense(0.3 * rng.standard_t(2.5, (4, 20))), FloatCuba(None, 1.0, 0.05))
    return FloatNetwork((16,), (hidden, second, readout))


def spikes(seed, samples=16):
    return (np.random.default_rng(seed).random((samples, 30, 16)) < 0.15).astype(np.uint8)


@pytest.fixture(scope="module")
def quantised():
    return quantise(network(), spikes(1), Grid(4))


def test_measures_by_hand():
    assert mismatch(np.array([1, 0, 0, 1]), np.array([1.0, 1.0, 0, 0])) == 1.0
    assert mismatch(np.zeros(3), np.zeros(3)) == 0
    assert state_error(np.array([1.0, 3.0]), np.array([1.0, 1.0])) == pytest.approx(np.sqrt(2))
    assert state_error(np.array([2.0]), np.array([0.0])) == 2.0


def test_calibration_beats_plain_rounding_on_other_samples(quantised):
    floats, others = network(), spikes(2)
    plain = round_network(floats, 4)
    labels = simulate_floats(floats, others).output.sum(axis=1).argmax(axis=1)
    compared = compare_networks(
        floats, {"plain": plain, "calibrated": quantised.network}, batches(lambda i: others[i], labels, range(16))
    )
    for plain_layer, calibrated_layer in zip(compared.mismatch["plain"], compared.mismatch["calibrated"], strict=True):
        assert calibrated_layer < 0.8 * plain_layer
    result = as_dict(floats, compared)
    assert result["float_accuracy_percent"] == 100
    assert result["layers"] == ["layer 0 (dense, recurrent conv)", "layer 1 (dense)"]
    want = simulate(quantised.network, others, record={0: ("spikes",)})
    assert result["networks"][1]["accuracy_percent"] == pytest.approx(100 * np.mean(want.prediction == labels))
    reference = simulate_floats(floats, others).layers[0]["spikes"]
    assert compared.mismatch["calibrated"][0] == pytest.approx(mismatch(want.layers[0]["spikes"], reference))
    assert len(table(result)) == 5


def test_integers_are_on_the_grid_and_delays_as_given(quantised):
    floats = network()
    for layer, report in zip(quantised.network.layers, quantised.layers, strict=True):
        assert layer.synapse.weight.min() >= -8 and layer.synapse.weight.max() <= 7
        assert layer.synapse.weight_exp == report.choice.steps[0]
        assert report.delays["axonal"] == "whole"
    np.testing.assert_array_equal(quantised.network.layers[0].delay_steps, floats.layers[0].delay_steps)
    np.testing.assert_array_equal(quantised.network.layers[0].recurrent.delay_steps, floats.layers[0].recurrent.delay_steps)
    assert [entry["layer"] for entry in choices(quantised)][2] == "layer 2 (dense)"


def test_the_error_that_is_reported_is_that_of_the_network(quantised):
    """Layer by layer with the integers before it in place, delays between them included, is the whole network."""
    got = simulate(quantised.network, spikes(1), record={0: ("spikes",), 1: ("spikes",)})
    want = simulate_floats(network(), spikes(1))
    for index in (0, 1):
        assert quantised.layers[index].error == mismatch(got.layers[index]["spikes"], want.layers[index]["spikes"])
    volts = got.output / (64 * quantised.layers[2].choice.scale)
    assert quantised.layers[2].error == pytest.approx(state_error(volts, want.output))


def test_a_network_of_integers_comes_back_without_error(exact_network):
    exact, inputs = exact_network(1)
    got = quantise(dequantised(exact), inputs[:4])
    assert [report.error for report in got.layers[:-1]] == [0.0] * (len(got.layers) - 1)


def test_fractional_delays_become_whole_neighbours():
    floats = network(5, fractions=True)
    got = quantise(floats, spikes(1, 8)).network
    pairs = [(got.layers[0].delay_steps, floats.layers[0].delay_steps)]
    pairs.append((got.layers[0].recurrent.delay_steps, floats.layers[0].recurrent.delay_steps))
    for whole, fraction in pairs:
        assert np.all(np.abs(whole - fraction) < 1)


def test_a_fraction_of_a_delay_spreads_a_spike_over_two_steps():
    train = np.zeros((1, 5, 2))
    train[0, 1] = 1
    np.testing.assert_array_equal(late(train, np.array([1.25, 2.0]))[0].T, [[0, 0, 0.75, 0.25, 0], [0, 0, 0, 1, 0]])
    layer = FloatLayer((2,), FloatDense(np.eye(2)), FloatCuba(0.5, 1, 1), delay_steps=[0.5, 1.0])
    last = FloatLayer((2,), FloatDense(np.eye(2)), FloatCuba(None, 1, 1))
    with pytest.raises(NetworkError, match="fractions of a step"):
        simulate_floats(FloatNetwork((2,), (layer, last)), train)
    got = simulate_floats(FloatNetwork((2,), (layer, last)), np.pad(train, ((0, 0), (0, 2), (0, 0))), interpolate=True)
    np.testing.assert_array_equal(got.output[0].T, [[0, 0, 0, 0.5, 0.5, 0, 0], [0, 0, 0, 0, 1, 0, 0]])


def test_samples_that_say_nothing_are_refused():
    with pytest.raises(DataError, match="hold no spikes"):
        quantise(network(), np.zeros((2, 10, 16), np.uint8))
    with pytest.raises(DataError, match="spikes have shape"):
        quantise(network(), np.ones((2, 10, 3), np.uint8))
