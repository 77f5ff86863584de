"""Networks as C on microcontrollers: ``python -m benchmarks.boards [--quick] [--random N]``.

A network with dense recurrence (DelRec) and one with convolutional recurrence (ConvDelRec), both of 2 x 256 neurons, and one of
the demo's size, exported for each board and run on its emulated processor (QEMU, which counts instructions).  Flash and RAM are
what the linker places, and must be what was predicted; every output must be the simulator's.  ``--random`` also compares that
many random networks, with delays, recurrence, convolution, biases and graded input, on this machine with GCC and clang and on
each emulated board.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import networks
from benchmarks.board_parity import parity
from benchmarks.measure import RESULTS, machine, save, say
from myelin.convert.c99.emulate import emulate, missing_for
from myelin.convert.c99.folder import write_c_folder
from myelin.convert.network import Network
from myelin.hw_configs.target_files import load_target

BOARDS = ("cortex-m4", "cortex-m7", "riscv32")
#: Names in the tables: recurrence and hidden layers.
NETWORKS: dict[str, tuple[networks.Recurrence, tuple[int, ...]]] = {
    "DelRec 2 x 256": ("dense", (256, 256)),
    "ConvDelRec 2 x 256": ("conv", (256, 256)),
    "demo 2 x 128": ("conv", (128, 128)),
}
_ROWS = (
    ("flash_bytes", "flash, bytes"),
    ("recurrent_flash_bytes", "of it recurrent weights and delays"),
    ("ram_bytes", "RAM, bytes, without stack"),
    ("stack_bytes", "stack, bytes"),
    ("step_instructions", "instructions of a step, emulated"),
    ("longest_instructions", "instructions of the longest step, emulated"),
    ("predicted_instructions", "instructions of a step, predicted"),
    ("step_us", "time of a step, µs, estimate"),
    ("different_values", "output values that differ"),
)


def measured(network: Network, board: str, steps: int) -> dict[str, Any]:
    """Sizes and instructions of ``network`` on ``board``; RuntimeError if a prediction or an output is wrong."""
    target = load_target(board)
    frames = networks.samples(2, steps=steps, seed=7)
    with tempfile.TemporaryDirectory() as folder:
        made = write_c_folder(Path(folder) / "network", network, target, frames, "benchmark")
        found = emulate(made.place, target)
    held, controller = made.footprint, target.controller
    if (found.flash_bytes, found.ram_bytes) != (held.flash_bytes, held.state_bytes) or found.different:
        raise RuntimeError(f"{board}: {found} is not what was predicted: {held.flash_bytes}, {held.state_bytes}")
    assert controller is not None
    links = [link for part in held.parts() for link in part.get("connections", ())]
    return {
        "flash_bytes": found.flash_bytes,
        "constant_bytes": held.constant_bytes,
        "code_bytes": held.code_bytes,
        "compiler": held.code_note,
        "recurrent_flash_bytes": sum(link["flash_bytes"] for link in links if link["connection"] == "recurrent"),
        "ram_bytes": found.ram_bytes,
        "stack_bytes": held.stack_bytes,
        "step_instructions": found.step_instructions,
        "longest_instructions": found.longest_instructions,
        "predicted_instructions": round(made.work.instructions.total),
        "step_us": None if made.work.step_us(controller) is None else round(made.work.step_us(controller) or 0.0, 1),
        "values": found.values,
        "different_values": found.different,
    }


def table(results: dict[str, Any]) -> str:
    """The results in Markdown: a table for each board, and one of the random networks."""
    names = list(results["networks"])
    lines = ["# Networks as C on microcontrollers", ""]
    for board in results["boards"]:
        lines += [f"{load_target(board).title} (`{board}`)", ""]
        lines += [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
        for key, label in _ROWS:
            values = [results["networks"][name]["boards"][board][key] for name in names]
            shown = ["not public" if value is None else f"{value:,}" for value in values]
            lines.append(f"| {label} | {' | '.join(shown)} |")
        lines.append("")
    random = results.get("random")
    if random:
        lines += [f"{random['networks']} random networks", "", "| on | values | different |", "|---|---:|---:|"]
        lines += [f"| {one['on']} | {one['values']:,} | {one['different']:,} |" for one in random["on"]]
        lines.append("")
    lines.append("Instructions are counted by QEMU; times are estimates from published cycles of each instruction.")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boards", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small networks and few steps: shows that it runs")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="also compare N random networks everywhere")
    parser.add_argument("--json", type=Path, help="where to write, with a .md beside it; results/boards.json unless --quick")
    given = parser.parse_args(arguments)
    spikes = networks.samples(networks.CALIBRATION_SAMPLES)
    boards = [board for board in BOARDS if missing_for(load_target(board)) is None]
    results: dict[str, Any] = {
        "benchmark": "boards",
        "quick": given.quick,
        "machine": machine(),
        "boards": boards,
        "networks": {},
    }
    for name, (recurrence, neurons) in NETWORKS.items():
        network = networks.network(spikes, recurrence=recurrence, neurons=(16, 16) if given.quick else neurons)
        say(f"{name}: {networks.describe(network)}")
        found = {board: measured(network, board, 20 if given.quick else 100) for board in boards}
        results["networks"][name] = {"network": networks.describe(network), "boards": found}
    if given.random:
        results["random"] = {"networks": given.random, "on": parity(given.random, boards, say)}
    print(table(results))
    path = given.json or (None if given.quick else RESULTS / "boards.json")
    if path is not None:
        save(path, results)
        path.with_suffix(".md").write_text(table(results), encoding="utf-8")


if __name__ == "__main__":
    main()
