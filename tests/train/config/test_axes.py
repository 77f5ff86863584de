"""Kernels on a row and on two axes: what one number means, what is refused."""

from __future__ import annotations

import pytest

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.axes import is_extent, on_axes
from myelin.train.config.files import config_from_dict, config_to_dict


def test_one_number_is_a_row_on_a_row_and_a_square_elsewhere():
    assert on_axes(5, 1) == (1, 5)
    assert on_axes(5, 4) == (5, 5)
    assert on_axes([2, 3], 1) == on_axes((2, 3), 9) == (2, 3)
    with pytest.raises(ValueError):
        on_axes([3], 4)


def test_what_is_an_extent():
    assert [is_extent(value) for value in (1, (2, 1), 0, (3,), (1, 2, 3), (1, 0), ())] == [True, True, *[False] * 5]
    assert [is_extent(value, odd=True) for value in (3, (1, 5), 2, (3, 4))] == [True, True, False, False]


def test_pairs_come_back_from_json():
    values = {"data": {"shape": [2, 8, 6]}, "layers": [{"kind": "conv", "kernel": [3, 5], "stride": 2, "channels": 4}]}
    config = config_from_dict(values)
    assert (config.layers[0].kernel, config.layers[0].stride, config.data.input_shape) == ((3, 5), 2, (2, 8, 6))
    assert config_from_dict(config_to_dict(config)) == config
    assert config_from_dict({"data": {"channels": 70}}).data.input_shape == (70,)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"layers": [{"kernel": [3]}]}, r"layers.kernel is \(3,\); at least 1, or a pair"),
        ({"layers": [{"stride": [1, 0]}]}, r"layers.stride is \(1, 0\)"),
        ({"layers": [{"taps": [3, 2]}]}, r"layers.taps is \(3, 2\); an odd number"),
        ({"layers": [{"kernel": "wide"}]}, "layers.0.kernel is 'wide'"),
        ({"layers": [{"kernel": [3, 1.5]}]}, "layers.0.kernel.1 is 1.5; int is needed"),
        ({"data": {"shape": [2, 8]}}, r"data.shape is \(2, 8\); three numbers \(channels, height, width\)"),
        ({"data": {"shape": [2, 0, 8]}}, r"data.shape is \(2, 0, 8\)"),
        ({"data": {"shape": 8}}, "data.shape is 8; a list is needed"),
        ({"readout": {"pool": "max"}}, "readout.pool is max; none or average"),
        ({"readout": {"pool": "average"}}, "readout.pool is average; with a last layer of one channel, none"),
        ({"train": {"rate_floor": 0.2, "rate_penalty": 1.0}}, "train.rate_floor is 0.2; 0 to rate_target = 0.1"),
        ({"train": {"rate_floor": 0.02}}, "train.rate_floor is 0.02; with rate_penalty = 0, 0"),
    ],
)
def test_what_is_refused(values, said):
    with pytest.raises(ConfigError, match=said):
        config_from_dict(values)
