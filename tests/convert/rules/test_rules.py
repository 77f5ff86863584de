"""Each rule at each of its edges, and all of them at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, DelayedRecurrent, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta
from myelin.convert.neurons import NEURONS
from myelin.convert.rules import RULES, Violation, calibrate, check, not_checked, notes, state_ranges, weight_bits
from myelin.convert.rules.synapses import sources
from myelin.convert.synapses import connections, fan_in
from myelin.hw_configs.target import LAYER_KINDS, NEURON_MODELS, Target
from myelin.hw_configs.target_files import load_target

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


CURE = "retrain with max_delay_steps=62 or export with --clip-delays (clip_delays=True in Python)"


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
    plain = dataclasses.replace(LOIHI2, message_bits_max=15, name="plain")
    wide = "payload of sigma-delta messages is 16 bits, plain holds 15; train CUBA neurons for this target"
    assert messages(encoded, plain) == [f"input neurons: {wide}", f"layer 0 (dense): {wide}"]
    assert messages(encoded, dataclasses.replace(plain, neuron_models=None)) == messages(encoded, plain)
    sums = network(neuron=Sigma(), output="state")
    assert messages(sums, LOIHI2) == [] and messages(sums, plain) == [f"layer 0 (dense): {wide}"]


def test_neurons_without_a_process():
    encoded = network(neuron=SigmaDelta(10), source=Input((2,), 8, Delta(10)))
    told = "loihi1 holds cuba; train CUBA neurons for this target"
    assert messages(encoded, LOIHI1) == [
        f"input neurons: neuron model is delta, {told}",
        f"layer 0 (dense): neuron model is sigma_delta, {told}",
    ]
    assert messages(network(neuron=Sigma(), output="state"), LOIHI1) == [f"layer 0 (dense): neuron model is sigma, {told}"]
    assert set(NEURONS) >= set(NEURON_MODELS)


def test_connections_without_a_process():
    inner = DelayedRecurrent(Conv([[[[2, 2, 2]]]], padding=(0, 1)))
    net = network(recurrent=inner)
    for kinds, fits in ((("dense", "recurrent conv"), True), (("dense", "conv", "recurrent dense"), False)):
        target = dataclasses.replace(LOIHI2, layer_kinds=kinds, name="few")
        assert (messages(net, target) == []) == fits
    assert messages(net, target) == [
        "layer 0 (dense, recurrent conv): kind of connection is recurrent conv, few holds dense, conv, recurrent dense; train "
        "a network of those connections"
    ]
    convs = Network(Input((1, 1, 4)), [Layer((1, 1, 4), Conv([[[[2, 2, 2]]]], padding=(0, 1)), cuba())])
    assert messages(convs, dataclasses.replace(LOIHI2, layer_kinds=LAYER_KINDS)) == []
    assert len(messages(convs, dataclasses.replace(LOIHI2, layer_kinds=("dense",)))) == 1


CUT = "reach each neuron from fewer: make the population before it smaller, or its weights sparse"


def test_axons_that_one_neuron_needs():
    wide = np.ones((2, 4097), int)
    assert messages(network(synapse=Dense(wide[:, :4096]), source=Input((4096,))), LOIHI1) == []
    assert messages(network(synapse=Dense(wide), source=Input((4097,))), LOIHI1) == [
        f"layer 0 (dense): input axons of one neuron is 4097, loihi1 holds 4096; {CUT}"
    ]
    wide[0, 0] = wide[1, 1] = 0  # 4096 each
    assert messages(network(synapse=Dense(wide), source=Input((4097,))), LOIHI1) == []
    inner = DelayedRecurrent(Dense([[2, 0], [0, 0]]))  # the first neuron hears itself too
    recurrent = network(synapse=Dense(wide), source=Input((4097,)), recurrent=inner)
    assert "input axons of one neuron is 4097" in messages(recurrent, LOIHI1)[0]
    assert messages(network(synapse=Dense(wide), source=Input((4097,))), LOIHI2) == []  # not public


def test_channels_at_one_place_share_an_axon_where_kernels_are_shared():
    net = Network(Input((8, 3, 3)), [Layer((1, 3, 3), Conv(np.full((1, 8, 3, 3), 2), padding=(1, 1)), cuba())])
    shared = dataclasses.replace(LOIHI1, axons_in_per_core=9, name="shared")
    assert messages(net, shared) == []
    assert "is 9, shared holds 8" in messages(net, dataclasses.replace(shared, axons_in_per_core=8))[0]
    assert "is 72, shared holds 9" in messages(net, dataclasses.replace(shared, conv_weights_shared=False))[0]


def test_axons_that_one_neuron_sends_along():
    first = Layer((2,), Dense([[2, 2], [2, 2]]), cuba(), recurrent=DelayedRecurrent(Dense([[2, 0], [2, 0]])))
    net = Network(Input((2,)), [first, Layer((3,), Dense([[2, 0], [2, 2], [2, 2]]), cuba())])  # reaches 3 and 2, and 2
    small = dataclasses.replace(LOIHI1, neurons_per_core=2, axons_out_per_core=3, name="small")
    assert messages(net, small) == []
    assert messages(net, dataclasses.replace(small, axons_out_per_core=2)) == [
        "layer 0 (dense, recurrent dense): output axons of one neuron is 3, small holds 2; let each neuron reach fewer: make "
        "the population after it smaller, or its weights sparse"
    ]


def test_memory_that_one_neuron_needs():
    dense = network(synapse=Dense(np.full((1, 100), -3)), source=Input((100,)))  # 100 words of 8 bytes, one for each axon
    own = dataclasses.replace(LOIHI1, core_memory_bytes=800, name="own")
    assert messages(dense, own) == []
    assert messages(dense, dataclasses.replace(own, core_memory_bytes=799)) == [
        f"layer 0 (dense): synapse memory of one neuron is 800 bytes, own holds 799; {CUT}"
    ]
    stand_in = dataclasses.replace(LOIHI2, core_memory_bytes=25)  # 2 bits of weight, the rest is an estimate
    assert messages(dense, stand_in) == []
    assert "is 25 bytes" in messages(dense, dataclasses.replace(stand_in, core_memory_bytes=24))[0]
    conv = Network(Input((2, 3, 3)), [Layer((1, 3, 3), Conv(np.full((1, 2, 3, 3), -3), padding=(1, 1)), cuba())])
    assert "is 5 bytes" in messages(conv, dataclasses.replace(own, core_memory_bytes=4))[0]  # 18 times 2 bits


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_sources_of_a_neuron_are_those_of_its_fan_in(data):
    number = st.integers(1, 3)
    groups, kernel, stride = data.draw(number), (data.draw(number), data.draw(number)), (data.draw(number), data.draw(number))
    seed, depth, outs, padding = data.draw(st.integers(0, 999)), data.draw(number), data.draw(number), (1, 0)
    weight = np.random.default_rng(seed).integers(-1, 2, (outs * groups, depth, *kernel)) * 2
    synapse = Conv(weight, stride=stride, padding=padding, groups=groups)
    shape = (groups * depth, 5, 4)
    net = Network(Input(shape), [Layer(synapse.output_shape(shape), synapse, cuba())])
    link = connections(net, 0)[0]
    inputs = [fan_in(link, neuron).weight.reshape(shape) for neuron in range(net.layers[0].neurons)]
    assert sources(link).tolist() == [np.count_nonzero(weights) for weights in inputs]
    assert sources(link, places=True).tolist() == [np.count_nonzero(weights.any(axis=0)) for weights in inputs]


def charging(weight, threshold=2**17 - 1, **change):
    """One neuron that keeps all current and voltage, and nine spikes of a graded input: u grows by 64 * 255 * weight a step."""
    neuron = Cuba(threshold, **{"current_decay": 0, "voltage_decay": 4096, **change})
    net = Network(Input((1,), 8), [Layer((1,), Dense([[weight]]), neuron, output="state")])
    return net, calibrate(net, [np.full((2, 10, 1), 255)])


def test_currents_that_wrap():
    plain = dataclasses.replace(CPU, name="plain")
    net, calibration = charging(57)  # 9 * 64 * 255 * 57 = 8,372,160 < 2^23
    assert check(net, plain, calibration) == [] and not_checked(plain, calibration) == []
    assert state_ranges(calibration)[0][1:] == ("u", 0, 8_372_160, 0)
    net, calibration = charging(58)  # 8,519,040: wraps in the last step, in both samples
    cure = "scale the weights and the threshold down by a power of two, or let the states decay faster"
    assert [violation.message for violation in check(net, plain, calibration)] == [
        f"layer 0 (dense): u (2 samples of 10 steps, wraps 2 times) is 8519040, plain holds 8388608; {cure}"
    ]
    net, calibration = charging(-58)
    assert [violation.message for violation in check(net, plain, calibration)] == [
        f"layer 0 (dense): u (2 samples of 10 steps, wraps 2 times) is -8519040, plain holds -8388607 or more; {cure}"
    ]
    assert check(net, plain) == []  # without a calibration the states are not judged
    assert not_checked(plain) == ["states: no input to calibrate with (--data PATH), not checked"]


def test_voltages_that_saturate_are_noted():
    net, calibration = charging(100, 2**18, current_decay=4096, voltage_decay=0)  # v grows by 64 * 25500 a step, in 9 steps
    assert [violation.message for violation in check(net, CPU, calibration)] == [  # floats would go on counting
        "layer 0 (dense): v (2 samples of 10 steps, saturates there) is 10020607, cpu holds 8388544; scale the weights of the "
        "readout down by a power of two"
    ]
    (last,) = net.layers
    spiking = dataclasses.replace(last, output="spikes")
    hidden = Network(net.input, [spiking, dataclasses.replace(last, synapse=Dense([[2]]))])  # saturates as on the target
    assert check(hidden, CPU, calibrate(hidden, [np.full((2, 10, 1), 255)])) == []
    ranges = {state.name: state for state in state_ranges(calibration)}
    assert (ranges["v"].high, ranges["v"].beyond_24_bit) == (8_388_607 + 1_632_000, 8)  # steps 6..9 of both samples
    assert notes(CPU, calibration) == [
        "layer 0 (dense): v saturates 8 times (2 samples of 10 steps), reaching 0..10020607 of +-8388607; cpu does the same, "
        "so nothing differs from the simulation"
    ]
    narrow = dataclasses.replace(CPU, state_bits=22, name="narrow")  # here it is not what was simulated
    assert notes(narrow, calibration) == notes(CPU, None) == []
    assert [violation.message.split(";")[0] for violation in check(net, narrow, calibration)] == [
        "layer 0 (dense): v (2 samples of 10 steps) is 10020607, narrow holds 2097151"
    ]


def test_a_readout_that_saturates_is_reset():
    """64 (2^17 - 1) lies below the 2^23 - 1 where v saturates; training knows no threshold there."""
    for weight, fits in ((57, True), (58, False)):  # 8,372,160 and 8,519,040; the threshold is 8,388,544
        net, calibration = charging(weight, current_decay=4096, voltage_decay=0)
        assert (check(net, LOIHI2, calibration) == []) == fits
    assert check(net, LOIHI2, calibration)[0].message == (
        "layer 0 (dense): v (2 samples of 10 steps, reset there) is 8519040, loihi2 holds 8388544; scale the weights of the "
        "readout down by a power of two"
    )


def test_sums_of_sigma_delta_neurons():
    net = Network(Input((1,), 8), [Layer((1,), Dense([[100]]), Sigma(), output="state")])  # 25,500 a step, 9 steps
    calibration = calibrate(net, [np.full((1, 10, 1), 255)])
    narrow = dataclasses.replace(CPU, state_bits=18, name="narrow")
    assert check(net, CPU, calibration) == []
    assert check(net, narrow, calibration)[0].message.startswith(
        "layer 0 (dense): sigma (1 sample of 10 steps) is 229500, narrow holds 131071; scale"
    )


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
    states = "states: no input to calibrate with (--data PATH), not checked"
    cores = "cores: whether all layers fit on them is for `myelin map`, not checked"
    assert not_checked(LOIHI1) == [states, cores] and not_checked(CPU) == [states]
    assert not_checked(LOIHI2) == [
        "weight exponent: weight_exp_min, weight_exp_max of loihi2 not public, not checked",
        "axons in: axons_in_per_core of loihi2 not public, not checked",
        "axons out: axons_out_per_core of loihi2 not public, not checked",
        states,
        cores,
    ]
    bare = Target("bare", "Bare")
    assert len(not_checked(bare)) == sum(1 for rule in RULES if rule.needs and not rule.of_controller) + 1
    assert not any("axons" in line for line in not_checked(dataclasses.replace(bare, simulator=True)))
    assert check(network(delay_steps=4000), bare) == []


def test_eight_limits_at_once():
    """Eight limits broken by one network: eight messages, each with layer, got, limit and cure."""
    wide = Layer((2,), Dense([[2, 4], [6, 8]], weight_exp=8), cuba(current_decay=0, voltage_decay=4096), 71)
    last = Layer((2,), Dense([[3, -127], [1, 1]]), cuba(threshold=2**17, bias_mant=-4096))
    net = Network(Input((2,), message_bits=4), [wide, last])
    assert messages(net, dataclasses.replace(LOIHI1, weight_bits=4)) == [
        "input: spike payload is 4 bits, loihi1 holds 0; count the input in finer time bins, so that spikes are 0 or 1",
        "layer 0 (dense): longest delay is 71 steps, loihi1 holds 62; retrain with max_delay_steps=62 or export with "
        "--clip-delays (clip_delays=True in Python)",
        "layer 0 (dense): weight_exp is 8, loihi1 holds 7; scale the weights and the threshold by a power of two instead",
        "layer 0 (dense): current_decay is 0, loihi1 holds 1 or more; train with a current decay of 1..4096 / 4096",
        "layer 0 (dense): voltage_decay is 4096, loihi1 holds 4095; train with a voltage decay of 0..4095 / 4096",
        "layer 1 (dense): width of the weights is 8 bits, loihi1 holds 4; quantise the weights to 4 bits",
        "layer 1 (dense): threshold is 131072, loihi1 holds 131071; scale the weights and the threshold down by a power of two",
        "layer 1 (dense): bias_mant is -4096, loihi1 holds -4095 or more; raise bias_exp and round the mantissa, or clip the "
        "bias in training",
    ]


def test_a_message_names_bytes():
    violation = Violation("fan-in", "layer 1 (dense)", "memory", "bytes", 9, 8, "x", "less")
    assert violation.message == "layer 1 (dense): memory is 9 bytes, x holds 8; less"
