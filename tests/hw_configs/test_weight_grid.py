"""The grid of weights: its ends, and that training in torch computes with the same one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myelin.hw_configs.weight_grid import grid_unit, mantissa_range, on_grid
from myelin.train.neurons import Cuba


def test_eight_bits_are_the_even_weights_of_lava():
    got = on_grid(np.linspace(-300, 300, 6001), 8)
    assert sorted(set(got.tolist())) == list(range(-256, 256, 2))
    assert on_grid([1.0, 3.0, -1.0, 254.9, 255.0, -257.0], 8).tolist() == [0, 4, 0, 254, 254, -256]  # ties to even multiples
    assert [grid_unit(bits) for bits in (8, 4, 2)] == [2, 32, 128] and mantissa_range(4) == (-8, 7)


def test_another_unit_keeps_the_number_of_values():
    got = on_grid(np.arange(-256, 256), 3, unit=1)
    assert sorted(set(got.tolist())) == list(range(-4, 4))


@pytest.mark.parametrize("bits", range(2, 9))
def test_training_computes_with_the_same_grid(bits):
    """Halves of the finest grid and random values, in float32 as training has them."""
    values = np.concatenate((np.arange(-700, 700) / 2, np.random.default_rng(bits).normal(0, 150, 20000))).astype(np.float32)
    trained = Cuba((1,), weight_bits=bits).quantise(torch.from_numpy(values / 64)).double().numpy() * 64
    np.testing.assert_array_equal(on_grid(values / np.float32(64) * 64, bits), trained)
