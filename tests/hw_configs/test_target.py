"""Targets: what the files say, that every number has its source, and that a wrong file is named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

import hw_configs.target as module
from hw_configs.errors import TargetError
from hw_configs.target import Target, load_target, number_fields, target_names


def test_the_numbers_of_loihi2():
    target = load_target("loihi2")
    assert (target.delay_steps_max, target.weight_bits, target.threshold_max) == (62, 8, 2**17 - 1)
    assert (target.neurons_per_core, target.core_memory_bytes, target.usable_cores_per_chip) == (8192, 192 * 1024, 120)
    assert target.unknown == ("weight_exp_min", "weight_exp_max", "axons_in_per_core", "axons_out_per_core")


def test_the_numbers_of_loihi1():
    target = load_target("loihi1")
    assert (target.neurons_per_core, target.core_memory_bytes, target.axons_in_per_core) == (1024, 128 * 1024, 4096)
    assert (target.weight_exp_min, target.weight_exp_max, target.message_bits_max) == (-8, 7, 0)


@pytest.mark.parametrize("name", target_names())
def test_every_number_has_its_source_beside_it(name):
    target = load_target(name)
    assert set(target.sources) == set(target.limits)
    assert all(source.strip() for source in target.sources.values())
    assert target.name == name
    assert set(target.limits) | set(target.unknown) == set(number_fields())


def test_targets_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_target("cpu").weight_bits = 4


def test_a_users_own_file_works_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ntitle = "Mine"\n[limits]\ndelay_steps_max = { value = 7, source = "me" }\n')
    target = load_target(path)
    assert target.limits == {"delay_steps_max": 7} and target.sources["delay_steps_max"] == "me"
    assert load_target(str(path)) == target


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lohi2", "target 'lohi2' is unknown; did you mean loihi2 or loihi1"),
        ("LOIHI2", "did you mean loihi2"),
        ("zzz", r"target 'zzz' is unknown; known are cpu, loihi1, loihi2, or the path of a \.toml file"),
        ("none.toml", "target file none.toml cannot be read: No such file"),
        ("", "target '' is unknown|cannot be read"),
    ],
)
def test_an_unknown_target_names_the_nearest(name, text):
    with pytest.raises(TargetError, match=text):
        load_target(name)


HEAD = 'name = "x"\ntitle = "X"\n'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("not toml", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        ('title = "X"', "'name' is None; a text is needed"),
        ('name = 3\ntitle = "X"', "'name' is 3"),
        (HEAD + "colour = 1", "field colour is unknown; known are name, title, limits"),
        (HEAD + "limits = 3", "'limits' is 3; a table"),
        (
            HEAD + '[limits]\ndelay_step_max = { value = 62, source = "s" }',
            r"field limits\.delay_step_max is unknown; did you mean delay_steps_max\?",
        ),
        (HEAD + "[limits]\ndelay_steps_max = 62", "limits.delay_steps_max is 62; write { value = 62, source ="),
        (HEAD + '[limits]\ndelay_steps_max = { value = 62, source = " " }', "write { value = 62"),
        (HEAD + '[limits]\ndelay_steps_max = { value = 62, sauce = "s" }', "write { value = 62"),
        (HEAD + '[limits]\ndelay_steps_max = { value = 6.5, source = "s" }', "delay_steps_max is 6.5; a whole number"),
        (HEAD + '[limits]\ndelay_steps_max = { value = true, source = "s" }', "delay_steps_max is True; a whole number"),
        (HEAD + '[limits]\ndelay_steps_max = { value = -1, source = "s" }', "delay_steps_max is -1; 0 or more"),
        (
            HEAD + '[limits]\nweight_exp_min = { value = 3, source = "s" }\nweight_exp_max = { value = 2, source = "s" }',
            "weight_exp_min is 3, above weight_exp_max, which is 2",
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_field(tmp_path, content, text):
    path = tmp_path / "x.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TargetError, match=text) as caught:
        load_target(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_not_a_target(tmp_path):
    with pytest.raises(TargetError, match="cannot be read"):
        load_target(tmp_path)


def test_no_limit_is_written_twice_in_a_file():
    for path in Path(module.__file__).parent.glob("*.toml"):
        tomllib.loads(path.read_text())  # TOML itself refuses a repeated key


def test_a_target_of_nothing_known():
    assert Target("bare", "Bare").unknown == number_fields()
