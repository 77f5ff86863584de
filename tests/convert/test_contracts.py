"""A neuron and a connection from outside the package go through every stage; where one cannot, it refuses them by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import h5py
import numpy as np
import pytest
from toys import FloatIntegrator, Integrator, OneToOne

from myelin.convert import Cuba, DelayedRecurrent, Dense, Input, Layer, Network, read_netx, simulate, write_netx, write_nir
from myelin.convert.artifact.lava_export import network_arrays
from myelin.convert.compare.divergence import diverge
from myelin.convert.compare.runs import ComparedRun
from myelin.convert.floats.network import dequantised
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.floats.twins import TWINS
from myelin.convert.mapping.mapping import map_network
from myelin.convert.netx.synapses import SYNAPSES, SynapseFields
from myelin.convert.netx.values import weights
from myelin.convert.neurons import NEURONS, Neuron, register
from myelin.convert.profile.profiler import Range, profile
from myelin.convert.quantise.rounding import round_network
from myelin.convert.rules import calibrate, check
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.target_files import load_target

WEIGHT = np.array([40, 60, -20, 90, 120])
MATRIX = np.array([[50, -30, 20, 0, 64], [0, 0, 90, 40, -10], [10, 10, 10, 10, 10]])
BACK = np.array([[0, 20, -50], [30, 0, 0], [-60, 10, 4]])


def toy_network():
    """One to one, then dense with a recurrence and delays everywhere; both layers have the toy's neurons."""
    first = Layer((5,), OneToOne(WEIGHT), Integrator(100, [3, 0, 1, 0, 7]), delay_steps=[0, 2, 1, 3, 0])
    recurrent = DelayedRecurrent(Dense(BACK), [0, 2, 1])
    return Network(Input((5,)), [first, Layer((3,), Dense(MATRIX), Integrator(70), [0, 1, 2], recurrent)])


@pytest.fixture
def spikes():
    return (np.random.default_rng(0).random((3, 20, 5)) < 0.4).astype(np.uint8)


def by_hand(sample):
    """Spikes and voltages of both layers for one sample (steps, 5), one neuron and one synapse at a time."""
    steps = len(sample)
    found = {}
    entering, delays, layers = sample.astype(int), np.zeros(5, int), []
    for weight, threshold, bias, back, back_delay, own in (
        (np.diag(WEIGHT), 100, [3, 0, 1, 0, 7], np.zeros((5, 5), int), np.zeros(5, int), [0, 2, 1, 3, 0]),
        (MATRIX, 70, [0, 0, 0], BACK, np.array([0, 2, 1]), [0, 1, 2]),
    ):
        size = len(weight)
        v, s = np.zeros((steps, size), int), np.zeros((steps, size), int)
        for t in range(steps):
            for i in range(size):
                total = bias[i] + (v[t - 1, i] if t else 0)
                for j, late in enumerate(delays):
                    if t - 1 - late >= 0:
                        total += weight[i, j] * entering[t - 1 - late, j]
                for j, late in enumerate(back_delay):
                    if t - 1 - late >= 0:
                        total += back[i, j] * s[t - 1 - late, j]
                s[t, i] = total >= threshold
                v[t, i] = total - threshold * s[t, i]
        layers.append((s, v))
        entering, delays = s, np.array(own)
    found["layers"] = layers
    found["output"] = np.zeros_like(entering)
    for n, late in enumerate(delays):
        found["output"][late:, n] = entering[: steps - late, n]
    return found


@pytest.mark.parametrize("engine", ["auto", "events", "dense"])
def test_the_simulator_runs_its_reference_step(spikes, engine):
    record = {0: ("spikes", "a", "v"), 1: ("spikes", "v")}
    found = simulate(toy_network(), spikes, record=record, engine=engine)
    assert found.output.any() and found.layers[0]["spikes"].any()
    for index, sample in enumerate(spikes):
        wanted = by_hand(sample)
        np.testing.assert_array_equal(found.output[index], wanted["output"])
        for layer, (sent, voltage) in enumerate(wanted["layers"]):
            np.testing.assert_array_equal(found.layers[layer]["spikes"][index], sent)
            np.testing.assert_array_equal(found.layers[layer]["v"][index], voltage)


def test_a_cuba_layer_may_follow(spikes):
    """Mixed with what is compiled: the toy's layer feeds CUBA neurons, whose own test is elsewhere."""
    network = toy_network()
    cuba = Layer((2,), Dense([[90, 90, 90], [20, 40, 60]]), Cuba(2, 1000, 500))
    mixed = replace(network, layers=(*network.layers, cuba))
    sent = simulate(network, spikes).output
    alone = simulate(Network(Input((3,)), [cuba]), sent)
    np.testing.assert_array_equal(simulate(mixed, spikes).output, alone.output)
    assert alone.output.any()


def test_resetting_puts_its_states_to_rest(spikes):
    found = simulate(toy_network(), spikes, record={0: ("v",)}, reset_interval=5)
    fresh = by_hand(np.concatenate([np.zeros((0, 5), int), spikes[0][:5]]))
    np.testing.assert_array_equal(found.layers[0]["v"][0, :4], fresh["layers"][0][1][:4])
    assert not np.array_equal(found.layers[0]["v"], simulate(toy_network(), spikes, record={0: ("v",)}).layers[0]["v"])


def test_its_constants_go_through_a_file(tmp_path, spikes):
    network = toy_network()
    network = replace(network, layers=tuple(_as_matrices(network)))
    write_netx(network, tmp_path / "toy.net")
    back = read_netx(tmp_path / "toy.net")
    assert type(back.layers[0].neuron) is Integrator
    assert (back.layers[0].neuron.threshold, back.layers[0].neuron.bias.tolist()) == (100, [3, 0, 1, 0, 7])
    np.testing.assert_array_equal(simulate(back, spikes).output, simulate(toy_network(), spikes).output)
    with h5py.File(tmp_path / "toy.net", "r+") as file:
        del file["layer/1/neuron/threshold"]
    with pytest.raises(NetworkError, match="neuron/threshold is missing; neurons of type 'integrator' need it"):
        read_netx(tmp_path / "toy.net")


def test_a_connection_without_fields_is_refused_then_registered(tmp_path, spikes, monkeypatch):
    with pytest.raises(NetworkError, match=r"layer 0 \(one_to_one\): netx has no fields for a connection of kind 'one_to_one'"):
        write_netx(toy_network(), tmp_path / "toy.net")
    assert not list(tmp_path.iterdir())
    fields = SynapseFields(
        lambda group, suffix, before, shape: OneToOne(weights(group, "weight" + suffix, int(np.prod(before)))),
        lambda group, synapse, suffix: group.create_dataset("weight" + suffix, data=synapse.weight),
    )
    monkeypatch.setitem(SYNAPSES, OneToOne.KIND, fields)
    write_netx(toy_network(), tmp_path / "toy.net")
    back = read_netx(tmp_path / "toy.net")
    assert type(back.layers[0].synapse) is OneToOne
    np.testing.assert_array_equal(simulate(back, spikes).output, simulate(toy_network(), spikes).output)


def test_rules_name_what_the_target_has_no_process_for(spikes):
    target = load_target("loihi2")
    found = [violation.message for violation in check(toy_network(), target)]
    high = replace(toy_network().layers[1], neuron=Integrator(1 << 20))
    too_high = check(replace(toy_network(), layers=(toy_network().layers[0], high)), target)
    if target.neuron_models is not None:
        assert any("neuron model is integrator" in text for text in found)
    cpu = [violation.message for violation in check(toy_network(), load_target("cpu"))]
    assert any("neuron model is integrator, cpu holds cuba" in text for text in cpu)
    assert any("kind of connection is one_to_one, cpu holds dense" in text for text in cpu)
    assert [v.message for v in too_high if v.rule == "threshold"] == [
        f"layer 1 (dense, recurrent dense): threshold is {1 << 20}, loihi2 holds {target.threshold_max}; lower it"
    ]
    assert not [v for v in check(toy_network(), target, calibrate(toy_network(), [spikes])) if v.rule == "states"]


def test_mapping_holds_its_matrix_and_counts_its_tables():
    mapping = map_network(toy_network(), load_target("loihi2"))
    assert mapping.cores
    same = map_network(replace(toy_network(), layers=tuple(_as_matrices(toy_network()))), load_target("loihi2"))
    assert mapping.loads.tolist() == same.loads.tolist()


def _as_matrices(network):
    shape = network.input.shape
    for layer in network.layers:
        yield replace(layer, synapse=layer.synapse.as_dense(shape))
        shape = layer.shape


def test_profile_counts_spikes_and_operations(spikes):
    found = profile(toy_network(), spikes).layers
    recorded = simulate(toy_network(), spikes, record={0: ("spikes", "v"), 1: ("spikes",)}).layers
    assert found[1].spikes == int(recorded[0]["spikes"].sum()) and found[2].spikes == int(recorded[1]["spikes"].sum())
    assert found[1].forward_operations == int(spikes.sum())  # each spike meets one weight
    assert found[1].ranges["v"] == Range(int(recorded[0]["v"].min()), int(recorded[0]["v"].max()))
    assert (found[1].wraps, found[1].saturations) == (None, None)


def test_diff_finds_a_planted_constant_and_works_out_the_step(spikes):
    a = toy_network()
    b = replace(a, layers=(replace(a.layers[0], neuron=Integrator(100, [3, 0, 1, 0, 9])), a.layers[1]))
    run = lambda network, frames, record: simulate(network, frames, record=record)  # noqa: E731
    found = diverge(ComparedRun(a, run), ComparedRun(b, run), [(np.arange(len(spikes)), spikes)])
    assert (found.first.place.neuron, found.first.names) == (4, ("v",))
    assert found.first.constants.constants == (("bias", 7, 9),)
    assert [step.expected["v"] for step in found.first.steps] == list(found.first.now["v"])
    assert diverge(ComparedRun(a, run), ComparedRun(a, run), [(np.arange(len(spikes)), spikes)]).first is None


def test_floats_refuse_it_by_name_until_it_has_a_twin(tmp_path, spikes, monkeypatch):
    network = toy_network()
    with pytest.raises(
        NetworkError, match=r"layer 0 \(one_to_one\): has Integrator neurons; a float network has none of them; Cuba"
    ):
        dequantised(network)
    monkeypatch.setitem(
        TWINS._handlers, Integrator, lambda neuron, output: FloatIntegrator(neuron.threshold / 64, neuron.bias / 64)
    )
    floats = dequantised(network)
    integers = simulate(network, spikes, record={0: ("v",)})
    found = simulate_floats(floats, spikes)
    np.testing.assert_array_equal(found.output, integers.output)
    np.testing.assert_array_equal(found.layers[0]["v"] * 64, integers.layers[0]["v"])
    pytest.importorskip("nir")
    with pytest.raises(NetworkError, match=r"layer 0 \(one_to_one\): has Integrator neurons; NIR has no node for them"):
        write_nir(network, tmp_path / "toy.nir")
    assert not list(tmp_path.iterdir())
    rounded = round_network(floats)
    assert type(rounded.layers[0].neuron) is Integrator
    np.testing.assert_array_equal(simulate(rounded, spikes).output, integers.output)


def test_nir_lava_and_the_script_refuse_it_by_name(tmp_path, spikes):
    pytest.importorskip("nir")
    with pytest.raises(NetworkError, match=r"layer 0 \(one_to_one\): has Integrator neurons; NIR has no node for them"):
        write_nir(toy_network(), tmp_path / "toy.nir")
    with pytest.raises(NetworkError, match="no process for Integrator neurons; it knows cuba, delta, sigma_delta, sigma"):
        network_arrays(toy_network())
    from myelin.lava_models.build import plan

    with pytest.raises(NetworkError, match=r"layer 0 \(one_to_one\): has Integrator neurons; Lava has no process for them"):
        plan(toy_network())


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (
            lambda: Input((5,), neuron=Integrator(3)),
            NetworkError,
            "the input has Integrator neurons; neurons of this kind stand in",
        ),
        (
            lambda: Layer((3,), Dense(MATRIX), Integrator(3), output="state"),
            NetworkError,
            "output is 'state', Integrator neurons",
        ),
        (lambda: Layer((3,), Dense(MATRIX), object()), NetworkError, "a layer has neurons of type object; subclasses of"),
        (lambda: Integrator(0), NetworkError, "threshold lies in 0..0, allowed is 1..8388607"),
        (lambda: Layer((3,), Dense(MATRIX), Integrator(3, [1, 2])), NetworkError, r"bias has shape \(2,\), which does not"),
        (
            lambda: Network(Input((4,)), toy_network().layers),
            NetworkError,
            r"layer 0 \(one_to_one\): one_to_one weight expects 5",
        ),
        (lambda: simulate(toy_network(), np.full((1, 2, 5), 2)), DataError, "spikes lie in 2..2"),
    ],
)
def test_what_makes_no_sense_is_refused(build, error, text):
    with pytest.raises(error, match=text):
        build()


def test_a_contract_that_is_not_fulfilled_is_refused_when_it_is_registered():
    @dataclass(frozen=True, eq=False)
    class Unfinished(Neuron):
        STATES: ClassVar[tuple[str, ...]] = ("v",)

    with pytest.raises(TypeError, match="neuron Unfinished: MODEL are not set"):
        register(Unfinished)
    Unfinished.MODEL = "unfinished"
    with pytest.raises(TypeError, match="step is not implemented"):
        register(Unfinished)
    taken = type("Taken", (Integrator,), {"MODEL": "cuba"})
    with pytest.raises(TypeError, match="MODEL 'cuba' is that of Cuba"):
        register(taken)
    assert NEURONS["cuba"] is Cuba and "unfinished" not in NEURONS
