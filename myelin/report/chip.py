"""Sections on the chip or board: cores or memory, rules, limits that are not public, operations and energy."""

from __future__ import annotations

from collections.abc import Iterator

from myelin.report import board, charts
from myelin.report.markup import Facts, Html, el, items, join, listing, table
from myelin.report.svg import figure


def mapping(f: Facts) -> Html:
    """Section with the network on the cores."""
    missing = f.missing("mapping")
    if missing is not None:
        return missing
    at = "mapping"
    if "board" in f.get(at):
        return board.memory(f)
    layers = f.get(f"{at}.layers")
    facts = items(
        [
            ("target", f.text(f"{at}.target_title")),
            ("cores", join((f.num(f"{at}.cores"), " of ", f.num(f"{at}.available_cores")))),
            ("no mapping of this strategy takes fewer than", f.num(f"{at}.lower_bound_cores", unit="cores")),
            ("strategy", f.text(f"{at}.strategy")),
        ]
    )
    refusals = [f.text(f"{at}.refusals[{number}].message") for number in range(len(f.get(f"{at}.refusals")))]
    if not f.get(f"{at}.cores"):
        return join((facts, el("h3", "It does not fit"), listing(refusals)))
    head = ("layer", "neurons", "cores", "at least", "neurons, %", "delays, %", "memory, %", "axons in, %", "axons out, %")
    percents = ("neurons", "delay_slots", "synapse_bits", "axons_in", "axons_out")
    rows = []
    for number in range(len(layers)):
        here = f"{at}.layers[{number}]"
        counts = [f.num(f"{here}.{name}") for name in ("neurons", "cores", "lower_bound_cores")]
        shares = [f.num(f"{here}.fullest_core_percent.{name}", ".1f") for name in percents]
        rows.append([f.text(f"{here}.where"), *counts, *shares])
    colours = {layer["where"]: number for number, layer in enumerate(layers)}
    plot = charts.cores(f.get(f"{at}.core_list"), colours)
    legend = [(f"series{number % 8}", where) for where, number in colours.items()]
    text = "Each cell is a core, filled as far as its fullest limit, in percent; colours are layers."
    drawn = figure("cores", plot, "The network on cores", text, legend=legend, values=_core_table(f))
    label = f.get(f"{at}.synapse_memory_label")
    note = el("p", "Memory: ", f.text(f"{at}.synapse_memory_label"), ".", class_="note") if label else None
    dash = el("p", "What the fullest core of a layer uses of each limit; –: the limit is not public.", class_="note")
    drawn = el("div", drawn, class_="grid")
    return join((facts, listing(refusals) if refusals else None, drawn, table(head, rows), dash, note))


def _core_table(f: Facts) -> Html:
    from myelin.convert.mapping.populations import LABELS

    rows = []
    for number, core in enumerate(f.get("mapping.core_list")[:512]):
        at = f"mapping.core_list[{number}]"
        parts = [join((f.text(f"{at}.parts[{place}].where"), ": ", f.num(f"{at}.parts[{place}].neurons"), " neurons; "))
                 for place in range(len(core["parts"]))]  # fmt: skip
        rows.append(
            [
                f.num(f"{at}.core"),
                join(parts),
                f.num(f"{at}.fill_percent", ".1f"),
                str(LABELS.get(core["fullest"], core["fullest"])),
            ]
        )
    return table(("core", "holds", "full, %", "by"), rows)


def rules(f: Facts) -> Html:
    """Section with broken rules, limits that are not public, and the public limits with their sources."""
    broken = f.get("rules.violations")
    parts: list[object] = []
    if broken:
        head = ("where", "rule", "what is wrong", "cure")
        names = ("where", "rule", "message", "cure")
        rows = [[f.text(f"rules.violations[{number}].{name}") for name in names] for number in range(len(broken))]
        parts.append(table(head, rows))
    else:
        parts.append(el("p", "No rule is broken, as far as the numbers are public."))
    for title, at in (
        ("What could not be checked", "rules.not_checked"),
        ("Notes", "rules.notes"),
        ("Not public about this target", "target.not_public"),
    ):
        mapped = f.get("mapping") is not None  # then the mapping has checked what the rules leave to it
        found = [n for n, text in enumerate(f.get(at)) if not (mapped and str(text).startswith("cores: "))]
        if found:
            parts += [el("h3", title), listing(f.text(f"{at}[{number}]") for number in found)]
    rows = []
    for number in range(len(f.get("target.limits"))):
        at = f"target.limits[{number}]"
        rows.append([f.text(f"{at}.name"), f.num(f"{at}.value"), el("span", f.text(f"{at}.source"), class_="source")])
    parts.append(el("details", el("summary", "Public limits and their sources"), table(("limit", "value", "source"), rows)))
    return join(parts)


def cost(f: Facts) -> Html:
    """Section with operations, energy and time by published figures, and the ranges of the integers."""
    return join((*_estimate(f), *_ranges(f)))


def _estimate(f: Facts) -> Iterator[Html]:
    missing = f.missing("mapping")
    if missing is not None:
        yield missing
        return
    if "board" in f.get("mapping"):
        yield from board.work(f)
        return
    at = "mapping.estimate"
    layers = f.get(f"{at}.layers")
    label = el("strong", f.text("target.energy_label")) if f.get("target.energy_label") else f.text(f"{at}.label")
    yield el("p", label, "; ", f.text(f"{at}.left_out"), ".")
    yield items(
        [
            ("energy of a sample", f.num(f"{at}.energy_uj_per_sample", ".4g", "µJ")),
            ("a sample takes at least", f.num(f"{at}.ms_per_sample_at_least", ".4g", "ms")),
            ("a step is bound by", f.text(f"{at}.step_bound_by")),
            ("measured on", f.num(f"{at}.samples", unit="samples")),
        ]
    )
    names = ("forward_operations", "recurrent_operations", "active_updates", "inactive_updates", "spikes", "spike_messages")
    rows = [
        [f.text(f"{at}.layers[{number}].where"), *(f.num(f"{at}.layers[{number}].{name}_per_sample", ",.1f") for name in names)]
        for number in range(len(layers))
    ]
    drawn = [
        (layer["where"], [layer["forward_operations_per_sample"], layer["recurrent_operations_per_sample"]]) for layer in layers
    ]
    plot = charts.bars(drawn, ["float", "integer"], "synaptic operations in a mean sample", left=160)
    head = ("layer", "feed-forward", "recurrent", "active updates", "inactive", "spikes", "messages")
    text = "A spike times the nonzero weights that it meets, measured in the simulator."
    legend = [("float", "feed-forward"), ("integer", "recurrent")]
    left = figure("operations", plot, "Operations of each layer", text, legend=legend, values=table(head, rows))
    yield el("div", left, _energy(f), class_="grid")


def _energy(f: Facts) -> Html | None:
    at = "mapping.estimate"
    layers = f.get(f"{at}.layers")
    events = list(dict.fromkeys(name for layer in layers for name in layer["energy_pj_per_sample"]))
    if not events:
        return charts.nothing("Energy of an event is not public for this target.")
    colours = [f"series{number}" for number in range(len(events))]
    drawn = [(layer["where"], [layer["energy_pj_per_sample"].get(name, 0.0) / 1e3 for name in events]) for layer in layers]
    plot = charts.bars(drawn, colours, "energy of a mean sample (nJ)", left=160)
    rows = [
        [f.text(f"{at}.layers[{number}].where"), *(
            f.num(f"{at}.layers[{number}].energy_pj_per_sample.{name}", ",.0f") if name in layer["energy_pj_per_sample"] else ""
            for name in events)] for number, layer in enumerate(layers)
    ]  # fmt: skip
    label = f.get("target.energy_label") or f.get(f"{at}.label")
    legend = [(colour, name.replace("_", " ")) for colour, name in zip(colours, events)]
    head = ("layer, pJ", *(name.replace("_", " ") for name in events))
    return figure("energy", plot, "Energy of each layer", f"{label}.", legend=legend, values=table(head, rows))


def _is_count(key: str) -> bool:
    """True for the key of a count of overflows of a state."""
    return key.endswith(("_wraps", "_saturations"))


def _ranges(f: Facts) -> Iterator[Html]:
    yield el("h3", "Spikes and ranges of the integers")
    missing = f.missing("profile")
    if missing is not None:
        yield missing
        return
    rows, layers = [], f.get("profile.layers")
    counts = list(dict.fromkeys(["u_wraps", "v_saturations", *(key for layer in layers for key in layer if _is_count(key))]))
    states = [key.rpartition("_")[0] for key in counts]
    for number, layer in enumerate(layers):
        at = f"profile.layers[{number}]"
        row: list[object] = [f.text(f"{at}.where"), f.num(f"{at}.neurons"), f.num(f"{at}.spikes_per_neuron_and_step", ".4f")]
        row.append(f.num(f"{at}.never_firing_neurons"))
        for name in states:
            there = name in layer["ranges"]
            row.append(f.num(f"{at}.ranges.{name}.percent_of_2_to_the_23", ".2f") if there else "")
        rows.append([*row, *(f.num(f"{at}.{key}") if key in layer else "" for key in counts)])
    reach = [f"{name}, %{' of 24 bit' if not place else ''}" for place, name in enumerate(states)]
    ends = [key.replace("_saturations", " saturates").replace("_", " ") for key in counts]
    yield table(["population", "neurons", "spikes per neuron and step", "never fire", *reach, *ends], rows)
    if f.get("profile.messages") is not None:
        at = "profile.messages"
        yield el(
            "p", "Messages: ", f.num(f"{at}.per_step", ".1f"), " a step; a frame network with these ",
            f.num(f"{at}.frame_network_per_step"), " units sends one of each in every step, of which these are ",
            f.num(f"{at}.percent_of_frame_network", ".1f"), " %.",
        )  # fmt: skip
    warned = f.get("profile.warnings")
    if warned:
        yield listing(f.text(f"profile.warnings[{number}]") for number in range(len(warned)))
