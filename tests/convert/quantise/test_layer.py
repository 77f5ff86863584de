"""One layer on a grid: ranges, values by hand, and rounding that makes good what it did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatRecurrent
from myelin.convert.quantise.layer import Grid, QuantisationChoice, compensated, largest_scale, quantised_layer, steps_of
from myelin.convert.quantise.rounding import round_layer
from myelin.convert.quantise.scalar import STATE_THRESHOLD
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target


def test_values_by_hand():
    layer = FloatLayer((2,), FloatDense([[1.0, -0.4], [0.1, 0.0]]), FloatCuba(1.5, 0.25, 0.5, [0.1, 0.0]))
    got = quantised_layer(layer, Grid(4), QuantisationChoice(48.0, (3,), threshold=1.1))
    # 48 / 2^3 = 6 a weight of 1: 6, -2.4, 0.6; threshold 48 * 1.1 * 1.5 = 79.2; bias 48 * 64 * 0.1 = 307.2
    np.testing.assert_array_equal(got.synapse.weight, [[6, -2], [1, 0]])
    assert (got.synapse.weight_exp, got.neuron.threshold) == (3, 79)
    np.testing.assert_array_equal(got.neuron.bias_mant << got.neuron.bias_exp, [307, 0])
    assert (int(got.neuron.current_decay), int(got.neuron.voltage_decay)) == (1024, 2048)
    clipped = quantised_layer(layer, Grid(4), QuantisationChoice(48.0, (2,)))
    np.testing.assert_array_equal(clipped.synapse.weight, [[7, -5], [1, 0]])


def test_a_convolution_has_its_step_in_its_weights():
    layer = FloatLayer((1, 1, 3), FloatConv([[[[0.5, -1.0, 0.24]]]], padding=(0, 1)), FloatCuba(None, 1, 0))
    got = quantised_layer(layer, Grid(4), QuantisationChoice(64.0, (4,)))
    np.testing.assert_array_equal(got.synapse.weight.ravel(), [32, -64, 16])
    assert got.neuron.threshold == STATE_THRESHOLD


@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(2, 8),
    scale=st.floats(0.3, 1.0),
    kind=st.sampled_from(["dense", "conv"]),
)
@settings(max_examples=60, deadline=None)
def test_unclipped_weights_are_within_half_a_step_and_all_in_range(seed, bits, scale, kind):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 10.0 ** rng.integers(-3, 3), (4, 4) if kind == "dense" else (1, 1, 1, 3))
    synapse = FloatDense(weight) if kind == "dense" else FloatConv(weight, padding=(0, 1))
    shape = (4,) if kind == "dense" else (1, 1, 4)
    back = FloatRecurrent(FloatDense(rng.normal(0, 0.3, (4, 4)))) if kind == "dense" else None
    layer = FloatLayer(shape, synapse, FloatCuba(1.0, 0.5, 0.5), recurrent=back)
    grid = Grid(bits)
    a = scale * largest_scale(layer, grid, 4.0)
    steps = steps_of(layer, grid, a)
    got = quantised_layer(layer, grid, QuantisationChoice(a, steps))
    synapses = [got.synapse] if back is None else [got.synapse, got.recurrent.synapse]
    for floats, synapse, step in zip(layer.connections, synapses, steps, strict=True):
        mantissa = synapse.weight if kind == "dense" else synapse.weight >> step
        assert mantissa.min() >= grid.low and mantissa.max() <= grid.high
        if kind == "dense":
            assert synapse.weight_exp == step
        np.testing.assert_allclose(mantissa * 2.0**step, a * floats.weight, rtol=0, atol=0.5000001 * 2.0**step)
    assert got.neuron.threshold <= grid.threshold_max


def test_what_compensation_leaves_is_less_where_sources_go_together():
    rng = np.random.default_rng(3)
    weight = rng.normal(0, 3, (20, 12))
    x = rng.random((400, 3)) @ rng.random((3, 12)) + 0.1 * rng.random((400, 12))
    gram = x.T @ x / len(x)
    nearest, better = np.rint(weight), compensated(weight, gram, -8, 7)
    left = [float(np.square(x @ (weight - rounded).T).mean()) for rounded in (np.clip(nearest, -8, 7), better)]
    assert left[1] < 0.25 * left[0]
    assert better.min() >= -8 and better.max() <= 7


def test_independent_sources_are_rounded_to_the_nearest():
    weight = np.random.default_rng(4).normal(0, 2, (5, 6))
    np.testing.assert_array_equal(compensated(weight, np.diag(np.arange(1.0, 7.0)), -128, 127), np.rint(weight))
    np.testing.assert_array_equal(compensated(weight, np.zeros((6, 6)), -128, 127), np.rint(weight))  # nothing ever enters


def test_a_grid_is_the_targets():
    assert Grid.of(load_target("loihi2")) == Grid(8)
    assert Grid.of(Target("small", "small", weight_bits=4, weight_exp_max=2, threshold_max=100)) == Grid(4, 2, 100)
    for bits in (1, 9):
        with pytest.raises(NetworkError, match=f"weight_bits is {bits}; 2..8 is allowed"):
            Grid(bits)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_plain_rounding_takes_fewer_bits_with_the_threshold_as_fine_as_before(bits):
    layer = FloatLayer((1,), FloatDense([[0.9, -0.31, 0.17]]), FloatCuba(1.01, 1, 1))
    got = round_layer(layer, bits)
    scale = {2: 64, 4: 128, 8: 128}[bits]  # 0.9 becomes 1 of 1, 7 of 7, 115 of 127
    coarse = 1 << (8 - bits)
    want = np.rint(np.array([[0.9, -0.31, 0.17]]) * scale / coarse) * coarse
    np.testing.assert_array_equal(got.synapse.weight, want)
    assert got.neuron.threshold == round(1.01 * scale)
