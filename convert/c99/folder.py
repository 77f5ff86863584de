"""The exported folder: the network as C with golden values, a self-test, a Makefile, and a README with its numbers."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy.typing as npt

from myelin.convert.artifact.files import atomic_folder
from myelin.convert.c99.footprint import Footprint, footprint_of
from myelin.convert.c99.golden import GOLDEN_BYTES, GoldenText, golden_text
from myelin.convert.c99.helpers import template
from myelin.convert.c99.program import densities_of, program
from myelin.convert.c99.report import memory_lines, memory_table, work_lines
from myelin.convert.c99.source import MARK
from myelin.convert.c99.work import Work, work_of
from myelin.convert.mapping.activity import measure
from myelin.convert.network import Network
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.target import Target
from myelin.hw_configs.version import VERSION

#: Files of an exported folder; a folder with others is not replaced.
FILES = ("network.h", "network.c", "golden.h", "main_selftest.c", "Makefile", "README.md")
#: Folders in it: the start of the self-test on an emulated processor, and what `make` builds.
EMULATOR, BUILD = "emulator", "build"


@dataclass(frozen=True, eq=False)
class CFolder:
    """An exported folder.

    Attributes:
        place: its path.
        footprint: flash, RAM and stack.
        golden: what ``golden.h`` holds.
        work: the mean work of a step on the golden inputs.
    """

    place: Path
    footprint: Footprint
    golden: GoldenText
    work: Work


def write_c_folder(place: Path, network: Network, target: Target, frames: npt.NDArray[Any], name: str) -> CFolder:
    """Write the folder atomically; replaces only an older one or an empty folder.

    Args:
        place: folder to write.
        network: the network; check it against the target before.
        target: a target with a controller.
        frames: golden inputs (samples, steps, *input shape).
        name: name of the network, for the README.

    Raises:
        NetworkError: the folder holds something else or cannot be written, or the network has no code.
    """
    check_replaceable(place)
    controller = target.controller
    assert controller is not None
    activity = measure(network, frames)
    laid = program(network, densities_of(activity))
    footprint = footprint_of(laid, target)
    text = footprint.source
    room = GOLDEN_BYTES
    if controller.flash_bytes is not None:
        room = min(room, max(0, controller.flash_bytes - footprint.flash_bytes) // 2)
    golden, work = golden_text(laid, frames, room), work_of(laid, activity)
    folder = CFolder(place, footprint, golden, work)
    files = {
        "network.h": text.header,
        "network.c": text.code,
        "golden.h": golden.text,
        "main_selftest.c": template("main_selftest.c").replace("$mark", MARK),
        "Makefile": _makefile(target),
        "README.md": _readme(folder, target, name),
        **_emulator(target),
    }
    try:
        with atomic_folder(place) as temporary:
            for file, content in files.items():
                (temporary / file).parent.mkdir(exist_ok=True)
                (temporary / file).write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise NetworkError(f"{place} cannot be written: {error.strerror or error}") from error
    return folder


def check_replaceable(place: Path) -> None:
    """Raise NetworkError unless ``place`` is absent, empty, or a folder of an earlier export with no other files."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise NetworkError(f"{place} is not a folder; give a new folder for the C code")
    if not place.is_dir() or not any(place.iterdir()):
        return
    header = place / "network.h"
    ours = header.is_file() and header.read_text(encoding="utf-8", errors="replace").startswith(f"/* {MARK}")
    foreign = sorted(path.name for path in place.iterdir() if path.name not in (*FILES, EMULATOR, BUILD))
    if not ours or foreign:
        held = f"holds {foreign[0]}, which is not part of an export" if foreign else "holds files that are not an export as C"
        raise NetworkError(f"{place} {held}; give a new or empty folder")


def kind_of_emulator(target: Target) -> str | None:
    """``arm`` or ``riscv`` for a board whose processor can be emulated; None for others."""
    controller = target.controller
    if controller is None or controller.emulator is None or controller.compiler is None:
        return None
    compiler = controller.compiler[0]
    return "arm" if compiler.startswith("arm") else "riscv" if compiler.startswith("riscv") else None


def emulate_command(target: Target) -> list[str]:
    """The command of an emulator that runs a program on a board's processor; its path follows."""
    controller = target.controller
    assert controller is not None and controller.emulator is not None
    if kind_of_emulator(target) == "arm":
        call = ["qemu-system-arm", "-M", controller.emulator, "-nographic", "-semihosting-config", "enable=on,target=native"]
        return [*call, "-icount", "shift=6", "-kernel"]
    return ["qemu-system-riscv32", "-M", controller.emulator, "-nographic", "-bios", "none", "-icount", "shift=0", "-kernel"]


def _emulator(target: Target) -> dict[str, str]:
    kind = kind_of_emulator(target)
    if kind is None:
        return {}
    names = {"start.c": f"start_{kind}.c", "memory.ld": f"memory_{kind}.ld"}
    return {f"{EMULATOR}/{name}": template(file).replace("$mark", MARK) for name, file in names.items()}


def _makefile(target: Target) -> str:
    controller, kind = target.controller, kind_of_emulator(target)
    assert controller is not None
    board = ""
    if controller.compiler is not None:
        emulator = ""
        if kind is not None:
            values = {"machine": controller.emulator, "emulate": shlex.join(emulate_command(target))}
            emulator = Template(template("Makefile_emulator")).substitute(values)
        board = Template(template("Makefile_board")).substitute(
            title=target.title,
            compiler=controller.compiler[0],
            flags=" ".join(controller.compiler[1:]),
            size_tool=controller.compiler[0].removesuffix("gcc") + "size",
            emulator=emulator,
        )
    return Template(template("Makefile")).substitute(
        mark=MARK,
        makes_more=", `make size` sizes it for the board" * bool(board) + ", `make emulate` runs it there" * (kind is not None),
        phony=" size" * bool(board) + " emulate" * (kind is not None),
        board=board,
    )


def _readme(folder: CFolder, target: Target, name: str) -> str:
    laid, kind = folder.footprint.program, kind_of_emulator(target)
    last = laid.network.layers[-1]
    source = laid.network.input
    fill = "set bit i % 32 of input.bits[i / 32] for a spike of input i"
    if laid.input_type is not None:
        fill = f"set input.value[i], {source.min_value} to {source.max_value}"
    more = [f"| `{EMULATOR}/` | the self-test without an operating system, for QEMU |"] if kind else []
    makes = ", `make size` for the board" if target.controller and target.controller.compiler else ""
    return Template(template("README.md")).substitute(
        name=name,
        mark=MARK,
        version=VERSION,
        target=target.name,
        title=target.title,
        golden=folder.golden.said,
        makes=makes + (", `make emulate` in QEMU" if kind else ""),
        files=_lines(more),
        fill=fill,
        last=last.neurons - 1,
        meaning=f"the state {last.state}" if last.output == "state" else "the spikes of this step",
        classes=_classes(laid.network),
        memory=_lines(f"- {line}" for line in memory_lines(folder.footprint, target)),
        table=_lines(memory_table(folder.footprint)),
        work=_lines(["", "## Work of a step", "", *(f"- {line}" for line in work_lines(folder.work, target))]),
    )


def _classes(network: Network) -> str:
    """How class scores follow from the outputs."""
    if network.average_groups is None:
        return "The score of a class is the sum of its output over the steps."
    members = network.layers[-1].neurons // network.average_groups
    return f"The score of class k is the sum of outputs {members} k to {members} k + {members - 1} over the steps."


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
