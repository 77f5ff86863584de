"""The table, its JSON, changes by class, the first difference, the choice of samples; the whole: tests/myelin/commands."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from myelin.convert.artifact.examine import Examination
from myelin.convert.compare.difference import Difference, Parity, compare_trains
from myelin.convert.samples import Binning, events_line, open_samples, spread_choice
from myelin.convert.statistics import compare
from myelin.hw_configs.errors import DataError
from myelin.validation.as_json import as_dict, confusion
from myelin.validation.equalities import Equality
from myelin.validation.gate import judge, loss_of_classes
from myelin.validation.stages import NAMES, Outcome, summarise
from myelin.validation.table import lines
from myelin.validation.tasks import ClassTask
from myelin.validation.validate import ClassChange, Validation, class_changes

EQUAL = Examination(None, {}, "checkpoint/", None, (), Parity("simulator = golden values", 2, 100))


def validation(lost, gained=0, samples=200, max_drop=1.0, equalities=(), examination=EQUAL):
    """Two classes, the even and the odd samples; floats always right but on ``gained`` samples at the end, integers wrong on
    ``lost`` others at the start; all other stages are the float network.  Layers 0 and 2 spike, of 30 and 10 neurons."""
    labels = np.arange(samples) % 2
    floats, integers = labels.copy(), labels.copy()
    integers[:lost] ^= 1
    floats[samples - gained :] ^= 1
    outcomes = dict.fromkeys(NAMES, Outcome(floats, {0: 0.02, 2: 0.1}))
    outcomes["simulator"] = Outcome(integers, {0: 0.03, 2: 0.1})
    return Validation(
        data="data.h5",
        split="test",
        part="test split",
        classes=("even", "odd"),
        labels=labels,
        outcomes=outcomes,
        stages=tuple(summarise(outcomes, ClassTask(labels, 2), {0: 30, 2: 10})),
        by_class=tuple(class_changes(floats, integers, labels, ("even", "odd"))),
        equalities=tuple(equalities),
        examination=examination,
        gate=judge(loss_of_classes(compare(floats, integers, labels)), max_drop),
        events_not_in_frames={"events": 10, "late": 1},
    )


@pytest.mark.parametrize(
    ("lost", "samples", "word"), [(0, 500, "PASS"), (0, 200, "UNDECIDED"), (3, 200, "UNDECIDED"), (20, 200, "FAIL")]
)
def test_the_verdict(lost, samples, word):
    result = validation(lost, samples=samples)
    text = lines(result)
    assert [line.split(":")[0] for line in text if line.startswith(("PASS", "FAIL", "UNDECIDED"))] == [word]
    assert (result.failures == []) is (word == "PASS") is as_dict(result)["gate"]["passed"]
    place = next(number for number, line in enumerate(text) if line.startswith(word))
    assert as_dict(result)["gate"]["message"] == "; ".join(line.strip() for line in text[place:]).removeprefix(f"{word}: ")


def test_any_difference_fails_whatever_the_gate_says():
    first = Difference("the output", 4, 7, 2, 1, 0)
    parities = [Parity("a = b", 3, 100), Parity("c = d", 5, 200, 6, first)]
    equalities = [*(Equality(parity.name, parity) for parity in parities), Equality("e = f", None, "not installed")]
    result = validation(0, samples=500, equalities=equalities)
    said = "c = d: 6 of 200 values of 5 samples differ, first in the output: sample 4, step 7, neuron 2: expected 1, got 0"
    assert result.gate.passed and result.failures == [said]
    text = lines(result)
    assert f"FAIL: {said}" in text and text[-1].startswith("PASS: ")
    assert "a = b: all 100 values of 3 samples are equal" in text and "e = f: skipped: not installed" in text
    found = as_dict(result)
    assert [(entry["equal"], entry["skipped"]) for entry in found["parities"]] == [
        (True, None),
        (False, None),
        (None, "not installed"),
    ]
    assert found["gate"]["outcome"] == "passes" and found["gate"]["passed"] is False


def test_a_network_that_is_not_the_trained_one_fails():
    golden = Parity("simulator = golden values", 2, 100, 3, Difference("the spikes of layer 0", 1, 5, 9, 1, 0))
    result = validation(0, samples=500, examination=Examination(None, {}, None, None, (), golden))
    assert result.gate.passed
    assert len(result.failures) == 1 and "the spikes of layer 0: sample 1, step 5, neuron 9" in result.failures[0]
    assert as_dict(result)["network"]["golden_first"]["neuron"] == 9


def test_json_holds_what_the_screen_shows():
    result = validation(3, 1, max_drop=2.0)
    found, text = as_dict(result), "\n".join(lines(result))
    for stage in found["stages"]:
        for name in ("accuracy_percent", "accuracy_low_percent", "accuracy_high_percent"):
            assert f"{stage[name]:.2f}" in text
    integer = found["stages"][-1]["to_float"]
    assert (integer["only_other_right_samples"], integer["only_this_right_samples"]) == (3, 1)
    for name in ("difference", "difference_low", "difference_high", "bootstrap_low", "bootstrap_high"):
        assert f"{integer[name + '_points']:+.2f}" in text
    assert f"{integer['agreement_percent']:.1f} %" in text
    assert f"{integer['mcnemar_p']:.3f}" in text
    assert found["stages"][0]["to_float"] is None and found["stages"][2]["to_previous"] is None
    assert found["stages"][-1]["to_previous"]["to"] == "training"
    assert found["samples"] == len(found["labels"]) == len(found["predictions"]["simulator"]) == 200
    assert set(found["predictions"]) == {*found["alone"], *found["cumulated"]} == {stage["name"] for stage in found["stages"]}
    assert found["gate"]["more_samples_needed"] == found["gate"]["samples_needed"] - 200


def test_changes_by_class_by_hand():
    labels = np.array([0, 0, 0, 1, 1])
    floats, integers = np.array([0, 0, 1, 1, 0]), np.array([0, 1, 0, 1, 1])
    zero, one, never = class_changes(floats, integers, labels, ("zero", "one", "never"))
    assert (zero.samples, zero.float_correct_samples, zero.integer_correct_samples) == (3, 2, 2)
    assert (zero.only_float_right_samples, zero.only_integer_right_samples, zero.difference_points) == (1, 1, 0.0)
    assert (one.float_correct_samples, one.integer_correct_samples, one.difference_points) == (1, 2, 50.0)
    assert (never.samples, never.difference_points) == (0, None)
    assert confusion(integers, labels, 3).tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]


def test_classes_that_change_are_named():
    text = "\n".join(lines(validation(3, 1)))
    assert "classes       2 of 2 change:" in text
    assert "even 100 -> 98 of 100 right -2.0 points lost 2, gained 0" in " ".join(text.split())
    many = [ClassChange(f"word {n}", 60, 30, 30, 0.0, n, n) for n in range(15)]
    shown = "\n".join(lines(replace(validation(3, 1), by_class=tuple(many))))
    assert "classes       14 of 15 change; the 12 with most samples that change (--json has all):" in shown
    assert "word 3 " in shown and "word 2 " not in shown
    assert "classes       0 of 2 change\n" in "\n".join(lines(validation(0)))


def test_the_figure(tmp_path):
    from myelin.validation.plot import stages_with_intervals

    stages_with_intervals(tmp_path / "x.png", validation(3, 1))
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


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
    from myelin.train.datasets import SpikeDataset, join_events, write_shd

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
    from myelin.train.config.config import DataConfig
    from myelin.train.run.batches import Batches

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
