"""Reads configurations from TOML or JSON, with ``key=value`` overrides; an error on an unknown key names the nearest one."""

from __future__ import annotations

import copy
import dataclasses
import difflib
import json
import math
import os
import types
import typing
from pathlib import Path
from typing import Any

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.reading.text_files import parse_toml, read_toml
from myelin.train.config.config import Config

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def experiment_names() -> list[str]:
    """Names of the built-in experiments, sorted."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def load_config(
    name_or_path: str, overrides: typing.Sequence[str] = (), changes: typing.Iterable[tuple[str, Any]] = ()
) -> Config:
    """The configuration of a built-in experiment or a TOML file, with ``section.key=value`` overrides applied.

    ``changes``, pairs of a dotted key and its value, are applied after the overrides.  In a key, ``*`` stands for every entry
    of a list, as in ``layers.*.taps``.

    Raises:
        ConfigError: no such experiment or file, not TOML, an unknown key, or a value of the wrong type or range.
    """
    path = EXPERIMENTS / f"{name_or_path}.toml"
    if not os.path.isfile(path):
        path = Path(name_or_path)
    if not os.path.exists(path) or os.path.isdir(path):
        near = difflib.get_close_matches(name_or_path, experiment_names(), n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; built-in ones are {', '.join(experiment_names())}"
        raise ConfigError(f"no configuration {name_or_path!r}: neither a built-in experiment nor a file{hint}")
    try:
        values = read_toml(path)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    values.setdefault("name", path.stem)
    for override in overrides:
        _override(values, override)
    for key, value in changes:
        _assign(values, key.split("."), value, f"{key} = {json.dumps(value, default=str)}")
    return config_from_dict(values)


def config_from_dict(values: dict[str, Any]) -> Config:
    """The configuration from nested dictionaries; missing keys keep their defaults.  Raises ConfigError on a wrong one."""
    result = _build(Config, values, "")
    assert isinstance(result, Config)
    return result


def changed_config(config: Config, overrides: typing.Sequence[str]) -> Config:
    """``config`` with ``section.key=value`` overrides applied; raises ConfigError on an unknown key or a wrong value."""
    values = config_to_dict(config)
    for override in overrides:
        _override(values, override)
    return config_from_dict(values) if overrides else config


def config_to_dict(config: Config) -> dict[str, Any]:
    """All values of ``config`` as nested dictionaries and lists, for JSON."""
    result: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return result


def _override(values: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text}: section.key=value is needed")
    try:
        parsed = parse_toml(f"value = {value}")["value"]
    except ValueError:
        parsed = value.strip()  # a bare word is a string
    _assign(values, key.strip().split("."), parsed, f"--set {text}")


def _assign(place: Any, keys: list[str], value: Any, said: str) -> None:
    """Set ``value`` at the path ``keys`` in nested dictionaries and lists, in place; errors begin with ``said``."""
    key, *rest = keys
    if isinstance(place, list):
        for index in range(len(place)) if key == "*" else [_index(place, key, said)]:
            if rest:
                _assign(place[index], rest, value, said)
            else:
                place[index] = copy.deepcopy(value)
    elif not isinstance(place, dict):
        raise ConfigError(f"{said}: {place!r} is a value, not a section; {key} is not in it")
    elif key == "*":
        raise ConfigError(f"{said}: * stands for the entries of a list, as in layers.*.taps; the configuration has none there")
    elif rest:
        if place.get(key) is None:  # a section that is left out
            place[key] = {}
        _assign(place[key], rest, value, said)
    else:
        place[key] = copy.deepcopy(value)


def _index(items: list[Any], key: str, said: str) -> int:
    if not (key.isascii() and key.isdecimal()) or int(key) >= len(items):
        raise ConfigError(f"{said}: {key} is not an entry; 0..{len(items) - 1} is allowed, or * for all")
    return int(key)


def _build(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise ConfigError(f"{where or 'the configuration'} is {values!r}; a section of keys is needed")
    fields = {item.name: item for item in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    arguments = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else key
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            raise ConfigError(f"unknown key {name}; {hint}")
        arguments[key] = _convert(hints[key], value, name)
    return kind(**arguments)


def _convert(hint: Any, value: Any, name: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None and type(None) in typing.get_args(hint):
            return None
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        is_list = isinstance(value, list | tuple)
        hint = next((option for option in options if (typing.get_origin(option) is tuple) == is_list), options[0])
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), value, name)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{name} is {value!r}; a list is needed")
        return tuple(_convert(typing.get_args(hint)[0], item, f"{name}.{index}") for index, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            raise ConfigError(f"{name} is a number of {len(str(value))} digits; a finite number is needed") from None
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{name} is {value!r}; {hint.__name__} is needed")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name} is {value}; a finite number is needed")
    return value
