"""Float networks: what they stand for, what they refuse, and the step-by-step reference."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert import Cuba, DelayedRecurrent, Delta, Dense, Input, Layer, Network, SigmaDelta, simulate
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent, dequantised
from myelin.convert.floats.simulator import simulate_floats
from myelin.hw_configs.errors import DataError, NetworkError


def test_dequantised_gives_slayers_units():
    cuba = Cuba(threshold=80, current_decay=1024, voltage_decay=128, bias_mant=[3, -1], bias_exp=6)
    recurrent = DelayedRecurrent(Dense([[0, 4], [4, 0]], 3), [1, 2])
    got = dequantised(Network(Input((1,), 3), [Layer((2,), Dense([[64], [-32]], 1), cuba, [0, 5], recurrent)])).layers[0]
    np.testing.assert_array_equal(got.synapse.weight, [[2.0], [-1.0]])
    np.testing.assert_array_equal(got.recurrent.synapse.weight, [[0, 0.5], [0.5, 0]])
    assert (got.neuron.threshold, float(got.neuron.current_decay), float(got.neuron.voltage_decay)) == (1.25, 0.25, 0.03125)
    np.testing.assert_array_equal(got.neuron.bias, [3 / 64, -1 / 64])
    np.testing.assert_array_equal(got.delay_steps, [0, 5])
    np.testing.assert_array_equal(got.recurrent.delay_steps, [1, 2])


def test_what_has_no_floats_is_refused_by_name():
    cuba = Cuba(1, 1, 1)
    with pytest.raises(NetworkError, match="the input drives Delta neurons"):
        dequantised(Network(Input((1,), neuron=Delta(1)), [Layer((1,), Dense([[2]]), cuba)]))
    with pytest.raises(NetworkError, match=r"layer 0 \(dense\): has SigmaDelta neurons"):
        dequantised(Network(Input((1,)), [Layer((1,), Dense([[2]]), SigmaDelta(1))]))


@pytest.mark.parametrize("seed", range(4))
def test_the_reference_equals_the_integer_simulator_where_integers_lose_nothing(exact_network, seed):
    network, spikes = exact_network(seed)
    want = simulate(network, spikes, record=dict.fromkeys(range(3), ("spikes", "u", "v")))
    got = simulate_floats(dequantised(network), spikes)
    for index in range(3):
        assert want.layers[index]["spikes"].any()
        np.testing.assert_array_equal(got.layers[index]["spikes"], want.layers[index]["spikes"])
        for name in ("u", "v"):
            np.testing.assert_array_equal(got.layers[index][name] * 4096, want.layers[index][name])
    np.testing.assert_array_equal(got.output, want.output)


def test_a_readout_gives_voltages_and_never_spikes():
    layer = FloatLayer((1,), FloatDense([[1.0]]), FloatCuba(None, 1.0, 0.5))
    got = simulate_floats(FloatNetwork((1,), (layer,)), np.ones((1, 4, 1)))
    np.testing.assert_array_equal(got.output[0, :, 0], [0, 1, 1.5, 1.75])
    assert not got.layers[0]["spikes"].any()


def test_fractions_of_a_step_are_rounded_on_demand_only():
    layer = FloatLayer(
        (2,),
        FloatDense(np.ones((2, 1))),
        FloatCuba(0.5, 1, 1, 0),
        delay_steps=[0.5, 1.6],
        recurrent=FloatRecurrent(FloatDense(np.zeros((2, 2))), 2.4),
    )
    network = FloatNetwork((1,), (layer,))
    spikes = np.zeros((1, 5, 1))
    spikes[0, 0] = 1
    with pytest.raises(NetworkError, match="fractions of a step"):
        simulate_floats(network, spikes)
    floored = network.map_delays(np.floor)
    np.testing.assert_array_equal(floored.layers[0].delay_steps, [0, 1])
    assert float(floored.layers[0].recurrent.delay_steps) == 2
    assert simulate_floats(floored, spikes).output[0].T.tolist() == [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current_decay": 1.5}, "current_decay lies in 1.5..1.5, allowed is 0..1"),
        ({"voltage_decay": np.nan}, "voltage_decay holds 1 values that are NaN or infinite"),
        ({"delay_steps": [-1, 0]}, "delay_steps lies in -1..0"),
        ({"bias": np.zeros(3)}, r"bias has shape \(3,\), which does not broadcast"),
        ({"threshold": -1.0}, "threshold lies in -1..-1"),
        ({"threshold": None, "delay_steps": 1.0}, "a readout of states has no spikes"),
        ({"synapse": FloatDense(np.ones((3, 2)))}, r"layer 0 \(dense\): its weights reach a population of shape \(3,\)"),
        ({"synapse": FloatConv(np.ones((1, 2, 1, 1)))}, "conv weight expects 2 channels"),
        ({"recurrent": FloatRecurrent(FloatDense(np.ones((3, 3))))}, "recurrent dense|dense weight expects 3 inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    fields = {
        "shape": (2,),
        "synapse": FloatDense(np.ones((2, 2))),
        "threshold": 1.0,
        "current_decay": 0.5,
        "voltage_decay": 0.5,
        **change,
    }
    with pytest.raises(NetworkError, match=message):
        constants = {
            name: fields.pop(name) for name in ("threshold", "current_decay", "voltage_decay", "bias") if name in fields
        }
        FloatNetwork((2,), (FloatLayer(neuron=FloatCuba(**constants), **fields),))


def test_input_of_another_shape_is_refused():
    layer = FloatLayer((1,), FloatDense([[1.0]]), FloatCuba(1.0, 1, 1))
    with pytest.raises(DataError, match="spikes have shape"):
        simulate_floats(FloatNetwork((1,), (layer,)), np.zeros((1, 4, 2)))
