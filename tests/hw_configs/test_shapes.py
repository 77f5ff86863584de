"""The rules on shapes, against torch's convolution."""

from __future__ import annotations

import itertools

import pytest
import torch

from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.shapes import as_chw, convolved, cut_into_channels, half_kernel


def test_sizes_after_a_convolution_are_torchs():
    for size, kernel, stride, padding, dilation in itertools.product((7, 12), (1, 3, 4), (1, 2, 5), (0, 1, 2), (1, 2)):
        space, other = (size, size + 3), (kernel, kernel + 1)
        image = torch.zeros(1, 1, *space)
        expected = torch.nn.functional.conv2d(
            image, torch.zeros(1, 1, *other), stride=(stride, 1), padding=(padding, 0), dilation=dilation
        )
        got = convolved(space, other, (stride, 1), (padding, 0), (dilation, dilation))
        assert got == tuple(expected.shape[2:])


def test_an_odd_kernel_padded_with_its_half_keeps_the_shape():
    assert convolved((5, 9), (3, 7), padding=half_kernel((3, 7))) == (5, 9)


def test_neurons_in_a_row_and_in_channels():
    assert as_chw((6,)) == (1, 1, 6) and as_chw((2, 3, 4)) == (2, 3, 4)
    assert cut_into_channels(6, 1) == (6,) and cut_into_channels(6, 2) == (2, 1, 3)
    with pytest.raises(NetworkError, match=r"shape \(2, 3\); \(neurons,\) or"):
        as_chw((2, 3))
