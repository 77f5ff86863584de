"""Each rule at each of its edges, and all of them at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert import Conv, Cuba, DelayedRecurrent, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta
from convert.rules import RULES, check, not_checked, weight_bits
from hw_configs.target import Target, load_target

LOIHI1, LOIHI2, CPU = load_target("loihi1"), load_target("loihi2"), load_target("cpu")


def cuba(**change):
    return Cuba(**{"threshold": 10, "current_decay": 100, "voltage_decay": 100, **change})


def network(neuron=None, synapse=None, source=None, **layer):
    size = synapse.weight.shape[0] if isinstance(synapse, Dense) else 2
    synapse = synapse if synapse is not None else Dense([[2, 4], [6, 8]])
    return Network(source or Input((2,)), [Layer((size,), synapse, neuron or cuba(), **layer)])


def messages(net, target=LOIHI2):
    return [violation.message for violation in check(net, target)]


def test_a_network_within_all_limits():
    assert check(network(), LOIHI2) == check(network(), LOIHI1) == check(network(), CPU) == []


CURE = "retrain with max_delay_steps=62 or export with --clip-delays"


def test_axonal_delays_belong_to_the_layer_whose_spikes_they_delay():
    assert messages(network(delay_steps=62)) == []
    assert messages(network(delay_steps=[0, 63])) == [f"layer 0 (dense): longest delay is 63 steps, loihi2 holds 62; {CURE}"]
    two = Network(Input((2,)), [network().layers[0], network(delay_steps=71).layers[0]])
    assert messages(two) == [f"layer 1 (dense): longest delay is 71 steps, loihi2 holds 62; {CURE}"]
    assert messages(two, CPU) == []


def test_recurrent_delays():
    def of(delay):
        return network(recurrent=DelayedRecurrent(Dense([[2, 2], [2, 2]]), [0, delay]))

    assert messages(of(62)) == []
    assert messages(of(63)) == [
        f"layer 0 (dense, recurrent dense): longest recurrent delay is 63 steps, loihi2 holds 62; {CURE}"
    ]


def test_synaptic_delays_add_to_the_axonal_ones_that_reach_them():
    delays = [[0, 40], [1, 2]]
    assert messages(network(synapse=Dense([[2, 4], [6, 8]], delay_steps=[[62, 0], [0, 0]]))) == []
    assert messages(network(synapse=Dense([[2, 4], [6, 8]], delay_steps=[[63, 0], [0, 0]]))) == [
        f"layer 0 (dense): longest synaptic delay is 63 steps, loihi2 holds 62; {CURE}"
    ]
    for axonal, fits in ((22, True), (23, False)):
        first = network(delay_steps=[60, axonal]).layers[0]
        both = Network(Input((2,)), [first, Layer((2,), Dense([[2, 4], [6, 8]], 0, delays), cuba())])
        expected = (
            f"layer 1 (dense): longest synaptic delay (axonal and synaptic together) is 63 steps, loihi2 holds 62; {CURE}"
        )
        assert messages(both) == ([] if fits else [expected])


@pytest.mark.parametrize(
    ("weights", "bits"),
    [
        ([[0]], 1),
        ([[1]], 1),
        ([[-1]], 1),
        ([[128]], 1),
        ([[3]], 2),
        ([[255]], 8),
        ([[-255]], 8),
        ([[127, -128]], 8),
        ([[254, -256]], 8),
        ([[7, -8]], 4),
        ([[8, -8]], 2),
        ([[8, -7]], 5),
        ([[112, -128]], 4),
    ],
)
def test_weight_bits(weights, bits):
    assert weight_bits(np.array(weights)) == bits


def test_the_width_of_weights():
    four = dataclasses.replace(LOIHI2, weight_bits=4, name="four")
    assert messages(network(synapse=Dense([[7, -8], [0, 1]])), four) == []
    assert messages(network(synapse=Dense([[8, -7], [0, 1]])), four) == [
        "layer 0 (dense): width of the weights is 5 bits, four holds 4; quantise the weights to 4 bits"
    ]
    inner = DelayedRecurrent(Conv([[[[8, -7, 0]]]], padding=(0, 1)))
    assert [text.split(": ")[1][:27] for text in messages(network(recurrent=inner), four)] == ["width of the recurrent weig"]


@settings(deadline=None)
@given(st.lists(st.integers(-128, 127), min_size=1, max_size=8), st.integers(0, 1))
def test_what_a_network_may_state_fits_8_bits(values, doubled):
    assert weight_bits(np.array([values]) << doubled) <= 8


def test_weight_exponents_where_they_are_public():
    for exponent, fits in ((-8, True), (-9, False), (7, True), (8, False)):
        net = network(synapse=Dense([[2, 4], [6, 8]], weight_exp=exponent))
        got = messages(net, LOIHI1)
        assert (got == []) == fits and messages(net, LOIHI2) == []
    assert got == [
        "layer 0 (dense): weight_exp is 8, loihi1 holds 7; scale the weights and the threshold by a power of two instead"
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"current_decay": 1}, None),
        ({"current_decay": 0}, "current_decay is 0, loihi2 holds 1 or more; train with a current decay of 1..4096 / 4096"),
        ({"current_decay": 4096}, None),
        ({"current_decay": [5, 0]}, "current_decay is 0, loihi2 holds 1 or more"),
        ({"voltage_decay": 0}, None),
        ({"voltage_decay": 4095}, None),
        ({"voltage_decay": 4096}, "voltage_decay is 4096, loihi2 holds 4095; train with a voltage decay of 0..4095 / 4096"),
        ({"threshold": 2**17 - 1}, None),
        ({"threshold": 2**17}, "threshold is 131072, loihi2 holds 131071; scale the weights and the threshold down"),
        ({"bias_mant": 4095}, None),
        ({"bias_mant": -4096}, None),
        ({"bias_exp": 7}, None),
    ],
)
def test_neuron_constants(change, text):
    got = messages(network(neuron=cuba(**change)))
    assert got == [] if text is None else (len(got) == 1 and got[0].startswith("layer 0 (dense): " + text))


def test_biases():
    assert messages(network(neuron=cuba(bias_mant=-4096)), LOIHI1) == [
        "layer 0 (dense): bias_mant is -4096, loihi1 holds -4095 or more; raise bias_exp and round the mantissa, or clip the "
        "bias in training"
    ]
    low = dataclasses.replace(LOIHI2, bias_exp_max=3)
    assert messages(network(neuron=cuba(bias_exp=3)), low) == []
    assert messages(network(neuron=cuba(bias_exp=4)), low) == ["layer 0 (dense): bias_exp is 4, loihi2 holds 3; lower bias_exp"]


def test_a_readout_of_states_must_not_spike():
    for threshold, fits in ((2**17 - 2, False), (2**17 - 1, True), (2**18 - 1, True)):
        assert (messages(network(neuron=cuba(threshold=threshold), output="state")) == []) == fits
    assert messages(network(neuron=cuba(), output="state")) == [
        "layer 0 (dense): threshold of a readout of states is 10, loihi2 holds 131071 or more; set the threshold of the "
        "readout to 131071 or more, so that it never spikes"
    ]


def test_message_bits():
    graded = network(source=Input((2,), message_bits=1))
    assert messages(graded, LOIHI2) == []
    assert messages(graded, LOIHI1) == [
        "input: spike payload is 1 bits, loihi1 holds 0; count the input in finer time bins, so that spikes are 0 or 1"
    ]
    biases = network(source=Input((2,), message_bits=6, neuron=cuba()))
    assert messages(biases, LOIHI1) == []


def test_sigma_delta_messages_need_a_payload():
    encoded = network(neuron=SigmaDelta(10), source=Input((2,), 8, Delta(10)))
    assert messages(encoded, LOIHI2) == messages(encoded, CPU) == []
    wide = "payload of sigma-delta messages is 16 bits, loihi1 holds 0; train CUBA neurons for this target"
    assert messages(encoded, LOIHI1) == [f"input neurons: {wide}", f"layer 0 (dense): {wide}"]
    sums = network(neuron=Sigma(), output="state")
    assert messages(sums, LOIHI2) == [] and messages(sums, LOIHI1) == [f"layer 0 (dense): {wide}"]


def test_sigma_delta_constants_fit_the_states():
    for threshold, bias, fits in ((2047, -2048, True), (2048, 0, False), (0, -2049, False), (0, 2048, False)):
        assert (messages(network(neuron=SigmaDelta(threshold, bias=bias))) == []) == fits
    cure = "scale the weights, thresholds and biases down by a power of two, or lower spike_exp"
    assert messages(network(source=Input((2,), 4, Delta(2048)))) == [
        f"input neurons: width of the threshold among the states is 25 bits, loihi2 holds 24; {cure}"
    ]


def test_input_neurons_are_checked_too():
    net = network(source=Input((2,), neuron=cuba(voltage_decay=4096)))
    assert messages(net)[0].startswith("input neurons: voltage_decay is 4096")


def test_every_violation_at_once_in_the_order_of_layers():
    bad = cuba(current_decay=0, voltage_decay=4096, threshold=2**17, bias_mant=-4096)
    inner = DelayedRecurrent(Dense([[2, 2], [2, 2]], weight_exp=-9), 70)
    first = Layer((2,), Dense([[2, 4], [6, 8]], weight_exp=8), bad, 63, inner)
    net = Network(Input((2,), message_bits=3), [first, Layer((2,), Dense([[2, 4], [6, 8]]), cuba(voltage_decay=4096))])
    found = check(net, LOIHI1)
    assert [violation.where.split(" (")[0] for violation in found] == ["input", *["layer 0"] * 8, "layer 1"]
    assert len({(violation.rule, violation.where, violation.what) for violation in found}) == 10
    assert all(violation.cure and violation.target == "loihi1" for violation in found)


def test_what_is_not_public_is_said():
    assert not_checked(LOIHI1) == not_checked(CPU) == []
    assert not_checked(LOIHI2) == ["weight exponent: weight_exp_min, weight_exp_max of loihi2 not public, not checked"]
    bare = Target("bare", "Bare")
    assert len(not_checked(bare)) == sum(1 for rule in RULES if rule.needs)
    assert check(network(delay_steps=4000), bare) == []
