"""Networks on boards: a quick run of the command, random networks in one program, and the table of known results."""

from __future__ import annotations

import json

import pytest

from benchmarks import boards
from benchmarks.board_parity import parity, random_network
from myelin.convert import simulate
from myelin.convert.c99.emulate import missing_for
from myelin.hw_configs.target_files import load_target

pytestmark = pytest.mark.subprocess


def test_it_measures_on_an_emulated_board(monkeypatch, tmp_path, capsys):
    if missing_for(load_target("cortex-m4")) is not None:
        pytest.skip("no compiler or no emulator for cortex-m4 is installed")
    monkeypatch.setattr(boards, "BOARDS", ("cortex-m4",))
    monkeypatch.setattr(boards, "NETWORKS", {"tiny": ("conv", (16, 16))})
    boards.main(["--quick", "--json", str(tmp_path / "boards.json")])
    found = json.loads((tmp_path / "boards.json").read_text())["networks"]["tiny"]["boards"]["cortex-m4"]
    assert found["different_values"] == 0 and found["values"] == 2 * 20 * 20
    assert found["flash_bytes"] == found["constant_bytes"] + found["code_bytes"] and found["step_instructions"] > 0
    table = (tmp_path / "boards.md").read_text()
    assert f"| flash, bytes | {found['flash_bytes']:,} |" in table and table in capsys.readouterr().out


def test_random_networks_are_active_and_equal():
    network, frames = random_network(4)
    assert simulate(network, frames).output.any()
    said = []
    for one in parity(2, [], said.append):
        assert one["different"] == 0 and one["values"] > 0
        assert f"networks 0 to 1 on {one['on']}: 0 of {one['values']} values differ" in "\n".join(said)


def test_the_table_of_known_results():
    values = dict.fromkeys((key for key, _ in boards._ROWS), 1234)
    results = {
        "boards": ["riscv32"],
        "networks": {"one": {"boards": {"riscv32": values}}, "two": {"boards": {"riscv32": {**values, "step_us": None}}}},
        "random": {"networks": 3, "on": [{"on": "gcc", "values": 5000, "different": 0}]},
    }
    lines = boards.table(results).splitlines()
    assert lines[2] == "Espressif ESP32-C3-DevKitM-1: ESP32-C3, RISC-V rv32imc (`riscv32`)"
    assert lines[4:7] == ["| | one | two |", "|---|---:|---:|", "| flash, bytes | 1,234 | 1,234 |"]
    assert "| time of a step, µs, estimate | 1,234 | not public |" in lines and "| gcc | 5,000 | 0 |" in lines
