"""Products with weights in panels beside numpy's, of few and of many values that are not zero, for every shape of tail."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.train.kernels.compiled import products
from myelin.train.kernels.compiled.lanes import LANES, WIDTH

SHAPES = [(1, 1), (3, 5), (WIDTH, WIDTH), (4 * WIDTH, 8), (5 * WIDTH + 3, 2 * WIDTH + 9), (6 * WIDTH, 40)]


def _values(rng, rows, columns, share):
    found = rng.integers(-8, 9, (rows, columns)) / 8
    return (found * (rng.random((rows, columns)) < share)).astype(np.float32)


@pytest.mark.parametrize(("neurons", "inputs"), SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("rows", [1, 3, LANES, 2 * LANES])
def test_rows_times_a_matrix_and_its_gradient(neurons, inputs, share, rows):
    rng = np.random.default_rng(neurons)
    x, weight, grad = _values(rng, rows, inputs, share), _values(rng, neurons, inputs, 1.0), _values(rng, rows, neurons, 1.0)
    panels = products.in_panels(weight)
    wide = panels.shape[0] * WIDTH
    groups = -(-rows // LANES)
    total, padded = np.ones((groups * LANES, wide), np.float32), np.zeros((groups * LANES, inputs), np.float32)
    around = np.concatenate((np.full(3, np.nan, np.float32), x.ravel()))  # rows begin anywhere
    places = np.empty(inputs, np.int64)
    products.add_product(around, 3, inputs, rows, panels.reshape(-1), panels.shape[:2], padded, places, total)
    np.testing.assert_array_equal(total[:rows, :neurons], 1 + x @ weight.T)
    wide_grad = np.zeros((groups * LANES, wide), np.float32)
    wide_grad[:rows, :neurons] = grad
    sums = np.ones((inputs, wide), np.float32)
    products.add_gradient(around, 3, inputs, rows, inputs, wide_grad, sums, places)
    np.testing.assert_array_equal(sums[:, :neurons], 1 + x.T @ grad)
    assert (sums[:, neurons:] == 1).all()


def test_what_is_not_a_number_is_not_zero():
    x = np.zeros(2 * WIDTH + 1, np.float32)
    x[[0, WIDTH + 1, 2 * WIDTH]] = np.nan, np.inf, -0.5
    places = np.empty(x.size, np.int64)
    assert products.list_nonzero(x, 0, x.size, places) == products.count_nonzero(x, 0, x.size) == 3
    assert places[:3].tolist() == [0, WIDTH + 1, 2 * WIDTH]
