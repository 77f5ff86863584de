"""Many networks as C in one program: one call of a compiler, and their outputs compared with the simulator's."""

from __future__ import annotations

import shutil
import subprocess
from typing import NamedTuple

import numpy as np
import pytest

from myelin.convert import Network, simulate
from myelin.convert.c99.packing import output_dtype, packed_inputs
from myelin.convert.c99.program import program
from myelin.convert.c99.source import source

#: Every warning that the C is free of.
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wmissing-prototypes")
CONVERSIONS = ("-Wconversion", "-Wsign-conversion")
SANITIZERS = ("-fsanitize=undefined,address", "-fno-sanitize-recover=undefined")


class Case(NamedTuple):
    """A network with input frames (batch, steps, *input shape)."""

    network: Network
    frames: np.ndarray
    densities: dict | None = None
    reset_interval: int | None = None


def compiler(name):
    """The path of a compiler; the test is skipped where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def differing(cases, folder, name="gcc", flags=("-O1", *SANITIZERS)):
    """(index, differing values, values) of every case whose outputs differ; the program must exit with 0."""
    made = _written([Case(*case) for case in cases], folder)
    files = [str(folder / f"net{number}.c") for number in range(len(made))]
    command = [compiler(name), *WARNINGS, *flags, "-o", str(folder / "run"), str(folder / "main.c"), *files]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:2000]
    data = b"".join(packed_inputs(laid, case.frames).tobytes() for laid, case in made)
    ran = subprocess.run([str(folder / "run")], input=data, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()[:2000]
    at, found = 0, []
    for number, (laid, case) in enumerate(made):
        expected = simulate(case.network, case.frames, reset_interval=case.reset_interval).output
        kind = output_dtype(laid)
        got = np.frombuffer(ran.stdout, kind, expected.size, at).reshape(expected.shape)
        at += expected.size * kind.itemsize
        if not np.array_equal(got, expected):
            found.append((number, int(np.count_nonzero(got != expected)), expected.size))
    assert at == len(ran.stdout)
    return found


def _written(cases, folder):
    made, includes, calls = [], ["#include <stdio.h>"], []
    for number, case in enumerate(cases):
        laid, prefix = program(case.network, case.densities), f"net{number}"
        text = source(laid, prefix)
        interval = f"#define {prefix.upper()}_RESET_INTERVAL {case.reset_interval}u\n" if case.reset_interval else ""
        (folder / f"{prefix}.h").write_text(text.header)
        (folder / f"{prefix}.c").write_text(interval + text.code)
        batch, steps = case.frames.shape[:2]
        includes.append(f'#include "{prefix}.h"')
        calls.append(
            f"for (b = 0; b < {batch}; b++) {{ static {prefix}_input in; static {prefix}_output out; {prefix}_reset();"
            f" for (t = 0; t < {steps}; t++) {{ if (fread(&in, sizeof in, 1, stdin) != 1) return 2;"
            f" {prefix}_step(&in, &out); if (fwrite(&out, sizeof out, 1, stdout) != 1) return 3; }} }}"
        )
        made.append((laid, case))
    main = ["int main(void)", "{", "unsigned b, t;", *calls, "return 0;", "}"]
    (folder / "main.c").write_text("\n".join([*includes, *main]) + "\n")
    return made
