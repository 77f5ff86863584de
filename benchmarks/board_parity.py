"""Random networks as C in one program for each compiler and board: their outputs beside the simulator's."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.c99.folder import emulate_command, kind_of_emulator
from myelin.convert.c99.golden import golden_text
from myelin.convert.c99.helpers import template
from myelin.convert.c99.program import program
from myelin.convert.c99.source import MARK, renamed, source
from myelin.convert.c99.toolchain import STRICT, run
from myelin.hw_configs.target_files import load_target

#: Networks in one program.
TOGETHER = 20
#: Steps of a sample.
STEPS = 60
#: Compilers of this machine; clang's sanitizers are a package of their own.
_HOSTS = {
    "gcc": ("gcc", "-O2", "-fsanitize=undefined,address", "-fno-sanitize-recover=undefined"),
    "clang": ("clang", "-O2"),
}


#: What takes the place of ``main`` in a self-test.
_SELFTEST = "int network_selftest(void);\n\nint network_selftest(void)"


def random_network(seed: int) -> tuple[Network, npt.NDArray[Any]]:
    """A network with a random mixture of features, and frames (2, STEPS, *input shape) for it."""
    rng: Any = np.random.default_rng(seed)
    image = rng.random() < 0.5
    shape: tuple[int, ...] = (2, 6, 5) if image else (int(rng.integers(3, 40)),)
    bits = int(rng.choice([0, 0, 2, 5, 9]))
    neuron = (
        Cuba(int(rng.integers(2, 40)), np.array(4096, np.int32), rng.integers(1, 900, shape))
        if rng.random() < 0.2 and bits == 0
        else None
    )
    layers: list[Layer] = []
    for index in range(int(rng.integers(1, 4))):
        before = layers[-1].shape if layers else shape
        layers.append(_layer(rng, before, bits if index == 0 else 0))
    last = layers[-1]
    if rng.random() < 0.4 and last.recurrent is None:
        layers[-1] = Layer(last.shape, last.synapse, last.neuron, output="state")
    network = Network(Input(shape, bits, neuron), tuple(layers))
    values = rng.integers(1, network.input.max_value + 1, (2, STEPS, *shape))
    return network, values * (rng.random(values.shape) < rng.choice([0.1, 0.3, 0.8]))


def _layer(rng: Any, before: tuple[int, ...], bits: int) -> Layer:
    longest = int(rng.choice([0, 3, 20, 62], p=[0.25, 0.35, 0.3, 0.1]))
    if len(before) == 3 and rng.random() < 0.7:
        weight = 2 * rng.integers(-30, 40, (int(rng.integers(1, 5)), before[0], 3, 3))
        synapse: Any = Conv(weight, stride=(int(rng.integers(1, 3)), 1), padding=(1, 1))
        shape = synapse.output_shape(before)
    else:
        shape = (int(rng.integers(2, 40)),)
        matrix = 2 * rng.integers(-30, 40, (shape[0], int(np.prod(before))))
        matrix = matrix * (rng.random(matrix.shape) < rng.choice([0.1, 1.0]))
        delay = rng.integers(0, longest + 1, matrix.shape) if rng.random() < 0.3 else None
        synapse = Dense(matrix, int(rng.choice([0, 0, 1, -2])), delay)
    neuron = Cuba(
        int(rng.integers(10, 250)) << bits,
        rng.integers(200, 4097, shape) if rng.random() < 0.5 else np.array(rng.integers(200, 4097)),
        rng.integers(0, 1500, shape) if rng.random() < 0.5 else np.array(rng.integers(0, 1500)),
        rng.integers(-9, 30, shape),
        int(rng.integers(0, 7)),
    )
    recurrent = None
    if rng.random() < 0.6:
        size = int(np.prod(shape))
        inner: Any = Dense(2 * rng.integers(-20, 20, (size, size)))
        if rng.random() < 0.5:
            channels = shape[0] if len(shape) == 3 else 1
            inner = Conv(2 * rng.integers(-30, 30, (channels, channels, 1, 3)), padding=(0, 1))
        recurrent = DelayedRecurrent(inner, rng.integers(0, longest + 1, shape))
    axonal = rng.integers(0, longest + 1, shape) * int(rng.random() < 0.5)
    return Layer(shape, synapse, neuron, axonal, recurrent)


def parity(count: int, boards: Sequence[str], say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Values and differing values of ``count`` random networks, by compiler and board."""
    found = {name: [0, 0] for name in (*(host for host in _HOSTS if shutil.which(host)), *boards)}
    for first in range(0, count, TOGETHER):
        seeds = range(first, min(first + TOGETHER, count))
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            tests = list(_written(seeds, place))
            for name, totals in found.items():
                values, different = _run(name, tests, place)
                totals[0] += values
                totals[1] += different
                say(f"  networks {seeds.start} to {seeds.stop - 1} on {name}: {different} of {values} values differ")
    return [{"on": name, "values": values, "different": different} for name, (values, different) in found.items()]


def _written(seeds: Sequence[int], place: Path) -> Iterator[str]:
    """Write the network and the self-test of each seed, and a main that calls them all."""
    names = [f"net{seed}" for seed in seeds]
    for name, seed in zip(names, seeds, strict=True):
        network, frames = random_network(seed)
        laid = program(network)
        text, golden = source(laid, name), golden_text(laid, frames)
        test = (
            template("main_selftest.c")
            .replace("$mark", MARK)
            .replace("int main(void)", "int network_selftest(void);\n\nint network_selftest(void)")
        )
        files = {
            f"{name}.h": text.header,
            f"{name}.c": text.code,
            f"{name}_golden.h": renamed(golden.text, name),
            f"{name}_test.c": renamed(test, name).replace('"golden.h"', f'"{name}_golden.h"'),
        }
        for file, content in files.items():
            (place / file).write_text(content, encoding="utf-8")
        yield name
    declared = "\n".join(f"int {name}_selftest(void);" for name in names)
    calls = " + ".join(f"{name}_selftest()" for name in names)
    (place / "main.c").write_text(f"{declared}\n\nint main(void)\n{{\n    return ({calls}) != 0;\n}}\n", encoding="utf-8")


def _run(name: str, tests: Sequence[str], place: Path) -> tuple[int, int]:
    """Values compared and differing values of the self-tests on a compiler of this machine or a board."""
    files = ["main.c", *(f"{test}{kind}.c" for test in tests for kind in ("", "_test"))]
    if name in _HOSTS:
        run([*_HOSTS[name], *STRICT, "-o", "tests", *files], place)
        said = run([str(place / "tests")], place, accept=(0, 1))
    else:
        target = load_target(name)
        kind, controller = kind_of_emulator(target), target.controller
        assert controller is not None and controller.compiler is not None
        for file, into in ((f"start_{kind}.c", "start.c"), (f"memory_{kind}.ld", "memory.ld")):
            (place / into).write_text(template(file), encoding="utf-8")
        options = ["-std=c99", "-DSELFTEST_BARE", "-nostdlib", "-T", "memory.ld"]
        run([*controller.compiler, *options, "-o", f"{name}.elf", "start.c", *files, "-lgcc"], place)
        said = run([*emulate_command(target), f"{name}.elf"], place, accept=(0, 1))
    values, different = ([int(number) for number in re.findall(rf"^{word} +(\d+)", said, re.MULTILINE)]
                         for word in ("values", "different"))  # fmt: skip
    assert len(values) == len(different) == len(tests), said[-500:]
    return sum(values), sum(different)
