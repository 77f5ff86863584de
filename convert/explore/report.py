"""An exploration as values for JSON and as text for the screen; both have the same values.

The ``result`` in the file of ``myelin explore --json``::

    {"network", "note", "target", "target_title", "memory_label", "samples", "input": {...}, "exported": POINT,
     "knobs": [{"name", "title", "unit", "left_out", "points": [{"value", ...POINT}]}],
     "pareto": [{"weight_bits", "delay_bits", "best", ...POINT}],
     "not_checked": [...], "seconds"}

POINT: ``unchanged`` (the network is the exported one), ``accuracy_percent`` with ``accuracy_low_percent`` and
``accuracy_high_percent`` (95 %, Wilson), ``difference_points`` to the exported network on the same samples with
``difference_low_points`` and ``difference_high_points`` (95 %, Tango), ``only_exported_right_samples``,
``only_this_right_samples``, ``spike_mismatch_percent``, ``core_memory_bytes`` (null if unknown), ``parameters``,
``broken_rules`` (messages; empty if the target supports the network).  ``myelin.convert.explore.explore.ExploredPoint``
defines each. Values of a knob are numbers, those of ``delay_rounding`` are names.  If ``points`` is empty, ``left_out`` gives
the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from myelin.convert.explore.conclusion import conclusions
from myelin.convert.explore.explore import Exploration, ExploredPoint
from myelin.convert.opened import note_lines
from myelin.convert.rules import not_checked
from myelin.hw_configs.target import Target
from myelin.hw_configs.terminal.screen import table, warned
from myelin.hw_configs.written import thousands

#: Replaces the rules' own message about missing calibration, because no option of the user can supply one here.
_STATES = "states: overflow is not looked for in every setting; `myelin check --data` does for a network"
_HEADS = ("accuracy", "95 %", "difference, 95 %", "mismatch %", "KiB", "parameters", "")
_SIDES = "<>>>>>><"


def as_dict(exploration: Exploration, target: Target) -> dict[str, Any]:
    """The result described above, without ``network``, ``input`` and ``seconds``; ready for JSON."""
    return {
        "target": target.name,
        "target_title": target.title,
        "memory_label": target.packing_label,
        "samples": exploration.exported.paired.samples,
        "exported": _point(exploration.exported),
        "knobs": [
            {
                "name": knob.name,
                "title": knob.title,
                "unit": knob.unit,
                "left_out": knob.left_out,
                "points": [{"value": point.value, **_point(point)} for point in points],
            }
            for knob, points in exploration.knobs
        ],
        "pareto": [
            {"weight_bits": one.weight_bits, "delay_bits": one.delay_bits, "best": one.best, **_point(one.point)}
            for one in exploration.combinations
        ],
        "not_checked": [line for line in not_checked(target) if not line.startswith("states:")] + [_STATES],
    }


def _point(point: ExploredPoint) -> dict[str, Any]:
    paired = point.paired
    return {
        "unchanged": point.unchanged,
        "accuracy_percent": 100 * paired.accuracy,
        "accuracy_low_percent": 100 * paired.accuracy_interval[0],
        "accuracy_high_percent": 100 * paired.accuracy_interval[1],
        "difference_points": 100 * paired.difference,
        "difference_low_points": 100 * paired.difference_interval[0],
        "difference_high_points": 100 * paired.difference_interval[1],
        "only_exported_right_samples": paired.only_reference,
        "only_this_right_samples": paired.only_candidate,
        "spike_mismatch_percent": 100 * point.mismatch,
        "core_memory_bytes": point.memory_bytes,
        "parameters": point.parameters,
        "broken_rules": list(point.broken_rules),
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """The result of ``as_dict`` with ``network``, ``input`` (text) and ``seconds``, as lines for the screen."""
    exported, label = result["exported"], result["memory_label"]
    kib = None if exported["core_memory_bytes"] is None else thousands(exported["core_memory_bytes"] / 1024, 1)
    memory = "" if kib is None else f", {kib} KiB of core memory"
    return [
        f"network       {result['network']}",
        *note_lines(result),
        f"target        {result['target']}: {result['target_title']}" + (f"; memory: {label}" if label else ""),
        f"input         {result['input']['text']}",
        f"exported      {exported['accuracy_percent']:.2f} % (95 %: {exported['accuracy_low_percent']:.1f}.."
        f"{exported['accuracy_high_percent']:.1f}){memory}, {thousands(exported['parameters'])} parameters other than zero",
        *(line for knob in result["knobs"] for line in _knob_lines(knob)),
        *_pareto_lines(result["pareto"]),
        "",
        "=: the exported network itself; mismatch: of all spikes of either network, those of one alone; difference in points",
        "each interval holds by itself: of so many, one in twenty misses the truth by chance",
        *_rule_lines(result),
        *(f"not checked   {text}" for text in result["not_checked"]),
        *(f"conclusion    {text}" for text in conclusions(result)),
        f"took          {result['seconds']:.0f} s; {_confirm(result['input'])}",
    ]


def _confirm(source: Mapping[str, Any]) -> str:
    """What must follow a choice; a choice on the test split itself is said."""
    if source.get("part") == "test split":
        return "this is the test split, since the data has no other: confirm what is chosen here on samples not used here"
    if source.get("part") in ("whole file", "all samples given"):
        return "confirm what is chosen here on samples that were not used here"
    command = "validate" if source.get("part") in (None, "held out of the training data") else "simulate"
    return f"confirm what is chosen here on the test split, with `myelin {command}`"


def _knob_lines(knob: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{knob['name']}: {knob['title']}"
    if knob["left_out"]:
        yield f"  left out: {knob['left_out']}"
        return
    points = [(point["value"], point) for point in knob["points"]]
    rows = [_row(value if isinstance(value, str) else f"{value:g}", point) for value, point in points]
    yield from table((knob["unit"], *_HEADS), rows, _SIDES, indent=2)


def _pareto_lines(pareto: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    best = sorted((one for one in pareto if one["best"]), key=lambda one: int(one["core_memory_bytes"]))
    if not best:
        return
    yield ""
    yield f"weight bits / delay bits: of {len(pareto)} combinations those of which no other is smaller and as often right here"
    rows = [_row(f"{one['weight_bits']}/{one['delay_bits']}", one) for one in best]
    yield from table(("bits", *_HEADS), rows, _SIDES, indent=2)


def _row(name: str, point: Mapping[str, Any]) -> tuple[str, ...]:
    memory = point["core_memory_bytes"]
    return (
        f"{name} =" if point["unchanged"] else name,
        f"{point['accuracy_percent']:.2f}",
        f"{point['accuracy_low_percent']:.1f}..{point['accuracy_high_percent']:.1f}",
        f"{point['difference_points']:+.2f} [{point['difference_low_points']:+.2f}, {point['difference_high_points']:+.2f}]",
        f"{point['spike_mismatch_percent']:.2f}",
        "-" if memory is None else thousands(memory / 1024, 1),
        thousands(point["parameters"]),
        "breaks rules" if point["broken_rules"] else "",
    )


def _rule_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Every broken rule once, with the settings that break it."""
    found: dict[str, list[str]] = {}
    for knob in result["knobs"]:
        for point in knob["points"]:
            for message in point["broken_rules"]:
                found.setdefault(message, []).append(f"{knob['name']} {point['value']}")
    for message, settings in found.items():
        yield warned(f"breaks rules  {', '.join(settings)}: {message}")
