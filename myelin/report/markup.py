"""Builds HTML elements from the values of one JSON; every number names its field, every text is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
#: Elements without an end tag.
_VOID = {"meta", "br", "base"}


#: From this number of columns on, a table is wider than a phone.
WIDE = 5


class Html(str):
    """Markup.  Any other text is escaped when it becomes part of an element."""

    __slots__ = ()


def resolve(values: Any, path: str) -> Any:
    """The value at ``path``, such as ``validation.stages[3].accuracy_percent``; KeyError or IndexError if there is none."""
    for index, key in _STEP.findall(path):
        values = values[int(index)] if index else values[key]
    return values


def el(tag: str, *children: object, **attributes: object) -> Html:
    """An element.  ``class_`` and ``data_field`` become ``class`` and ``data-field``; an attribute that is None is left out."""
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = join(children)
    return Html(f"<{tag}{shown}>" if tag in _VOID else f"<{tag}{shown}>{inside}</{tag}>")


def join(children: Iterable[object]) -> Html:
    """Concatenate children; None is left out."""
    return Html("".join(_markup(child) for child in children if child is not None))


def _markup(child: object) -> str:
    return child if isinstance(child, Html) else html.escape(str(child), quote=False)


class Facts:
    """The values of a report.

    Args:
        values: content of ``report.json``.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def get(self, path: str) -> Any:
        """The value at ``path``."""
        return resolve(self.values, path)

    def num(self, path: str, form: str = "", unit: str = "") -> Html:
        """A number formatted by ``format(value, form)``, with the name of its field; a dash if it is None.

        Without ``form`` a whole number has groups of three digits.
        """
        value = self.get(path)
        if value is None:
            return el("span", "–", class_="none", title="no value")
        form = form or (",d" if isinstance(value, int) and abs(value) >= 1000 else "")
        shown = el("span", format(value, form), data_field=path, data_format=form or None, class_="n")
        return join((shown, f" {unit}")) if unit else shown

    def text(self, path: str) -> Html:
        """A text, with the name of its field."""
        value = self.get(path)
        return el("span", "–" if value is None else str(value), data_field=None if value is None else path)

    def missing(self, name: str) -> Html | None:
        """A text on a missing part: the reason, and the cure; None if the part exists."""
        said = self.values["missing"].get(name)
        if said is None:
            return None
        why, cure = self.text(f"missing.{name}.why"), self.text(f"missing.{name}.cure")
        return el("p", el("strong", "Not in this report: "), why, "; ", cure, ".", class_="missing")


def table(head: Sequence[object], rows: Iterable[Sequence[object]], caption: str | None = None) -> Html:
    """A table whose first column names the rows; it scrolls on its own on a narrow page."""
    body = [el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:])) for row in rows]
    top = el("thead", el("tr", *(el("th", cell, scope="col") for cell in head)))
    whole = el("table", None if caption is None else el("caption", caption), top, el("tbody", *body))
    return scroll(whole, wide=len(head) >= WIDE)


def scroll(child: Html, *, wide: bool = False) -> Html:
    """A box that scrolls sideways on its own, by touch and by keyboard; ``wide``: a phone shows a hint above it."""
    return el(
        "div", child, class_="scroll wide" if wide else "scroll", tabindex="0", role="group", aria_label="scrolls sideways"
    )


def items(pairs: Iterable[tuple[object, object]]) -> Html:
    """A list of names with their descriptions."""
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in pairs))


def listing(entries: Iterable[object]) -> Html:
    """A bullet list."""
    return el("ul", *(el("li", entry) for entry in entries))
