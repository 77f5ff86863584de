"""Plain rounding: scales, what is exact, and what the fields of the integers bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert import simulate
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatRecurrent, dequantised
from myelin.convert.quantise.rounding import layer_scale, round_layer, round_network, weight_scale
from myelin.convert.quantise.scalar import STATE_THRESHOLD
from myelin.hw_configs.fixed_point import STATE_MAX, STATE_SHIFT


@pytest.mark.parametrize(
    ("weights", "scale"),
    [([1.0], 6), ([0.9], 7), ([-1.0, 0.9], 7), ([127.4], 0), ([127.6], -1), ([-128.4], 0), ([254 / 64, -4], 5), ([0.0], None)],
)
def test_the_largest_weight_uses_8_bits(weights, scale):
    assert weight_scale(np.array(weights)) == scale


def test_a_layer_is_scaled_as_a_whole():
    layer = FloatLayer(
        (2,), FloatDense([[0.3, -0.7], [0.1, 0.5]]), FloatCuba(1.3, 0.2501, 0.03, [0.11, -0.02]), delay_steps=[1.4, 2.6]
    )
    got = round_layer(layer)
    np.testing.assert_array_equal(got.synapse.weight, [[38, -90], [13, 64]])
    assert (got.synapse.weight_exp, got.neuron.threshold) == (0, round(1.3 * 128))
    assert (int(got.neuron.current_decay), int(got.neuron.voltage_decay)) == (1024, 123)
    np.testing.assert_array_equal(got.neuron.bias_mant, np.rint(np.array([0.11, -0.02]) * 128 * 64))
    assert got.neuron.bias_exp == 0
    np.testing.assert_array_equal(got.delay_steps, [1, 3])


def test_connections_of_one_layer_take_exponents_where_their_sizes_differ():
    recurrent = FloatRecurrent(FloatDense([[0.01]]))
    got = round_layer(FloatLayer((1,), FloatDense([[1.0]]), FloatCuba(1.0, 1, 1), recurrent=recurrent))
    assert (int(got.synapse.weight[0, 0]), got.synapse.weight_exp) == (64, 7)
    assert (int(got.recurrent.synapse.weight[0, 0]), got.recurrent.synapse.weight_exp) == (82, 0)
    assert got.neuron.threshold == 1 << 13


def test_a_convolution_has_no_exponent_so_its_scale_binds():
    recurrent = FloatRecurrent(FloatDense([[0.01]]))
    got = round_layer(FloatLayer((1, 1, 1), FloatConv(np.ones((1, 1, 1, 1))), FloatCuba(1.0, 1, 1), recurrent=recurrent))
    assert int(got.synapse.weight.item()) == 64
    assert (int(got.recurrent.synapse.weight[0, 0]), got.recurrent.synapse.weight_exp) == (1, 0)


def test_the_scale_falls_until_the_threshold_fits():
    got = round_layer(FloatLayer((1,), FloatDense([[0.9]]), FloatCuba(5000.0, 1, 1)))
    assert (got.neuron.threshold, int(got.synapse.weight[0, 0])) == (5000 * 16, 14)


def test_the_scale_falls_until_the_bias_fits():
    got = round_layer(FloatLayer((1,), FloatDense([[0.9]]), FloatCuba(3000.0, 1, 1, 1000.0)))
    assert (int(got.neuron.bias_mant), got.neuron.bias_exp) == (4000, 7)
    assert (got.neuron.threshold, int(got.synapse.weight[0, 0])) == (3000 * 8, 7)


def test_a_bias_of_whole_mantissas_keeps_the_exponent_that_netx_knows():
    got = round_layer(FloatLayer((1,), FloatDense([[1.0]]), FloatCuba(1.0, 1, 1, 5 / 64)))
    assert (int(got.neuron.bias_mant), got.neuron.bias_exp) == (5, 6)


def test_a_readout_gets_a_threshold_beyond_every_voltage():
    got = round_layer(FloatLayer((1,), FloatDense([[0.9]]), FloatCuba(None, 1, 1)))
    assert (got.output, got.neuron.threshold) == ("state", STATE_THRESHOLD)
    assert STATE_THRESHOLD << STATE_SHIFT > STATE_MAX


@pytest.mark.parametrize("seed", range(4))
def test_floats_that_integers_can_say_give_the_same_spikes(exact_network, seed):
    network, spikes = exact_network(seed)
    again = round_network(dequantised(network))
    assert simulate(again, spikes).output.any()
    np.testing.assert_array_equal(simulate(again, spikes).output, simulate(network, spikes).output)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_rounding_is_the_nearest(random_network, seed):
    """Of any network: decays and delays come back as they were, weights within half a unit of the layer's scale."""
    network, _ = random_network(seed)
    if network.input.neuron is not None:
        return
    floats = dequantised(network)
    again = round_network(floats)
    for before, layer, after in zip(network.layers, floats.layers, again.layers, strict=True):
        for name in ("current_decay", "voltage_decay"):
            np.testing.assert_array_equal(getattr(after.neuron, name), getattr(before.neuron, name))
        np.testing.assert_array_equal(after.delay_steps, before.delay_steps)
        scale = layer_scale(layer)
        exponent = getattr(after.synapse, "weight_exp", 0)
        error = np.ldexp(after.synapse.weight, exponent) - np.ldexp(layer.synapse.weight, scale)
        assert np.abs(error).max() <= 0.5 * 2**exponent
        assert (
            np.abs(after.neuron.bias_mant * 2.0 ** (after.neuron.bias_exp - 6) - np.ldexp(layer.neuron.bias, scale)).max() <= 1
        )
