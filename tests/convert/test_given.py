"""Data in memory, as every command's function takes it: the frames are those that were given, or it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import myelin
from myelin.convert import Delta, Dense, Input, Layer, Network, SigmaDelta
from myelin.convert.opened import opened_source
from myelin.convert.samples import Binning, open_samples
from myelin.convert.stimulus import InputChoice, open_data, stimulus_of
from myelin.train.datasets import SpikeDataset

RNG = np.random.default_rng(7)
X = (RNG.random((6, 9, 2)) < 0.5).astype(np.uint8)
Y = np.arange(6) % 2


def opened(network, data, **choice):
    return open_data(opened_source(network), InputChoice(data=data, **choice))


def wide(network, bits):
    return replace(network, input=Input(network.input.shape, message_bits=bits))


def test_a_pair_of_arrays_is_its_own_frames(small):
    samples = opened(small, (X, Y))
    np.testing.assert_array_equal(samples.frames(np.arange(6)), X)
    assert samples.labels.tolist() == Y.tolist() and (samples.task, samples.targets) == ("classes", None)
    assert samples.binning == Binning(9, 1.0, 2, 0) and samples.step_assumed and samples.part == "all samples given"
    assert opened(small, (X, Y), step_ms=2.5).binning == Binning(9, 2.5, 2, 0)
    np.testing.assert_array_equal(opened(wide(small, 8), (X * 255, Y)).frames([1, 3]), X[[1, 3]] * 255)


def test_time_may_be_last_in_arrays_and_tensors(small):
    torch = pytest.importorskip("torch")
    last = torch.tensor(X).movedim(1, -1)
    trace = torch.rand(6, 2, 9)
    samples = opened(small, (last.float(), trace))
    np.testing.assert_array_equal(samples.frames(np.arange(6)), X)
    np.testing.assert_array_equal(samples.targets, trace.movedim(1, -1).numpy())
    assert samples.task == "trace"
    np.testing.assert_array_equal(opened(small, torch.utils.data.TensorDataset(last, torch.tensor(Y))).frames([2]), X[[2]])
    with pytest.raises(myelin.DataError, match="say which with time_axis=1 or time_axis=-1"):
        opened(small, (X[:, :2], Y))
    np.testing.assert_array_equal(opened(small, (X[:, :2], Y), time_axis=-1).frames([0]), X[:1, :2].swapaxes(1, 2))


def test_answers_for_each_step(small):
    steps = RNG.integers(-1, 2, (6, 9))
    samples = opened(small, (X, steps))
    assert samples.task == "steps"
    np.testing.assert_array_equal(samples.targets, steps)
    with pytest.raises(myelin.DataError, match=r"labels reach 2, the network has classes 0\.\.1"):
        opened(small, (X, np.full((6, 9), 2)))
    with pytest.raises(myelin.DataError, match="traces have 3 outputs, the network has 2; give one for each"):
        opened(small, (X, np.zeros((6, 9, 3))))


def test_a_data_set_keeps_its_steps(small):
    dense = SpikeDataset.from_dense(X, Y, step_ms=4.0, keys=("a", "b"))
    samples = opened(small, dense)
    assert samples.binning == Binning(9, 4.0, 2, 0) and not samples.step_assumed
    np.testing.assert_array_equal(samples.frames(np.arange(6)), X)
    events = SpikeDataset.from_events([[0.001, 0.002]] * 2, [[0, 1]] * 2, [0, 1], channels=2)
    with pytest.raises(myelin.DataError, match="neither the events nor the network say how spikes become frames; give steps"):
        opened(small, events)
    assert opened(small, events, steps=3, step_ms=1.0).frames([0])[0].tolist() == [[0, 0], [1, 0], [0, 1]]


def test_signed_values_of_a_delta_encoder_are_taken_as_they_are():
    layers = [Layer((2,), Dense([[4, 0], [0, 4]]), SigmaDelta(3, 0), output="spikes")]
    network = Network(Input((2,), 6, Delta(2)), layers)
    x = RNG.integers(-60, 61, (6, 9, 2))
    for data in ((x, Y), (x.swapaxes(1, 2), Y)):
        np.testing.assert_array_equal(opened(network, data).frames([4, 1]), x[[4, 1]])
    trace = RNG.random((6, 2, 9))
    samples = opened(network, (x.swapaxes(1, 2), trace))
    np.testing.assert_array_equal(samples.targets, trace.swapaxes(1, 2).astype(np.float32))


def test_an_artifacts_binning_says_the_length_of_a_step(small, tmp_path):
    exported = myelin.export(small, tmp_path / "art", target="cpu", inputs=X, step_ms=5)
    assert opened(exported, (X[:, :4], Y)).binning == Binning(4, 5.0, 2, 0)
    with pytest.raises(
        myelin.DataError,
        match=r"--steps \(steps= in Python\) is for networks that do not say how spikes become frames; the artifact",
    ):
        opened(exported, (X, Y), steps=4)


@pytest.mark.parametrize(
    ("data", "choice", "told"),
    [
        (
            (X * 3, Y),
            {},
            r"counts reach 3, the network's input takes 0\.\.1; count in finer steps, or clip .* numpy.minimum\(x, 1\)",
        ),
        (SpikeDataset.from_dense(X * 3, Y), {}, r"counts reach 3, the network's input takes 0\.\.1"),
        ((X, Y[:4]), {}, r"y has shape \(4,\) for 6 samples"),
        ((X, Y, Y), {}, r"data is a tuple of 3 entries; a path, a SpikeDataset, a pair \(x, y\) of arrays, or a torch Dataset"),
        ((X[:0], Y[:0]), {}, "holds no samples"),
        (7, {}, "data is a int; a path, a SpikeDataset"),
        ((X[..., :1], Y), {}, r"samples x have shape \(6, 9, 1\); \(batch, steps, 2\) or \(batch, 2, steps\) is allowed"),
        ((X, Y + 3), {}, r"labels reach 4, the network has classes 0\.\.1"),
        ((X, Y), {"split": "test"}, "split is 'test'; data in memory has no splits"),
        ((X, Y), {"steps": 9}, "steps is for events; arrays are frames, whose steps count"),
        ([(X[0], 0), (X[1], 1)], {"steps": 3, "step_ms": 1.0}, "steps is 3; the data has frames of 9 steps: leave steps out"),
    ],
)
def test_what_does_not_fit_is_refused(small, data, choice, told):
    with pytest.raises(myelin.DataError, match=told):
        opened(small, data, **choice)


def test_an_array_without_answers(small):
    with pytest.raises(myelin.DataError, match=r"data is an array of shape \(6, 9, 2\) without answers; give a pair \(x, y\)"):
        open_samples(X, Binning(9, 1.0, 2, 0))
    stimulus = stimulus_of([opened_source(small)], InputChoice(data=X, samples=2))
    np.testing.assert_array_equal(stimulus.frames(stimulus.numbers), X[:2])
    with pytest.raises(myelin.DataError, match="steps says how a file is read; an array is taken as it is"):
        stimulus_of([opened_source(small)], InputChoice(data=X, steps=3))
    with pytest.raises(myelin.DataError, match=r"inputs have shape \(0, 9, 2\); at least one sample is needed"):
        stimulus_of([opened_source(small)], X[:0])


@pytest.mark.parametrize("data", [X, (X, Y), SpikeDataset.from_dense(X, Y)], ids=["array", "pair", "data set"])
def test_every_function_of_a_network_takes_it(small, data, tmp_path):
    wanted = int(myelin.simulate(small, X).output.sum())
    assert wanted > 0
    assert myelin.check(small, "loihi2", inputs=data)["calibration"]["steps" if data is X else "kind"] in (9, "data")
    profile = myelin.profile(small, inputs=data, timed=False)
    assert profile["samples"] == 6 and profile["layers"][-1]["spikes_per_sample"] * 6 == pytest.approx(wanted)
    assert myelin.map_cores(small, "loihi1", inputs=data)["fits"]
    assert myelin.diff(small, opened_source(small), inputs=data)["equal"]


def test_dense_data_in_a_file_brings_its_steps(small, main, tmp_path, capsys):
    SpikeDataset.from_dense(X, Y, step_ms=4.0).save(tmp_path / "dense.npz")
    myelin.write_netx(small, tmp_path / "small.net")
    assert main("simulate", tmp_path / "small.net", "--data", tmp_path / "dense.npz") == 0
    assert "whole file, 6 samples, 9 steps of 4 ms, 2 channels" in capsys.readouterr().out
    assert main("profile", tmp_path / "small.net", "--data", tmp_path / "dense.npz") == 0
    assert "whole file, 6 samples of 6, 9 steps of 4 ms" in capsys.readouterr().out


def test_floats_with_answers_enter_delta_encoders_in_units_of_1_64():
    from myelin.convert import Delta, Dense, Input, Layer, Network, Sigma

    network = Network(Input((3,), 7, Delta(2)), [Layer((2,), Dense([[2, 4, 6], [4, 2, 8]]), Sigma(), output="state")])
    x = np.random.default_rng(0).uniform(-1, 1, (4, 9, 3))
    results = [
        myelin.profile(network, inputs=data, timed=False)["layers"][-1]
        for data in (x, np.rint(64 * x).astype(int), (x, [0, 1, 1, 0]))
    ]
    assert results[0] == results[1] == results[2]
    assert "truncate" not in str(results)
    with pytest.raises(myelin.DataError, match="scale them down, or give the network's input message_bits=9"):
        myelin.simulate(network, 5 * x)
