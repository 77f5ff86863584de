"""A layer that is larger than any network that can be read is refused before it takes the memory."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.files import config_from_dict
from myelin.train.model import build_model

CONV = {"kind": "conv", "channels": 2, "kernel": 3}


@pytest.mark.parametrize(
    ("data", "layer", "classes", "said"),
    [
        (
            {"channels": 2**32},
            {"neurons": 16},
            2,
            "16 neurons on 4294967296 inputs have 68719476736 weights, at most 33554432 are",
        ),
        ({}, {"neurons": 10**7}, 2, "10000000 neurons on 14 inputs have 140000000 weights"),
        ({}, {"neurons": 10**4, "recurrent": "dense"}, 2, "10000 neurons with dense recurrence have 100000000 weights"),
        ({}, {"neurons": 16}, 10**7, "the readout of 16 inputs and 10000000 classes has 160000000 weights"),
        ({}, CONV | {"channels": 10**8}, 2, "100000000 channels on 1 have 300000000 weights"),
        ({}, CONV | {"channels": 10**7}, 2, "10000000 channels of 1 x 14 have 140000000 neurons"),
    ],
)
def test_a_large_layer_is_refused(data, layer, classes, said, monkeypatch):
    config = config_from_dict({"target": "cpu", "data": {"channels": 14, **data}, "layers": [{"recurrent": "none", **layer}]})
    with pytest.raises(ConfigError, match=said) as refused:
        build_model(config, classes)
    assert "make the layer smaller, or allow more with MYELIN_MAX_NETWORK_VALUES=" in str(refused.value)


def test_more_is_allowed_by_the_bound(monkeypatch):
    config = config_from_dict({"data": {"channels": 14}, "layers": [{"neurons": 16, "recurrent": "none"}]})
    monkeypatch.setenv("MYELIN_MAX_NETWORK_VALUES", "223")
    with pytest.raises(ConfigError, match="16 neurons on 14 inputs have 224 weights, at most 223 are allowed"):
        build_model(config, 2)
    monkeypatch.setenv("MYELIN_MAX_NETWORK_VALUES", "224")
    build_model(config, 2)
