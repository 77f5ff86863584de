"""What a reference may answer: every allowed shape means the same, and everything else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from small_network import small_network

from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.convert.neurons import SigmaDelta
from myelin.hw_configs.errors import DataError
from myelin.validation.answers import Shapes, grouped, trace_scale
from myelin.validation.tasks import ClassTask, StepTask

NETWORK = small_network()
NUMBERS = np.arange(4)


def shapes(task, steps=5, **options):
    return Shapes(task, options.pop("network", NETWORK), steps, **options)


def test_every_shape_of_an_answer_gives_the_same_classes():
    outputs = np.random.default_rng(0).normal(size=(4, 5, 3))
    scores = outputs.sum(axis=1)
    task = ClassTask(np.zeros(4, np.int64), 3)
    for values in (outputs, np.moveaxis(outputs, 1, -1), scores, scores.argmax(axis=1), scores.argmax(axis=1).tolist()):
        answer = shapes("classes").read(values, 4, "x")
        assert task.kept(answer, NUMBERS).tolist() == scores.argmax(axis=1).tolist()


def test_every_shape_of_an_answer_gives_the_same_steps():
    outputs = np.random.default_rng(0).normal(size=(4, 5, 3))
    task = StepTask(np.zeros((4, 5), np.int64), 3)
    for values in (outputs, np.moveaxis(outputs, 1, -1), outputs.argmax(axis=2)):
        answer = shapes("steps").read(values, 4, "x")
        assert task.kept(answer, NUMBERS).tolist() == outputs.argmax(axis=2).tolist()


def test_a_tensor_with_a_gradient_is_an_answer():
    torch = pytest.importorskip("torch")
    scores = torch.eye(4, 3, requires_grad=True) * 2
    assert shapes("classes").read(scores, 4, "x").scores.tolist() == (np.eye(4, 3) * 2).tolist()


def test_one_output_needs_no_axis_of_its_own():
    network = small_network(classes=1)
    answer = shapes("trace", network=network).read(np.ones((4, 5)), 4, "x")
    assert answer.output.shape == (4, 5, 1)


ALLOWED = (
    r"allowed are classes \(samples,\), scores \(samples, 3\), or outputs of every step \(samples, 5, 3\) or \(samples, 3, 5\)"
)


@pytest.mark.parametrize(
    ("task", "values", "said"),
    [
        ("classes", np.zeros((4, 5)), r"x has shape \(4, 5\); " + ALLOWED),
        ("classes", np.zeros(3), r"x has shape \(3,\) for 4 samples; " + ALLOWED),
        ("classes", np.zeros(()), r"x has shape \(\) for 4 samples"),
        ("classes", np.array([0, 1, 3, 0]), r"x holds the class 3; the network has the classes 0\.\.2"),
        ("classes", np.array([0, 1, 1.5, 0]), r"x holds the class 1\.5"),
        ("classes", np.array([0, -1, 1, 0]), r"x holds the class -1"),
        ("classes", np.full((4, 3), np.nan), r"x holds NaN or infinite values in 12 of 12 places"),
        ("classes", (np.zeros((4, 3)), 1.0), r"x is a tuple of 2 values; .*lambda x: net\(x\)\[0\]"),
        ("classes", ["a", "b", "c", "d"], r"x has dtype <U1"),
        ("steps", np.zeros((4, 3)), r"allowed are the class of every step \(samples, 5\), or outputs of every step"),
        ("trace", np.zeros((4, 3)), r"allowed are outputs of every step \(samples, 5, 3\) or \(samples, 3, 5\)"),
    ],
)
def test_what_is_no_answer_is_refused(task, values, said):
    with pytest.raises(DataError, match=said):
        shapes(task).read(values, 4, "x")


def test_an_order_that_cannot_be_told_is_asked_for():
    values = np.random.default_rng(0).normal(size=(4, 3, 3))
    with pytest.raises(DataError, match=r"which is both .* say which with time_axis=1 or time_axis=-1.*or give classes"):
        shapes("classes", 3).read(values, 4, "x")
    assert np.array_equal(shapes("classes", 3, time_axis=1).read(values, 4, "x").output, values)
    assert np.array_equal(shapes("classes", 3, time_axis=-1).read(values, 4, "x").output, np.moveaxis(values, -1, 1))


def test_groups_are_summed_and_messages_add_up():
    layer = Layer((4,), Dense(np.ones((4, 2), int)), Cuba(64, 4096, 4096))
    network = Network(Input((2,)), [layer], average_groups=2)
    output = np.arange(8, dtype=np.uint8).reshape(1, 2, 4)
    assert grouped(network, output, "classes").tolist() == [[[1, 5], [9, 13]]] and trace_scale(network) == 2
    sigma = Layer((1,), Dense(np.ones((1, 2), int)), SigmaDelta(1))
    messages = np.array([3, 0, -1], np.int32).reshape(1, 3, 1)
    network = Network(Input((2,)), [sigma])
    assert grouped(network, messages, "steps")[0, :, 0].tolist() == [3, 3, 2]
    assert grouped(network, messages, "classes")[0, :, 0].tolist() == [3, 0, -1]
    assert trace_scale(NETWORK) == 4096
