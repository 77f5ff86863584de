"""The simulator against the second writing of the model, against values worked out by hand, and against bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate
from myelin.hw_configs.errors import DataError

PASS = Cuba(threshold=0, current_decay=4096, voltage_decay=4096)  # spikes in every step with positive input


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_integer_equals_the_slow_writing(reference, random_network, seed):
    network, spikes = random_network(seed)
    record = dict.fromkeys(range(0 if network.input.neuron is None else -1, len(network.layers)), ("spikes", "u", "v"))
    got = [simulate(network, spikes, record=record, engine=engine) for engine in ("events", "dense")]
    for sample in range(len(spikes)):
        trace, output = reference(network, spikes[sample])
        for recording in got:
            for index in record:
                for name in ("u", "v", "spikes"):
                    flat = recording.layers[index][name][sample].reshape(len(output), -1)
                    np.testing.assert_array_equal(flat, trace[index][name], err_msg=f"layer {index}, {name}")
            np.testing.assert_array_equal(recording.output[sample].reshape(output.shape), output)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chunk=st.integers(1, 4))
def test_chunks_and_threads_change_nothing(random_network, seed, chunk):
    network, spikes = random_network(seed)
    whole, parts = simulate(network, spikes, chunk=len(spikes)), simulate(network, spikes, chunk=chunk)
    np.testing.assert_array_equal(whole.output, parts.output)
    np.testing.assert_array_equal(whole.readout, parts.readout)


def one_spike(steps=12, inputs=1, at=0):
    spikes = np.zeros((1, steps, inputs), np.uint8)
    spikes[0, at, 0] = 1
    return spikes


def when(array):
    return np.flatnonzero(array).tolist()


def test_a_spike_takes_one_step_per_connection_plus_its_delays():
    network = Network(
        Input((1,)),
        [
            Layer((2,), Dense([[2], [2]], delay_steps=[[0], [3]]), PASS, delay_steps=[4, 0]),
            Layer((1,), Dense([[2, 2]]), PASS, delay_steps=2),
        ],
    )
    got = simulate(network, one_spike(at=1), record={0: ("spikes",), 1: ("spikes",)})
    assert when(got.layers[0]["spikes"][0, :, 0]) == [2]  # 1 + one step
    assert when(got.layers[0]["spikes"][0, :, 1]) == [5]  # and 3 steps of synaptic delay
    assert when(got.layers[1]["spikes"][0, :, 0]) == [6, 7]  # 5 + 1, and 2 + 1 + 4 of axonal delay
    assert when(got.output[0, :, 0]) == [8, 9]  # the last layer's own delay of 2
    assert got.readout.tolist() == [[2]]


def test_recurrence_arrives_one_step_and_its_delay_later():
    network = Network(
        Input((1,)), [Layer((2,), Dense([[2], [0]]), PASS, recurrent=DelayedRecurrent(Dense([[0, 0], [2, 0]]), [3, 0]))]
    )
    got = simulate(network, one_spike())
    assert when(got.output[0, :, 0]) == [1]
    assert when(got.output[0, :, 1]) == [1 + 1 + 3]


def test_current_and_voltage_by_hand():
    cuba = Cuba(threshold=3, current_decay=2048, voltage_decay=1024, bias_mant=-1, bias_exp=0)
    got = simulate(Network(Input((1,)), [Layer((1,), Dense([[2]]), cuba)]), one_spike(4), record={0: ("u", "v", "spikes")})
    # t 0: u = 0, v = -1.  t 1: u = 128, v = -rz(0.75) + 128 - 1 = 127.  t 2: u = 64, v = rz(95.25) + 64 - 1 = 158.
    # t 3: u = 32, v = rz(118.5) + 32 - 1 = 149; the threshold is 3 * 64 = 192, so no spike.
    assert got.layers[0]["u"][0, :, 0].tolist() == [0, 128, 64, 32]
    assert got.layers[0]["v"][0, :, 0].tolist() == [-1, 127, 158, 149]
    assert not got.output.any()


def test_spikes_only_strictly_above_threshold():
    for weight, spikes in ((2, 0), (4, 1)):
        cuba = Cuba(threshold=2, current_decay=4096, voltage_decay=4096)  # 2 * 64 = 128 = 64 * weight at weight 2
        got = simulate(Network(Input((1,)), [Layer((1,), Dense([[weight]]), cuba)]), one_spike(3))
        assert got.output.sum() == spikes


def test_exponent_floors_each_delay_by_itself():
    """Three spikes of weight 1 and exponent -1 that arrive together: 3 >> 1 = 1 with one delay; with three delays, 0."""
    readout = Cuba(threshold=1 << 17, current_decay=4096, voltage_decay=4096)
    together = Network(Input((3,)), [Layer((1,), Dense([[1, 1, 1]], weight_exp=-1), readout, output="state")])
    apart = Network(Input((3,)), [Layer((1,), Dense([[1, 1, 1]], -1, [[0, 1, 2]]), readout, output="state")])
    now = np.zeros((1, 6, 3), np.uint8)
    now[0, 2] = 1
    spread = np.zeros((1, 6, 3), np.uint8)
    spread[0, 2, 0] = spread[0, 1, 1] = spread[0, 0, 2] = 1
    assert simulate(together, now).output[0, :, 0].tolist() == [0, 0, 0, 64, 0, 0]
    assert not simulate(apart, spread).output.any()
    down = Network(Input((1,)), [Layer((1,), Dense([[-1]], weight_exp=-4), readout, output="state")])
    assert simulate(down, one_spike(3)).output[0, :, 0].tolist() == [0, -64, 0]  # -1 >> 4 is -1: it floors


def test_current_wraps_once_and_voltage_saturates():
    wrap = Cuba(threshold=1 << 17, current_decay=0, voltage_decay=4096)
    network = Network(Input((1,)), [Layer((1,), Dense([[64]], weight_exp=11), wrap, output="state")])
    spikes = np.ones((1, 4, 1), np.uint8)
    # every spike adds 64 * 64 * 2^11 = 2^23: 2^23 stays (the wrap is strict) and the voltage saturates; 2^24 turns to 0
    got = simulate(network, spikes, record={0: ("u", "v")})
    assert got.layers[0]["u"][0, :, 0].tolist() == [0, 1 << 23, 0, 1 << 23]
    assert got.output[0, :, 0].tolist() == [0, (1 << 23) - 1, 0, (1 << 23) - 1]


def test_undelayed_convolution_wraps_at_24_bit_and_a_delayed_one_does_not():
    readout = Cuba(threshold=1 << 17, current_decay=4096, voltage_decay=4096)
    layer = Layer((1, 1, 1), Conv(np.full((1, 1, 1, 1), 128)), readout)
    network = Network(Input((1, 1, 1), message_bits=17), [layer])
    spikes = np.full((1, 2, 1, 1, 1), 1 << 16)
    assert simulate(network, spikes, record={0: ("u",)}).layers[0]["u"][0, 1].item() == -(1 << 29) + (1 << 24)


@pytest.mark.parametrize("density", [0.02, 0.9])
@pytest.mark.parametrize("bits", [0, 6, 16])
def test_matrix_product_and_events_agree(reference, density, bits):
    """Past a density the product takes over; 6 bits need float32 only, 16 bits float64."""
    rng = np.random.default_rng(bits)
    network = Network(
        Input((30,), message_bits=bits),
        [Layer((9,), Dense(rng.integers(-128, 128, (9, 30))), Cuba(900, 1000, 200), recurrent=None)],
    )
    spikes = rng.integers(1, network.input.max_value + 1, (2, 40, 30)) * (rng.random((2, 40, 30)) < density)
    got = simulate(network, spikes, record={0: ("u",)})
    for sample in range(2):
        trace, _ = reference(network, spikes[sample])
        np.testing.assert_array_equal(got.layers[0]["u"][sample], trace[0]["u"])


def test_input_neurons_get_the_transformed_value_as_bias_in_the_same_step():
    source = Input((2,), 2, Cuba(threshold=7, current_decay=4096, voltage_decay=0), weight=2, bias=2)
    network = Network(source, [Layer((2,), Dense([[2, 0], [0, 2]]), PASS)])
    spikes = np.broadcast_to(np.array([0, 3], np.uint8), (1, 5, 2))
    got = simulate(network, spikes, record={-1: ("spikes", "v")})
    assert (got.layers[-1]["v"][0, :, 0] // 64).tolist() == [2, 4, 6, 0, 2]  # 2 per step, spike above 7
    assert got.layers[-1]["spikes"][0, :, 1].tolist() == [1, 1, 1, 1, 1]  # 2 * 3 + 2 = 8 > 7
    assert when(got.output[0, :, 0]) == [4]


def test_average_sums_the_groups():
    network = Network(Input((1,)), [Layer((4,), Dense([[2], [2], [-2], [2]]), PASS)], average_groups=2)
    got = simulate(network, np.ones((1, 4, 1), bool))
    assert got.readout.tolist() == [[6, 3]]
    assert got.prediction.tolist() == [0]


def test_convolution_on_a_row_of_neurons():
    network = Network(Input((5,)), [Layer((1, 1, 5), Conv([[[[2, 4, 6]]]], padding=(0, 1)), Cuba(1 << 17, 4096, 4096))])
    spikes = np.zeros((1, 2, 5), np.uint8)
    spikes[0, 0, 1] = 1
    got = simulate(network, spikes, record={0: ("u",)})
    assert got.layers[0]["u"][0, 1].reshape(-1).tolist() == [6 * 64, 4 * 64, 2 * 64, 0, 0]


def test_flat_input_is_accepted_for_three_axes():
    network = Network(Input((2, 1, 3)), [Layer((2,), Dense(np.ones((2, 6), int) * 2), PASS)])
    spikes = np.random.default_rng(0).integers(0, 2, (2, 5, 2, 1, 3))
    np.testing.assert_array_equal(simulate(network, spikes).output, simulate(network, spikes.reshape(2, 5, 6)).output)


@pytest.mark.parametrize(
    ("spikes", "text"),
    [
        (np.zeros((1, 3, 2)), "float64; bool or integers are allowed: use .astype"),
        (np.zeros((1, 3, 4), int), r"shape \(1, 3, 4\); \(batch, steps, 2\)"),
        (np.zeros((3, 2), int), "batch, steps, 2"),
        (np.full((1, 3, 2), 3), r"0\.\.1: count spikes in finer time bins .* message_bits=2"),
        (np.full((1, 3, 2), -1), "never negative"),
        (np.array([["a"]]), "dtype <U1"),
    ],
)
def test_bad_spikes_are_refused(small, spikes, text):
    with pytest.raises(DataError, match=text):
        simulate(small, spikes)


def test_bad_records_are_refused(small):
    for record, text in (
        ({2: ("u",)}, r"layer 2; this network has layers 0\.\.1"),
        ({-1: ("u",)}, "layer -1"),
        ({0: ("w",)}, "'w'"),
    ):
        with pytest.raises(DataError, match=text):
            simulate(small, np.zeros((1, 2, 2), int), record=record)


def test_graded_sums_beyond_32_bit_are_refused():
    network = Network(Input((4,), message_bits=24), [Layer((1,), Dense(np.full((1, 4), 127)), PASS)])
    with pytest.raises(DataError, match="fewer message bits"):
        simulate(network, np.full((1, 2, 4), (1 << 24) - 1))


def test_input_biases_beyond_13_bit_are_refused():
    source = Input((1,), 8, Cuba(threshold=7, current_decay=4096, voltage_decay=0), weight=64)
    with pytest.raises(DataError, match=r"biases of 12800\.\.12800, a 13 bit mantissa"):
        simulate(Network(source, [Layer((1,), Dense([[2]]), PASS)]), np.full((1, 2, 1), 200))


def test_empty_batch_and_no_steps(small):
    assert simulate(small, np.zeros((0, 5, 2), int)).output.shape == (0, 5, 2)
    assert simulate(small, np.zeros((2, 0, 2), int)).output.shape == (2, 0, 2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"chunk": 0}, "chunk is 0; 1 or more samples"),
        ({"chunk": -1}, "chunk is -1"),
        ({"chunk": 1.5}, "chunk is 1.5"),
        ({"reset_interval": 1.5}, "reset_interval is 1.5; 1 or more steps"),
        ({"engine": "event"}, "engine is 'event'; 'auto', 'events', 'dense' are allowed"),
    ],
)
def test_wrong_options_are_refused(small, options, text):
    with pytest.raises(DataError, match=text):
        simulate(small, np.zeros((3, 2, 2), int), **options)


def test_lists_of_different_lengths_are_no_spikes(small):
    with pytest.raises(DataError, match="spikes are no array"):
        simulate(small, [[[0, 1]], [[0, 1], [1, 0]]])


def test_progress_is_shown_on_demand(small, capsys):
    simulate(small, np.zeros((3, 2, 2), int), chunk=1, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_reset_clears_states_one_population_after_the_other_but_not_spikes_under_way():
    keep = Cuba(threshold=1 << 17, current_decay=4096, voltage_decay=0)
    first = Layer((1,), Dense([[2]]), Cuba(threshold=0, current_decay=4096, voltage_decay=0))
    network = Network(Input((1,)), [first, Layer((1,), Dense([[2]]), keep, output="state")])
    got = simulate(network, np.ones((1, 9, 1), np.uint8), reset_interval=4, record={0: ("v",)})
    # the first layer spikes from index 1 on; the second sums them from index 2 on, and starts anew at 1, 5, ...
    assert (got.output[0, :, 0] // 128).tolist() == [0, 0, 1, 2, 3, 1, 2, 3, 4]
    with pytest.raises(DataError, match="reset_interval is 0"):
        simulate(network, np.ones((1, 2, 1), np.uint8), reset_interval=0)


def test_graded_input_keeps_its_values_where_only_the_recurrence_is_dense():
    rng = np.random.default_rng(0)
    recurrent = DelayedRecurrent(Dense(np.full((6, 6), 2)))
    layer = Layer((6,), Dense(2 * rng.integers(0, 5, (6, 20))), PASS, recurrent=recurrent)
    network = Network(Input((20,), message_bits=2), [layer])
    spikes = rng.integers(0, 4, (130, 12, 20)) * (rng.random((130, 12, 20)) < 0.3)
    events, chosen = (simulate(network, spikes, record={0: ("a",)}, engine=engine) for engine in ("events", "auto"))
    np.testing.assert_array_equal(events.layers[0]["a"], chosen.layers[0]["a"])
