"""Answers of a data set: classes, classes of steps, traces; they stay with their samples and with their own steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset

X = np.random.default_rng(0).integers(0, 2, (4, 6, 3))
STEPS = np.random.default_rng(1).integers(-1, 5, (4, 6))
TRACE = np.random.default_rng(2).normal(size=(4, 6, 2))


def test_classes_of_steps():
    data = SpikeDataset.from_dense(X, STEPS, step_ms=4.0)
    assert (data.task, data.classes, data.targets.dtype, len(data)) == ("steps", 5, np.int64, 4)
    assert data.labels.tolist() == [0] * 4
    np.testing.assert_array_equal(data.subset([2, 0]).targets, STEPS[[2, 0]])
    assert data.subset([2]).step_ms == 4.0
    named = SpikeDataset.from_dense(X, STEPS, keys=("p", "q", "r", "s", "t", "u"))
    assert named.classes == 6
    with pytest.raises(ValueError, match="read-only"):
        data.targets[0, 0] = 1


def test_traces_are_float32_in_the_order_of_x():
    data = SpikeDataset.from_dense(X, TRACE)
    assert (data.task, data.classes, data.targets.dtype) == ("trace", 2, np.float32)
    np.testing.assert_array_equal(data.targets, TRACE.astype(np.float32))
    last = SpikeDataset.from_dense(np.moveaxis(X, 1, -1), np.moveaxis(TRACE, 1, -1), time_axis=-1)
    np.testing.assert_array_equal(last.targets, data.targets)
    np.testing.assert_array_equal(last.bin([1], 6, 1.0, 3).frames, X[[1]])


def test_names_are_classes():
    data = SpikeDataset.from_dense(X, ["no", "yes", "no", "no"])
    assert (data.keys, data.labels.tolist()) == (("no", "yes"), [0, 1, 0, 0])
    given = SpikeDataset.from_dense(X, np.array(["no", "yes", "no", "no"]), keys=("yes", "maybe", "no"))
    assert (given.classes, given.labels.tolist()) == (3, [2, 0, 2, 2])
    with pytest.raises(DataError, match="y has the class 'maybe'; the keys are no, yes"):
        SpikeDataset.from_dense(X, ["maybe"] * 4, keys=("no", "yes"))


@pytest.mark.parametrize(
    ("steps", "step_ms", "more", "said"),
    [
        (3, 4.0, {}, "a target for each of 6 steps of 4 ms, asked for are 3 of 4 ms; set steps .data.steps. to 6"),
        (6, 2.0, {}, "asked for are 6 of 2 ms; .* step_ms .data.step_ms. to 4"),
        (6, 4.0, {"time_shift_ms": 1.0}, "set augment.time_shift_ms and augment.time_stretch to 0"),
        (6, 4.0, {"time_stretch": 1.1}, "would move the spikes away from them"),
    ],
)
def test_frames_are_in_the_steps_of_the_targets(steps, step_ms, more, said):
    data = SpikeDataset.from_dense(X, STEPS, step_ms=4.0)
    np.testing.assert_array_equal(data.bin([0], 6, 4.0, 3, channel_shift=0, time_shift_ms=0.0).frames, X[:1])
    with pytest.raises(DataError, match=said):
        data.bin([0], steps, step_ms, 3, **more)


@pytest.mark.parametrize(
    ("y", "more", "said"),
    [
        ([0, 1], {}, r"y has shape \(2,\) for 4 samples; allowed are \(4,\) classes"),
        (np.zeros((4, 5), int), {}, r"y has 5 steps \(shape \(4, 5\)\), x has 6"),
        (TRACE[:, :4], {}, "y has 4 steps"),
        (TRACE[:, :, 0], {}, r"use y\[..., None\] for one output"),
        (np.zeros((4, 6, 5), int), {}, r"use y.argmax\(-1\) for one-hot classes, -1 where no class is set"),
        ([0.5, 1, 0, 0], {}, "y has dtype float64; classes are integers from 0, or names"),
        ([0, 1, -1, 0], {}, "1 labels are out of range"),
        (np.full((4, 6), -2), {}, r"24 labels of steps are out of range \(first -2 at step 0 of sample 0\), allowed is -1"),
        (np.full((4, 6), 3), {"keys": ("a", "b")}, r"first 3 at step 0 of sample 0\), allowed is -1 .no label. or 0..1"),
        (np.full((4, 6, 1), np.nan), {}, r"traces of 4 samples hold NaN or infinite values \(first sample 0\)"),
        (TRACE, {"keys": ("a",)}, "names 1 outputs but its traces have 2"),
        (np.array([2**64 - 1] * 4, np.uint64), {}, "y reaches 18446744073709551615"),
        (np.zeros((4, 6, 1, 1)), {}, "y has shape"),
    ],
)
def test_answers_that_are_refused(y, more, said):
    with pytest.raises(DataError, match=f"^mine: .*{said}"):
        SpikeDataset.from_dense(X, y, name="mine", **more)


def test_targets_need_steps():
    data = SpikeDataset.from_dense(X, [0, 1, 0, 1])
    with pytest.raises(DataError, match="has targets for every step, but no steps; say steps and step_ms"):
        replace(data, targets=STEPS, steps=None, step_ms=None)
    with pytest.raises(DataError, match="steps is 6, step_ms is None; both or neither"):
        replace(data, step_ms=None)
    with pytest.raises(DataError, match=r"targets have shape \(4,\); \(samples, steps\) labels or"):
        replace(data, targets=np.zeros(4, int))
    with pytest.raises(DataError, match="targets has dtype float64; whole numbers are needed"):
        replace(data, targets=np.zeros((4, 6)))
    with pytest.raises(DataError, match=r"targets have shape \(4, 5\); one for each of 6 steps of 4 samples"):
        replace(data, targets=np.zeros((4, 5), int))
    with pytest.raises(DataError, match=r"counts lie in 0..0, allowed is 1..255"):
        replace(data, counts=np.zeros(data.units.size, int))
    with pytest.raises(DataError, match="1 counts but"):
        replace(data, counts=[1])
