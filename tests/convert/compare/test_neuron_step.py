"""Single steps and synapses against the simulator and against unrolled convolutions, on random networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, Dense, Input, Layer, Network, simulate
from myelin.convert.arrays import signed
from myelin.convert.compare.neuron_step import neuron_step
from myelin.convert.inputs import input_values
from myelin.convert.layers.conv import as_chw, unroll
from myelin.convert.neurons.leaky_states import current_before_wrap, derived_input, voltage_before_limit
from myelin.convert.synapses import connections, fan_in, fan_out

SEEDS = st.integers(0, 2**32 - 1)
NAMES = ("spikes", "a", "u", "v")


def recorded(network, spikes):
    """Per layer index, what entered it and what it recorded, all (batch, steps, neurons)."""
    first = 0 if network.input.neuron is None else -1
    layers = simulate(network, spikes, record=dict.fromkeys(range(first, len(network.layers)), NAMES)).layers
    flat = {
        index: {name: array.reshape(*array.shape[:2], -1) for name, array in arrays.items()} for index, arrays in layers.items()
    }
    entered = spikes.reshape(*spikes.shape[:2], -1)
    result = {}
    for index in sorted(flat):
        result[index] = entered, flat[index]
        entered = flat[index]["spikes"]
    return result


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_step_worked_out_alone_is_the_simulators(random_network, seed):
    network, spikes = random_network(seed)
    rng = np.random.default_rng(seed)
    for index, (entered, arrays) in recorded(network, spikes).items():
        for _ in range(6):
            row, step, neuron = (int(rng.integers(size)) for size in arrays["u"].shape)
            found = neuron_step(
                network, index, neuron, step, entered[row], {name: array[row] for name, array in arrays.items()}
            )
            assert found.expected == {name: int(arrays[name][row, step, neuron]) for name in NAMES}


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_what_states_tell_of_the_steps_between_them(random_network, seed):
    network, spikes = random_network(seed)
    for index, (entered, arrays) in recorded(network, spikes).items():
        shape = network.input.shape if index < 0 else network.layers[index].shape
        cuba = network.input.neuron if index < 0 else network.layers[index].neuron
        a, u, v = (arrays[name] for name in ("a", "u", "v"))
        np.testing.assert_array_equal(derived_input(u, cuba, shape), signed(a, 18))
        before = current_before_wrap(a, u, cuba, shape)
        np.testing.assert_array_equal(signed(before - u, 24), 0)
        bias = cuba.drive(shape)
        if index < 0:
            mantissa = cuba.input_mantissa(input_values(network.input, entered.reshape(*entered.shape[:2], *shape)))
            bias = (mantissa << cuba.bias_exp).reshape(entered.shape)
        reached = np.clip(voltage_before_limit(u, v, bias, cuba, shape), -(2**23 - 1), 2**23 - 1)
        np.testing.assert_array_equal(np.where(reached > cuba.threshold << 6, 0, reached), v)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_single_synapses_are_those_of_the_unrolled_convolution(random_network, seed):
    network, _ = random_network(seed)
    for index, layer in enumerate(network.layers):
        for connection in connections(network, index):
            matrix = np.zeros((layer.neurons, int(np.prod(connection.shape))), int)
            if isinstance(connection.synapse, Dense):
                matrix[:] = connection.synapse.weight
            else:
                listed = unroll(connection.synapse, as_chw(connection.shape))
                matrix[listed.target, listed.source] = listed.weight
            for neuron in range(layer.neurons):
                np.testing.assert_array_equal(fan_in(connection, neuron).weight, matrix[neuron])
            np.testing.assert_array_equal(fan_out(connection), np.count_nonzero(matrix, axis=0))


def test_what_arrives_is_named_with_its_delay():
    neuron = Cuba(1000, 4096, 4096)
    synapse = Dense([[4, 0, 6]], delay_steps=[[0, 0, 2]])
    network = Network(Input((3,), 2), [Layer((1,), synapse, neuron)])
    entered = np.array([[0, 3, 2], [0, 0, 0], [1, 1, 1], [0, 0, 0]])
    own = {name: array[0] for name, array in recorded(network, entered[None])[0][1].items()}
    found = neuron_step(network, 0, 0, 3, entered, own)
    assert [(one.source, one.weight, one.delay_steps, one.value) for one in found.arrivals] == [(0, 4, 0, 1), (2, 6, 2, 2)]
    assert found.expected == {"a": 4 + 12, "u": 16 * 64, "v": 16 * 64, "spikes": 0}


@pytest.mark.parametrize(
    ("padding", "counts"), [(0, [1, 2, 3, 2, 1]), (1, [2, 3, 3, 3, 2])]
)  # by hand: a kernel of 3 on 5 places
def test_borders_of_a_convolution_are_counted_exactly(padding, counts):
    synapse = Conv(np.ones((1, 1, 1, 3), int), padding=(0, padding))
    network = Network(Input((1, 1, 5)), [Layer((1, 1, 3 + 2 * padding), synapse, Cuba(10, 0, 0))])
    assert fan_out(connections(network, 0)[0]).tolist() == counts
