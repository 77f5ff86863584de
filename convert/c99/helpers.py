"""The small functions that the generated C calls: the text of those that are used, each once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from myelin.convert.c99.memory import SIZES, Array, constant

_FOLDER = Path(__file__).with_name("templates")
_NAME = re.compile(r"^static \w+ \*?(\w+)\(", re.MULTILINE)
#: Place of the lowest bit by a product with a de Bruijn sequence (Leiserson, Prokop, Randall 1998).
_SEQUENCE = 0x077CB531


def template(name: str) -> str:
    """The text of a file in ``templates/``."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def short(ctype: str) -> str:
    """A type in the name of a function: ``i8`` for int8_t."""
    return ctype.removesuffix("_t").replace("uint", "u").replace("int", "i")


def used(text: str) -> str:
    """All functions that ``text`` calls, directly or not, in the order of the template."""
    functions, wanted = _functions(), set(_calls(text))
    seen: set[str] = set()
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        wanted |= set(_calls(functions[name])) - {name}
    return "\n\n".join(functions[name] for name in functions if name in seen)


def constants(text: str) -> list[Array]:
    """The constants of the functions in ``text``."""
    if "lowest_bit(" not in text:
        return []
    table = [0] * 32
    for place in range(32):
        table[(_SEQUENCE << place & 0xFFFFFFFF) >> 27] = place
    return [constant("lowest_bit", table, "the place of a bit, by a product with 0x077CB531", "network")]


@cache
def _functions() -> dict[str, str]:
    """Name -> text of every function, for every type."""
    found = {}
    for part in template("helpers.c").strip().split("\n\n/* "):
        text = part if part.startswith("/* ") else f"/* {part}"
        for weight in SIZES if "WEIGHT" in text else ("",):
            for index in SIZES if "INDEX" in text else ("",):
                made = text.replace("WEIGHT_T", weight).replace("INDEX_T", index)
                made = made.replace("WEIGHT", short(weight)).replace("INDEX", short(index))
                match = _NAME.search(made)
                assert match is not None
                found[match[1]] = made
    return found


def _calls(text: str) -> list[str]:
    return [name for name in re.findall(r"\b(\w+)\(", text) if name in _functions()]
