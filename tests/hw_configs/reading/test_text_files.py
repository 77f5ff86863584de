"""Every fault of a TOML or JSON text is a ValueError, and through the command line one message."""

import json

import pytest

from myelin.hw_configs.errors import ConfigError, DataError, NetworkError, TargetError
from myelin.hw_configs.reading.text_files import DEEPEST, parse_json, parse_toml
from myelin.hw_configs.target_files import load_target
from myelin.report.make import read_stage
from myelin.sweep.file import read_sweep
from myelin.train.config.files import load_config

DEEP = {"parser": 100_000, "reader": DEEPEST + 1}  # too deep for Python's parser; only for the code behind it


@pytest.mark.parametrize("depth", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("parse, text", [(parse_toml, "a={}"), (parse_json, "{}")], ids=["toml", "json"])
def test_a_deep_text_is_refused(parse, text, depth):
    with pytest.raises(ValueError, match=f"tables or lists are nested more than {DEEPEST} deep"):
        parse(text.replace("{}", "[" * depth + "]" * depth))


def test_what_is_no_deeper_is_read():
    inner = DEEPEST - 1
    assert json.dumps(parse_toml("a=" + "[" * inner + "]" * inner)["a"]) == "[" * inner + "]" * inner
    assert parse_json(b'{"a": [1, {"b": 2}]}') == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize("text", [b"\xff", b"a=[1", b"a=" + b"9" * 5000])
def test_other_faults(text):
    for parse in (parse_toml, parse_json):
        with pytest.raises(ValueError):
            parse(text)


@pytest.mark.parametrize("digits", ["0x" + "f" * 16, "0x" + "f" * 5000, "9" * 20, "[{b = -0b" + "1" * 64 + "}]"])
def test_integers_that_toml_does_not_have(digits, tmp_path):
    """Python reads hexadecimal ones of any length, and cannot print the long ones."""
    (tmp_path / "a.toml").write_text(f"[train]\nepochs = {digits.replace('-0b', '0b')}\n")
    with pytest.raises(ConfigError, match=r"not a TOML file: train.epochs(\.0\.b)? is an integer of more than 63 bits$"):
        load_config(str(tmp_path / "a.toml"))
    assert parse_toml("a = 0x7fff_ffff_ffff_ffff") == {"a": 2**63 - 1}


def test_integers_beyond_every_float():
    assert parse_json(str(2**1023 - 1)) == 2**1023 - 1
    with pytest.raises(ValueError, match=r"a.0 is an integer of more than 1023 bits"):
        parse_json('{"a": [1' + "0" * 400 + "]}")


@pytest.mark.parametrize("depth", DEEP.values(), ids=DEEP)
def test_readers_name_the_file(tmp_path, depth):
    nested = "[" * depth + "]" * depth
    toml, page = tmp_path / "deep.toml", tmp_path / "deep.json"
    toml.write_text(f"a={nested}")
    page.write_text(nested)
    for read, kind, said in (
        (load_config, ConfigError, "not a TOML file"),
        (load_target, TargetError, "is not TOML"),
        (lambda path: read_sweep(toml), ConfigError, "no sweep can be read from it"),
    ):
        with pytest.raises(kind, match=rf"deep\.toml:? {said}: tables or lists are nested more than {DEEPEST} deep"):
            read(str(toml))
    with pytest.raises(DataError, match=r"deep\.json: cannot be read as JSON \(tables or lists are nested"):
        read_stage(page, "validation")


def test_an_artifact_with_a_deep_manifest(tmp_path):
    from myelin.convert.artifact.artifact import read_manifest

    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(NetworkError, match=r"manifest\.json is not the manifest of an artifact"):
        read_manifest(tmp_path)
