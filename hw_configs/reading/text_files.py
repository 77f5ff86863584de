"""Reads text of TOML and JSON that anybody may have written: every fault of the text is a ValueError with one line.

The parsers of Python's library raise other errors on some texts, as RecursionError on one that is nested deeply, and what they
return may be too deep for the code behind them.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from myelin.hw_configs.reading.bounds import CONFIG_KB, TEXT_MB, read_whole

#: Upper bound on the depth of tables and lists in one another; ours have 6.
DEEPEST = 50
#: Bits of an integer: those of TOML, and in JSON what a float can stand for.
_TOML_BITS, _JSON_BITS = 63, 1023


def parse_toml(text: str | bytes) -> dict[str, Any]:
    """The values of a TOML text (bytes in UTF-8).

    ValueError if it cannot be read, is nested deeper than ``DEEPEST``, or has an integer that TOML does not: one of more than
    64 bits, with its sign.
    """
    values: dict[str, Any] = _parsed(tomllib.loads, text, _TOML_BITS)
    return values


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text (bytes in UTF-8).

    ValueError if it cannot be read, is nested deeper than ``DEEPEST``, or has an integer that exceeds every float.
    """
    return _parsed(json.loads, text, _JSON_BITS)


def _parsed(parse: Callable[[str], Any], text: str | bytes, bits: int) -> Any:
    try:
        values = parse(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError:
        raise _too_deep() from None
    level, depth = [("", values)], 0
    while level:  # no recursion: the depth is what is not known yet
        if depth >= DEEPEST:
            raise _too_deep()
        for name, one in level:
            if isinstance(one, int) and one.bit_length() > bits:
                raise ValueError(f"{name or 'its value'} is an integer of more than {bits} bits")
        level, depth = [inner for name, one in level for inner in _inner(name, one)], depth + 1
    return values


def _inner(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The tables, lists and integers in a table or list, with their names."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        if isinstance(one, dict | list | int):
            yield (f"{name}.{key}" if name else str(key)), one


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The values of a TOML file; OSError if it cannot be read, ValueError as ``parse_toml`` or if it is too long."""
    return parse_toml(read_whole(path, CONFIG_KB, 1000))


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value of a JSON file; OSError if it cannot be read, ValueError as ``parse_json`` or if it is too long."""
    return parse_json(read_whole(path, TEXT_MB))


def _too_deep() -> ValueError:
    return ValueError(f"tables or lists are nested more than {DEEPEST} deep")
