"""The exported folder: its files, what it refuses to replace, how golden values are cut, and what stands in the README."""

from __future__ import annotations

import dataclasses
import subprocess

import numpy as np
import pytest
from c_networks import delayed_network, frames_of
from c_program import compiler

from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.convert.artifact.export import export
from myelin.convert.c99.folder import FILES, write_c_folder
from myelin.convert.c99.golden import golden_text
from myelin.convert.c99.program import program
from myelin.hw_configs.errors import GateError, NetworkError
from myelin.hw_configs.target_files import load_target

pytestmark = pytest.mark.subprocess
C99 = load_target("c99")


def test_an_export_runs_its_self_test_here(tmp_path):
    network = delayed_network()
    exported = export(network, tmp_path / "out", target="c99", inputs=frames_of(network, 3, 20))
    assert {path.name for path in exported.folder.iterdir()} == set(FILES)
    assert "golden        3 samples of 20 steps; 3 samples given at export, 20 steps" in exported.lines
    command = [compiler("gcc"), "-std=c99", "-Werror", "-pedantic", "-o", "selftest", "main_selftest.c", "network.c"]
    subprocess.run(command, cwd=exported.folder, check=True)
    said = subprocess.run(["./selftest"], cwd=exported.folder, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["values", "240", "different", "0", "PASS"]


def test_a_board_has_a_makefile_for_its_compiler_and_emulator(tmp_path):
    network = delayed_network()
    folder = write_c_folder(tmp_path / "out", network, load_target("riscv32"), frames_of(network, 1, 5), "mine").place
    make, readme = (folder / "Makefile").read_text(), (folder / "README.md").read_text()
    assert "CROSS ?= riscv64-unknown-elf-gcc" in make and "-march=rv32imc" in make and "\nemulate: build/selftest.elf" in make
    assert (folder / "emulator" / "start.c").is_file() and "# mine as C99" in readme
    assert "| layer 0 (dense, recurrent dense) | recurrent | dense rows, int8_t | 1,640 | 104 (ring of 13 steps) |" in readme


def test_the_readme_says_how_to_use_it(tmp_path):
    network = delayed_network()
    grouped = dataclasses.replace(network, average_groups=2, input=Input((16,), 3))
    one, two = (
        (write_c_folder(tmp_path / name, held, C99, frames_of(held, 1, 5), name).place / "README.md").read_text()
        for name, held in (("one", network), ("two", grouped))
    )
    assert "/* set bit i % 32 of input.bits[i / 32] for a spike of input i */" in one
    assert "/* output.value[0] to output.value[3]: the state v */" in one and "score of a class is the sum of its output" in one
    assert "/* set input.value[i], 0 to 7 */" in two and "class k is the sum of outputs 2 k to 2 k + 1 over the steps" in two


def test_an_older_export_is_replaced_and_other_files_are_not(tmp_path):
    network, place = delayed_network(), tmp_path / "out"
    for _ in range(2):
        write_c_folder(place, network, C99, frames_of(network, 1, 5), "one")
    (place / "main.c").write_text("mine")
    with pytest.raises(NetworkError, match=r"out holds main\.c, which is not part of an export; give a new or empty folder"):
        write_c_folder(place, network, C99, frames_of(network, 1, 5), "two")
    assert (place / "main.c").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "network.h").write_text("mine")
    with pytest.raises(NetworkError, match="other holds files that are not an export as C; give a new or empty folder"):
        write_c_folder(other, network, C99, frames_of(network, 1, 5), "two")
    with pytest.raises(NetworkError, match=r"network\.h is not a folder; give a new folder for the C code"):
        write_c_folder(other / "network.h", network, C99, frames_of(network, 1, 5), "two")


def test_nothing_is_left_of_an_export_that_cannot_be_written(tmp_path, monkeypatch):
    network = delayed_network()

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    target = C99
    with pytest.raises(NetworkError, match="out cannot be written: No space left on device"):
        write_c_folder(tmp_path / "out", network, target, frames_of(network, 1, 5), "one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("room", "samples", "steps", "said"),
    [
        (10**6, 3, 20, "3 samples of 20 steps"),
        (20 * 20 * 2, 2, 20, "2 samples of 20 steps, cut from 3 samples of 20 steps to fit"),
        (20 * 7, 1, 7, "1 sample of 7 steps, cut from 3 samples of 20 steps to fit"),
        (0, 1, 1, "1 sample of 1 steps, cut from 3 samples of 20 steps to fit"),
    ],
)
def test_golden_values_are_cut_to_the_room_there_is(room, samples, steps, said):
    network = delayed_network()  # 1 word of input and 4 voltages: 20 bytes a step
    golden = golden_text(program(network), frames_of(network, 3, 20), room)
    assert (golden.samples, golden.steps, golden.said, golden.size) == (samples, steps, said, 20 * samples * steps)


def test_a_network_that_does_not_fit_is_not_exported(tmp_path):
    rng = np.random.default_rng(0)
    wide = Network(Input((600,)), [Layer((900,), Dense(2 * rng.integers(1, 99, (900, 600))), Cuba(60, 900, 400))])
    with pytest.raises(GateError, match=r"cortex-m4 does not hold .*its feed-forward weights and delays take 540000 of it"):
        export(wide, tmp_path / "out", target="cortex-m4")
    assert not (tmp_path / "out").exists()
