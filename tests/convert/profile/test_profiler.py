"""Counts by hand: operations of dense and convolutional layers, wraps and saturations, silent and saturated neurons."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.cli import build_parser
from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate, write_netx
from myelin.convert.artifact.artifact import write_artifact
from myelin.convert.layers.conv import as_chw, unroll
from myelin.convert.profile.profiler import Profiler, Range, profile
from myelin.convert.profile.report import as_dict, lines
from myelin.convert.synapses import connections, fan_in
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.target_files import load_target

NEVER = Cuba((1 << 25) - 1, 4096, 4096)
#: A spike for every input, in the step in which it arrives: u is gone after each step.
ALWAYS = Cuba(0, 4096, 4096)


def test_operations_of_a_dense_layer_by_hand():
    """Source 0 has two nonzero weights, source 1 one, source 2 none; the neurons fire with weights 2 and 4 and feed back."""
    recurrent = DelayedRecurrent(Dense([[0, 0], [2, 0]]), [9, 0])
    network = Network(Input((3,)), [Layer((2,), Dense([[2, 0, 0], [4, 6, 0]]), ALWAYS, recurrent=recurrent)])
    spikes = np.zeros((1, 6, 3), int)
    spikes[0, 0] = 1  # 2 + 1 + 0 operations
    spikes[0, 3, 0] = 1  # 2
    spikes[0, 5, 1] = 1  # 1: it arrives after the end, but was sent
    found = profile(network, spikes)
    source, layer = found.layers
    assert source.spikes == 5 and source.operations == 0
    assert layer.forward_operations == 6
    # neuron 0 fires at steps 1 and 4, neuron 1 too; the delay of 9 leaves the recording, one weight is zero
    assert layer.spikes == 4
    assert layer.recurrent_operations == 2
    assert (layer.silent, layer.always) == (0, 0)
    shown = as_dict(found)
    assert shown["operations_per_sample"] == 8
    assert [entry["operations_percent"] for entry in shown["layers"]] == [0, 100]
    assert shown["layers"][1]["spikes_per_neuron_and_step"] == pytest.approx(4 / 12)


def test_operations_of_a_convolution_at_its_border():
    """A kernel of 3 x 3 ones, padded, on 3 x 3: a corner meets 4 targets, an edge 6, the middle 9; two output channels."""
    synapse = Conv(np.ones((2, 1, 3, 3), int), padding=(1, 1))
    network = Network(Input((1, 3, 3)), [Layer((2, 3, 3), synapse, NEVER)])
    spikes = np.zeros((2, 4, 1, 3, 3), int)
    spikes[0, 0, 0, 0, 0] = spikes[0, 1, 0, 0, 1] = spikes[1, 0, 0, 1, 1] = 1
    assert profile(network, spikes).layers[1].forward_operations == 2 * (4 + 6 + 9)
    strided = Network(Input((1, 3, 3)), [Layer((1, 1, 1), Conv(np.ones((1, 1, 2, 2), int), stride=(2, 2)), NEVER)])
    assert profile(strided, np.ones((1, 1, 1, 3, 3), int)).layers[1].forward_operations == 4  # one target, four inputs


def test_a_graded_value_is_one_operation():
    network = Network(Input((2,), 4), [Layer((1,), Dense([[2, 4]]), NEVER)])
    found = profile(network, np.array([[[7, 0], [15, 3]]]))
    assert (found.layers[0].spikes, found.layers[1].forward_operations) == (3, 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_operations_are_those_of_the_unrolled_matrix(random_network, seed):
    network, spikes = random_network(seed)
    indices = range(0 if network.input.neuron is None else -1, len(network.layers))
    layers = simulate(network, spikes, record=dict.fromkeys(indices, ("spikes",))).layers
    sent = {index: np.count_nonzero(layers[index]["spikes"], axis=(0, 1)).reshape(-1) for index in indices}
    before = sent.get(-1, np.count_nonzero(spikes, axis=(0, 1)).reshape(-1))
    for index, layer in enumerate(profile(network, spikes, timed=False).layers[-len(network.layers) :]):
        expected = {}
        for link in connections(network, index):
            source = sent[index] if link.recurrent else before
            if isinstance(link.synapse, Conv):
                fans = np.bincount(unroll(link.synapse, as_chw(link.shape)).source, minlength=source.size)
            else:
                fans = np.count_nonzero(link.synapse.weight, axis=0)
            expected[link.recurrent] = int(fans @ source)
        assert layer.forward_operations == expected[False]
        assert layer.recurrent_operations == expected.get(True, 0)
        before = sent[index]


def test_wraps_and_saturations_by_hand():
    """u grows by 64 * 250 * 2^7 = 2 048 000 a step without decay: the fifth sum, 10 240 000, is beyond 2^23 and wraps once."""
    grow = Cuba((1 << 25) - 1, 0, 4096)
    network = Network(Input((1,)), [Layer((1,), Dense([[250]], weight_exp=7), grow)])
    spikes = np.ones((1, 6, 1), int)  # the sum enters from step 1 on
    layer = profile(network, spikes).layers[1]
    assert layer.ranges["a"] == Range(0, 250 << 7)
    assert layer.ranges["u"] == Range(0, 10_240_000)
    assert (layer.wraps, layer.saturations) == (1, 0)
    assert layer.ranges["u"].bits == 25
    assert layer.ranges["u"].percent == pytest.approx(100 * 10_240_000 / 2**23)
    # a voltage that keeps everything: 2, 6, 12 million: the third saturates, and so does the next, at 2^23 - 1 + 8 192 000
    network = Network(Input((1,)), [Layer((1,), Dense([[250]], weight_exp=7), Cuba((1 << 25) - 1, 0, 0))])
    layer = profile(network, spikes[:, :5]).layers[1]
    assert (layer.wraps, layer.saturations) == (0, 2)
    assert layer.ranges["v"].high == 2**23 - 1 + 4 * 2_048_000
    assert layer.ranges["v"].low == 0


def test_the_voltage_counts_before_the_spike_resets_it():
    layer = profile(Network(Input((1,)), [Layer((1,), Dense([[100]]), ALWAYS)]), np.ones((1, 3, 1), int)).layers[1]
    assert layer.ranges["v"] == Range(0, 6400)
    assert layer.spikes == 2


def test_two_wraps_worth_of_current_is_one_wrap():
    """Input of 2^24 and more in one step leaves u beyond 24 bit, as it does in Lava; the sum still counts as wrapped."""
    network = Network(Input((1,)), [Layer((1,), Dense([[254]], weight_exp=12), Cuba((1 << 25) - 1, 4096, 4096))])
    layer = profile(network, np.ones((1, 2, 1), int)).layers[1]
    assert layer.ranges["u"].high == 64 * (254 << 12)
    assert layer.wraps == 1


def test_neurons_that_never_and_that_always_fire():
    cuba = Cuba(0, 4096, 4096, bias_mant=[1, 0, -1, 0])
    network = Network(
        Input((1,)), [Layer((4,), Dense([[0], [2], [0], [0]]), cuba), Layer((2,), Dense(np.ones((2, 4), int)), NEVER)]
    )
    spikes = np.zeros((3, 5, 1), int)
    spikes[1, 2] = 1
    found = profile(network, spikes)
    assert (found.layers[1].always, found.layers[1].silent, found.layers[1].spikes) == (1, 2, 16)
    assert (found.layers[2].always, found.layers[2].silent) == (0, 2)
    warnings = as_dict(found)["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith("layer 1 (dense): none of its 2 neurons ever fires")


@pytest.mark.parametrize(
    ("weight", "exponent", "said"),
    [
        (250, 8, "u reaches 98 % of the 24 bit at which it wraps; halve"),  # two steps of 4 096 000, no decay
        (250, 9, "u wraps 1 time, its sums reach 195 % of 24 bit; halve"),
        (64, 1, None),
    ],
)
def test_warnings_of_the_range(weight, exponent, said):
    network = Network(Input((1,)), [Layer((1,), Dense([[weight]], exponent), Cuba((1 << 17) - 1, 0, 4096), output="state")])
    found = [text for text in as_dict(profile(network, np.ones((1, 3, 1), int)))["warnings"] if ": u " in text]
    assert [text.removeprefix("layer 0 (dense): ")[: len(said or "")] for text in found] == ([said] if said else [])


def test_a_layer_that_fires_all_the_time_is_named():
    network = Network(Input((1,)), [Layer((2,), Dense([[2], [2]]), Cuba(0, 4096, 4096, bias_mant=[1, 1]))])
    warnings = as_dict(profile(network, np.zeros((1, 4, 1), int)))["warnings"]
    assert warnings == ["layer 0 (dense): 100 % of its neurons send in a step; raise its threshold or regularise its rate"]


def test_neurons_of_the_input_have_ranges_and_no_operations():
    cuba = Cuba(10, 4096, 4096)
    network = Network(Input((2,), 3, cuba, weight=64), [Layer((1,), Dense([[2, 2]]), NEVER)])
    found = profile(network, np.array([[[7, 0], [1, 1]]]))
    assert [layer.name for layer in found.layers] == ["input", "input neurons", "layer 0 (dense)"]
    neurons = found.layers[1]
    assert neurons.ranges["v"] == Range(0, (7 * 64) << 6)
    assert (neurons.operations, neurons.spikes, neurons.wraps) == (0, 3, 0)


def test_batches_add_up(random_network):
    network, spikes = random_network(11)
    spikes = np.concatenate([spikes] * 3)
    profiler = Profiler(network)
    for part in (spikes[:1], spikes[1:]):
        profiler.add(part)

    def counts(found):
        layers = as_dict(found)["layers"]
        return [{name: value for name, value in layer.items() if name[:4] not in ("ms_p", "time")} for layer in layers]

    assert counts(profiler.result()) == counts(profile(network, spikes))


def test_bits_of_a_range():
    assert [Range(low, high).bits for low, high in ((0, 0), (0, 1), (-1, 0), (-2, 1), (-128, 127), (-129, 0))] == [
        1,
        2,
        1,
        2,
        8,
        9,
    ]
    assert Range(-9, 4).largest == 9


def test_the_screen_holds_what_the_json_holds(small):
    found = as_dict(profile(small, np.ones((2, 12, 2), int)))
    shown = "\n".join(lines({"network": "x.net", "input": {"text": "ones"}, **found}))
    for layer in found["layers"]:
        assert layer["where"] in shown
        assert f"{layer['spikes_per_sample']:,.1f}" in shown
        assert f"{layer['spikes_per_neuron_and_step']:.4f}" in shown
        assert f"{layer['forward_operations_per_sample']:,.1f}" in shown
        assert layer["engine"] in shown
    assert json.loads(json.dumps(found)) == found
    assert found["timed_samples"] % 2 == 0 and found["samples_per_second"] > 0


def run(*arguments):
    parsed = build_parser().parse_args([str(argument) for argument in arguments])
    return parsed.run(parsed)


def test_the_command(small, tmp_path, capsys):
    write_netx(small, tmp_path / "a.net")
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    assert (
        run("profile", tmp_path / "a.net", "--density", 0.6, "--samples", 3, "--steps", 20, "--json", out, "--plot", plot) == 0
    )
    shown, found = capsys.readouterr().out, json.loads(out.read_text())["result"]
    assert shown.splitlines() == lines(found)
    assert found["input"]["kind"] == "random" and (found["samples"], found["steps"]) == (3, 20)
    assert plot.read_bytes().startswith(b"\x89PNG")
    write_artifact(tmp_path / "art", small, load_target("cpu"), inputs=np.ones((1, 5, 2), int), provenance={}, metrics={})
    assert run("profile", tmp_path / "art") == 0
    assert "golden inputs of" in capsys.readouterr().out


def test_the_command_refuses(small, tmp_path):
    write_netx(small, tmp_path / "a.net")
    with pytest.raises(NetworkError, match="no such file or folder"):
        run("profile", tmp_path / "b.net")
    with pytest.raises(DataError, match="give --steps and --step-ms"):
        run("profile", tmp_path / "a.net", "--data", "builtin")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_late_operations_one_by_one(random_network, seed, steps):
    """Every product of a spike with a nonzero weight, one at a time: with its step of arrival, in or after the run."""
    network, spikes = random_network(seed)
    spikes = spikes[:, :steps]
    first = 0 if network.input.neuron is None else -1
    layers = simulate(network, spikes, record=dict.fromkeys(range(first, len(network.layers)), ("spikes",))).layers
    flat = {index: found["spikes"].reshape(*spikes.shape[:2], -1) for index, found in layers.items()}
    flat.setdefault(-1, spikes.reshape(*spikes.shape[:2], -1))
    found = profile(network, spikes, timed=False)
    for index, layer in enumerate(found.layers[-len(network.layers) :]):
        done = late = 0
        for link in connections(network, index):
            source = flat[index if link.recurrent else index - 1]
            for neuron in range(network.layers[index].neurons):
                for part in link.synapse.parts:
                    row = fan_in(link._replace(synapse=part), neuron)
                    for _, t, j in np.argwhere((source != 0) & (row.weight != 0)):
                        inside = t + 1 + row.delay_steps[j] < spikes.shape[1]
                        done, late = done + inside, late + (not inside)
        assert (layer.operations, layer.late_operations) == (done + late, late)
    assert found.late_operations == sum(layer.late_operations for layer in found.layers)
