"""A mapping and its estimate as values for JSON and as text for the screen, with the same values in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from myelin.convert.mapping.estimate import Estimate
from myelin.convert.mapping.estimate_report import estimate_dict, estimate_lines
from myelin.convert.mapping.layout import Layout
from myelin.convert.mapping.loops import OPERATIONS, SYNAPSE_BITS
from myelin.convert.mapping.mapping import Mapping as CoreMapping
from myelin.convert.mapping.mapping import dense_cores
from myelin.convert.mapping.populations import LABELS, RESOURCES, not_checked
from myelin.convert.opened import note_lines
from myelin.convert.rules import Violation
from myelin.hw_configs.terminal.screen import judged, table
from myelin.hw_configs.written import counted, thousands

#: Largest recurrence whose dense counterpart is mapped for comparison, which lists all its synapses.
_COMPARED_NEURONS = 4096


def as_dict(mapping: CoreMapping, estimate: Estimate, violations: Sequence[Violation]) -> dict[str, Any]:
    """All values of the tables for JSON, with units in their names.

    Args:
        mapping: the mapping.
        estimate: its cost.
        violations: violations of the hardware rules; a network that fits on the cores may still break rules.
    """
    target = mapping.target
    return {
        "target": target.name,
        "target_title": target.title,
        "strategy": mapping.strategy,
        "fits": not mapping.refusals and not violations,
        "refusals": [refusal._asdict() for refusal in mapping.refusals],
        "broken_rules": [violation.message for violation in violations],
        "cores": mapping.cores,
        "lower_bound_cores": mapping.lower_bound,
        "available_cores": mapping.cores_per_chip * (target.chips or 1),
        "chips": mapping.chips,
        "available_chips": target.chips or 1,
        "limits_of_a_core": dict(zip(_names(), (_or_none(value) for value in mapping.limits))),
        "synapse_memory_label": target.packing_label,
        "layers": [_layer(mapping, place) for place in range(len(mapping.layouts))],
        "core_list": list(_cores(mapping)),
        "estimate": estimate_dict(estimate, target),
        "not_checked": not_checked(target),
    }


def _names() -> list[str]:
    return [resource.name for resource in RESOURCES]


def _or_none(value: float) -> int | None:
    return int(value) if np.isfinite(value) else None


def _layer(mapping: CoreMapping, place: int) -> dict[str, Any]:
    layout = mapping.layouts[place]
    bounds = mapping.lower_bounds(place)
    most = np.max([part.load for part in layout.parts], axis=0) if layout.parts else np.zeros(len(mapping.limits))
    return {
        "where": layout.population.name,
        "neurons": layout.population.neurons,
        "cores": len(layout.parts),
        "lower_bound_cores": max(1, *bounds.values()),
        "lower_bounds_cores": bounds,
        "binding": layout.binding or (layout.refusal.resource if layout.refusal else ""),
        "cores_ended_by": layout.ended_by or ("limit" if layout.refusal else "nothing"),
        "order": layout.order[0],
        "synapse_memory_bits": sum(int(part.load[SYNAPSE_BITS]) for part in layout.parts),
        "fullest_core": dict(zip(_names(), (int(value) for value in most))),
        "fullest_core_percent": {
            name: 100 * float(value / limit) if np.isfinite(limit) else None
            for name, value, limit in zip(_names(), most, mapping.limits)
        },
        "connections": [_connection(layout, number) for number in range(len(layout.population.links))],
        "recurrent_convolution": _recurrent_convolution(mapping, layout),
    }


def _connection(layout: Layout, number: int) -> dict[str, Any]:
    link = layout.population.links[number]
    dense = 0 if layout.dense is None else int(np.count_nonzero(layout.dense[:, number]))
    return {
        "connection": link.name,
        "storage": link.storage,
        "unrolled_because": link.reason,
        "synapses": link.synapses,
        "weights": link.weights,
        "recurrent_delays": link.delays,
        "longest_delay_steps": link.longest_delay_steps,
        "sparse_synapse_bits": link.sparse_bits,
        "dense_synapse_bits": link.dense_bits,
        "cores_with_dense_lists": dense,
        "memory_bits": sum(part.bits[number] for part in layout.parts),
    }


def _recurrent_convolution(mapping: CoreMapping, layout: Layout) -> dict[str, Any] | None:
    """A recurrent convolution compared with a dense recurrence of the same size; None for other layers."""
    links, neurons = layout.population.links, layout.population.neurons
    recurrent = len(links) > 1 and links[1].recurrent
    if not recurrent or links[1].kind != "conv" or not layout.parts or mapping.target.packing is None:
        return None
    own, full = links[1].weights + links[1].delays, neurons**2 + links[1].delays
    bits = sum(part.bits[1] for part in layout.parts)
    dense = dense_cores(layout, mapping.limits) if neurons <= _COMPARED_NEURONS else None
    return {
        "parameters": own,
        "dense_parameters": full,
        "parameters_saved_percent": 100 * (1 - own / full),
        "memory_bits": bits,
        "dense_memory_bits": None if dense is None else dense[0],
        "memory_saved_percent": None if dense is None else 100 * (1 - bits / dense[0]),
        "cores": len(layout.parts),
        "dense_cores": None if dense is None else dense[1],
    }


def _cores(mapping: CoreMapping) -> Iterator[dict[str, Any]]:
    fill = mapping.fill()
    held: list[list[dict[str, Any]]] = [[] for _ in range(mapping.cores)]
    for layout in mapping.layouts if mapping.cores else ():
        for part in layout.parts:
            held[part.core].append({"where": layout.population.name, "neurons": part.stop - part.start})
    for core, (load, parts) in enumerate(zip(mapping.loads, held)):
        yield {
            "core": core,
            "chip": core // mapping.cores_per_chip,
            "parts": parts,
            "fullest": _names()[int(np.argmax(fill[core]))],
            "fill_percent": 100 * float(fill[core].max()),
            **dict(zip(_names(), (int(value) for value in load))),
            "operations_share_percent": 100 * float(load[OPERATIONS] / max(mapping.loads[:, OPERATIONS].sum(), 1e-12)),
        }


def lines(result: Mapping[str, Any]) -> list[str]:
    """Screen lines for a result of ``as_dict``, to which the caller has added ``network`` and ``input`` (with ``text``)."""
    if "board" in result:
        from myelin.convert.c99.mapped import lines as board_lines

        return board_lines(result)
    label = f"; memory: {result['synapse_memory_label']}" if result["synapse_memory_label"] else ""
    return [
        f"network       {result['network']}",
        *note_lines(result),
        f"target        {result['target']}: {result['target_title']}{label}",
        f"strategy      {result['strategy']}",
        f"input         {result['input']['text']}",
        "",
        *_layer_lines(result["layers"]),
        _total(result),
        "",
        *_connection_lines(result["layers"]),
        *_saving_lines(result["layers"]),
        "",
        *estimate_lines(result["estimate"]),
        "",
        *(f"not checked   {text}" for text in result["not_checked"]),
        *(judged(f"does not fit  {refusal['message']}", False) for refusal in result["refusals"]),
        *(judged(f"broken rule   {text}", False) for text in result["broken_rules"]),
        judged(f"{result['target']} {'holds' if result['fits'] else 'does not hold'} {result['network']}", result["fits"]),
    ]


def _layer_lines(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    percents = ("neurons", "delay_slots", "synapse_bits", "axons_in", "axons_out")
    heads = ("neurons %", "delays %", "memory %", "axons in %", "axons out %")
    rows = []
    for entry in layers:
        shares = (_percent(entry["fullest_core_percent"][name]) if entry["cores"] else "-" for name in percents)
        label = LABELS[entry["binding"]]
        bound = label if entry["cores_ended_by"] == "limit" else f"{entry['cores_ended_by']}; fullest: {label}"
        counts = (thousands(entry["neurons"]), entry["cores"] or "-", entry["lower_bound_cores"])
        rows.append((entry["where"], *counts, *shares, bound))
    yield from table(("cores", "neurons", "cores", "at least", *heads, "bound by"), rows, "<>>>>>>>><")
    yield "%: what the fullest core of the layer uses of each limit; ?: the limit is not public"


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"


def _total(result: Mapping[str, Any]) -> str:
    chips = f", on {result['chips']} of {result['available_chips']} chips" if result["available_chips"] > 1 else ""
    cores = f"{result['cores']} of {result['available_cores']} cores{chips}" if result["cores"] else "no mapping"
    return f"all layers    {cores}; no mapping of this strategy takes fewer than {result['lower_bound_cores']}"


def _connection_lines(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    rows = []
    for entry in layers:
        for position, one in enumerate(entry["connections"]):
            widths = (one["sparse_synapse_bits"], one["dense_synapse_bits"])
            dense = one["cores_with_dense_lists"]
            sparse = entry["cores"] - dense
            kinds = [("sparse", sparse, widths[0]), ("dense", dense, widths[1])]
            used = [(f"{name} lists on {counted(count, 'core')}", width) for name, count, width in kinds if count]
            how, each = ", ".join(text for text, _ in used), "/".join(str(width) for _, width in used)
            if one["storage"] == "shared":
                how, each = "kernels shared by the neurons of a core", f"{widths[0]}"
            if one["unrolled_because"]:
                how = f"unrolled ({one['unrolled_because']}): {how}"
            where, kib = "" if position else entry["where"], thousands(one["memory_bits"] / 8192, 1) if entry["cores"] else "-"
            rows.append((where, one["connection"], thousands(one["synapses"]), each, kib, how))
    yield from table(("synapse memory", "connection", "synapses", "bits each", "KiB", "how it lies"), rows, "<<>>><")


def _saving_lines(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    for entry in layers:
        saved = entry["recurrent_convolution"]
        if saved is None:
            continue
        text = (
            f"{entry['where']}: weights and delays of the recurrent convolution {thousands(saved['parameters'])}, of a dense "
            f"recurrence of its size {thousands(saved['dense_parameters'])} ({saved['parameters_saved_percent']:.1f} % saved)"
        )
        if saved["dense_memory_bits"] is not None:
            text += (
                f"; in core memory {saved['memory_bits'] / 8192:.1f} against {saved['dense_memory_bits'] / 8192:.1f} KiB "
                f"({saved['memory_saved_percent']:.1f} % saved); cores of the layer {saved['cores']} against "
                f"{saved['dense_cores']}"
            )
        yield text
