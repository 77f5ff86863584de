"""Small tables for people: aligned text, and HTML for a notebook's cell, which loads nothing and has the notebook's style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[object]]


def text_table(title: str, rows: Rows) -> str:
    """``title``, and below it the rows with aligned columns."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ("  ".join(value.ljust(width) for value, width in zip(row, widths)).rstrip() for row in cells)
    return "\n".join([title, *(f"  {line}" for line in lines)])


def html_table(title: str, header: Sequence[str], rows: Rows) -> str:
    """An HTML table with ``title`` as its caption; every value is escaped."""

    def line(tag: str, values: Sequence[object]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(str(value))}</{tag}>" for value in values) + "</tr>"

    head = f"<thead>{line('th', header)}</thead>" if header else ""
    body = "".join(line("td", row) for row in rows)
    return f"<table><caption>{escape(title)}</caption>{head}<tbody>{body}</tbody></table>"
