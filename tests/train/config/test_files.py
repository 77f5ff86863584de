"""Configurations from files with changes of their values."""

from __future__ import annotations

import re

import pytest

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.files import config_to_dict, load_config


def _taps(config):
    return [layer.taps for layer in config.layers]


def test_a_star_stands_for_every_layer():
    assert _taps(load_config("convdelrec", ["layers.*.taps=5"])) == [5, 5]
    assert _taps(load_config("convdelrec", ["layers.*.taps=5", "layers.1.taps=7"])) == [5, 7]


def test_changes_come_after_overrides_and_keep_their_types():
    changes = [("layers.*.taps", 1), ("delay.learn", False), ("augment.time_stretch", 0), ("name", 'a "b"\n1e3')]
    config = load_config("convdelrec", ["layers.0.taps=5", "name=other"], changes)
    assert (_taps(config), config.delay.learn, config.augment.time_stretch) == ([1, 1], False, 0.0)
    assert config.name == 'a "b"\n1e3'


def test_a_change_of_a_whole_list_is_not_shared_between_entries():
    layers = [{"neurons": 8}, {"neurons": 9}]
    config = load_config("convdelrec", changes=[("layers", layers), ("layers.*.taps", 5)])
    assert [(layer["neurons"], layer["taps"]) for layer in config_to_dict(config)["layers"]] == [(8, 5), (9, 5)]
    assert layers == [{"neurons": 8}, {"neurons": 9}]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("layers.2.taps=3", "--set layers.2.taps=3: 2 is not an entry; 0..1 is allowed, or * for all"),
        ("layers.*.tap=3", "unknown key layers.0.tap; did you mean taps?"),
        ("train.*=3", "--set train.*=3: * stands for the entries of a list"),
        ("train.epochs.x=3", "is a value, not a section; x is not in it"),
    ],
)
def test_refused(override, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_config("convdelrec", [override])


def test_a_change_that_is_refused_is_named_as_it_stands():
    with pytest.raises(ConfigError, match=re.escape('layers.9.kind = "dense": 9 is not an entry')):
        load_config("convdelrec", changes=[("layers.9.kind", "dense")])
