"""Memory and work of a network as C in words, for the screen, a README and JSON."""

from __future__ import annotations

from typing import Any

from myelin.convert.c99.footprint import Footprint
from myelin.convert.c99.work import Work
from myelin.hw_configs.target import Target


def memory_lines(held: Footprint, target: Target) -> list[str]:
    """Flash and RAM, with what the target has of them."""
    code = f"code {held.code_bytes:,} ({held.code_note})"
    stack = f"stack {held.stack_bytes:,}" + ("" if held.compiled else " at most")
    flash = f"flash {held.flash_bytes:,} bytes: constants {held.constant_bytes:,}, {code}"
    ram = f"RAM {held.ram_bytes:,} bytes: state {held.state_bytes:,}, {stack}"
    return [flash + _of(held.flash_bytes, target.flash_bytes), ram + _of(held.ram_bytes, target.ram_bytes)]


def _of(got: int, limit: int | None) -> str:
    if limit is None:
        return ""
    share = 100 * got / limit
    return f"; {share:.1f} % of {limit:,}" + (f", {limit - got:,} are left" if got <= limit else "")


def memory_table(held: Footprint) -> list[str]:
    """A table of the layers in Markdown."""
    lines = ["| layer | part | stored as | flash, bytes | RAM, bytes |", "|---|---|---|---:|---:|"]
    for part in held.parts():
        if part["where"] == "shared":
            lines.append(f"| shared | sums, tables, counters | | {part['flash_bytes']:,} | {part['ram_bytes']:,} |")
            continue
        for link in part["connections"]:
            ring = f"{link['ring_bytes']:,} (ring of {link['ring_steps']} steps)"
            stored = f"{part['where']} | {link['connection']} | {link['storage']}"
            lines.append(f"| {stored} | {link['flash_bytes']:,} | {ring} |")
        neurons = (
            f"| {part['where']} | {part['neurons']} neurons | | {part['neuron_flash_bytes']:,} | {part['neuron_ram_bytes']:,} |"
        )
        lines.append(neurons)
    return lines


def work_lines(work: Work, target: Target) -> list[str]:
    """Operations, instructions and the estimated time of a step."""
    synapses = sum(number for part in work.parts.values() for name, number in part.items() if name.endswith("synapses"))
    products = sum(part.get("products", 0.0) for part in work.parts.values())
    neurons = sum(part.get("neurons", 0.0) for part in work.parts.values())
    told = (
        f"{synapses + products:,.1f} synaptic operations and {neurons:,.0f} neuron updates in a mean step of the golden inputs"
    )
    lines = [told, f"about {work.instructions.total:,.0f} instructions a step (estimate, from the loops that GCC makes)"]
    controller = target.controller
    if controller is None or controller.clock_hz is None:
        return lines
    clock = f"{controller.clock_hz / 1e6:g} MHz"
    spent = work.step_us(controller)
    if spent is None:
        least = 1e6 * work.instructions.total / controller.clock_hz
        lines.append(
            f"time of a step: cycles of an instruction are not public for {target.name}; at one cycle each and {clock} it "
            f"would be {least:,.1f} us"
        )
        return lines
    assert controller.cycles is not None
    source = controller.cycles.published_for
    stand_in = "" if source == target.name else f", with the cycles of {source}"
    note = f"estimate from published cycles of each instruction{stand_in}, without wait states of the flash"
    return [*lines, f"about {spent:,.1f} us a step at {clock} ({note})"]


def as_dict(held: Footprint, work: Work | None, target: Target) -> dict[str, Any]:
    """The same values for JSON, with units in their names."""
    controller = target.controller
    compiled = held.compiled
    values: dict[str, Any] = {
        "flash_bytes": held.flash_bytes,
        "constant_bytes": held.constant_bytes,
        "code_bytes": held.code_bytes,
        "code_note": held.code_note,
        "code_compiled": compiled is not None,
        "ram_bytes": held.ram_bytes,
        "state_bytes": held.state_bytes,
        "stack_bytes": held.stack_bytes,
        "flash_limit_bytes": target.flash_bytes,
        "ram_limit_bytes": target.ram_bytes,
        "flash_left_bytes": None if target.flash_bytes is None else target.flash_bytes - held.flash_bytes,
        "ram_left_bytes": None if target.ram_bytes is None else target.ram_bytes - held.ram_bytes,
        "clock_hz": None if controller is None else controller.clock_hz,
        "parts": held.parts(),
        "memory": memory_lines(held, target),
    }
    if work is not None and controller is not None:
        values |= {
            "operations_per_step": work.parts,
            "instructions_per_step": work.instructions.total,
            "step_us": work.step_us(controller),
            "steps_per_second": None if work.step_us(controller) is None else 1e6 / (work.step_us(controller) or 1.0),
            "work": work_lines(work, target),
        }
    return values
