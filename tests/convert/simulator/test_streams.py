"""Single steps and chunks against whole runs: every integer, every state, every kind of network."""

from __future__ import annotations

import copy
import re
from types import SimpleNamespace

import numpy as np
import pytest
import sigma_delta_networks
import toys

import myelin
from myelin.convert import Conv, Cuba, DelayedRecurrent, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta, simulate
from myelin.convert.netx import write_netx
from myelin.convert.simulator import prepare, step_plan
from myelin.convert.simulator.state import SimulatorState
from myelin.convert.simulator.streams import Simulator
from myelin.hw_configs.errors import DataError

PASS = Cuba(threshold=0, current_decay=4096, voltage_decay=4096)  # spikes in every step with positive input


def everything(network):
    """All that can be recorded."""
    first = 0 if network.input.neuron is None else -1
    return {index: network.neuron(index).NAMES for index in range(first, len(network.layers))}


def assert_steps_are_the_run(network, spikes, interval=None):
    record = everything(network)
    whole = simulate(network, spikes, record=record, reset_interval=interval)
    stepped = Simulator(network, reset_interval=interval)
    for t in range(spikes.shape[1]):
        out = stepped.step(spikes[:, t])
        assert out.dtype == whole.output.dtype
        np.testing.assert_array_equal(out, whole.output[:, t], err_msg=f"step {t}")
        for index, names in record.items():
            for name in names:
                got, wanted = stepped.values(index, name), whole.layers[index][name][:, t]
                assert got.dtype == wanted.dtype
                np.testing.assert_array_equal(got, wanted, err_msg=f"step {t}, layer {index}, {name}")
    chunks, cut = Simulator(network, reset_interval=interval), spikes.shape[1] // 2
    one = chunks.run(spikes[:, :cut], state=chunks.rest(len(spikes)), record=record, time_axis=1)
    two = chunks.run(spikes[:, cut:], state=chunks.state, record=record, time_axis=1)
    np.testing.assert_array_equal(np.concatenate([one.output, two.output], axis=1), whole.output)
    np.testing.assert_array_equal(one.readout + two.readout, whole.readout)
    for index, names in record.items():
        for name in names:
            both = np.concatenate([one.layers[index][name], two.layers[index][name]], axis=1)
            np.testing.assert_array_equal(both, whole.layers[index][name], err_msg=f"layer {index}, {name}")
    assert chunks.state == stepped.state or not spikes.shape[1]
    return int(np.count_nonzero(whole.output))


def test_steps_and_chunks_equal_whole_runs_on_random_networks(random_network):
    """Delays of axons, synapses and recurrences, convolutions, exponents, input neurons, readouts, resets; active ones."""
    active = sum(
        assert_steps_are_the_run(*random_network(seed), interval=None if seed % 3 else seed % 5 + 1) > 0 for seed in range(40)
    )
    assert active >= 15


def test_steps_and_chunks_equal_whole_runs_of_sigma_delta_networks():
    active = 0
    for seed in range(15):
        network, sample = sigma_delta_networks.random_case(seed)
        active += assert_steps_are_the_run(network, sample[None]) > 0
    assert active > 8


def toy_network(at_input=False):
    rng = np.random.default_rng(3)
    layers = (
        Layer((6,), Dense(rng.integers(-4, 12, (6, 5))), toys.Integrator(20, rng.integers(0, 3, 6)), rng.integers(0, 4, 6),
              DelayedRecurrent(Dense(rng.integers(-6, 6, (6, 6))), rng.integers(0, 3, 6))),
        Layer((6,), toys.OneToOne(rng.integers(20, 60, 6)), PASS, 2),
        Layer((4,), Dense(rng.integers(-4, 12, (4, 6))), toys.Integrator(9)),
    )  # fmt: skip
    return Network(Input((5,)), layers), (rng.random((3, 30, 5)) < 0.4).astype(np.uint8)


def test_neurons_without_a_loop_step_beside_those_with_one():
    assert assert_steps_are_the_run(*toy_network()) > 20
    assert assert_steps_are_the_run(*toy_network(), interval=4) > 20


def test_every_neuron_can_step_in_python(random_network, monkeypatch):
    """As a neuron with a loop for whole runs and none for steps does."""
    monkeypatch.setattr(step_plan, "Stepped", ())  # nothing is one
    active = sum(assert_steps_are_the_run(*random_network(seed), interval=None if seed % 3 else 2) > 0 for seed in range(12))
    assert active >= 4


def test_every_neuron_can_run_its_reference_step(random_network, monkeypatch):
    """At an input too, with constants of each neuron in three axes."""
    cases = [random_network(seed) for seed in range(12)]
    fast = [simulate(network, spikes).output for network, spikes in cases]
    nothing = SimpleNamespace(get=lambda neuron: None)
    monkeypatch.setattr(prepare, "LAYER_STAGES", nothing)
    monkeypatch.setattr(prepare, "INPUT_STAGES", nothing)
    for (network, spikes), expected in zip(cases, fast):
        np.testing.assert_array_equal(simulate(network, spikes).output, expected)
    assert any(network.input.neuron is not None and len(network.input.shape) == 3 for network, _ in cases)


def test_a_convolution_wraps_at_24_bit_in_steps_too():
    readout = Cuba(threshold=1 << 17, current_decay=4096, voltage_decay=4096)
    network = Network(Input((1, 1, 3), 20), [Layer((1, 1, 3), Conv([[[[255]]]]), readout, output="state")])
    spikes = np.full((1, 3, 1, 1, 3), [[[[40000, 70000, 1]]]])
    assert_steps_are_the_run(network, spikes)
    a = simulate(network, spikes, record={0: ("a",)}).layers[0]["a"][0, 1].ravel()
    assert a.tolist() == [40000 * 255 - (1 << 24), 70000 * 255 - (1 << 24), 255]


def test_streams_do_not_know_of_each_other(small):
    spikes = (np.random.default_rng(0).random((3, 30, 2)) < 0.5).astype(np.uint8)
    together = Simulator(small, streams=3)
    alone = [Simulator(small) for _ in range(3)]
    for t in range(30):
        out = together.step(spikes[:, t])
        for stream, simulator in enumerate(alone):
            np.testing.assert_array_equal(out[stream], simulator.step(spikes[stream, t]))


def test_one_stream_takes_frames_with_and_without_the_axis(small):
    simulator = Simulator(small)
    assert simulator.step([1, 0]).shape == (2,) and simulator.values(0, "v").shape == (3,)
    assert simulator.step([[True, False]]).shape == (1, 2) and simulator.values(0, "v").shape == (1, 3)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64", "float32"])
def test_frames_of_every_type_give_the_same(small, dtype):
    spikes = (np.random.default_rng(0).random((1, 20, 2)) < 0.5).astype(dtype)
    simulator = Simulator(small)
    got = np.stack([simulator.step(frame) for frame in spikes[0][:, ::1]])
    np.testing.assert_array_equal(got, simulate(small, spikes.astype(int)).output[0])
    assert got.any()


def test_a_torch_tensor_and_a_view_of_an_array_are_frames(small):
    torch = pytest.importorskip("torch")
    one, two, three = Simulator(small), Simulator(small), Simulator(small)
    wide = np.zeros((20, 4), bool)
    wide[:, ::2] = np.random.default_rng(0).random((20, 2)) < 0.5
    for frame in wide:
        out = one.step(frame[::2].copy())
        np.testing.assert_array_equal(out, two.step(frame[::2]))
        np.testing.assert_array_equal(out, three.step(torch.from_numpy(frame[::2].astype(np.float32))))


def test_a_reset_puts_chosen_streams_back_to_rest(small):
    ones, simulator = np.ones((2, 2), np.uint8), Simulator(small, streams=2)
    first = [simulator.step(ones) for _ in range(8)]
    simulator.reset(1)
    assert simulator.state.counts.tolist() == [8, 0]
    again = np.stack([simulator.step(ones)[1] for _ in range(8)])
    np.testing.assert_array_equal(again, np.stack(first)[:, 1])
    simulator.reset()
    assert simulator.state == simulator.rest(2)
    with pytest.raises(DataError, match=r"^reset of stream 2; this simulator has streams 0\.\.1$"):
        simulator.reset([0, 2])


def test_a_state_can_be_kept_saved_and_restored(small, tmp_path):
    spikes = (np.random.default_rng(0).random((20, 2)) < 0.5).astype(np.uint8)
    simulator = Simulator(small)
    for frame in spikes[:7]:
        simulator.step(frame)
    kept = simulator.state
    kept.save(tmp_path / "deep" / "state.npz")
    rest = [simulator.step(frame) for frame in spikes[7:]]
    write_netx(small, tmp_path / "small.net")
    for other in (Simulator(small), Simulator(tmp_path / "small.net")):
        other.load(tmp_path / "deep" / "state.npz")
        assert other.state == kept == copy.deepcopy(kept) and other.state != simulator.state
        np.testing.assert_array_equal([other.step(frame) for frame in spikes[7:]], rest)
    assert np.any(rest)
    with pytest.raises(ValueError, match="read-only"):
        kept.memory[0, 0] = 1


def test_a_state_with_another_memory_is_refused(small):
    good = Simulator(small).state
    with pytest.raises(DataError, match=r"^the state has memory of shape \(1, 3\); \(1, \d+\) is allowed$"):
        Simulator(small).state = SimulatorState(good.network, good.counts, good.memory[:, :3])
    assert repr(good).startswith("SimulatorState(1 stream after 0 steps, network ")


def test_flat_frames_of_an_image_and_of_one_stream_or_several(random_network):
    network, spikes = next(
        case for case in map(random_network, range(99)) if len(case[0].input.shape) == 3 and case[1].shape[0] == 2 and
        simulate(*case).output.any()
    )  # fmt: skip
    expected = simulate(network, spikes).output
    together, alone = Simulator(network), Simulator(network)
    for t in range(spikes.shape[1]):
        np.testing.assert_array_equal(together.step(spikes[:, t].reshape(2, -1)), expected[:, t])
        np.testing.assert_array_equal(alone.step(spikes[1, t].reshape(-1)), expected[1, t])


def test_a_run_from_rest_leaves_the_state_alone(small):
    simulator, spikes = Simulator(small), np.ones((2, 9, 2), np.uint8)
    simulator.step([1, 1])
    before = simulator.state
    np.testing.assert_array_equal(simulator.run(spikes, time_axis=1).output, simulate(small, spikes).output)
    assert simulator.state == before


def test_a_state_of_another_network_or_number_of_streams_is_refused(small, tmp_path):
    other = Network(small.input, (small.layers[0],))
    state = Simulator(other).state
    with pytest.raises(
        DataError, match=r"the state belongs to network [0-9a-f]{12}, this simulator runs network [0-9a-f]{12}: "
    ):
        Simulator(small).state = state
    with pytest.raises(DataError, match=r"^the state has 3 streams, this simulator 2: make one with that many$"):
        Simulator(small, streams=2).state = Simulator(small).rest(3)
    with pytest.raises(DataError, match=r"^the state has 3 streams, the spikes 1 samples; one sample a stream is allowed$"):
        Simulator(small).run(np.ones((1, 4, 2), int), state=Simulator(small).rest(3))
    with pytest.raises(DataError, match=r"^chunk and progress are for runs from rest; leave them out, or leave state out$"):
        Simulator(small).run(np.ones((1, 4, 2), int), state=Simulator(small).rest(), chunk=3)


def test_what_is_no_state_is_refused_by_its_type(small):
    simulator = Simulator(small)
    with pytest.raises(DataError, match=r"^a state is loaded from a path, got a SimulatorState; .*simulator.state = state$"):
        simulator.load(simulator.state)
    for wrong in ({"memory": 1}, "state.npz", None):
        with pytest.raises(
            DataError, match=rf"^a {type(wrong).__name__} is no state of a simulator; what simulator\.state or "
        ):
            simulator.state = wrong
    with pytest.raises(DataError, match=r"^record is a str; layer -> names is allowed, such as \{0: \('spikes', 'v'\)\}$"):
        simulator.run(np.ones((1, 4, 2), int), record="v")


def test_a_simulator_shows_its_streams_and_network(small):
    assert repr(Simulator(small)) == f"Simulator of any number of streams\n{small!r}"
    simulator = Simulator(small, streams=1)
    assert repr(simulator).startswith("Simulator of 1 stream\n")
    simulator = Simulator(small)
    simulator.step(np.ones((3, 2), int))
    assert repr(simulator).startswith("Simulator of 3 streams\n")


@pytest.mark.parametrize("content", [b"", b"no archive", "npz"])
def test_a_file_without_a_state_is_refused(small, tmp_path, content):
    path = tmp_path / "state.npz"
    np.savez(path, a=1) if content == "npz" else path.write_bytes(content)
    with pytest.raises(DataError, match=r"state\.npz holds no state of a simulator; a file written by SimulatorState\.save is"):
        Simulator(small).load(path)
    good = Simulator(small).state
    for change in ({"counts": np.array([-1])}, {"memory": good.memory * 0.5}, {"counts": np.zeros(0, np.int64)}):
        np.savez(
            path,
            **{"format": "myelin simulator state 1", "network": "a", "counts": good.counts, "memory": good.memory, **change},
        )
        with pytest.raises(DataError, match=r"state\.npz holds no state of a simulator"):
            Simulator(small).load(path)
    with pytest.raises(DataError, match=r"none\.npz: cannot be read: No such file"):
        Simulator(small).load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ([1, 0, 1], "frame has shape (3,); (2) or (1, 2) is allowed for 1 stream"),
        (np.zeros((3, 2), int), "(2) or (1, 2) is allowed for 1 stream: make a Simulator with streams=3, or call reset()"),
        ([0.5, 1], "the values of the frame hold 0.5 and 0 other values that are not integers"),
        ([2, 0], "spikes lie in 0..2, the network's input takes 0..1"),
        (np.array([0, -1]), "spikes lie in -1..0"),
        (np.array([0, 2**64 - 1], np.uint64), "spikes lie in 0..18446744073709551615"),
        ([[1, 0], [1]], "the values of the frame are no array"),
        (["a", "b"], "the values of the frame have dtype <U1"),
    ],
)
def test_a_bad_frame_is_refused_and_changes_nothing(small, frame, text):
    simulator = Simulator(small)
    simulator.step([1, 0])
    before = simulator.state
    with pytest.raises(DataError, match=re.escape(text)):
        simulator.step(frame)
    assert simulator.state == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"streams": 0}, "streams is 0; an integer of 1 or more, or None for as many as the first frame has is allowed"),
        ({"reset_interval": 1.5}, "reset_interval is 1.5; an integer of 1 or more, or None for no reset is allowed"),
        ({"engine": "fast"}, "engine is 'fast'"),
    ],
)
def test_wrong_options_are_refused(small, options, text):
    with pytest.raises(DataError, match=re.escape(text)):
        Simulator(small, **options)


def test_values_of_no_layer_are_refused(small):
    with pytest.raises(DataError, match=r"record of layer 0 is \('w',\); a tuple of 'spikes', 'a', 'u', 'v' is allowed"):
        Simulator(small).values(0, "w")


def graded(exponent=0):
    layers = [
        Layer((2,), Dense([[254, 0], [0, 254]], exponent), SigmaDelta(0)),
        Layer((1,), Dense([[2, 2]]), Sigma(), output="state"),
    ]
    return Network(Input((2,), 12, Delta(0)), layers)


def test_sums_beyond_the_range_are_refused_in_the_step_that_reaches_it_and_until_a_reset():
    network, frame = graded(6), np.array([4095, 0])
    whole = np.stack([np.zeros(2, int), *[frame] * 3])[None]
    with pytest.raises(DataError) as refused:
        simulate(network, whole)
    simulator = Simulator(network)
    simulator.step(whole[0, 0])
    for _ in range(2):
        with pytest.raises(DataError, match=re.escape(str(refused.value)[:40])):
            for frame in whole[0, 1:]:
                simulator.step(frame)
    simulator.reset()
    simulator.step(whole[0, 0])


def test_sigma_delta_neurons_refuse_resets_in_steps_too():
    with pytest.raises(DataError, match=r"reset_interval is 4; sigma-delta neurons are never reset"):
        Simulator(graded(), reset_interval=4).step([1, 1])


def test_an_input_that_only_some_values_may_leave_is_checked_in_every_step():
    """4095 is the largest bias mantissa; an input of 7 bits would drive the neurons beyond."""
    network = Network(Input((1,), 7, PASS, weight=64), [Layer((1,), Dense([[2]]), PASS)])
    simulator = Simulator(network)
    simulator.step([63])
    with pytest.raises(DataError, match="a 13 bit mantissa holds"):
        simulator.step([64])
    assert simulator.state.counts.tolist() == [1]


def test_it_is_public():
    assert myelin.Simulator is Simulator
