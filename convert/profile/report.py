"""A profile as JSON and as text for the screen; both have the same values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from myelin.convert.messages import Messages
from myelin.convert.opened import note_lines
from myelin.convert.profile.profiler import LayerProfile, Profile
from myelin.hw_configs.terminal.screen import table, warned
from myelin.hw_configs.written import thousands

#: Thresholds of the warnings: percent of the 24-bit range, and percent of the neurons that send in a step.
NEAR_RANGE_PERCENT = 50.0
DENSE_SPIKES_PERCENT = 50.0


def as_dict(profile: Profile) -> dict[str, Any]:
    """Every value of the tables, with units in the names; ready for JSON."""
    return {
        "samples": profile.samples,
        "steps": profile.steps,
        "operations_per_sample": profile.operations / profile.samples,
        "operations_per_step": profile.operations / (profile.samples * profile.steps),
        "late_operations_per_sample": profile.late_operations / profile.samples,
        "messages": None if profile.messages is None else profile.messages.as_dict(),
        "timed_samples": profile.timed_samples,
        "samples_per_second": profile.timed_samples / profile.seconds if profile.timed_samples else None,
        "layers": [_layer(layer, profile) for layer in profile.layers],
        "warnings": list(_warnings(profile)),
    }


def _layer(layer: LayerProfile, profile: Profile) -> dict[str, Any]:
    total, thread = profile.operations, sum(entry.seconds for entry in profile.layers)
    return {
        "where": layer.name,
        "neurons": layer.neurons,
        "spikes_per_sample": layer.spikes / profile.samples,
        "spikes_per_neuron_and_step": _density(layer, profile),
        "forward_operations_per_sample": layer.forward_operations / profile.samples,
        "recurrent_operations_per_sample": layer.recurrent_operations / profile.samples,
        "late_operations_per_sample": layer.late_operations / profile.samples,
        "operations_percent": 100 * layer.operations / total if total else 0.0,
        "never_firing_neurons": layer.silent,
        "always_firing_neurons": layer.always,
        "ranges": {
            name: {
                "low": taken.low,
                "high": taken.high,
                "bits": taken.bits,
                **({"percent_of_2_to_the_23": taken.percent} if name in layer.overflow else {}),
            }
            for name, taken in layer.ranges.items()
        },
        **{"u_wraps": None, "v_saturations": None},
        **{_overflow_key(name, kind): layer.overflows.get(name, 0) for name, kind in layer.overflow.items()},
        "ms_per_sample": 1000 * layer.seconds / profile.timed_samples if profile.timed_samples else None,
        "time_percent": 100 * layer.seconds / thread if thread else None if not profile.timed_samples else 0.0,
        "engine": layer.engine,
    }


def _overflow_key(state: str, kind: str) -> str:
    """Key of a count of overflows: ``u_wraps``, ``v_saturations``."""
    return f"{state}_{'wraps' if kind == 'wraps' else 'saturations'}"


def _density(layer: LayerProfile, profile: Profile) -> float:
    return layer.spikes / (layer.neurons * profile.samples * profile.steps)


def _warnings(profile: Profile) -> Iterator[str]:
    for layer in profile.layers:
        yield from _range_warnings(layer)
        if layer.silent == layer.neurons:
            yield f"{layer.name}: none of its {layer.neurons} neurons ever fires; lower its threshold or raise its weights"
        elif 100 * _density(layer, profile) >= DENSE_SPIKES_PERCENT and layer.silent is not None:
            share = 100 * _density(layer, profile)
            yield f"{layer.name}: {share:.0f} % of its neurons send in a step; raise its threshold or regularise its rate"


def _range_warnings(layer: LayerProfile) -> Iterator[str]:
    for name, verb in layer.overflow.items():
        count = layer.overflows.get(name, 0)
        percent = layer.ranges[name].percent if name in layer.ranges else 0.0
        times = f"{count} time{'' if count == 1 else 's'}"
        cure = "halve weights, bias and threshold, or raise its decay"
        if count:
            yield f"{layer.name}: {name} {verb} {times}, its sums reach {percent:.0f} % of 24 bit; {cure}"
        elif percent >= NEAR_RANGE_PERCENT:
            yield f"{layer.name}: {name} reaches {percent:.0f} % of the 24 bit at which it {verb}; {cure}"


def lines(result: Mapping[str, Any]) -> list[str]:
    """Lines for the screen from the result of ``as_dict``, with ``network`` and ``input`` (text) added."""
    shown = [
        f"network       {result['network']}",
        *note_lines(result),
        f"input         {result['input']['text']}",
        "",
        *_activity(result["layers"]),
        f"all layers    {thousands(result['operations_per_sample'], 1)} operations a sample, "
        f"{thousands(result['operations_per_step'], 1)} a step",
        f"              counted where a spike is sent; of them {thousands(result['late_operations_per_sample'], 1)} a sample, "
        "whose spikes arrive after the last step, are not done in the run",
        *([] if result["messages"] is None else [f"messages      {_messages(result['messages'])}"]),
        "",
        *_ranges(result["layers"]),
        "",
        *_time(result["layers"]),
        f"{thousands(result['samples_per_second'])} samples a second by the clock, all cores together; timed over "
        f"{thousands(result['timed_samples'])} samples in passes of their own, without recording",
    ]
    return [*shown, "", *(warned(f"warning       {text}") for text in result["warnings"])] if result["warnings"] else shown


def _messages(found: Mapping[str, Any]) -> Messages:
    return Messages(found["per_step"], found["frame_network_per_step"])


def _activity(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    heads = ("activity per sample", "neurons", "spikes", "density", "feed-forward", "recurrent", "share", "never", "always")
    rows = []
    for entry in layers:
        operations = (thousands(entry[f"{kind}_operations_per_sample"], 1) for kind in ("forward", "recurrent"))
        never, always = (_or_dash(entry[f"{kind}_firing_neurons"]) for kind in ("never", "always"))
        spikes, density = thousands(entry["spikes_per_sample"], 1), f"{entry['spikes_per_neuron_and_step']:.4f}"
        share = f"{entry['operations_percent']:.1f} %"
        rows.append((entry["where"], thousands(entry["neurons"]), spikes, density, *operations, share, never, always))
    yield from table(heads, rows, "<>>>>>>>>")


def _ranges(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    rows = []
    for entry in layers:
        for position, (name, taken) in enumerate(entry["ranges"].items()):
            percent = f"{taken['percent_of_2_to_the_23']:.2f} %" if "percent_of_2_to_the_23" in taken else ""
            beyond = next((entry[key] for key in (f"{name}_wraps", f"{name}_saturations") if entry.get(key) is not None), None)
            reached = (thousands(taken["low"]), thousands(taken["high"]), taken["bits"], percent)
            where, count = "" if position else entry["where"], "" if beyond is None else thousands(beyond)
            rows.append((where, name, *reached, count))
    yield from table(("range of the integers", "", "low", "high", "bits", "of 2^23", "beyond"), rows, "<>>>>>>")
    yield "u before it wraps, v before it saturates or a spike sets it to 0; beyond: times that u wrapped, v saturated"


def _time(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    rows = [
        (entry["where"], f"{entry['ms_per_sample']:.4f}", f"{entry['time_percent']:.1f} %", entry["engine"])
        for entry in layers
        if entry["engine"]
    ]
    yield from table(("time", "ms a sample", "share", "products by"), rows, "<>><")


def _or_dash(value: int | None) -> str:
    return "-" if value is None else thousands(value)
