"""Lines for a person: tables as wide as the terminal, long sentences wrapped below their label, verdicts in colour.

Functions that make the lines of a command return plain strings.  Off a terminal nothing is wrapped and nothing coloured, so
that a line stays one line for other programs; ``COLUMNS`` sets the width anywhere, ``NO_COLOR`` turns colour off.
"""

from __future__ import annotations

import io
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

Tone = Literal["good", "bad", "warning"]

#: Colours of the tones; each line also says in words what its colour says.
_STYLES = {"good": "green", "bad": "bold red", "warning": "yellow"}
#: Spaces between columns, and where the table fits the terminal only so.
_GAPS = (2, 1)
#: Width below which a column of text is not narrowed, if its texts are wider: of the first column, and of the others.
_FIRST, _OTHERS = 24, 16
#: Narrowest width that is kept; below it a terminal wraps by itself.
_NARROWEST = 40
_LABEL = re.compile(r"\s*(?:\S(?:.{0,16}?\S)?\s{2,}|[a-z][a-z ]{11}[a-z] )?(?=\S)")
#: Space between a number and its per cent sign; a line does not break there.
_PERCENT = re.compile(r"(?<=\d) %")


class Toned(str):
    """A line with a tone, for its colour on a terminal; otherwise a string as any other."""

    tone: Tone

    def __new__(cls, text: str, tone: Tone) -> Toned:
        """``text`` with its tone."""
        made = super().__new__(cls, text)
        made.tone = tone
        return made


def judged(text: str, good: bool) -> Toned:
    """``text`` as a verdict."""
    return Toned(text, "good" if good else "bad")


def warned(text: str) -> Toned:
    """``text`` as a warning."""
    return Toned(text, "warning")


def screen_width() -> int | None:
    """Columns of the terminal that standard output is, or of ``COLUMNS``; None off a terminal."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return max(_NARROWEST, int(asked))
    try:
        return max(_NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (AttributeError, OSError, ValueError):  # no terminal, no descriptor, or no size
        return None


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], sides: str, *, indent: int = 0) -> list[str]:
    """The lines of a table that fits the terminal.

    Columns are narrowed between words, never within one or within a number.  What still does not fit is shown below, as a
    second table with the first column again.  An empty column is left out.

    Args:
        heads: heading of each column.
        rows: the cells of each row.
        sides: for each column ``<`` for text, at the left, or ``>`` for numbers, at the right.
        indent: spaces before each line.
    """
    cells = [[str(value) for value in row] for row in rows]
    columns = [[head, *(row[place] for row in cells)] for place, head in enumerate(heads)]
    widest = [max(map(len, column)) for column in columns]
    filled = [place for place, width in enumerate(widest) if width or not place]
    width = screen_width()
    if width is None:
        return _drawn(heads, cells, sides, filled, [widest[place] for place in filled], _GAPS[0], indent)
    room = width - indent
    least = [_least(place, column, side, room) for place, (column, side) in enumerate(zip(columns, sides, strict=True))]
    gap = next((gap for gap in _GAPS if len(list(_blocks(filled, least, room, gap))) == 1), _GAPS[0])
    shown: list[str] = []
    for block in _blocks(filled, least, room, gap):
        shown += [""] if shown else []
        widths = _narrowed([widest[place] for place in block], [least[place] for place in block], room, gap)
        shown += _drawn(heads, cells, sides, block, widths, gap, indent)
    return shown


def _least(place: int, column: list[str], side: str, room: int) -> int:
    """Least width of a column: its longest word, and of a text a readable width; numbers are not wrapped."""
    head, *cells = column
    words = max((len(word) for word in head.split()), default=0)
    if side == ">":
        return max(words, *map(len, cells), 0)
    words = max(words, *(len(word) for cell in cells for word in cell.split()), 0)
    return max(words, min(max(map(len, column)), _OTHERS if place else _FIRST, room // 3))


def _blocks(columns: list[int], least: list[int], room: int, gap: int) -> Iterator[list[int]]:
    """Yield the columns of each table, the first column in all of them."""
    block = columns[:1]
    for place in columns[1:]:
        if len(block) > 1 and sum(least[one] + gap for one in block) + least[place] > room:
            yield block
            block = columns[:1]
        block.append(place)
    yield block


def _narrowed(widths: list[int], least: list[int], room: int, gap: int) -> list[int]:
    """``widths`` made smaller until they fit, the widest first; a single word may be wider than the terminal."""
    widths = list(widths)
    while sum(widths) + gap * (len(widths) - 1) > room:
        place = max(range(len(widths)), key=lambda one: (widths[one] > least[one], widths[one]))
        if widths[place] <= least[place]:
            break
        widths[place] -= 1
    return widths


def _drawn(
    heads: Sequence[str], rows: list[list[str]], sides: str, block: list[int], widths: list[int], gap: int, indent: int
) -> list[str]:
    """The lines of the columns ``block``, with the width of each."""
    from rich.align import Align
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, show_edge=False, padding=(0, gap, 0, 0))
    for place, width in zip(block, widths):
        side: Literal["left", "right"] = "left" if sides[place] == "<" else "right"
        head = Align(Text(heads[place], justify=side), side, vertical="bottom")
        drawn.add_column(head, justify=side, min_width=width, max_width=width)
    for row in rows:
        drawn.add_row(*(Text(row[place]) for place in block))
    stream = io.StringIO()
    total = sum(widths) + gap * len(widths)
    Console(file=stream, width=total, color_system=None, force_terminal=False, legacy_windows=False).print(drawn)
    return [(" " * indent + line).rstrip() for line in stream.getvalue().splitlines()]


def folded(lines: Iterable[str]) -> Iterator[str]:
    """``lines`` wrapped to the terminal, each below its label: ``input         builtin, test split``."""
    width = screen_width()
    for line in lines:
        if width is None or len(line) <= width or line.lstrip().startswith("next "):  # a command is copied whole
            yield line
            continue
        label = _LABEL.match(line)
        hanging = " " * (label.end() if label else 0)
        parts = textwrap.wrap(
            _PERCENT.sub("\u00a0%", line), width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
        )
        parts = [part.replace("\u00a0%", " %") for part in parts]
        yield from (Toned(part, line.tone) for part in parts) if isinstance(line, Toned) else parts


def show(lines: Iterable[str]) -> None:
    """Print ``lines`` to standard output, for a person."""
    shown = list(folded(lines))
    colours = sys.stdout.isatty() and any(isinstance(line, Toned) for line in shown)
    if not colours:
        print("\n".join(shown), flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)  # honours NO_COLOR and TERM=dumb
    for line in shown:
        style = _STYLES[line.tone] if isinstance(line, Toned) else ""
        console.print(Text(line, style), soft_wrap=True)
    sys.stdout.flush()


def tell(text: str) -> None:
    """Print ``text``, one line or several, as ``show`` does; for functions that are given something to say lines with."""
    show(text.split("\n"))
