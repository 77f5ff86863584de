"""Sigma-delta layers in the simulator: by hand, against a reference implementation, and what is refused by name."""

from __future__ import annotations

import dataclasses

import h5py
import numpy as np
import pytest
import sigma_delta_networks
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from myelin.convert import (
    Conv,
    Cuba,
    DelayedRecurrent,
    Delta,
    Dense,
    Input,
    Layer,
    Network,
    Sigma,
    SigmaDelta,
    read_netx,
    simulate,
    write_netx,
)
from myelin.hw_configs.errors import DataError, NetworkError

SEEDS = st.integers(0, 2**32 - 1)
#: Above this the simulator refuses: see ``myelin.convert.simulator.neurons.sigma_delta``.
HOLDS = 1 << 30
seen = {"networks": 0, "messages": 0, "values": 0}


def sums(spike_exp=0, state_exp=0, threshold=0, **options):
    return SigmaDelta(threshold, spike_exp, state_exp, **options)


def one(neuron, values, weight=1, source=None, record=("spikes", "a", "sigma", "act", "residue", "error"), **layer):
    """A chain of one neuron: values (steps,) through encoders without threshold and exponents, and what it does by name."""
    source = source or Input((1,), 20, Delta(0, 0, 0))
    network = Network(source, (Layer((1,), Dense([[weight]]), neuron, **layer),))
    names = tuple(name for name in record if name in neuron.NAMES)
    got = simulate(network, np.array(values).reshape(1, -1, 1), record={0: names})
    return {name: array[0, :, 0].tolist() for name, array in got.layers[0].items()} | {"output": got.output[0, :, 0].tolist()}


# ---- by hand


def test_changes_reach_the_layer_a_step_later_and_add_up_again():
    """5, 5, 2, -1 goes in as changes 5, 0, -3, -3; relu stops the sum at 0, so only -2 is sent at the end."""
    got = one(sums(), [5, 5, 2, -1, -1])
    assert got["a"] == [0, 5, 0, -3, -3]
    assert got["sigma"] == [0, 5, 5, 2, -1]
    assert got["act"] == [0, 5, 5, 2, 0]
    assert got["spikes"] == got["output"] == [0, 5, 0, -3, -2]
    assert one(sums(activation="unit"), [5, 5, 2, -1, -1])["spikes"] == [0, 5, 0, -3, -3]


def test_the_bias_acts_from_the_first_step():
    got = one(sums(spike_exp=1, state_exp=2, bias=3), [0, 0])
    assert got["act"] == [24, 24] and got["sigma"] == [0, 0] and got["spikes"] == [6, 0]  # 3 << 3, sent as 24 >> 2


def test_at_the_threshold_a_message_is_sent_and_below_it_is_owed():
    """Changes of 3, 2, 1, 5 against a threshold of 5: 3 is owed, 3 + 2 reaches it, 1 is owed, 1 + 5 goes."""
    got = one(sums(threshold=5), [3, 5, 6, 11, 11])
    assert got["spikes"] == [0, 0, 5, 0, 6] and got["residue"] == [0, 3, 0, 1, 0]


def test_the_residue_does_not_keep_what_the_last_shift_drops():
    """State exponent 2: 7 is sent as 1 (4 of it), -7 as -2 (-8): the receiver's sum drifts, as Lava's does."""
    got = one(sums(state_exp=2, activation="unit"), [7, 0, 7, 0, 0])
    assert got["act"] == [0, 7, 0, 7, 0]
    assert got["spikes"] == [0, 1, -2, 1, -2] and got["residue"] == [0] * 5


def test_the_cumulative_error_counts_changes_that_are_owed_again_each_step():
    """Threshold 10, act 4 from step 1 on: delta stays 4 (owed), error 4, 8, 12: sent at the third step, error back to 0."""
    got = one(sums(threshold=10, cumulative_error=True), [4, 4, 4, 4, 4])
    assert got["error"] == [0, 4, 8, 0, 0] and got["spikes"] == [0, 0, 0, 4, 0] and got["residue"] == [0, 4, 4, 0, 0]
    assert one(sums(threshold=10), [4, 4, 4, 4, 4])["spikes"] == [0] * 5


def test_changes_that_cancel_leave_an_error():
    """2 and back: the second change cancels the owed one, so nothing is owed, and the error stays at 2, below 3."""
    got = one(sums(threshold=3, cumulative_error=True, activation="unit"), [2, 0, 0, -1])
    assert got["error"] == [0, 2, 2, 2] and got["residue"] == [0, 2, 0, 0] and got["spikes"] == [0, 0, 0, 0]


def test_delta_encoders_act_in_the_step_of_the_input():
    """Threshold 2: 1 is owed, 1 + 2 is sent; values are shifted by both exponents, messages by the state's back."""
    network = Network(Input((1,), 4, Delta(2, 3, 1)), (Layer((1,), Dense([[1]]), Sigma(), output="state"),))
    values = np.array([1, 3, 3, -3]).reshape(1, 4, 1)
    got = simulate(network, values, record={-1: ("spikes", "act", "residue", "error"), 0: ("sigma", "a", "spikes")})
    encoder = {name: array[0, :, 0].tolist() for name, array in got.layers[-1].items()}
    assert encoder["act"] == [16, 48, 48, -48] and encoder["residue"] == [16, 0, 0, 0] and encoder["error"] == [0] * 4
    assert encoder["spikes"] == [0, 24, 0, -48]
    assert got.layers[0]["sigma"][0, :, 0].tolist() == [0, 0, 24, 24] == got.output[0, :, 0].tolist()
    assert got.readout.tolist() == [[48]] and got.output.dtype == np.int32


def test_axonal_delays_hold_messages_back():
    network = Network(
        Input((1,), 4, Delta(0, 0, 0)),
        (Layer((1,), Dense([[2]]), sums(), delay_steps=2), Layer((1,), Dense([[1]]), sums(), delay_steps=1)),
    )
    got = simulate(network, np.array([3, 1, 1, 1, 1, 1, 1]).reshape(1, 7, 1), record={0: ("spikes",), 1: ("spikes",)})
    assert got.layers[0]["spikes"][0, :, 0].tolist() == [0, 6, -4, 0, 0, 0, 0]
    assert got.layers[1]["spikes"][0, :, 0].tolist() == [0, 0, 0, 0, 6, -4, 0]
    assert got.output[0, :, 0].tolist() == [0, 0, 0, 0, 0, 6, -4]


def test_sums_of_a_convolution_wrap_to_24_bit():
    """2^20 - 1 times 8 is 2^23 - 8, times 9 wraps: 9 (2^20 - 1) - 2^24."""
    for weight, expected in ((8, 8388600), (9, 9437175 - (1 << 24))):
        network = Network(
            Input((1, 1, 1), 20, Delta(0, 0, 0)), (Layer((1, 1, 1), Conv([[[[weight]]]]), sums(activation="unit")),)
        )
        got = simulate(network, np.full((1, 2, 1, 1, 1), (1 << 20) - 1))
        assert got.output.ravel().tolist() == [0, expected]


@pytest.mark.parametrize("engine", ["events", "dense", "auto"])
def test_negative_messages_drive_cuba_neurons_too(engine):
    """Messages -3 and 1 of every encoder, through weights of 2: a current of -6, then 2, of each of 20."""
    cuba = Layer((1,), Dense(np.full((1, 20), 2)), Cuba(5000, 4096, 4096))
    values = np.repeat([-3, -2, -2, -2, -2, -2], 20).reshape(1, 6, 20)
    got = simulate(Network(Input((20,), 4, Delta(0, 0, 0)), (cuba,)), values, record={0: ("u",)}, engine=engine)
    assert got.layers[0]["u"][0, :, 0].tolist() == [0, -6 * 20 * 64, 2 * 20 * 64, 0, 0, 0]


# ---- against the reference implementation


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, engine=st.sampled_from(["auto", "events", "dense"]))
def test_every_integer_equals_the_slow_writing(seed, engine):
    network, sample = sigma_delta_networks.random_case(seed)
    layers, output = sigma_delta_networks.run(network, sample)
    assume(sigma_delta_networks.largest_sum(network, layers, sample) < HOLDS)
    got = simulate(
        network, np.stack([sample, sample]), record={index: tuple(names) for index, names in layers.items()}, engine=engine
    )
    for index, names in layers.items():
        for name, expected in names.items():
            for twin in range(2):
                np.testing.assert_array_equal(got.layers[index][name][twin], expected, err_msg=f"layer {index} {name}")
            seen["values"] += expected.size
        seen["messages"] += np.count_nonzero(names["spikes"])
    np.testing.assert_array_equal(got.output[0], output)
    np.testing.assert_array_equal(got.readout[0], output.reshape(len(output), -1).sum(axis=0))
    seen["networks"] += 1


def test_random_networks_were_active():
    assert seen["networks"] >= 100 and seen["messages"] > 50 * seen["networks"]
    print(seen)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_messages_of_a_network_without_thresholds_and_exponents_add_up_to_its_activations(seed):
    """What arrives is the change of the activation, whatever the network: sums of messages are activations."""
    network, sample = sigma_delta_networks.random_case(seed)
    bare = Network(network.input, tuple(dataclasses.replace(layer, neuron=sums(), output="spikes") for layer in network.layers))
    layers, _ = sigma_delta_networks.run(bare, sample)
    assume(sigma_delta_networks.largest_sum(bare, layers, sample) < HOLDS)
    got = simulate(bare, sample[None], record=dict.fromkeys(range(len(bare.layers)), ("spikes", "act")))
    for names in got.layers.values():
        np.testing.assert_array_equal(np.cumsum(names["spikes"], axis=1, dtype=np.int32), names["act"])


# ---- files


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_round_trip_through_a_netx_file(tmp_path_factory, seed):
    network, sample = sigma_delta_networks.random_case(seed)
    layers, _ = sigma_delta_networks.run(network, sample)
    assume(sigma_delta_networks.largest_sum(network, layers, sample) < HOLDS)
    path = tmp_path_factory.mktemp("net") / "a.net"
    write_netx(network, path)
    back = read_netx(path)
    neurons = [(network.input.neuron, back.input.neuron)] + [(a.neuron, b.neuron) for a, b in zip(network.layers, back.layers)]
    for a, b in neurons:
        assert type(a) is type(b)
        for field in dataclasses.fields(a) if isinstance(a, SigmaDelta | Delta) else ():
            if field.name != "bias":
                assert getattr(a, field.name) == getattr(b, field.name)
    assert (network.input.weight, network.input.bias, network.input.message_bits) == (
        back.input.weight,
        back.input.bias,
        back.input.message_bits,
    )
    one, two = simulate(network, sample[None]), simulate(back, sample[None])
    np.testing.assert_array_equal(one.output, two.output)


@pytest.fixture
def stored(tmp_path):
    """A file as SLAYER's sigma-delta blocks export it: input, convolution with norm's bias, flatten, dense, output."""
    path = tmp_path / "slayer.net"
    neuron = {"type": "SDNN", "activation": "relu", "vThMant": 3}
    geometry = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    layers = [
        ("input", {"shape": [1, 2, 2]}),
        ("conv", {"shape": [2, 1, 1], "weight": np.ones((2, 1, 2, 2)), **geometry, "bias": np.array([4.0, -5.0])}),
        ("flatten", {"shape": [2, 1, 1]}),
        ("dense", {"shape": [3], "weight": np.ones((3, 2)), "bias": np.array([1.0, 2.0, 3.0])}),
        ("dense", {"shape": [1], "weight": np.ones((1, 3)), "neuron/sigma_output": True}),
    ]
    with h5py.File(path, "w") as file:
        for index, (kind, fields) in enumerate(layers):
            group = file.create_group(f"layer/{index}")
            group.create_dataset("type", (1,), "S10", [kind.encode()])
            if kind != "flatten":
                fields = {**{f"neuron/{key}": value for key, value in neuron.items()}, **fields}
            for key, value in fields.items():
                group[key] = value
    return path


def test_what_netx_gives_when_the_file_says_no_more(stored):
    network = read_netx(stored)
    assert vars(network.input.neuron) == vars(Delta(3, 6, 6))
    assert (network.input.weight, network.input.bias, network.input.message_bits, network.input.min_value) == (1, 0, 11, -2047)
    conv, dense, last = network.layers
    assert (conv.neuron.threshold, conv.neuron.shift, conv.neuron.activation) == (3, 12, "relu")
    assert conv.neuron.bias.tolist() == [[[4]], [[-5]]] and dense.neuron.bias.tolist() == [1, 2, 3]
    assert isinstance(last.neuron, Sigma) and last.output == "state"
    shifted = read_netx(stored, spike_exp=0)
    assert [layer.neuron.spike_exp for layer in shifted.layers[:2]] == [0, 0] and shifted.input.message_bits == 17


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("layer/1/neuron/activation", "tanh", r"layer/1 \(conv\): activation is 'tanh'; Lava's sigma-delta neurons have"),
        ("layer/3/neuron/messageBits", 8, r"layer/3 \(dense\): 'messageBits' is given, which netx cannot read"),
        ("layer/3/neuron/weight_exp", 2, "neuron/weight_exp is 2; netx ignores it"),
        ("layer/3/neuron/vThMant", [1, 2, 3], "'vThMant' differs between neurons"),
        ("layer/3/neuron/vThMant", -1, "threshold lies in -1..-1, allowed is 0..524287"),
        ("layer/3/neuron/vThMant", 1 << 19, "threshold lies in 524288"),
        ("layer/3/neuron/vThMant", None, "'vThMant' is missing"),
        ("layer/0/neuron/vThMant", None, r"layer/0 \(input\): 'vThMant' is missing"),
        ("layer/3/bias", [1 << 19, 0, 0], r"layer/3 \(dense\): bias lies in 0..524288, allowed is -524287..524287"),
        ("layer/3/bias", [0.5, 0, 0], "'bias' holds 1 fractions"),
        ("layer/4/bias", [1], r"layer/4 \(dense\): 'bias' stands beside sigma_output; Lava's Sigma has no bias"),
        ("layer/4/neuron/sigma_output", False, "sigma_output is False; netx takes its presence as True"),
        ("layer/3/neuron/sigma_output", True, "Lava's Sigma has no bias"),
        ("layer/4/delay", [3], "a readout of states has no spikes"),
        ("layer/3/spike_exp", 8, "spike_exp lies in 8..8, allowed is 0..7"),
        ("layer/3/neuron/type", "RF", "neurons of type 'RF' are not supported .netx takes it as RF_IZHIKEVICH, SLAYER never"),
    ],
)
def test_bad_files(stored, key, value, text):
    with h5py.File(stored, "r+") as file:
        if key in file:
            del file[key]
        if value is not None:
            file[key] = value
    with pytest.raises(NetworkError, match=text):
        read_netx(stored)


def test_a_recurrence_is_refused(stored):
    with h5py.File(stored, "r+") as file:
        del file["layer/3/type"]
        file["layer/3/type"], file["layer/3/weight_rec"] = "dense_rec", np.zeros((3, 3))
    with pytest.raises(
        NetworkError, match=r"layer/3 \(dense_rec\): sigma-delta neurons have a recurrent connection, which neither"
    ):
        read_netx(stored)


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: sums(threshold=-1), "threshold lies in -1"),
        (lambda: sums(threshold=0.5), "threshold holds 1 fractions"),
        (lambda: SigmaDelta(1 << 19), r"allowed is 0..524287"),
        (lambda: sums(spike_exp=8), "spike_exp lies in 8..8, allowed is 0..7"),
        (lambda: sums(state_exp=-1), "state_exp lies in -1..-1"),
        (lambda: sums(activation="tanh"), "activation is 'tanh'"),
        (lambda: sums(cumulative_error=2), "cumulative_error is 2; True or False"),
        (lambda: SigmaDelta(0, bias=[-(1 << 20)]), "bias lies in -1048576..-1048576"),
        (lambda: Layer((2,), Dense([[1], [1]]), sums(bias=[1, 2, 3])), "bias has shape .3,., which does not broadcast"),
        (lambda: Layer((1,), Dense([[1]]), sums(), output="state"), "a readout of sums has Sigma neurons"),
        (lambda: Layer((1,), Dense([[1]]), Sigma()), "output is 'spikes', Sigma neurons only sum"),
        (lambda: Layer((1,), Dense([[1]]), Sigma(), 3, output="state"), "neither recurrence nor axonal delay"),
        (lambda: Layer((1,), Dense([[1]]), sums(), 0, DelayedRecurrent(Dense([[1]]))), "neither SLAYER nor netx"),
    ],
)
def test_values_that_mean_nothing(make, text):
    with pytest.raises(NetworkError, match=text):
        make()


def chain(*layers, **source):
    return Network(
        Input((1,), source.pop("bits", 4), Delta(0), **source), layers or (Layer((1,), Dense([[1]]), SigmaDelta(0)),)
    )


@pytest.mark.parametrize(
    ("network", "value", "text"),
    [
        (chain(), 16, r"spikes lie in 16..16, the network's input takes -15..15: scale them down, or give .* message_bits=5"),
        (chain(), -16, r"spikes lie in -16..-16, the network's input takes -15..15: .*message_bits=5"),
        (chain(bits=20), 1 << 18, "values of 262144..262144, its delta encoders hold -262143..262143"),
        (chain(weight=1 << 18), 1, "values of 262144..262144, .* lower the layer's weight 262144"),
        (
            chain(Layer((1,), Dense([[64]]), SigmaDelta(0)), bits=18),
            (1 << 18) - 1,
            r"layer 0 \(dense\): messages of up to 16777152 times its weights may add up to 1073737728",
        ),
    ],
)
def test_inputs_and_sums_out_of_range(network, value, text):
    fits = "1073737728" in text
    if fits:  # just below 2^30; one weight more is too much
        simulate(network, np.full((1, 3, 1), value))
        network, text = (
            chain(Layer((1,), Dense([[66]]), SigmaDelta(0)), bits=18),
            r"layer 0 .dense.: messages of up to 16777152",
        )
    with pytest.raises(DataError, match=text):
        simulate(network, np.full((1, 3, 1), value))


def test_reset_and_record_by_name():
    with pytest.raises(DataError, match="reset_interval is 4; sigma-delta neurons are never reset"):
        simulate(chain(), np.zeros((1, 3, 1), int), reset_interval=4)
    with pytest.raises(
        DataError, match=r"record of layer 0 is \('u',\); a tuple of 'spikes', 'a', 'sigma', 'act', 'residue', 'error'"
    ):
        simulate(chain(), np.zeros((1, 3, 1), int), record={0: ("u",)})
    with pytest.raises(DataError, match=r"record of layer -1 is \('sigma',\)"):
        simulate(chain(), np.zeros((1, 3, 1), int), record={-1: ("sigma",)})
