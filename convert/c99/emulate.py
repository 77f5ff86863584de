"""The self-test of an exported folder on the emulated processor of its board, and the sizes that the linker gives."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from myelin.convert.c99.folder import EMULATOR, emulate_command, kind_of_emulator
from myelin.convert.c99.toolchain import has_compiler, run
from myelin.hw_configs.errors import BackendError, MissingPartError
from myelin.hw_configs.target import Target
from myelin.hw_configs.temporaries import scratch_folder


@dataclass(frozen=True)
class Emulated:
    """What the self-test says.

    Attributes:
        values, different: number of output values compared, and of those that differ.
        step_instructions, longest_instructions: instructions of a mean step and of the longest one.
        stack_bytes: deepest stack of the whole program.
        flash_bytes, ram_bytes: what the linker placed of ``network.o`` in flash (code and constants) and in RAM.
    """

    values: int
    different: int
    step_instructions: int
    longest_instructions: int
    stack_bytes: int
    flash_bytes: int
    ram_bytes: int


def missing_for(target: Target) -> str | None:
    """What is not installed that an emulation of ``target`` needs; None if all is there."""
    if kind_of_emulator(target) is None:
        return f"an emulator for {target.name}"
    assert target.controller is not None and target.controller.compiler is not None
    emulator = emulate_command(target)[0]
    if not has_compiler(target.controller):
        return target.controller.compiler[0]
    return None if shutil.which(emulator) else emulator


def emulate(place: Path, target: Target) -> Emulated:
    """Build the self-test in the folder ``place`` for the emulated processor, elsewhere, and run it.

    Raises:
        MissingPartError: compiler or emulator are not installed.
        BackendError: the self-test does not build, or says nothing.
    """
    lacking = missing_for(target)
    if lacking is not None:
        raise MissingPartError(
            f"emulation of {target.name} needs {lacking}, which is not installed; install it, or leave it out"
        )
    assert target.controller is not None and target.controller.compiler is not None
    with scratch_folder("c") as folder:
        image, listing = folder / "selftest.elf", folder / "selftest.map"
        sources = [str(place.resolve() / name) for name in (f"{EMULATOR}/start.c", "main_selftest.c", "network.c")]
        script = place.resolve() / EMULATOR / "memory.ld"
        options = ["-std=c99", "-DSELFTEST_BARE", "-nostdlib", "-T", str(script), f"-Wl,-Map={listing}"]
        run([*target.controller.compiler, *options, "-o", str(image), *sources, "-lgcc"], folder)
        said = run([*emulate_command(target), str(image)], folder, accept=(0, 1))
        flash, ram = mapped_sizes(listing.read_text(encoding="utf-8"))
    found = {name: int(value) for name, value in re.findall(r"^([a-z ]+?) +(\d+)\s*$", said, re.MULTILINE)}
    try:
        return Emulated(
            values=found["values"],
            different=found["different"],
            step_instructions=found["ticks a step"],
            longest_instructions=found["ticks at most"],
            stack_bytes=found["stack bytes"],
            flash_bytes=flash,
            ram_bytes=ram,
        )
    except KeyError as error:
        raise BackendError(f"the self-test on {target.name} says no {error}; it said: {said.strip()[-200:]!r}") from error


def mapped_sizes(listing: str, objects: int = 3) -> tuple[int, int]:
    """Bytes that a linker's map places of the last of ``objects`` compiled files: in flash (code, constants), in RAM."""
    placed = re.findall(r"^ \.(s?(?:text|rodata|bss|data))\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+\.o)$", listing, re.MULTILINE)
    files = list(dict.fromkeys(name for _, _, name in placed if "crt" not in name))
    last = files[objects - 1]
    sizes = dict.fromkeys(("text", "rodata", "bss", "data"), 0)
    for section, size, name in placed:
        if name == last:
            sizes[section.removeprefix("s")] += int(size, 16)
    return sizes["text"] + sizes["rodata"], sizes["bss"] + sizes["data"]
