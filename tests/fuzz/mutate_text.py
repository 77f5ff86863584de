"""Changes to TOML and JSON: values of another kind or size, keys that are missing, twice, or not known, and deep nesting."""

from __future__ import annotations

import contextlib
import json
import random
import re
from pathlib import Path
from typing import Any

from mutate_bytes import mutate_bytes

NUMBERS = (
    *(0, -1, 1, 2, 3, 255, 2**31, 2**32, 2**53 + 1, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308, 1e15),
    *(float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    "",
    " ",
    "x",
    "../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "\ud800",
    "\x1b[31m",
    "é" * 50,
    "y" * 100_000,
    "loihi2",
    "dense",
)


def other_value(rng: random.Random, value: Any = None) -> Any:
    """A value in the place of ``value``."""
    kind = rng.randrange(9)
    if kind <= 2:
        number = rng.choice(NUMBERS)
        if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.3:
            return rng.choice((-value, value + 1, value * 1000, float(value), str(value), [value]))
        return number
    if kind == 3:
        return rng.choice(TEXTS)
    if kind == 4:
        return rng.choice((None, True, False))
    if kind == 5:
        return rng.choice(([], {}, [[]], [None], {"": 1}, [value], {"value": value}))
    if kind == 6:
        return [rng.choice(NUMBERS[:8])] * rng.choice((1, 3, 1000))
    if kind == 7:
        deep: Any = 1
        for _ in range(rng.choice((3, 30, 60))):
            deep = [deep] if rng.random() < 0.5 else {"a": deep}
        return deep
    return value


def change_tree(rng: random.Random, tree: Any) -> Any:
    """``tree`` with one change somewhere."""
    places = list(_places(tree))
    if not places:
        return other_value(rng, tree)
    holder, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(("unknown", "", "format", str(key) + "2"))] = holder[key]
    elif kind == 2 and isinstance(holder, list):
        holder.append(holder[key])
    elif kind == 3:
        again, other = rng.choice(places)
        with contextlib.suppress(KeyError, IndexError):
            holder[key], again[other] = again[other], holder[key]
    else:
        holder[key] = other_value(rng, holder[key])
    return tree


def _places(tree: Any, depth: int = 0) -> Any:
    if depth > 40:
        return
    for key in list(tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()):
        yield tree, key
        yield from _places(tree[key], depth + 1)


def mutate_json(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change the values of a JSON file, or its text."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return mutate_bytes(rng, path, others)
    kind = rng.randrange(12)
    if kind == 0:
        return mutate_bytes(rng, path, others)
    if kind == 1:
        path.write_text(
            rng.choice(("[" * 100_000, '{"a":' * 100_000, "[" * 60 + "]" * 60, "null", "3", '"x"', "[]", "{}", "NaN"))
        )
        return None
    for _ in range(rng.choice((1, 1, 2))):
        tree = change_tree(rng, tree)
    text = json.dumps(_within_digits(tree))
    if kind == 2 and isinstance(tree, dict) and tree:  # a key twice
        key = rng.choice(sorted(tree, key=str))
        text = text.rstrip()[:-1] + f", {json.dumps(key)}: {json.dumps(_within_digits(other_value(rng)))}}}"
    path.write_bytes(text.replace('"10**400"', "1" + "0" * 400).encode("utf-8", "surrogatepass"))
    return None


def _within_digits(tree: Any) -> Any:
    return json.loads(json.dumps(tree)) if tree is not None else None


def mutate_jsonl(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change one line of a file of JSON lines."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or rng.random() < 0.2:
        return mutate_bytes(rng, path, others)
    place = rng.randrange(len(lines))
    try:
        lines[place] = json.dumps(change_tree(rng, json.loads(lines[place])))
    except (ValueError, RecursionError):
        del lines[place]
    if rng.random() < 0.2:
        lines.insert(place, lines[place % len(lines)] if lines else "")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
    return None


_VALUE = re.compile(r'("(?:[^"\\\n]|\\.)*"|(?<![\w."-])[-+]?\d[\w.+-]*|\btrue\b|\bfalse\b|\[[^\[\]\n]*\])')


def mutate_toml(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change values, keys or tables of a TOML file, or its bytes."""
    text = path.read_bytes().decode("utf-8", "replace")
    kind = rng.randrange(10)
    values, lines = list(_VALUE.finditer(text)), text.splitlines()
    if kind == 0 or not values:
        return mutate_bytes(rng, path, others)
    if kind == 1:
        deep = rng.choice((60, 20_000))
        text += "\n[" + ".".join(["a"] * deep) + "]\n" if rng.random() < 0.5 else "\ndeep = " + "[" * deep + "]" * deep + "\n"
    elif kind == 2:
        del lines[rng.randrange(len(lines))]
        text = "\n".join(lines)
    elif kind == 3:
        place = rng.randrange(len(lines))
        lines.insert(rng.randrange(len(lines)), lines[place])
        text = "\n".join(lines)
    else:
        found = rng.choice(values)
        text = text[: found.start()] + _toml(other_value(rng, _plain(found.group()))) + text[found.end() :]
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return None


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)
