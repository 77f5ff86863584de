"""An estimate as values for JSON and as text for the screen, with the same values in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from myelin.convert.mapping.estimate import Estimate, LayerCost, TimeBound
from myelin.hw_configs.published import measurements
from myelin.hw_configs.target import Target
from myelin.hw_configs.terminal.screen import table
from myelin.hw_configs.written import thousands

#: The note printed with every estimate: what its figures leave out.
LEFT_OUT = (
    "left out: idle power, embedded processors, input and output, hops between tiles (every spike counts as within a tile), "
    "reads of synapse memory; active: a neuron with synaptic input or bias in the step"
)


def estimate_dict(estimate: Estimate, target: Target) -> dict[str, Any]:
    """All values of the tables for JSON, with units in their names."""
    bound = estimate.bound
    return {
        "label": target.events_label or "pre-silicon figures per event; for comparing networks with each other",
        "left_out": LEFT_OUT,
        "samples": estimate.samples,
        "steps": estimate.steps,
        "layers": [_layer(layer) for layer in estimate.layers],
        "energy_uj_per_sample": None if estimate.energy_pj is None else estimate.energy_pj / 1e6,
        "step_bounds": [_bound(entry) for entry in estimate.bounds],
        "step_bound_by": None if bound is None else bound.what,
        "busiest_core": None if bound is None else bound.core,
        "step_ns_at_least": None if bound is None else bound.time_ns,
        "ms_per_sample_at_least": None if estimate.sample_ns is None else estimate.sample_ns / 1e6,
        "published": [entry._asdict() for entry in measurements()],
    }


def _layer(layer: LayerCost) -> dict[str, Any]:
    return {
        "where": layer.name,
        "forward_operations_per_sample": layer.forward_operations,
        "recurrent_operations_per_sample": layer.recurrent_operations,
        "active_updates_per_sample": layer.active_updates,
        "inactive_updates_per_sample": layer.inactive_updates,
        "spikes_per_sample": layer.spikes,
        "spike_messages_per_sample": layer.messages,
        "memory_words_read_per_sample": layer.words,
        "energy_pj_per_sample": layer.energy_pj,
    }


def _bound(bound: TimeBound) -> dict[str, Any]:
    return {"what": bound.what, "core": bound.core, "count_per_step": bound.count, "ns_per_step": bound.time_ns}


def estimate_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Screen lines for a result of ``estimate_dict``."""
    rows = []
    for layer in result["layers"]:
        operations = layer["forward_operations_per_sample"] + layer["recurrent_operations_per_sample"]
        names = ("active_updates", "inactive_updates", "spikes", "spike_messages", "memory_words_read")
        counts = (layer[f"{name}_per_sample"] for name in names)
        energies = layer["energy_pj_per_sample"].values()
        energy = thousands(sum(energies) / 1e3, 1) if energies else "not public"
        rows.append((layer["where"], thousands(operations, 1), *(_or_dash(count) for count in counts), energy))
    heads = ("a mean sample", "operations", "active", "inactive", "spikes", "messages", "words read", "energy (nJ)")
    yield from table(heads, rows, "<>>>>>>>")
    if result["energy_uj_per_sample"] is not None:
        yield f"energy        {result['energy_uj_per_sample']:.3f} uJ a sample of {result['steps']} steps"
    yield from _bound_lines(result)
    yield f"estimate      {result['label']}; {result['left_out']}"
    for entry in result["published"]:
        measured = f"{entry['time_ms']:g} ms and {entry['energy_mj']:g} mJ on {entry['hardware']}"
        yield f"for scale     {measured}: {entry['network']}, {entry['task']}, {entry['condition']} ({entry['source']})"


def _bound_lines(result: Mapping[str, Any]) -> Iterator[str]:
    for bound in result["step_bounds"]:
        core = "" if bound["core"] is None else f" on core {bound['core']}: {thousands(bound['count_per_step'], 1)} a step"
        time = "time not public" if bound["ns_per_step"] is None else f"{thousands(bound['ns_per_step'], 1)} ns"
        yield f"step          {bound['what']}{core}, {time}"
    if result["step_bound_by"] is not None:
        where = "" if result["busiest_core"] is None else f" of core {result['busiest_core']}"
        yield (
            f"time          a step takes at least {thousands(result['step_ns_at_least'], 1)} ns, bound by "
            f"{result['step_bound_by']}{where}; a sample {result['ms_per_sample_at_least']:.3f} ms"
        )


def _or_dash(value: float | None) -> str:
    return "-" if value is None else thousands(value, 1)
