"""Integer ALIF neurons against integers by hand; the engines, files, rules, floats and comparisons of their networks."""

from __future__ import annotations

from dataclasses import replace

import alif_networks
import numpy as np
import pytest

from myelin.convert import Alif, Dense, Input, Layer, Network, read_netx, simulate, write_netx, write_nir
from myelin.convert.compare.divergence import diverge
from myelin.convert.compare.runs import ComparedRun
from myelin.convert.floats.network import dequantised
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.netx.floats import read_netx_floats
from myelin.convert.profile.profiler import profile
from myelin.convert.quantise.rounding import round_network
from myelin.convert.rules import calibrate, check
from myelin.convert.simulator import prepare
from myelin.convert.simulator.streams import Simulator
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.target_files import load_target

RECORD = ("a", *alif_networks.RECORDED)


def toward_zero(product):
    return abs(product) // 4096 * (1 if product > 0 else -1)


def by_hand(neuron, n, inputs):
    """i, v, theta, r and the spikes of neuron ``n`` for its summed inputs, one Python integer at a time."""
    du, dv, dth, dr, bias = (
        int(np.broadcast_to(getattr(neuron, f"{name}"), (3,))[n])
        for name in ("current_decay", "voltage_decay", "threshold_decay", "refractory_decay", "bias_mant")
    )
    base, found = 64 * neuron.threshold, []
    i, v, theta, r = 0, 0, base, 0
    for a in inputs:
        i = toward_zero(i * (4096 - du)) + 64 * int(a)
        i -= 2**24 * (i > 2**23) - 2**24 * (i <= -(2**23))
        v = max(-(2**23) + 1, min(2**23 - 1, toward_zero(v * (4096 - dv)) + i + (bias << neuron.bias_exp)))
        theta = toward_zero((theta - base) * (4096 - dth)) + base
        r = toward_zero(r * (4096 - dr))
        spike = v - r >= theta
        if spike:
            r, theta = r + 2 * theta, theta + 64 * neuron.threshold_step
        found.append((i, v, theta, r, int(spike)))
    return np.array(found)


@pytest.fixture(scope="module")
def network():
    neuron = Alif(300, 76, [40, 700, 4096], [100, 0, 4096], 150, [800, 90, 4000], [0, -31, 200], 3)
    weight = np.random.default_rng(3).integers(-20, 127, (3, 5)) * 2
    return Network(Input((5,)), [Layer((3,), Dense(weight), neuron, [0, 3, 1])])


@pytest.fixture(scope="module")
def spikes():
    return (np.random.default_rng(0).random((4, 90, 5)) < 0.4).astype(np.uint8)


def test_every_value_equals_integers_by_hand(network, spikes):
    found = simulate(network, spikes, record={0: RECORD}).layers[0]
    for sample in range(len(spikes)):
        for n in range(3):
            wanted = by_hand(network.layers[0].neuron, n, found["a"][sample, :, n])
            for place, name in enumerate(("i", "v", "theta", "r", "spikes")):
                np.testing.assert_array_equal(found[name][sample, :, n], wanted[:, place], err_msg=f"{name} of neuron {n}")
    assert found["spikes"].any(axis=(0, 1)).all() and found["theta"].max() > 2 * 300 * 64


def test_a_threshold_reached_exactly_spikes():
    one = Network(Input((1,)), [Layer((1,), Dense([[100]]), Alif(100, 5, 4096, 4096, 0, 4096))])
    found = simulate(one, np.ones((1, 6, 1), np.uint8), record={0: RECORD}).layers[0]
    # after the first spike theta is 105 and r decays at once, so 100 no longer reaches it
    assert found["spikes"].ravel().tolist() == [0, 1, 0, 0, 0, 0]
    assert found["theta"].ravel().tolist() == [6400, *[6720] * 5] and found["r"].ravel().tolist() == [0, 12800, 0, 0, 0, 0]


@pytest.mark.parametrize("interval", [None, 7])
def test_engines_and_single_steps_equal_the_reference_step(monkeypatch, interval):
    active = 0
    for seed in range(8):
        network, sample = alif_networks.random_network(seed)
        record = {
            index: RECORD if isinstance(layer.neuron, Alif) else ("spikes", "u", "v")
            for index, layer in enumerate(network.layers)
        }
        with monkeypatch.context() as patched:
            patched.delitem(prepare.LAYER_STAGES._handlers, Alif)
            wanted = simulate(network, sample, record=record, reset_interval=interval)
        runs = [
            simulate(network, sample, record=record, engine=engine, reset_interval=interval) for engine in ("events", "dense")
        ]
        simulator = Simulator(network, reset_interval=interval)
        first = simulator.run(sample[:, :23], state=simulator.rest(), record=record)
        second = simulator.run(sample[:, 23:], state=simulator.state, record=record)
        for index, names in record.items():
            for name in names:
                expected = wanted.layers[index][name]
                for run in runs:
                    np.testing.assert_array_equal(run.layers[index][name], expected, err_msg=f"{seed} {index} {name}")
                pieces = np.concatenate([first.layers[index][name], second.layers[index][name]], axis=1)
                np.testing.assert_array_equal(pieces, expected, err_msg=f"{seed} {index} {name}, in single steps")
            active += bool(wanted.layers[index]["spikes"].any())
    assert active > 10


def test_a_stream_goes_back_to_rest(network, spikes):
    simulator = Simulator(network, streams=2)
    first = [simulator.step(spikes[:2, t]).copy() for t in range(20)]
    simulator.reset(1)
    assert simulator.values(0, "theta")[1].tolist() == [300 * 64] * 3
    again = [simulator.step(spikes[:2, t]) for t in range(20)]
    np.testing.assert_array_equal([one[1] for one in again], [one[1] for one in first])
    assert any((one[0] != other[0]).any() for one, other in zip(again, first, strict=True))


def test_files_keep_every_constant(tmp_path):
    for seed in range(10):
        network, sample = alif_networks.random_network(seed)
        write_netx(network, tmp_path / "alif.net")
        back = read_netx(tmp_path / "alif.net")
        for layer, other in zip(network.layers, back.layers, strict=True):
            for name, value in layer.neuron.fields().items():
                np.testing.assert_array_equal(
                    *(np.broadcast_to(one, layer.shape) for one in (value, getattr(other.neuron, name))), err_msg=name
                )
        np.testing.assert_array_equal(simulate(back, sample).output, simulate(network, sample).output)


def test_a_file_of_floats_and_its_rounding(tmp_path, network, spikes):
    write_netx(network, tmp_path / "alif.net")
    twin = dequantised(network)
    for floats in (read_netx_floats(tmp_path / "alif.net"), twin):
        back = round_network(floats).layers[0].neuron
        assert back.threshold * 76 == back.threshold_step * 300 > 0
        assert back.refractory_decay.tolist() == [800, 90, 4000] and back.threshold_decay.tolist() == 150
    # without rounding of products, floats follow the integers for a while
    integers, states = simulate(network, spikes, record={0: ("theta", "spikes")}), simulate_floats(twin, spikes)
    np.testing.assert_allclose(states.layers[0]["theta"][:, :8], integers.layers[0]["theta"][:, :8] / 4096, atol=2e-3)
    assert (states.layers[0]["spikes"] == integers.layers[0]["spikes"]).mean() > 0.97


def test_what_cannot_be_said_is_refused_by_name(tmp_path, network):
    with pytest.raises(NetworkError, match=r"layer 0 \(dense\): has Alif neurons; NIR has no node for them, only"):
        write_nir(network, tmp_path / "alif.nir")
    layer = network.layers[0]
    with pytest.raises(NetworkError, match="output is 'state', Alif neurons give 'spikes'"):
        replace(layer, output="state", delay_steps=0)
    with pytest.raises(NetworkError, match="the input has Alif neurons; neurons of this kind stand in layers only"):
        Input((3,), neuron=layer.neuron)
    with pytest.raises(NetworkError, match=r"threshold_step lies in -1..-1, allowed is 0..131071"):
        replace(layer.neuron, threshold_step=-1)


def test_targets_say_simulation_only(network):
    (found,) = check(network, load_target("loihi2"))
    assert found.message == (
        "layer 0 (dense): neuron model is alif, loihi2 holds cuba, delta, sigma_delta, sigma; simulation only, no neurocore "
        "model of Lava's ATRLIF is public (lava-nc PR #846 mentions one that was not released): train CUBA neurons for this "
        "target"
    )
    assert check(network, load_target("cpu")) == []


def test_states_that_wrap_or_saturate_are_counted(spikes):
    neuron = Alif(131071, 0, [4096, 0], [0, 4096], 0, 4096)
    network = Network(Input((5,)), [Layer((2,), Dense(np.full((2, 5), 254), 6), neuron)])
    (layer,) = (one for one in profile(network, spikes).layers if one.name.startswith("layer"))
    assert layer.overflows["i"] > 0 and layer.overflows["v"] > 0 and layer.ranges["i"].high > 2**23
    messages = [one.message for one in check(network, load_target("cpu"), calibrate(network, [spikes]))]
    assert messages[0].startswith("layer 0 (dense): i (4 samples of 90 steps, wraps ")
    assert messages[1].startswith("layer 0 (dense): r (4 samples of 90 steps) is 16777088, cpu holds 8388607")


def test_diff_names_the_first_step_that_differs(network, spikes):
    layer = network.layers[0]
    other = replace(network, layers=(replace(layer, neuron=replace(layer.neuron, threshold_step=77)),))
    run = lambda one, frames, record: simulate(one, frames, record=record)  # noqa: E731
    found = diverge(ComparedRun(network, run), ComparedRun(other, run), [(np.arange(len(spikes)), spikes)]).first
    assert found.names == ("theta",) and found.constants.constants == (("threshold_step", 76, 77),)
    assert [step.expected["theta"] for step in found.steps] == list(found.now["theta"])
