"""Compilers and emulators: what is installed, the size of the compiled network, and the self-test on an emulated processor."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from myelin.convert.c99.source import CSource
from myelin.hw_configs.controller import Controller
from myelin.hw_configs.errors import BackendError, MissingPartError
from myelin.hw_configs.temporaries import scratch_folder

#: Every warning that the generated C is free of.
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
#: Names of compilers for this machine, the first that is found is used.
HOST_COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 300


@dataclass(frozen=True)
class CompiledSize:
    """The compiled network.

    Attributes:
        compiler: name and version of the compiler.
        code_bytes, constant_bytes, ram_bytes: its sections for code, constants and state.
        stack_bytes: deepest stack of a step; None if the compiler does not tell.
    """

    compiler: str
    code_bytes: int
    constant_bytes: int
    ram_bytes: int
    stack_bytes: int | None


def host_compiler() -> str:
    """The C compiler of this machine; MissingPartError if there is none."""
    found = next((name for name in HOST_COMPILERS if shutil.which(name)), None)
    if found is None:
        raise MissingPartError(
            f"the C backend needs a C compiler ({', '.join(HOST_COMPILERS)}), and none is on the PATH; install one, such as "
            "with `apt-get install gcc`"
        )
    return found


def has_compiler(controller: Controller) -> bool:
    """Whether the compiler for a board is installed."""
    return controller.compiler is not None and shutil.which(controller.compiler[0]) is not None


def compiled_size(source: CSource, controller: Controller) -> CompiledSize | None:
    """``source`` compiled for a board; None if its compiler is not installed.

    Raises:
        BackendError: the compiler fails.
    """
    if not has_compiler(controller):
        return None
    assert controller.compiler is not None
    with scratch_folder("c") as folder:
        place = folder
        (place / f"{source.prefix}.h").write_text(source.header, encoding="utf-8")
        (place / f"{source.prefix}.c").write_text(source.code, encoding="utf-8")
        flags = (*controller.compiler, *STRICT, "-fcallgraph-info=su")
        run([*flags, "-c", f"{source.prefix}.c", "-o", "network.o"], place)
        sizes = section_sizes(place / "network.o", controller.compiler[0])
        calls = next(iter(place.glob("*.ci")), None)
        stack = None if calls is None else deepest_stack(calls.read_text(encoding="utf-8"), f"{source.prefix}_step")
    named = _version(controller.compiler[0])
    return CompiledSize(named, sizes["text"], sizes["rodata"], sizes["bss"] + sizes["data"], stack)


def section_sizes(path: Path, compiler: str) -> dict[str, int]:
    """Bytes of code, constants, zeroed and initialised data in an object file."""
    tool = re.sub(r"(gcc|clang|cc)$", "size", compiler)
    listed = run([tool if shutil.which(tool) else "size", "-A", path.name], path.parent)
    found = dict.fromkeys(("text", "rodata", "bss", "data"), 0)
    for name, size in re.findall(r"^\.s?(text|rodata|bss|data)\S*\s+(\d+)", listed, re.MULTILINE):
        found[name] += int(size)
    return found


def deepest_stack(callgraph: str, function: str) -> int | None:
    """Bytes of stack of the deepest chain of calls from ``function``, from the graph of calls that GCC writes."""
    frames = {
        name.rpartition(":")[2]: int(size)
        for name, size in re.findall(
            r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \((?:static|dynamic,bounded)\)', callgraph
        )
    }
    calls: dict[str, set[str]] = {}
    for caller, called in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', callgraph):
        calls.setdefault(caller.rpartition(":")[2], set()).add(called.rpartition(":")[2])
    if function not in frames:
        return None

    def depth(name: str) -> int:
        return frames.get(name, 0) + max((depth(called) for called in calls.get(name, ())), default=0)

    return depth(function)


def run(command: list[str], folder: Path | None, *, accept: tuple[int, ...] = (0,)) -> str:
    """What a command in ``folder`` (None: the working directory) writes; BackendError with its end if it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, encoding="locale", errors="replace",
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"{command[0]} could not be run: {error}") from error
    if done.returncode not in accept:
        said = (done.stderr or done.stdout).strip()[-800:]
        raise BackendError(f"{command[0]} failed with exit code {done.returncode}: {said}")
    return done.stdout + done.stderr  # semihosting writes to the latter


@lru_cache
def _version(compiler: str) -> str:
    first = run([compiler, "--version"], None).partition("\n")[0]
    match = re.search(r"(\d+\.\d+(?:\.\d+)?)", re.sub(r"\([^)]*\)", "", first))
    return f"{Path(compiler).name} {match[1]}" if match else Path(compiler).name
