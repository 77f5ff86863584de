"""Frames come out of either order of axes, and an order that cannot be told is asked for."""

import numpy as np
import pytest

from myelin.convert.axes import frames_of
from myelin.hw_configs.errors import DataError

X = np.arange(2 * 5 * 3).reshape(2, 5, 3) % 7


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.uint8])
def test_both_orders_give_the_same_frames(dtype):
    assert np.array_equal(frames_of(X.astype(dtype), (3,)), X)
    assert np.array_equal(frames_of(np.moveaxis(X, 1, -1).astype(dtype), (3,)), X)


def test_planes_may_be_flattened_in_either_order():
    x = np.arange(2 * 5 * 12).reshape(2, 5, 1, 3, 4) % 3
    for given in (x, np.moveaxis(x, 1, -1), x.reshape(2, 5, 12), np.moveaxis(x.reshape(2, 5, 12), 1, -1)):
        assert np.array_equal(frames_of(given, (1, 3, 4)), x)


def test_a_tensor_is_taken_with_its_gradient():
    torch = pytest.importorskip("torch")
    x = torch.tensor(np.moveaxis(X, 1, -1), dtype=torch.float32, requires_grad=True)
    assert np.array_equal(frames_of(x, (3,)), X)


def test_an_order_that_fits_both_ways_is_asked_for():
    square = np.arange(2 * 9).reshape(2, 3, 3)
    with pytest.raises(
        DataError, match=r"spikes have shape \(2, 3, 3\), which is both .* say which with time_axis=1 or time_axis=-1"
    ):
        frames_of(square, (3,))
    assert np.array_equal(frames_of(square, (3,), time_axis=1), square)
    assert np.array_equal(frames_of(square, (3,), time_axis=-1), np.moveaxis(square, -1, 1))


@pytest.mark.parametrize(
    ("values", "options", "text"),
    [
        (X, {"time_axis": -1}, r"with time_axis=-1, \(batch, 3, steps\) is allowed"),
        (X, {"time_axis": 2}, "time_axis is 2; 1 for"),
        (np.zeros((2, 5, 4)), {}, r"\(batch, steps, 3\) or \(batch, 3, steps\) is allowed"),
        (np.zeros((5, 3)), {}, r"have shape \(5, 3\)"),
        (np.full((2, 5, 3), 0.5), {}, "hold 0.5 and 29 other values that are not integers"),
        ([[[0, 1]], [[1]]], {}, "are no array"),
    ],
)
def test_what_fits_no_order_is_refused(values, options, text):
    with pytest.raises(DataError, match=text):
        frames_of(values, (3,), **options)
