"""Every key of a configuration in words, and as a TOML file that reads back as the same configuration."""

from __future__ import annotations

import pytest

from myelin.hw_configs.reading.text_files import parse_toml
from myelin.train.config.described import as_toml, experiments, settings
from myelin.train.config.files import config_from_dict, experiment_names, load_config


@pytest.mark.parametrize("name", experiment_names())
@pytest.mark.parametrize("changed", [False, True])
def test_what_is_written_reads_back(name, changed):
    config = load_config(name)
    assert config_from_dict(parse_toml(as_toml(config, changed=changed).encode())) == config


def test_changed_keys_alone():
    text = as_toml(load_config("demo", ["train.epochs=3"]), only=["train"], changed=True)
    assert "epochs = 3" in text and "default 50" in text
    assert "seed" not in text and "[data]" not in text and not text.startswith("name")


@pytest.mark.parametrize("name", experiment_names())
def test_every_key_has_a_meaning_and_a_range(name):
    """A key that the documentation of its section forgets would show nothing."""
    bare = [setting.key for setting in settings(load_config(name)) if not setting.text or not setting.allowed]
    assert bare == []
    assert all(len(setting.text) < 180 for setting in settings(load_config(name)))


def test_ranges_are_those_of_the_checks():
    """What the comment allows is what the check's own message allows."""
    found = {setting.key: setting for setting in settings(load_config("demo"))}
    assert found["data.message_bits"].allowed == "0..8"
    assert found["delay.low"].allowed == found["delay.high"].allowed == "a range within 0..62"
    assert found["layers.1.taps"].allowed.startswith("an odd number")
    assert (found["train.epochs"].allowed, found["train.epochs"].default) == ("at least 1", 50)
    assert "alif.threshold_step" not in found
    assert "alif.threshold_step" in {s.key for s in settings(load_config("ecg", ["neuron.model=alif"]))}


def test_experiments_say_what_they_are():
    listed = {entry.name: entry.text for entry in experiments()}
    assert list(listed) == experiment_names()
    assert listed["demo"].startswith("`make demo`: ConvDelRec on the built-in spoken digits")
    assert all(len(text) > 40 for text in listed.values())
