"""All delays of a network are changed, and nothing else."""

from __future__ import annotations

import numpy as np

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.delays import clip_delays, with_delays

CUBA = Cuba(threshold=10, current_decay=100, voltage_decay=200)


def test_axonal_and_synaptic_delays_of_both_connections_are_changed():
    weight, delay = np.ones((3, 3), np.int32), np.arange(9).reshape(3, 3)
    back = DelayedRecurrent(Dense(weight, delay_steps=delay + 1), np.array([4, 5, 6]))
    plain = Layer((3,), Dense(weight), CUBA, 7)
    full = Layer((3,), Dense(weight, delay_steps=delay), CUBA, np.array([1, 2, 3]), back)
    first, second = with_delays([plain, full], lambda steps: 2 * steps)
    assert first.synapse is plain.synapse and first.recurrent is None and first.delay_steps == 14
    np.testing.assert_array_equal(second.delay_steps, [2, 4, 6])
    np.testing.assert_array_equal(second.synapse.delay_steps, 2 * delay)
    np.testing.assert_array_equal(second.recurrent.delay_steps, [8, 10, 12])
    np.testing.assert_array_equal(second.recurrent.synapse.delay_steps, 2 * (delay + 1))
    assert second.neuron is CUBA and np.array_equal(second.synapse.weight, weight)


def test_a_convolution_has_no_delays_of_its_own():
    kernel = Conv(np.ones((1, 1, 1, 3), np.int32), padding=(0, 1))
    layer = Layer((4,), Dense(np.ones((4, 2), np.int32)), CUBA, 1, DelayedRecurrent(kernel, np.arange(4)))
    (changed,) = with_delays([layer], lambda steps: np.minimum(steps, 2))
    assert changed.recurrent.synapse is kernel
    np.testing.assert_array_equal(changed.recurrent.delay_steps, [0, 1, 2, 2])


def test_delays_beyond_a_limit_are_shortened_and_counted():
    weight, delay = np.ones((3, 3), np.int32), np.arange(9).reshape(3, 3)
    back = DelayedRecurrent(Dense(weight), np.array([4, 9, 6]))
    network = Network(
        Input((3,)), (Layer((3,), Dense(weight, delay_steps=delay), CUBA, 5, back), Layer((3,), Dense(weight), CUBA, 2))
    )
    clipped, found = clip_delays(network, 5)
    first, second = clipped.layers
    np.testing.assert_array_equal(first.recurrent.delay_steps, [4, 5, 5])
    np.testing.assert_array_equal(first.synapse.delay_steps, np.minimum(delay, 5))
    assert (first.delay_steps, second.delay_steps) == (5, 2)
    assert [str(entry) for entry in found] == [
        "layer 0 (dense, recurrent dense), recurrent: 2 of 3 delays shortened to 5 steps, the longest was 9",
        "layer 0 (dense, recurrent dense), synapses: 3 of 9 delays shortened to 5 steps, the longest was 8",
    ]
    assert clip_delays(clipped, 5)[1] == []
