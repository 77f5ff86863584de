"""The exported self-test on emulated processors of the boards: equal outputs, and memory as predicted to the byte."""

from __future__ import annotations

import pytest
from c_networks import delayed_network, frames_of, image_network

from myelin.convert.c99.emulate import emulate, missing_for
from myelin.convert.c99.folder import write_c_folder
from myelin.hw_configs.errors import MissingPartError
from myelin.hw_configs.target_files import load_target

pytestmark = pytest.mark.subprocess


def on_board(network, name, place):
    """The exported folder of ``network`` for a board, and what its self-test says there; skipped where it cannot run."""
    target = load_target(name)
    lacking = missing_for(target)
    if lacking is not None:
        pytest.skip(f"{lacking} is not installed")
    folder = write_c_folder(place / "out", network, target, frames_of(network, steps=60), "test")
    return folder, emulate(folder.place, target)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("cortex-m4", delayed_network("dense")),
        ("cortex-m4", image_network()),
        ("cortex-m7", delayed_network("conv")),
        ("riscv32", delayed_network("dense")),
        ("riscv32", image_network()),
    ],
    ids=["m4-dense", "m4-image", "m7-conv", "riscv-dense", "riscv-image"],
)
def test_a_board_gives_every_value_and_memory_is_as_predicted(name, network, tmp_path):
    folder, found = on_board(network, name, tmp_path)
    held, outputs = folder.footprint, network.layers[-1].neurons
    assert (found.different, found.values) == (0, 2 * 60 * outputs)
    assert (found.flash_bytes, found.ram_bytes) == (held.flash_bytes, held.state_bytes)
    assert held.stack_bytes < found.stack_bytes <= held.stack_bytes + 128  # that of main and of printing besides
    assert folder.work.instructions.total == pytest.approx(found.step_instructions, rel=0.25)
    assert found.longest_instructions >= found.step_instructions


def test_a_wrong_golden_value_fails(tmp_path):
    folder, _ = on_board(delayed_network("dense"), "cortex-m4", tmp_path)
    golden = folder.place / "golden.h"
    head, _, tail = golden.read_text().rpartition("{{")
    value, _, rest = tail.partition(",")
    golden.write_text(f"{head}{{{{{int(value) + 1},{rest}")
    assert emulate(folder.place, load_target("cortex-m4")).different == 1


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingPartError, match="emulation of cortex-m4 needs arm-none-eabi-gcc, which is not installed"):
        emulate(tmp_path, load_target("cortex-m4"))
    with pytest.raises(MissingPartError, match="emulation of c99 needs an emulator for c99"):
        emulate(tmp_path, load_target("c99"))
