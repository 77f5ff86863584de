"""A divergence as JSON and as text for the screen; both have the same values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from myelin.convert.compare.divergence import Divergence, FirstDifference, Spread
from myelin.convert.compare.neuron_step import Arrival, NeuronStep
from myelin.convert.compare.runs import ComparedPopulation
from myelin.convert.neurons.leaky_states import INPUT_BITS
from myelin.convert.opened import note_lines
from myelin.hw_configs.terminal.screen import judged, table
from myelin.hw_configs.written import counted, thousands

#: Upper bound on the entries shown of a list; its length is always shown.
SHOWN = 8
SIDES = ("A", "B")


def as_dict(divergence: Divergence) -> dict[str, Any]:
    """Every value of the report, with units in the names; ready for JSON.  Long lists are cut to ``SHOWN`` entries."""
    first = divergence.first
    return {
        "equal": divergence.equal,
        "samples": divergence.samples,
        "steps": divergence.steps,
        "compared": {population.name: list(names) for population, names in zip(divergence.populations, divergence.names)},
        "input_derived_for": list(divergence.derived),
        "values": divergence.values,
        "different_values": divergence.different_values,
        "different_samples": divergence.different_samples,
        "changed_predictions": divergence.changed_predictions,
        "different_constants": len(divergence.constants),
        "constants": [str(entry) for entry in divergence.constants[:SHOWN]],
        "first": None if first is None else _first(first, divergence.populations[first.place.layer]),
        "spread": [_spread(population, spread) for population, spread in zip(divergence.populations, divergence.spread)],
    }


def _first(first: FirstDifference, population: ComparedPopulation) -> dict[str, Any]:
    place = first.place
    constants = [f"{name} is {a} in A and {b} in B" for name, a, b in first.constants.constants]
    synapses = sorted(first.constants.synapses, key=lambda entry: not _arrives(entry.recurrent, entry.source, first))
    shape = population.shape
    return {
        "sample": first.sample,
        "step": place.step,
        "where": population.name,
        "neuron": place.neuron,
        "channel_y_x": [int(index) for index in np.unravel_index(place.neuron, shape)] if len(shape) == 3 else None,
        "differs": list(first.names),
        "step_before": _values(first.before),
        "this_step": _values(first.now),
        "constants": constants,
        "different_synapses": len(synapses),
        "synapses": [
            f"{entry}{'; a spike arrives through it in this step' if _arrives(entry.recurrent, entry.source, first) else ''}"
            for entry in synapses[:SHOWN]
        ],
        "arrivals": _arrivals(*first.steps),
        "by_the_equations": dict(zip(SIDES, (_expected(step, side, first) for side, step in enumerate(first.steps)))),
    }


def _values(values: Mapping[str, tuple[int, int]] | None) -> dict[str, dict[str, int]] | None:
    if values is None:
        return None
    return {side: {name: pair[index] for name, pair in values.items()} for index, side in enumerate(SIDES)}


def _arrives(recurrent: bool, source: int, first: FirstDifference) -> bool:
    """Whether a spike of this source reaches the neuron in this step in either run."""
    arrivals = [arrival for step in first.steps if step is not None for arrival in step.arrivals]
    return any((arrival.recurrent, arrival.source) == (recurrent, source) for arrival in arrivals)


def _arrivals(a: NeuronStep | None, b: NeuronStep | None) -> dict[str, Any] | None:
    """Spikes that reach the neuron in this step: those equal in both runs, and those of one run only."""
    if a is None or b is None:
        return None
    alike = [arrival for arrival in a.arrivals if arrival in b.arrivals]
    only = {side: [arrival for arrival in step.arrivals if arrival not in alike] for side, step in zip(SIDES, (a, b))}
    return {
        "alike_spikes": len(alike),
        "alike": [_arrival(arrival) for arrival in alike[:SHOWN]],
        **{f"only_{side}_spikes": len(arrivals) for side, arrivals in only.items()},
        **{f"only_{side}": [_arrival(arrival) for arrival in arrivals[:SHOWN]] for side, arrivals in only.items()},
    }


def _arrival(arrival: Arrival) -> str:
    value = f"{arrival.value} x " if arrival.value != 1 else ""
    delay = f", delay {arrival.delay_steps}" if arrival.delay_steps else ""
    return f"{'recurrent ' if arrival.recurrent else ''}{arrival.source} ({value}{arrival.part}weight {arrival.weight}{delay})"


def _expected(step: NeuronStep | None, side: int, first: FirstDifference) -> dict[str, Any] | None:
    if step is None or step.expected is None:
        return None
    wrong = [
        name
        for name, pair in first.now.items()
        if name in step.expected and _reduced(name, pair[side]) != _reduced(name, step.expected[name])
    ]
    return {**step.expected, "wrong_in_the_run": wrong}


def _reduced(name: str, value: int) -> int:
    """``value``; a summed input modulo 2^18, the part that can be derived from u."""
    return value % (1 << INPUT_BITS) if name == "a" else value


def _spread(population: ComparedPopulation, spread: Spread) -> dict[str, Any]:
    return {
        "where": population.name,
        "neurons": spread.neurons,
        "first_step": spread.first_step,
        "different_ever_neurons": spread.different_ever,
        "different_at_end_neurons": spread.different_at_end,
        "different_at_end_percent": 100 * spread.different_at_end / spread.neurons,
        "spikes": None if spread.sent is None else asdict(spread.sent),
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """Lines for the screen from the result of ``as_dict``, extended by ``a``, ``b`` (network, backend) and ``input`` (text)."""
    shown = [
        f"A             {result['a']['network']}, {result['a']['backend']}",
        *note_lines(result["a"]),
        f"B             {result['b']['network']}, {result['b']['backend']}",
        *note_lines(result["b"]),
        f"input         {result['input']['text']}",
        f"compared      {_compared(result)}",
    ]
    if result["input_derived_for"]:
        who = " and ".join(result["input_derived_for"])
        shown.append(f"              a of {who} is derived from u, so a is compared modulo 2^{INPUT_BITS}")
    shown += [f"constants     {line}" for line in _constants(result)]
    if result["equal"]:
        hidden = ", though the networks differ" if result["different_constants"] else ""
        values = thousands(result["values"])
        return [*shown, judged(f"equal         all {values} values of {counted(result['samples'], 'sample')}{hidden}", True)]
    shown += ["", *_first_lines(result["first"]), "", *_spread_lines(result["spread"], result["first"]["sample"]), ""]
    values = f"{thousands(result['different_values'])} of {thousands(result['values'])} values"
    samples = f"{thousands(result['different_samples'])} of {counted(result['samples'], 'sample')}"
    changed = thousands(result["changed_predictions"])
    return [*shown, judged(f"over all      {values} and {samples} differ; predictions that change: {changed}", False)]


def _compared(result: Mapping[str, Any]) -> str:
    """Populations grouped by their compared values: ``a, u, v, spikes of layer 0 (dense), layer 1 (dense); output``."""
    together: dict[str, list[str]] = {}
    for where, names in result["compared"].items():
        together.setdefault(", ".join(names), []).append(where)
    parts = [where[0] if names == "output" else f"{names} of {', '.join(where)}" for names, where in together.items()]
    return f"{'; '.join(parts)}; {result['steps']} steps"


def _constants(result: Mapping[str, Any]) -> Iterator[str]:
    count, shown = result["different_constants"], result["constants"]
    if not count:
        yield "the same in A and B"
    yield from shown
    if count > len(shown):
        yield f"... and {count - len(shown)} more"


def _first_lines(first: Mapping[str, Any]) -> Iterator[str]:
    position = first["channel_y_x"]
    at = "" if position is None else f" (channel {position[0]}, y {position[1]}, x {position[2]})"
    yield f"first         sample {first['sample']}, step {first['step']}, {first['where']}, neuron {first['neuron']}{at}: " + (
        f"{first['differs'][0]} differs" + (f", then {', '.join(first['differs'][1:])}" if first["differs"][1:] else "")
    )
    names = list(first["this_step"]["A"])
    rows = []
    for when, step in (("step_before", first["step"] - 1), ("this_step", first["step"])):
        for side in SIDES if first[when] is not None else ():
            label = f"step {step}" if side == "A" else ""
            rows.append((f"{label:10} {side}", *(thousands(first[when][side][name]) for name in names)))
    rows.append(("", *("differs" if name in first["differs"] else "" for name in names)))
    yield from table(("", *names), rows, "<" + ">" * len(names), indent=14)
    yield from _cause_lines(first)


def _cause_lines(first: Mapping[str, Any]) -> Iterator[str]:
    for text in (*first["constants"], *first["synapses"]):
        yield f"differs       {text}"
    if first["different_synapses"] > len(first["synapses"]):
        more = thousands(first["different_synapses"] - len(first["synapses"]))
        yield f"              ... and {more} more synapses of this neuron"
    if not first["constants"] and not first["synapses"]:
        yield "differs       nothing in the constants and synapses of this neuron: the backends compute differently"
    yield from _arrival_lines(first["arrivals"])
    for side in SIDES:
        expected = first["by_the_equations"][side]
        if expected is not None:
            values = ", ".join(f"{name} {thousands(value)}" for name, value in expected.items() if name != "wrong_in_the_run")
            wrong = expected["wrong_in_the_run"]
            verdict = f"the run breaks them in {', '.join(wrong)}" if wrong else "the run holds to them"
            yield f"equations {side}   {values}; {verdict}"


def _arrival_lines(arrivals: Mapping[str, Any] | None) -> Iterator[str]:
    if arrivals is None:
        return
    for what in ("alike", *(f"only_{side}" for side in SIDES)):
        count, shown = arrivals[f"{what}_spikes"], arrivals[what]
        if what == "alike" or count:
            where = "arrives alike" if what == "alike" else f"arrives in {what[-1]}"
            more = f", ... ({count} in all)" if count > len(shown) else ""
            yield f"{where:13} {', '.join(shown) or 'no spike'}{more}"


def _spread_lines(spread: list[Mapping[str, Any]], sample: int) -> Iterator[str]:
    yield f"spread in sample {sample}: neurons whose state differs at its end, and spikes that B lacks or has beyond A's"
    heads = ("first step", "neurons", "ever", "at the end", "spikes A", "spikes B", "missing", "extra", "changed")
    rows = []
    for entry in spread:
        end = f"{thousands(entry['different_at_end_neurons'])} ({entry['different_at_end_percent']:.1f} %)"
        first = "-" if entry["first_step"] is None else entry["first_step"]
        spikes = ("-",) * 5 if entry["spikes"] is None else map(thousands, entry["spikes"].values())
        neurons = (thousands(entry["neurons"]), thousands(entry["different_ever_neurons"]))
        rows.append((entry["where"], first, *neurons, end, *spikes))
    yield from table(("", *heads), rows, "<>>>>>>>>>")
