"""Sections on a microcontroller: flash, RAM, headroom, and the work and time of a step."""

from __future__ import annotations

from collections.abc import Iterator

from myelin.report.markup import Facts, Html, el, items, join, listing, table

_AT = "mapping.board"


def memory(f: Facts) -> Html:
    """Section with the memory of the network on the board."""
    messages = [f.text(f"mapping.refusals[{number}].message") for number in range(len(f.get("mapping.refusals")))]
    refused = join((el("h3", "It does not fit"), listing(messages))) if messages else None
    if f.get(_AT) is None:
        return join((refused,))
    code = f.text(f"{_AT}.code_note")
    facts = [
        ("board", f.text("mapping.target_title")),
        ("flash", f.num(f"{_AT}.flash_bytes", ",", "bytes")),
        ("of it constants", f.num(f"{_AT}.constant_bytes", ",", "bytes")),
        ("of it code", join((f.num(f"{_AT}.code_bytes", ",", "bytes"), ", ", code))),
        ("RAM", f.num(f"{_AT}.ram_bytes", ",", "bytes")),
        ("of it stack", f.num(f"{_AT}.stack_bytes", ",", "bytes")),
    ]
    for name, what in (("flash_left_bytes", "flash that is left"), ("ram_left_bytes", "RAM that is left")):
        if f.get(f"{_AT}.{name}") is not None:
            facts.append((what, f.num(f"{_AT}.{name}", ",", "bytes")))
    return join((refused, items(facts), table(("layer", "part", "stored as", "flash, bytes", "RAM, bytes"), list(_rows(f)))))


def _rows(f: Facts) -> Iterator[list[object]]:
    for number, part in enumerate(f.get(f"{_AT}.parts")):
        at = f"{_AT}.parts[{number}]"
        where = f.text(f"{at}.where")
        if part["where"] == "shared":
            sizes = (f.num(f"{at}.flash_bytes", ","), f.num(f"{at}.ram_bytes", ","))
            yield [where, "sums, tables, counters", "", *sizes]
            continue
        for place in range(len(part["connections"])):
            here = f"{at}.connections[{place}]"
            stored = join((f.text(f"{here}.storage"), "; ring of ", f.num(f"{here}.ring_steps", unit="steps")))
            sizes = (f.num(f"{here}.flash_bytes", ","), f.num(f"{here}.ring_bytes", ","))
            yield [where, f.text(f"{here}.connection"), stored, *sizes]
        sizes = (f.num(f"{at}.neuron_flash_bytes", ","), f.num(f"{at}.neuron_ram_bytes", ","))
        yield [where, f.num(f"{at}.neurons", unit="neurons"), "", *sizes]


def work(f: Facts) -> Iterator[Html]:
    """Section with the operations of a step and the estimate of its time."""
    if f.get(_AT) is None:
        yield el("p", "Not known: the network has no code for this target.")
        return
    yield listing(f.text(f"{_AT}.work[{number}]") for number in range(len(f.get(f"{_AT}.work"))))
    known = [("instructions of a step, about", f.num(f"{_AT}.instructions_per_step", ",.0f"))]
    if f.get(f"{_AT}.step_us") is not None:
        known.append(("time of a step, about", f.num(f"{_AT}.step_us", ",.1f", "µs")))
        known.append(("steps in a second, about", f.num(f"{_AT}.steps_per_second", ",.0f")))
    yield items(known)
