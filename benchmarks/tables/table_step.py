"""The table of single steps."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.table_words import machine_line, number, times


def step_table(results: dict[str, Any]) -> str:
    """Microseconds a step on each network, and the relative speed of ``Simulator.step``."""
    lines = []
    for network in results["networks"]:
        faster = {name: times(ratio) for name, ratio in network["step_is_faster"].items()}
        layers = " and ".join(f"{share:.1%}" for share in network["densities"]["layers"])
        late = network["microseconds_of_the_slowest_percent"]["median"]
        lines += [
            f"{network['network']}; {layers} of the hidden neurons spike in a step; the slowest percent of the steps takes "
            f"{number(late)} µs or more.",
            "",
            "| one stream, one step | µs, median (range) | `step` is faster by, median (range) |",
            "|---|---|---|",
            *(
                f"| {name} | {times(taken)} | {faster.get(name, '')} |"
                for name, taken in network["microseconds_a_step"].items()
            ),
            "",
        ]
    return "\n".join([*lines, machine_line(results)])
