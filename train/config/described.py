"""Every key of a configuration with its value, its default, what is allowed and one line of meaning; and all of it as TOML."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, NamedTuple

from myelin.train.config.checks import noted
from myelin.train.config.config import Config
from myelin.train.config.files import EXPERIMENTS, config_from_dict, config_to_dict, experiment_names

#: Width of the comments in a written configuration.
_WIDTH = 100
#: Keys that say of a file what it is, and are not written.
_NOT_WRITTEN = ("version",)
#: What a value of this type may be, where no check says it.
_BY_TYPE = {"bool": "true or false", "str": "a name", "int": "a whole number", "float": "a number", "tuple": "a list"}


class Setting(NamedTuple):
    """One key of a configuration.

    Attributes:
        key: dotted key, as ``--set`` takes it.
        value: its value in this configuration.
        default: the value where a file does not give it.
        allowed: what it may be.
        text: what it means, in a line.
    """

    key: str
    value: Any
    default: Any
    allowed: str
    text: str


class Experiment(NamedTuple):
    """A built-in experiment: its name, and what its file says about it."""

    name: str
    text: str


def experiments() -> list[Experiment]:
    """The built-in experiments by name, each with the comment that opens its file."""
    return [Experiment(name, _opening(name)) for name in experiment_names()]


def _opening(name: str) -> str:
    lines = (EXPERIMENTS / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.removeprefix("#").strip() for line in lines[:end])


def settings(config: Config) -> list[Setting]:
    """Every key of ``config`` in the order of its sections; a kind of neurons that no layer has brings no section."""
    with noted() as allowed:
        config_from_dict(config_to_dict(config))
    return list(_settings(config, "", allowed))


def _settings(part: Any, prefix: str, allowed: dict[str, str]) -> Iterator[Setting]:
    texts = _texts(type(part))
    for entry in fields(part):
        value = getattr(part, entry.name)
        key = f"{prefix}{entry.name}"
        if is_dataclass(value):
            yield from _settings(value, f"{key}.", allowed)
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for index, one in enumerate(value):
                yield from _settings(one, f"{key}.{index}.", allowed)
        elif not (value is None and "Config" in str(entry.type)) and not (prefix == "" and entry.name in _NOT_WRITTEN):
            shared = re.sub(r"\.\d+\.", ".", key)
            may = allowed.get(shared) or next((text for name, text in _BY_TYPE.items() if str(entry.type).startswith(name)), "")
            yield Setting(key, _plain(value), _plain(_default(entry)), may, texts.get(entry.name, ""))


def _default(entry: Field[Any]) -> Any:
    if entry.default is not MISSING:
        return entry.default
    assert entry.default_factory is not MISSING
    return entry.default_factory()


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _texts(section: type) -> dict[str, str]:
    """Name of an attribute -> its text, from the list of attributes in the docstring of ``section``."""
    _, found, listed = (inspect.getdoc(section) or "").partition("\nAttributes:\n")
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines() if found else ():
        started = re.match(r"    (\w+(?:, \w+)*): (.*)", line)
        if started:
            names = started[1].split(", ")
            texts |= dict.fromkeys(names, started[2])
        elif line.startswith("        "):
            texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
        else:
            break
    return {name: _one_line(text) for name, text in texts.items()}


def _one_line(text: str) -> str:
    """The first sentence, in the words of a file: what is None in Python is left open there."""
    first = re.split(r"\.(?:\s|$)", text.replace("``", "").strip(), maxsplit=1)[0]
    return first.replace("None:", "left open:").replace("True:", "true:").replace("False:", "false:")


def as_toml(config: Config, *, only: Sequence[str] = (), changed: bool = False, width: int = _WIDTH) -> str:
    """``config`` as a TOML file that reads back as the same configuration, with a comment above every key.

    A value that is left to the target or the data has no value in TOML: its key is a comment.

    Args:
        config: the configuration.
        only: names of the sections to write, such as ``train``; empty: all.
        changed: whether to write only keys whose values are not the defaults.
        width: width of the comments.
    """
    blocks: dict[str, list[str]] = {}
    for setting in settings(config):
        section, _, name = setting.key.rpartition(".")
        if (only and section.partition(".")[0] not in only) or (changed and setting.value == setting.default):
            continue
        head, number = section.partition(".")[0], section.partition(".")[2]
        title = "" if not section else f"[[{head}]]" if number.isdecimal() else f"[{section}]"
        blocks.setdefault(section, [title] if title else []).extend(_written(setting, name, width))
    return "\n\n".join("\n".join(lines) for lines in blocks.values()) + "\n"


def _written(setting: Setting, name: str, width: int) -> Iterator[str]:
    if not re.match(r"layers\.[1-9]", setting.key):  # the first layer has explained it
        default = "" if setting.value == setting.default else f"default {_toml(setting.default)}"
        facts = "; ".join(part for part in (setting.allowed.rstrip(","), default) if part)
        text = f"{setting.text} [{facts}]" if facts else setting.text
        yield from textwrap.wrap(text, width, initial_indent="# ", subsequent_indent="#   ")
    yield f"# {name} is left open" if setting.value is None else f"{name} = {_toml(setting.value)}"


def _toml(value: Any) -> str:
    """A value as TOML writes it."""
    if value is None:
        return "left open"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
