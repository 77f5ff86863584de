"""The gate's logic, the first difference, the choice of samples, and the table; the whole validation is in tests/pipeline."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

from convert.difference import Difference, Parity, compare_trains
from convert.samples import Binning, open_samples, spread_choice
from convert.statistics import paired_interval
from convert.validate import INTEGER, SETTINGS, Validation, _stage
from convert.validation_table import as_dict, events_line, lines
from hw_configs.errors import DataError


def validation(lost, gained=0, samples=200, max_drop=1.0, parities=(), skipped=None):
    """Of a float network that is always right but on ``gained`` samples, and integers that are wrong on ``lost`` others."""
    labels = np.zeros(samples, np.int64)
    floats, integers = labels.copy(), labels.copy()
    integers[:lost] = 1
    floats[samples - gained :] = 1
    named = [*((setting.name, setting.description) for setting in SETTINGS), INTEGER]
    stages = tuple(_stage(name, text, floats, integers if name == "integer" else floats, labels) for name, text in named)
    return Validation("data.h5", "test", samples, stages, tuple(parities), skipped, max_drop, {"events": 10, "late": 1})


@pytest.mark.parametrize(
    ("lost", "gained", "max_drop", "passes", "bound_holds"),
    [
        (2, 0, 1.0, True, False),  # a loss of exactly what is allowed
        (3, 0, 1.0, False, False),
        (3, 1, 1.0, True, False),
        (0, 0, 1.0, True, False),  # 200 samples cannot show that a loss stays below a point
        (0, 0, 2.0, True, True),
        (0, 9, 0.0, True, True),
        (1, 0, 0.0, False, False),
        (29, 0, 14.5, True, False),  # 100 * (29 / 200) is above 14.5 in floating point
    ],
)
def test_the_gate(lost, gained, max_drop, passes, bound_holds):
    result = validation(lost, gained, max_drop=max_drop)
    assert (result.failures == []) is passes
    assert result.bound_holds is bound_holds
    assert result.drop_points == pytest.approx((lost - gained) / 2)
    assert result.drop_bound_points == pytest.approx(-100 * paired_interval(lost, gained, 200)[0])
    text = "\n".join(lines(result))
    assert ("PASS" in text) is passes
    assert ("FAIL" in text) is not passes
    assert ("not proven" in text) is (passes and not bound_holds)


def test_any_difference_fails_the_gate():
    first = Difference("the output", 4, 7, 2, 1, 0)
    result = validation(0, parities=[Parity("a = b", 3, 100), Parity("c = d", 5, 200, 6, first)])
    assert result.failures == [
        "c = d: 6 of 200 values of 5 samples differ, first in the output: sample 4, step 7, neuron 2: expected 1, got 0"
    ]
    assert "FAIL: c = d" in "\n".join(lines(result))
    assert "a = b: all 100 values of 3 samples are equal" in lines(result)


def test_json_holds_what_the_screen_shows():
    result = validation(3, 1, skipped="lava-nc not installed")
    found, text = as_dict(result), "\n".join(lines(result))
    for stage in found["stages"]:
        for name in ("accuracy_percent", "accuracy_low_percent", "accuracy_high_percent"):
            assert f"{stage[name]:.2f}" in text
    integer = found["stages"][-1]
    assert (integer["only_float_right_samples"], integer["only_this_right_samples"]) == (3, 1)
    for name in ("difference_points", "difference_low_points", "difference_high_points"):
        assert f"{integer[name]:+.2f}" in text
    assert f"{integer['agreement_percent']:.1f} %" in text
    assert f"{integer['mcnemar_p']:.3f}" in text
    assert "Lava was skipped: lava-nc not installed" in text
    assert f"{found['gate']['drop_points']:.2f} points" in text
    assert found["gate"]["passed"] is True


def test_events_line():
    counts = {"events": 200, "late": 3, "early": 0, "off_channel": 0, "clipped": 1}
    assert events_line(counts) == "4 of 200 events (2.00 %): 3 late, 1 clipped"
    assert events_line({"events": 200, "late": 0}) == "none of 200 events"


def trains(*arrays):
    return [(f"layer {index}", array) for index, array in enumerate(arrays)]


def test_the_first_difference_is_the_earliest_in_time():
    """An output neuron differs at step 3, a hidden one at step 2 of the same sample, another sample earlier still: the lowest
    sample counts first, then the step, then the layer."""
    hidden, output = np.zeros((3, 5, 4), np.uint8), np.zeros((3, 5, 2), np.int32)
    changed_hidden, changed_output = hidden.copy(), output.copy()
    changed_output[1, 3, 1] = 9
    changed_hidden[1, 2, 3] = 1
    changed_hidden[2, 0, 0] = 1
    numbers = np.array([10, 20, 30])
    parity = compare_trains("x", trains(hidden, output), trains(changed_hidden, changed_output), numbers)
    assert parity == Parity("x", 3, 3 * 5 * 6, 3, Difference("layer 0", 20, 2, 3, 0, 1))
    assert not parity.equal


def test_equal_trains():
    values = np.arange(24).reshape(2, 3, 4)
    assert compare_trains("x", trains(values), trains(values.astype(float)), np.arange(2)) == Parity("x", 2, 24)


def test_trains_of_different_shape_are_not_compared():
    with pytest.raises(ValueError, match="cannot be compared"):
        compare_trains("x", trains(np.zeros((1, 2, 3))), trains(np.zeros((1, 2, 4))), np.arange(1))
    with pytest.raises(ValueError):
        compare_trains("x", trains(np.zeros((1, 2, 3))), [], np.arange(1))


def test_parities_of_chunks_add_up():
    first = Difference("the output", 7, 0, 0, 1, 2)
    total = Parity("x", 5, 50) + Parity("x", 3, 30, 2, first) + Parity("x", 1, 10, 1, Difference("the output", 9, 0, 0, 1, 2))
    assert total == Parity("x", 9, 90, 3, first)


@pytest.mark.parametrize(
    ("labels", "count", "chosen"),
    [
        ([0, 0, 0, 1, 1, 2, 2, 3], 4, [0, 3, 5, 7]),
        ([0, 0, 0, 1, 1, 2, 2, 3], 2, [0, 5]),
        ([0, 0, 0, 1, 1, 2, 2, 3], 6, [0, 1, 3, 4, 5, 7]),
        ([5, 5], 9, [0, 1]),
        ([3, 1, 3], 1, [1]),
    ],
)
def test_chosen_samples_spread_over_the_classes(labels, count, chosen):
    assert spread_choice(np.array(labels), count).tolist() == chosen


@pytest.fixture
def files(tmp_path):
    """A folder with train, valid and test split of 3, 4 and 5 samples, 20 channels, two events each: one late, one at 12 ms."""
    from train.datasets import SpikeDataset, join_events, write_shd

    for split, count in (("train", 3), ("valid", 4), ("test", 5)):
        events = join_events([(np.array([0.012, 0.5], np.float32), np.array([7, 3]))] * count)
        data = SpikeDataset(*events, np.arange(count) % 2, channels=20, keys=("a", "b"))
        write_shd(data, tmp_path / f"x_{split}.h5")
    return tmp_path


BINNING = Binning(steps=4, step_ms=10.0, channels=5, message_bits=0)


def test_the_split_that_no_choice_was_made_on_comes_first(files):
    def opened(**options):
        samples = open_samples(files, BINNING, classes=2, keys=("a", "b"), **options)
        return samples.split, len(samples)

    assert opened() == ("test", 5)
    assert opened(split="train") == ("train", 3)
    (files / "x_test.h5").rename(files / "elsewhere.h5")
    assert opened() == ("valid", 4)
    (files / "x_valid.h5").unlink()
    assert opened() == ("train", 3)
    whole = open_samples(files / "elsewhere.h5", BINNING)
    assert (whole.split, len(whole)) == ("all", 5)


def test_frames_and_what_did_not_fit(files):
    samples = open_samples(files, BINNING)
    frames = samples.frames([0, 2])
    assert frames.shape == (2, 4, 5)
    assert [tuple(place) for place in np.argwhere(frames)] == [(0, 1, 1), (1, 1, 1)]
    samples.frames([1], count_lost=False)
    assert samples.events_not_in_frames() == {"events": 4, "late": 2, "early": 0, "off_channel": 0, "clipped": 0}
    assert samples.lost == Counter(events=4, late=2)


def test_frames_are_those_of_training(files):
    """Validation and training must bin alike, for presence, for counts and for intervals."""
    from train.batches import Batches
    from train.config import DataConfig

    by_interval = {"shape": (2, 1, 10), "intervals_ms": (100.0,)}
    for bits, more in ((0, {}), (1, {}), (4, {}), (4, by_interval)):
        config = DataConfig(steps=9, step_ms=3.0, channels=10, message_bits=bits, **more)
        samples = open_samples(files, Binning.from_dict(asdict(config), "x"))
        batches = Batches(samples.dataset, config, 2)
        assert np.array_equal(samples.frames(np.arange(5)), batches.frames(np.arange(5)))


@pytest.mark.parametrize(("bits", "most"), [(0, 1), (1, 1), (3, 7), (8, 255), (20, 255)])
def test_largest_count(bits, most):
    assert Binning(1, 1.0, 1, bits).max_count == most


def test_binning_that_is_incomplete(files):
    whole = {"steps": 4, "step_ms": 10, "channels": 5, "message_bits": 0}
    assert Binning.from_dict({**whole, "other": 1}, "x") == BINNING
    wrong = ({"intervals_ms": "few"}, {"steps": "many"}, {"channels": None})
    for broken in (*({**whole, **value} for value in wrong), {"steps": 4}, None):
        with pytest.raises(DataError, match="x does not say how spikes become frames"):
            Binning.from_dict(broken, "x")
