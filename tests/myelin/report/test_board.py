"""The report's page of a microcontroller: flash, RAM, time of a step and headroom, and its verdict."""

from __future__ import annotations

import numpy as np
import pytest
from c_networks import delayed_network, frames_of

import myelin

pytestmark = pytest.mark.subprocess
NETWORK = delayed_network(neurons=24)


def report(tmp_path, target, data=None, **options):
    made = myelin.write_report(NETWORK, data, tmp_path / "r.html", target=target, lava_samples=0, **options)
    return made.values, made.page.read_text(encoding="utf-8")


def test_the_page_of_a_board_shows_memory_time_and_what_is_left(tmp_path):
    values, page = report(tmp_path, "cortex-m4")
    board = values["mapping"]["board"]
    assert "<h2>On the board</h2>" in page and "<h2>Operations and time</h2>" in page and "On the cores" not in page
    for name in ("flash_bytes", "ram_bytes", "flash_left_bytes", "ram_left_bytes", "constant_bytes", "stack_bytes"):
        assert f'data-field="mapping.board.{name}"' in page and f"{board[name]:,}" in page
    assert 'data-field="mapping.board.step_us"' in page and "layer 0 (dense, recurrent dense)" in page


def test_the_verdict_on_a_board_is_grounded_in_its_memory(tmp_path):
    x = frames_of(NETWORK, samples=40, steps=20)
    y = myelin.simulate(NETWORK, x).prediction
    given = np.where(np.arange(40) % 2, y, y)
    values, _ = report(tmp_path, "cortex-m4", (x, given), reference=lambda samples: y, max_drop=20.0)
    assert values["verdict"]["answer"] == "may go"
    assert any(reason.startswith("flash ") for reason in values["verdict"]["reasons"])


def test_a_network_that_does_not_fit_may_not_go(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text('name = "small"\ntitle = "Small"\n[controller]\nflash_bytes = { value = 900, source = "me" }\n')
    values, page = report(tmp_path, str(path))
    assert values["verdict"]["answer"] == "may not go" and "It does not fit" in page
    assert "flash of the network" in values["verdict"]["reasons"][0]
