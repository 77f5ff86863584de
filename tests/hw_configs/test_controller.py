"""Boards with a microcontroller: their numbers, that each has a source, and that a wrong file is named."""

from __future__ import annotations

import pytest

from myelin.hw_configs.controller import CONTROLLER_FIELDS, CYCLES
from myelin.hw_configs.errors import TargetError
from myelin.hw_configs.target_files import load_target

BOARDS = {
    "cortex-m4": (512 * 1024, 128 * 1024, 180_000_000),
    "cortex-m7": (2048 * 1024, 512 * 1024, 400_000_000),
    "riscv32": (4096 * 1024, 384 * 1024, 160_000_000),
}


@pytest.mark.parametrize("name", BOARDS)
def test_the_numbers_of_a_board(name):
    target = load_target(name)
    controller = target.controller
    assert (target.flash_bytes, target.ram_bytes, controller.clock_hz) == BOARDS[name]
    assert {f"controller.{field}" for field in CONTROLLER_FIELDS} <= set(target.sources)
    assert not target.has_cores and not target.simulator


def test_cycles_are_published_for_a_processor_or_a_stand_in_or_absent():
    one, two = load_target("cortex-m4"), load_target("cortex-m7")
    assert one.controller.cycles == two.controller.cycles and two.controller.cycles.published_for == "cortex-m4"
    assert {f"cycles.{name}" for name in CYCLES} <= set(one.sources) and "cycles" in two.sources
    assert load_target("riscv32").controller.cycles is None


def test_portable_c_has_no_memory_of_its_own_and_chips_have_no_controller():
    assert load_target("c99").controller.flash_bytes is None and not load_target("c99").has_cores
    assert load_target("loihi2").controller is None and load_target("loihi2").has_cores and not load_target("cpu").has_cores


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cycles]\nload = 2", "cycles has no controller beside it"),
        ("[controller]\nflash_bytes = 3", r"controller.flash_bytes is 3; write \{ value = 524288"),
        ('[controller]\nflash_bytes = { value = -3, source = "me" }', "controller.flash_bytes is -3; a value such as 524288"),
        ('[controller]\ncompiler = { value = "gcc", source = "me" }', "controller.compiler is 'gcc'; a value such as"),
        ('[controller]\nflsh = { value = 3, source = "me" }', "field controller.flsh is unknown; did you mean"),
        (
            '[controller]\n[cycles]\nload = { value = 2, source = "me" }',
            "cycles.store is missing; a table of cycles",
        ),
        ('[controller]\n[cycles]\nas_on = { value = "cpu", source = "me" }', "cycles.as_on is 'cpu'; it stands alone"),
    ],
)
def test_a_wrong_board_is_refused_by_the_field(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\ntitle = "Mine"\n{text}\n')
    with pytest.raises(TargetError, match=message):
        load_target(path)
