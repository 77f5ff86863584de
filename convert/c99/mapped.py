"""What ``myelin map`` finds for a microcontroller: memory by layer, the work of a step, and whether the board holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myelin.convert.c99.footprint import footprint_of
from myelin.convert.c99.program import densities_of, program
from myelin.convert.c99.report import as_dict
from myelin.convert.c99.work import work_of
from myelin.convert.mapping.activity import Activity
from myelin.convert.network import Network
from myelin.convert.opened import note_lines
from myelin.convert.rules import Violation, check
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.target import Target
from myelin.hw_configs.terminal.screen import judged, table
from myelin.hw_configs.written import counted

#: Rules about the memory of a board; they refuse a network that breaks no other rule.
_MEMORY = ("flash", "RAM")


def board_dict(network: Network, target: Target, activity: Activity) -> dict[str, Any]:
    """All values for JSON, with units in their names; ``board`` is null if a part of the network has no code."""
    found = check(network, target)
    refusals = [_refusal(violation) for violation in found if violation.rule in _MEMORY]
    broken = [violation.message for violation in found if violation.rule not in _MEMORY]
    board: dict[str, Any] | None = None
    try:
        laid = program(network, densities_of(activity))
        board = as_dict(footprint_of(laid, target), work_of(laid, activity), target)
    except NetworkError as error:
        refusals.append({"where": "network", "resource": "code", "got": 0, "limit": 0, "message": str(error)})
    layers = [
        {"where": f"layer {index} ({layer.kind})", "neurons": layer.neurons} for index, layer in enumerate(network.layers)
    ]
    unknown = [name for name in ("flash_bytes", "ram_bytes") if getattr(target, name) is None]
    return {
        "target": target.name,
        "target_title": target.title,
        "fits": not found and board is not None,
        "refusals": refusals,
        "broken_rules": broken,
        "layers": layers,
        "board": board,
        "not_checked": [f"{name} of {target.name} has no limit, not checked" for name in unknown],
    }


def _refusal(violation: Violation) -> dict[str, Any]:
    return {
        "where": violation.where,
        "resource": violation.rule,
        "got": violation.got,
        "limit": violation.limit,
        "message": violation.message,
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """What ``board_dict`` gave, with ``network`` and ``input``, for the screen."""
    board = result["board"]
    shown = [] if board is None else ["", *_table(board["parts"]), ""]
    shown += [] if board is None else [f"memory        {line}" for line in board["memory"]]
    shown += [] if board is None else [f"work          {line}" for line in board["work"]]
    verdict = f"verdict       {result['target']} {'holds' if result['fits'] else 'does not hold'} {result['network']}"
    return [
        f"network       {result['network']}",
        *note_lines(result),
        f"target        {result['target']}: {result['target_title']}",
        f"input         {result['input']['text']}",
        *shown,
        *(f"not checked   {text}" for text in result["not_checked"]),
        *(judged(f"does not fit  {refusal['message']}", False) for refusal in result["refusals"]),
        *(judged(f"broken rule   {text}", False) for text in result["broken_rules"]),
        judged(verdict, result["fits"]),
    ]


def _table(parts: list[Mapping[str, Any]]) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for part in parts:
        if part["where"] == "shared":
            rows.append(("shared", "sums, tables, counters", "", f"{part['flash_bytes']:,}", f"{part['ram_bytes']:,}"))
            continue
        for link in part["connections"]:
            steps = link["ring_steps"]
            stored = f"{link['storage']}; ring of {steps} step{'' if steps == 1 else 's'}"
            rows.append((part["where"], link["connection"], stored, f"{link['flash_bytes']:,}", f"{link['ring_bytes']:,}"))
        sizes = (f"{part['neuron_flash_bytes']:,}", f"{part['neuron_ram_bytes']:,}")
        rows.append((part["where"], counted(part["neurons"], "neuron"), "", *sizes))
    return table(("layer", "part", "stored as", "flash B", "RAM B"), rows, "<<<>>")
