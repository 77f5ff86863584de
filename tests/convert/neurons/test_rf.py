"""Resonate-and-fire neurons and complex weights: integers, files, rules, mapping, profile and comparison."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import rf_networks

import myelin
from myelin.convert import (
    ComplexConv,
    ComplexDense,
    Cuba,
    DelayedRecurrent,
    Dense,
    Input,
    Layer,
    Network,
    Rf,
    RfIz,
    read_netx,
    simulate,
    write_netx,
    write_nir,
)
from myelin.convert.compare.constants import constant_differences, require_same_structure
from myelin.convert.compare.report import lines
from myelin.convert.layers.complex import complex_synapse
from myelin.convert.netx.floats import read_netx_floats
from myelin.convert.profile.profiler import profile
from myelin.convert.simulator.prepare import LAYER_STAGES
from myelin.hw_configs.errors import GateError, NetworkError

ZERO = np.zeros((2, 2, 2), int)
seen = {Rf: [0, 0], RfIz: [0, 0]}


def equal(found, layers, output):
    np.testing.assert_array_equal(found.output[0], output)
    for index, names in found.layers.items():
        for name, array in names.items():
            np.testing.assert_array_equal(array[0], layers[index][name], err_msg=f"layer {index} {name}")


@pytest.mark.parametrize("kind", [Rf, RfIz])
@pytest.mark.parametrize("seed", range(12))
def test_engines_and_single_steps_equal_the_equations(kind, seed):
    network, sample = rf_networks.network(seed, kind)
    layers, output = rf_networks.run(network, sample)
    record = {index: layer.neuron.NAMES for index, layer in enumerate(network.layers)}
    for engine in ("events", "dense"):
        equal(simulate(network, sample[None], record=record, engine=engine), layers, output)
    simulator = myelin.Simulator(network)
    equal(simulator.run(sample[None], state=simulator.rest(), record=record), layers, output)
    seen[kind][0] += 1
    seen[kind][1] += any(names["spikes"].any() for names in layers.values())


def test_random_networks_were_active():
    for networks, active in seen.values():
        assert active >= 0.8 * networks


@pytest.mark.parametrize("kind", [Rf, RfIz])
def test_the_reference_step_and_resets_are_the_loops(kind, monkeypatch):
    network, sample = rf_networks.network(6, kind)
    record = {index: layer.neuron.NAMES for index, layer in enumerate(network.layers)}
    looped = simulate(network, sample[None], record=record, reset_interval=7)
    assert not np.array_equal(looped.layers[0]["real"], simulate(network, sample[None], record=record).layers[0]["real"])
    simulator = myelin.Simulator(network, reset_interval=7)
    stepped = simulator.run(sample[None], state=simulator.rest(), record=record)
    monkeypatch.setattr(LAYER_STAGES, "_handlers", {})
    plain = simulate(network, sample[None], record=record, reset_interval=7)
    simulator = myelin.Simulator(network, reset_interval=7)
    for other in (stepped, plain, simulator.run(sample[None], state=simulator.rest(), record=record)):
        np.testing.assert_array_equal(looped.output, other.output)
        for index, names in record.items():
            for name in names:
                np.testing.assert_array_equal(looped.layers[index][name], other.layers[index][name], err_msg=name)


@pytest.mark.parametrize("kind", [Rf, RfIz])
def test_states_saturate(kind):
    """Full turns without decay, driven by the largest weights: beyond 2^23 - 1 nothing is stored."""
    weight = np.full((2, 1, 40), 254)
    network = Network(Input((40,)), [Layer((1,), ComplexDense(weight, 4), kind((1 << 25) - 1, 0, 4096))])
    found = simulate(network, np.ones((1, 40, 40), np.uint8), record={0: ("real", "imag")}).layers[0]
    assert found["real"].max() == found["imag"].max() == 2**23 - 1
    (_, layer) = profile(network, np.ones((1, 40, 40), np.uint8), timed=False).layers
    assert layer.overflows["real"] == layer.overflows["imag"] > 20 and layer.ranges["real"].high > 2**23


@pytest.mark.parametrize("seed", range(8))
def test_files_keep_every_integer(tmp_path, seed):
    network, _ = rf_networks.network(seed, (Rf, RfIz)[seed // 2 % 2])
    write_netx(network, tmp_path / "rf.net")
    back = read_netx(tmp_path / "rf.net")
    require_same_structure(network, back)
    assert constant_differences(network, back) == []
    with h5py.File(tmp_path / "rf.net") as file:
        layer = file[f"layer/{len(file['layer']) - 1}"]
        assert set(layer["weight"]) == {"real", "imag"} and layer["neuron/type"][()].startswith(b"RF_")


def put(key, value):
    def change(layer):
        if key in layer:
            del layer[key]
        if value is not None:
            layer[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("neuron/gradedSpike", True), "gradedSpike is set; Lava's RF and RF_IZ send spikes of 0 or 1: train with"),
        (put("neuron/sinDecay", None), "'sinDecay' is missing; netx needs it"),
        (put("neuron/cosDecay", 4097), r"cos_decay lies in 4097..4097, allowed is -4096..4096"),
        (put("neuron/sinDecay", [1, 2]), r"'sinDecay' has shape \(2,\); one number, one per channel or one per neuron"),
        (put("bias", [1]), "'bias' stands beside resonate-and-fire neurons, which have none in Lava: leave the field out"),
        (put("weight/imag", None), "group 'weight' holds 'real'; 'real' and 'imag' are expected"),
        (put("weight/more", 3), "group 'weight' holds 'imag', 'more', 'real'; 'real' and 'imag' are expected"),
        (put("weight/imag", np.zeros((2, 3))), r"imag weights: 'weight' has shape \(2, 3\); \(3, 4\) is expected"),
        (put("weight/real", np.full((3, 4), 0.5)), "real weights: 'weight' holds 12 fractions of 12 values"),
        (put("weight", np.zeros((3, 4))), "dense weights give 1 sum for each neuron, resonate-and-fire neurons take 2 sums"),
        (
            put("neuron/type", "RF"),
            r"'RF' are not supported \(netx takes it as RF_IZHIKEVICH, SLAYER never writes it: name RF_",
        ),
        (put("neuron", None), "complex dense weights give 2 sums for each neuron, CUBA neurons take 1 sum; resonate-and-fire"),
        (put("output", "state"), "output is 'state', Rf neurons give 'spikes'"),
    ],
)
def test_bad_files_end_in_one_message(tmp_path, change, told):
    layer = Layer((3,), ComplexDense(np.arange(24).reshape(2, 3, 4)), Rf(20, 1000, 3800))
    write_netx(Network(Input((4,)), [layer]), tmp_path / "rf.net")
    with h5py.File(tmp_path / "rf.net", "r+") as file:
        change(file["layer/1"])
    with pytest.raises(NetworkError, match=told):
        read_netx(tmp_path / "rf.net")


def test_a_file_of_slayer_without_an_input_layer_and_with_synaptic_delays(tmp_path):
    layer = Layer((3,), ComplexDense(np.arange(24).reshape(2, 3, 4)), Rf(20, [1000, 5, 7], 3800))
    write_netx(Network(Input((4,)), [layer]), tmp_path / "rf.net")
    with h5py.File(tmp_path / "rf.net", "r+") as file:
        del file["layer/0"], file.attrs["myelin_format"]
        file.move("layer/1", "layer/0")
        file["layer/0/delay"] = np.arange(12).reshape(3, 4)
    network = read_netx(tmp_path / "rf.net")
    assert (
        network.input.shape == (4,) and network.layers[0].synapse.delay_steps.tolist() == np.arange(12).reshape(3, 4).tolist()
    )
    np.testing.assert_array_equal(network.layers[0].neuron.sin_decay, [1000, 5, 7])
    with pytest.raises(NetworkError, match="has no neurons of type CUBA"):
        read_netx_floats(tmp_path / "rf.net")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ComplexDense(np.zeros((3, 2, 2), int)), r"complex dense weight has shape \(3, 2, 2\); \(2, ...\) is allowed"),
        (lambda: ComplexDense(np.array([[[2]], [[-257]]])), "imag part: weight lies in -257..-257, allowed is -256..255"),
        (lambda: ComplexConv(np.zeros((2, 2, 2, 2), int)), r"real part: conv weight has shape \(2, 2, 2\)"),
        (
            lambda: Layer((2,), Dense(ZERO[0]), Rf(1, 1, 1)),
            "dense weights give 1 sum for each neuron, resonate-and-fire neurons",
        ),
        (
            lambda: Layer((2,), ComplexDense(ZERO), Cuba(1, 1, 1)),
            "complex dense weights give 2 sums for each neuron, CUBA neurons",
        ),
        (
            lambda: Layer((2,), ComplexDense(ZERO), Rf(1, 1, 1), recurrent=DelayedRecurrent(Dense(ZERO[0]))),
            "resonate-and-fire neurons have a recurrent connection, which neither SLAYER nor netx has for them; CUBA",
        ),
        (
            lambda: Layer((2,), Dense(ZERO[0]), Cuba(1, 1, 1), recurrent=DelayedRecurrent(ComplexDense(ZERO))),
            "recurrent weights are complex dense; a recurrence has real weights",
        ),
        (lambda: Input((2,), neuron=Rf(1, 1, 1)), "the input has Rf neurons; neurons of this kind stand in layers only"),
        (
            lambda: ComplexDense(ZERO).as_dense((2,)),
            "complex dense weights give two sums for each neuron, which no single matrix",
        ),
        (
            lambda: complex_synapse(Dense(ZERO[0], 1), Dense(ZERO[0])),
            "weight_exp of the real part is 1, of the imaginary part 0",
        ),
        (
            lambda: complex_synapse(Dense(ZERO[0]), Dense(np.zeros((2, 3), int))),
            r"the real weights have shape \(2, 2\), the imaginary ones \(2, 3\); one is allowed",
        ),
        (
            lambda: complex_synapse(Dense(ZERO[0]), ComplexDense(ZERO)),
            "weights of kind 'dense' and 'complex dense' make no complex",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, told):
    with pytest.raises(NetworkError, match=told):
        make()


def small():
    """Two inputs, two neurons; only the first source reaches the first neuron through both parts."""
    weight = np.array([[[64, 0], [0, 100]], [[-32, 0], [0, 0]]])
    return Network(Input((2,)), [Layer((2,), ComplexDense(weight), Rf(10, 1000, 3900), delay_steps=[3, 0])])


def test_both_sets_of_weights_count():
    network, spikes = small(), np.zeros((1, 10, 2), np.uint8)
    spikes[0, :4, 0] = spikes[0, 5, 1] = 1
    (_, layer) = profile(network, spikes, timed=False).layers
    assert layer.forward_operations == 4 * 2 + 1
    assert (layer.ranges["a_real"].high, layer.ranges["a_imag"].low) == (100, -32)
    (mapped,) = myelin.map_cores(network, "loihi1", inputs=spikes)["layers"]
    assert [(link["connection"], link["synapses"]) for link in mapped["connections"]] == [
        ("feed-forward real dense", 2),
        ("feed-forward imag dense", 1),
    ]
    assert network.layers[0].synapse.fan_in((2,)).tolist() == [2, 1]


def test_no_chip_runs_them_and_the_simulator_does(tmp_path):
    (found,) = myelin.check(small(), "loihi2")["violations"]
    assert found["message"].startswith("layer 0 (complex dense): neuron model is rf, loihi2 holds cuba")
    assert "simulation only, no neurocore model of Lava's RF and RF_IZ is public" in found["cure"]
    assert myelin.check(small(), "cpu")["holds"]
    with pytest.raises(GateError, match="loihi2 does not hold network"):
        myelin.export(small(), tmp_path / "art", target="loihi2", inputs=np.ones((1, 9, 2), np.uint8))
    with pytest.raises(NetworkError, match="has Rf neurons; NIR has no node for them"):
        write_nir(small(), tmp_path / "rf.nir")
    with pytest.raises(NetworkError, match="it has a complex dense connection; blocks have dense ones"):
        myelin.to_torch(small())


def test_a_difference_is_found_and_explained():
    network, spikes = small(), np.zeros((1, 12, 2), np.uint8)
    spikes[0, ::2] = 1
    layer = network.layers[0]
    weight = layer.synapse.weight.copy()
    weight[1, 0, 0] = 36
    other = Network(network.input, [replace(layer, synapse=replace(layer.synapse, weight=weight))])
    shown = "\n".join(lines(myelin.diff(network, other, inputs=spikes)))
    assert "compared      a_real, a_imag, real, imag, spikes of layer 0 (complex dense); output; 12 steps" in shown
    assert "imag weight of synapse 0 -> 0 is -32 in A and 36 in B; a spike arrives through it in this step" in shown
    assert "arrives alike 0 (real weight 64)" in shown and "arrives in B  0 (imag weight 36)" in shown
    assert "a_real 64, a_imag 36, real 4,096, imag 2,304, spikes 0; the run holds to them" in shown


def test_an_exploration_and_shorter_delays():
    network, samples = small(), (np.random.default_rng(0).random((8, 20, 2)) < 0.5).astype(np.uint8)
    found = myelin.explore(network, (samples, np.arange(8) % 2), target="cpu")
    (weights,) = (knob for knob in found["knobs"] if knob["name"] == "weight_bits")
    assert [point["unchanged"] for point in weights["points"]][-3:] == [True, True, True]
    assert myelin.convert.delays.clip_delays(network, 2)[0].layers[0].delay_steps.tolist() == [2, 0]
