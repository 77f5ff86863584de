"""The page: a list of sections, each a function from the report's values to HTML."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from myelin.hw_configs.errors import DataError
from myelin.report import accuracy, chip, exploration, inside, origin, traces
from myelin.report.markup import Facts, Html, el, join, listing
from myelin.report.style import CSS


class Section(NamedTuple):
    """A part of the page; ``name`` is its anchor."""

    name: str
    title: str
    render: Callable[[Facts], Html]


def summary(f: Facts) -> Html:
    """Section with the verdict, then answers to a reader's questions."""
    at = "verdict"
    answer = str(f.get(f"{at}.answer"))
    reasons = [f.text(f"{at}.reasons[{number}]") for number in range(len(f.get(f"{at}.reasons")))]
    parts: list[object] = [
        el(
            "div",
            el("p", f.text(f"{at}.headline")),
            listing(reasons),
            class_=f"verdict {answer.replace(' ', '-')}",
            role="status",
        ),
        el("h3", "Did the chip's integers cost accuracy?"),
        el("p", f.text(f"{at}.cost")),
        _measures(f),
    ]
    judged = bool(f.get("validation")) and f.get("validation.gate.outcome") != "not judged"
    passes = judged and f.get("validation.gate.outcome") == "passes"
    nowhere = "Nowhere: these samples show no loss." if passes else "Nothing stands out."
    for title, name, otherwise in (
        ("Where?", "where", nowhere if judged else "Not known: nothing was compared."),
        ("What would help?", "helps", "Nothing found calls for a change."),
        ("What to know before relying on this", "caveats", "Nothing was left out."),
    ):
        found = f.get(f"{at}.{name}")
        points = listing(f.text(f"{at}.{name}[{number}]") for number in range(len(found)))
        parts += [el("h3", title), points if found else el("p", otherwise)]
    return join(parts)


def _measures(f: Facts) -> Html | None:
    if f.get("validation") is None:
        return None
    names, form, unit = accuracy.fields(f).measure, accuracy.fields(f).form, accuracy.fields(f).unit
    last = len(f.get("validation.stages")) - 1

    def shown(number: int) -> Html:
        value, low, high = (f.num(f"validation.stages[{number}].{name}", form) for name in names)
        return join((value, unit, " (", low, " to ", high, ")"))

    floats = join(("float side: ", shown(0), "; ")) if last else None
    return el("p", accuracy.fields(f).title, ": ", floats, "integer network: ", shown(last), ".")


SECTIONS = (
    Section("verdict", "May it go to the chip?", summary),
    Section("training", "Origin and training", origin.training),
    Section("accuracy", "Accuracy, stage by stage", accuracy.stages),
    Section("classes", "Classes", accuracy.classes),
    Section("traces", "Traces", traces.traces),
    Section("samples", "Samples: floats against integers", inside.samples),
    Section("delays", "Delays", inside.delays),
    Section("weights", "Weights", inside.weights),
    Section("mapping", "On the cores", chip.mapping),
    Section("rules", "Rules of the target", chip.rules),
    Section("cost", "Operations and energy", chip.cost),
    Section("exploration", "What other integers would do", exploration.exploration),
    Section("sweep", "Sweep", origin.sweep),
    Section("provenance", "Environment and hashes", origin.provenance),
)


def shown_sections(values: Mapping[str, Any]) -> list[Section]:
    """The sections of a page: classes, or traces where the network follows those."""
    trace = bool(values["validation"]) and values["validation"].get("task") == "trace"
    shown = [section for section in SECTIONS if section.name != ("classes" if trace else "traces")]
    if values["target"].get("cores", True):
        return shown
    titles = {"mapping": "On the board", "cost": "Operations and time"}
    return [section._replace(title=titles.get(section.name, section.title)) for section in shown]


def render(values: Mapping[str, Any], *, embedded: bool = False) -> str:
    """The whole page.

    Args:
        values: values from ``myelin.report.make``.
        embedded: for ``srcdoc`` of a frame, where links within the page need a base of their own.

    Raises:
        DataError: a part of ``values`` lacks a field to show.
    """
    f = Facts(values)
    parts = []
    sections = shown_sections(values)
    for section in sections:
        try:
            inner = section.render(f)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"report, section {section.name!r}: a value is missing or of the wrong kind ({type(error).__name__}: {error}); "
                "give the JSON as this version's commands write it, or leave it out"
            ) from error
        parts.append(el("section", el("h2", section.title), inner, id=section.name, aria_label=section.title))
    links = listing(el("a", section.title, href=f"#{section.name}") for section in sections)
    title = f"{values['name']} for {values['target']['title']}: {values['verdict']['answer']}"
    style = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    base = "about:" if embedded else "'none'"
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri {base}; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("base", href="about:srcdoc") if embedded else None,
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        Html(f"<style>{CSS}</style>"),
    )
    top = el("header", el("h1", f.text("name"), " for ", f.text("target.title")), el("nav", links, aria_label="Sections"))
    foot = el(
        "footer",
        "Made by myelin from report.json beside it; each number names its field there (attribute data-field). "
        "Intervals are of 95 %; points are percent points. This page loads nothing and sends nothing.",
    )
    body = el("body", top, el("main", *parts), foot)
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"
