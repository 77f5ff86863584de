"""Costs by hand, and on random networks equal to what the profile counts, however the network is mapped."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, DelayedRecurrent, Delta, Dense, Input, Layer, Network
from myelin.convert.mapping.activity import measure
from myelin.convert.mapping.estimate import BARRIER, MEMORY_READS, NEURON_UPDATES, SHORTEST_STEP, SYNAPTIC_OPERATIONS, estimate
from myelin.convert.mapping.estimate_report import estimate_dict, estimate_lines
from myelin.convert.mapping.mapping import map_network
from myelin.convert.mapping.strategies import STRATEGIES
from myelin.convert.profile.profiler import profile
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.target_files import load_target

ONE = load_target("loihi1")
TWO = load_target("loihi2")
#: A spike for every input, in the step in which it arrives: u is gone after each step.
ALWAYS = Cuba(0, 4096, 4096)


def two_layers():
    """Three inputs to two neurons that feed back, and one neuron after; five steps."""
    recurrent = DelayedRecurrent(Dense([[0, 0], [-2, 0]]))
    first = Layer((2,), Dense([[2, 0, 0], [4, 6, 0]]), ALWAYS, recurrent=recurrent)
    network = Network(Input((3,)), [first, Layer((1,), Dense([[2, 2]]), ALWAYS)])
    spikes = np.zeros((1, 5, 3), int)
    spikes[0, 0] = 1  # meets 2 + 1 + 0 weights
    spikes[0, 2, 1] = 1  # meets 1
    return network, spikes


@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3)])
def test_nothing_that_ran_has_no_activity(shape):
    with pytest.raises(DataError, match=f"activity of {shape[0]} samples of {shape[1]} steps; 1 or more"):
        measure(two_layers()[0], np.zeros(shape, int))


def test_two_layers_by_hand():
    """All inputs arrive at step 1: both neurons fire; at 2 neuron 0's spike inhibits neuron 1; input 1 arrives at 3, 1 fires.

    Layer 1 has input at 2 and 4, and fires there.
    """
    network, spikes = two_layers()
    activity = measure(network, spikes)
    assert activity.entered.tolist() == [1, 2, 1]
    assert activity.sent[0].tolist() == [1, 2] and activity.sent[1].tolist() == [2]
    assert activity.active[0].tolist() == [1, 3] and activity.active[1].tolist() == [2]
    mapping = map_network(network, ONE)
    found = estimate(mapping, activity)
    first, second = found.layers
    assert (first.forward_operations, first.recurrent_operations, first.spikes) == (4, 1, 3)
    assert (first.active_updates, first.inactive_updates) == (4, 6)
    # three inputs reach the core from outside; neuron 0 alone has a target in the recurrence
    assert first.messages == 1
    # lists of axons 0 and 1 (axon 2 has no target): one word each, read 3 times; the recurrent one once
    assert first.words == 4
    assert (second.operations, second.messages, second.active_updates, second.inactive_updates) == (3, 3, 2, 3)
    assert first.energy_pj == {
        "synaptic_operation": 5 * 23.6,
        "neuron_update_active": 4 * 81.0,
        "neuron_update_inactive": 6 * 52.0,
        "spike_within_tile": 1.7,
    }
    assert found.energy_pj == pytest.approx(8 * 23.6 + 6 * 81 + 9 * 52 + 4 * 1.7)
    bounds = {bound.what: bound for bound in found.bounds}
    assert (bounds[NEURON_UPDATES].core, bounds[NEURON_UPDATES].count) == (0, 2)
    assert bounds[NEURON_UPDATES].time_ns == pytest.approx((4 * 8.4 + 6 * 5.3) / 5)
    assert (bounds[SYNAPTIC_OPERATIONS].core, bounds[SYNAPTIC_OPERATIONS].time_ns) == (0, pytest.approx(5 / 5 * 3.5))
    assert (bounds[MEMORY_READS].count, bounds[MEMORY_READS].time_ns) == (pytest.approx(4 / 5), None)
    assert bounds[BARRIER].time_ns == 113  # two cores of one tile
    assert found.bound is bounds[BARRIER] and found.sample_ns == 5 * 113


def test_barrier_grows_with_tiles():
    """Four cores a tile: one tile, two of 32, all 32, and never more than those of a chip."""
    for cores, expected in ((4, 113), (5, 113 + 352 / 31), (128, 465), (132, 465)):
        synapse = Dense(np.full((cores, 1), 2))
        target = dataclasses.replace(ONE, neurons_per_core=1, chips=2)
        network = Network(Input((1,)), [Layer((cores,), synapse, ALWAYS)])
        found = estimate(map_network(network, target), measure(network, np.zeros((1, 2, 1), int)))
        assert {bound.what: bound.time_ns for bound in found.bounds}[BARRIER] == pytest.approx(expected)


def test_the_shortest_step_of_loihi2():
    network, spikes = two_layers()
    activity = measure(network, spikes)
    found = estimate(map_network(network, TWO), activity)
    bounds = {bound.what: bound.time_ns for bound in found.bounds}
    assert (bounds[SHORTEST_STEP], bounds[BARRIER]) == (200, 465)  # its tiles are not public: the end for all of them
    shown = estimate_dict(found, TWO)
    assert shown["label"] == "relative comparison only: figures per event are those of loihi1"
    assert [entry["energy_mj"] for entry in shown["published"]] == [0.36, 0.46, 93.3]
    text = "\n".join(estimate_lines(shown))
    assert "memory reads on core 0: 0.8 a step, time not public" in text
    assert "a step takes at least 465.0 ns, bound by barrier" in text


def test_without_public_figures():
    network, spikes = two_layers()
    target = dataclasses.replace(ONE, events=None)
    found = estimate(map_network(network, target), measure(network, spikes))
    assert (found.energy_pj, found.bound, found.sample_ns) == (None, None, None)
    assert found.layers[0].energy_pj == {}
    text = "\n".join(estimate_lines(estimate_dict(found, target)))
    assert "not public" in text and "uJ" not in text


def test_without_a_mapping():
    network, spikes = two_layers()
    target = dataclasses.replace(ONE, axons_in_per_core=1)
    mapping = map_network(network, target)
    assert not mapping.cores
    found = estimate(mapping, measure(network, spikes))
    assert (found.layers[0].operations, found.layers[0].messages, found.bounds, found.bound) == (5, None, (), None)


def test_spikes_on_several_cores():
    """A neuron whose spikes reach three cores sends three messages each time; a dense list for two neurons is read on each."""
    network = Network(Input((1,)), [Layer((1,), Dense([[2]]), ALWAYS), Layer((6,), Dense(np.full((6, 1), 2)), ALWAYS)])
    spikes = np.zeros((2, 4, 1), int)
    spikes[:, :2] = 1
    found = estimate(map_network(network, dataclasses.replace(ONE, neurons_per_core=2)), measure(network, spikes))
    assert (found.layers[0].spikes, found.layers[1].messages, found.layers[1].operations) == (2, 6, 12)
    assert found.layers[1].words == 6


def test_input_neurons_and_bias():
    """An encoder is active where its value is not zero; neurons with a bias are active in every step."""
    encoder = Input((2,), 4, Delta(1))
    biased = Cuba(64, 4096, 4096, bias_mant=[0, 1])
    network = Network(encoder, [Layer((2,), Dense(2 * np.eye(2, dtype=int)), biased)])
    spikes = np.zeros((1, 3, 2), int)
    spikes[0, 0, 0] = 5
    activity = measure(network, spikes)
    assert activity.active[-1].tolist() == [1, 0]
    assert activity.active[0].tolist()[1] == 3
    names = [layer.name for layer in estimate(map_network(network, TWO), activity).layers]
    assert names == ["input neurons", "layer 0 (dense)"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_operations_are_those_of_the_profile(random_network, seed):
    network, spikes = random_network(seed)
    profiled = profile(network, spikes, timed=False)
    activity = measure(network, spikes)
    rng = np.random.default_rng(seed)
    target = dataclasses.replace(ONE, neurons_per_core=int(rng.integers(2, 8)), conv_weights_shared=bool(rng.integers(2)))
    found = estimate(map_network(network, target, str(rng.choice(STRATEGIES)), activity=activity), activity)
    for layer, counted in zip(reversed(found.layers), reversed(profiled.layers)):
        assert layer.forward_operations * profiled.samples == pytest.approx(counted.forward_operations)
        assert layer.recurrent_operations * profiled.samples == pytest.approx(counted.recurrent_operations)
        assert layer.spikes * profiled.samples == pytest.approx(counted.spikes)
        updates = counted.neurons * profiled.steps
        assert layer.active_updates + layer.inactive_updates == pytest.approx(updates)
    assert activity.entered.sum() == profiled.layers[0].spikes


def test_shared_kernels_read_what_a_spike_meets():
    """A kernel of 2 x 2 with stride 2 meets each pixel with one tap: two output channels, two synapses, one word."""
    network = Network(Input((1, 4, 4)), [Layer((2, 2, 2), Conv(np.full((2, 1, 2, 2), 2), stride=(2, 2)), ALWAYS)])
    found = estimate(map_network(network, ONE), measure(network, np.ones((1, 1, 1, 4, 4), int)))
    assert (found.layers[0].words, found.layers[0].operations) == (16, 32)
