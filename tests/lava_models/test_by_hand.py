"""Tiny networks whose every spike is worked out by hand, on Lava's models and on ours."""

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network

#: No memory: u = 64 a, v = u; one spike with weight 2 gives v = 128, above the threshold of 64.
INSTANT = Cuba(1, 4096, 4096)
#: Never fires; v is the current of the step.
SHOWS_CURRENT = Cuba((1 << 25) - 1, 4096, 4096)

both = pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])


def train(steps, *times, size=1):
    spikes = np.zeros((1, steps, size), np.uint8)
    spikes[0, list(times), 0] = 1
    return spikes


def times(recording):
    return np.flatnonzero(recording.output[0].reshape(recording.output.shape[1], -1)[:, 0]).tolist()


@both
def test_one_step_of_latency_and_axonal_delays(lava, stock):
    """In at 2 -> first layer at 3 -> its delay of 4: second layer at 3 + 1 + 4 = 8 -> its own delay of 2: out at 10."""
    layers = (
        Layer((1,), Dense([[2]]), INSTANT, delay_steps=4),
        Layer((1,), Dense([[2]]), INSTANT, delay_steps=2),
    )
    recording = lava.run(Network(Input((1,)), layers), train(12, 2), stock=stock, record={0: ("spikes",), 1: ("spikes",)})
    assert np.flatnonzero(recording.layers[0]["spikes"]).tolist() == [3]
    assert np.flatnonzero(recording.layers[1]["spikes"]).tolist() == [8]
    assert times(recording) == [10]


@both
def test_recurrent_delay_of_its_own(lava, stock):
    """A neuron that excites itself after 4 steps fires every 5: the feed-forward weights have no delay to share."""
    layer = Layer((1,), Dense([[2]]), INSTANT, recurrent=DelayedRecurrent(Dense([[2]]), 4))
    assert times(lava.run(Network(Input((1,)), (layer,)), train(20, 0), stock=stock)) == [1, 6, 11, 16]


@both
def test_exponent_floors_within_each_delay(lava, stock):
    """(1 + 1) / 2 = 1 where both arrive with the same delay, floor(1/2) + floor(1/2) = 0 where the delays differ."""
    weights = Dense([[1, 1], [1, 1]], -1, [[0, 0], [0, 1]])
    network = Network(Input((2,)), (Layer((2,), weights, SHOWS_CURRENT, output="state"),))
    spikes = np.zeros((1, 5, 2), np.uint8)
    spikes[0, 1] = 1
    recording = lava.run(network, spikes, stock=stock)
    assert recording.output[0].tolist() == [[0, 0], [0, 0], [64, 0], [0, 0], [0, 0]]


@both
def test_axonal_and_synaptic_delays_add(lava, stock):
    layers = (Layer((1,), Dense([[2]]), INSTANT, delay_steps=3), Layer((1,), Dense([[2]], 0, [[5]]), INSTANT))
    assert times(lava.run(Network(Input((1,)), layers), train(14, 0), stock=stock)) == [1 + 1 + 3 + 5]


@both
def test_current_wraps_once_and_voltage_saturates(lava, stock):
    """a = 254 << 10: 64 a = 16646144 > 2^23, so u = 16646144 - 2^24 = -131072; then +2^23 - 1 is where v stops."""
    wrapping = Layer((1,), Dense([[254]], 10), SHOWS_CURRENT, output="state")
    recording = lava.run(Network(Input((1,)), (wrapping,)), train(3, 0), stock=stock)
    assert recording.output[0, :, 0].tolist() == [0, -131072, 0]
    integrating = Layer((1,), Dense([[254]], 8), Cuba((1 << 25) - 1, 4096, 0), output="state")
    recording = lava.run(Network(Input((1,)), (integrating,)), train(6, 0, 1, 2, 3), stock=stock)
    assert recording.output[0, :, 0].tolist() == [0, 4161536, 8323072, 8388607, 8388607, 8388607]


@both
def test_graded_input_counts_with_its_value_only_with_message_bits(lava, stock):
    layer = Layer((1,), Dense([[2]]), SHOWS_CURRENT, output="state")
    values = np.array([[[5], [0], [3]]])
    recording = lava.run(Network(Input((1,), message_bits=3), (layer,)), values, stock=stock)
    assert recording.output[0, :, 0].tolist() == [0, 5 * 2 * 64, 0]


@both
def test_convolution_flattens_channels_first(lava, stock):
    """Channel 1 of a 1 x 1 kernel doubles; Dense picks neuron (c, y, x) = (1, 0, 2) of shape (2, 2, 3), index 6 + 2."""
    kernel = np.array([2, 4]).reshape(2, 1, 1, 1)
    pick = np.zeros((1, 12), int)
    pick[0, 8] = 2
    layers = (Layer((2, 2, 3), Conv(kernel), Cuba(3, 4096, 4096)), Layer((1,), Dense(pick), INSTANT))
    for place, expected in ((2, [2]), (1, [])):  # threshold 3: only channel 1 (v = 256 > 192) fires, at the same place
        assert times(lava.run(Network(Input((1, 2, 3)), layers), spikes_at(place), stock=stock)) == expected


def spikes_at(place):
    spikes = np.zeros((1, 4, 6), np.uint8)
    spikes[0, 0, place] = 1
    return spikes


@both
def test_input_neurons_take_the_input_as_bias_of_the_same_step(lava, stock):
    """v = (3 x + 1) << 6 without memory: above 64 * 10 for x = 4 (832), not for x = 3 (640); fires in the step of the input."""
    source = Input((1,), message_bits=3, neuron=Cuba(10, 4096, 4096), weight=3, bias=1)
    network = Network(source, (Layer((1,), Dense([[2]]), INSTANT),))
    recording = lava.run(network, np.array([[[4], [3], [0], [4]]]), stock=stock, record={-1: ("spikes", "v")})
    assert recording.layers[-1]["spikes"][0, :, 0].tolist() == [1, 0, 0, 1]
    assert recording.layers[-1]["v"][0, :, 0].tolist() == [0, 640, 64, 0]
    assert times(recording) == [1]


@both
def test_nothing_of_a_sample_reaches_the_next(lava, stock):
    """When the next sample starts, a spike of the last step is still on its way through a delay, and u and v have a memory."""
    layers = (
        Layer((1,), Dense([[2]]), Cuba(1, 10, 10), delay_steps=3, recurrent=DelayedRecurrent(Dense([[-2]]), 6)),
        Layer((1,), Dense([[4]]), Cuba(1, 10, 10)),
    )
    spikes = np.concatenate([train(8, 0, 3, 6, 7), train(8), train(8, 0, 3, 6, 7)])
    recording = lava.run(Network(Input((1,)), layers), spikes, stock=stock, record={1: ("u", "v")})
    assert recording.output[0].any()
    assert not recording.output[1].any() and not recording.layers[1]["v"][1].any()
    np.testing.assert_array_equal(recording.output[2], recording.output[0])
    np.testing.assert_array_equal(recording.layers[1]["u"][2], recording.layers[1]["u"][0])


def test_readout_and_empty_batches(lava):
    layer = Layer((4,), Dense([[2], [0], [2], [2]]), INSTANT)
    network = Network(Input((1,)), (layer,), average_groups=2)
    recording = lava.run(network, train(5, 0, 1))
    assert recording.readout.tolist() == [[2, 4]]
    assert recording.prediction.tolist() == [1]
    assert lava.run(network, np.zeros((0, 5, 1), int)).output.shape == (0, 5, 4)
