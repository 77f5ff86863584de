"""``map`` treats a microcontroller as any target: memory by layer, the work of a step, and whether it fits."""

from __future__ import annotations

import pytest
from c_networks import delayed_network, frames_of

from myelin.convert.mapping.measure import mapped
from myelin.convert.mapping.report import lines
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.target_files import load_target

pytestmark = pytest.mark.subprocess
NETWORK = delayed_network()


def test_memory_and_work_of_a_network_on_a_board():
    found = mapped(NETWORK, "cortex-m4", inputs=frames_of(NETWORK))
    board = found["board"]
    assert found["fits"] and found["refusals"] == found["broken_rules"] == found["not_checked"] == []
    assert board["flash_bytes"] == board["constant_bytes"] + board["code_bytes"]
    assert board["flash_left_bytes"] == 524288 - board["flash_bytes"] and board["ram_limit_bytes"] == 131072
    flash = sum(link["flash_bytes"] for part in board["parts"] for link in part.get("connections", ()))
    flash += sum(part.get("neuron_flash_bytes", 0) + part.get("flash_bytes", 0) for part in board["parts"])
    ram = sum(link["ring_bytes"] for part in board["parts"] for link in part.get("connections", ()))
    ram += sum(part.get("neuron_ram_bytes", 0) + part.get("ram_bytes", 0) for part in board["parts"])
    assert (flash, ram) == (board["constant_bytes"], board["state_bytes"])
    first = board["operations_per_step"]["layer 0 (dense, recurrent dense)"]
    assert first["neurons"] == 40 and first["row synapses"] == pytest.approx(40 * first["arriving spikes"])
    assert board["step_us"] == pytest.approx(1e6 / board["steps_per_second"]) and board["step_us"] > 0
    text = "\n".join(lines({**found, "network": "it"}))
    assert "layer 0 (dense, recurrent dense)  recurrent               dense rows, int8_t; ring of" in text
    assert "us a step at 180 MHz (estimate from published cycles of each instruction, without wait states" in text
    assert text.endswith("verdict       cortex-m4 holds it")


def test_time_is_labelled_as_far_as_it_is_known():
    seven, five = (mapped(NETWORK, name, inputs=frames_of(NETWORK))["board"] for name in ("cortex-m7", "riscv32"))
    assert "with the cycles of cortex-m4" in seven["work"][-1]
    assert five["step_us"] is None and "cycles of an instruction are not public for riscv32" in five["work"][-1]


def test_without_a_compiler_code_and_stack_are_bounds(monkeypatch):
    compiled = mapped(NETWORK, "riscv32", inputs=frames_of(NETWORK))["board"]
    monkeypatch.setattr("shutil.which", lambda name: None)
    bounded = mapped(NETWORK, "riscv32", inputs=frames_of(NETWORK))["board"]
    assert bounded["code_note"] == "an upper bound, not compiled with riscv64-unknown-elf-gcc"
    assert not bounded["code_compiled"] and bounded["constant_bytes"] == compiled["constant_bytes"]
    assert bounded["code_bytes"] >= compiled["code_bytes"] and bounded["stack_bytes"] >= compiled["stack_bytes"]


def test_what_does_not_fit_is_said_and_the_verdict_follows(tmp_path):
    path = tmp_path / "small.toml"
    text = 'name = "small"\ntitle = "Small"\n[controller]\nflash_bytes = { value = 900, source = "me" }\n'
    path.write_text(text)
    found = mapped(NETWORK, load_target(path), inputs=frames_of(NETWORK))
    assert not found["fits"] and [refusal["resource"] for refusal in found["refusals"]] == ["flash"]
    text = "\n".join(lines({**found, "network": "it"}))
    assert "does not fit  layer 0 (dense, recurrent dense): flash of the network" in text
    assert "not checked   ram_bytes of small has no limit, not checked" in text and text.endswith("small does not hold it")


@pytest.mark.parametrize("options", [{"cores": 2}, {"strategy": "pack"}, {"plot": "x.png"}])
def test_options_of_cores_are_refused(options):
    with pytest.raises(DataError, match="strategy, cores and plot are of chips with cores; cortex-m4 is a microcontroller"):
        mapped(NETWORK, "cortex-m4", inputs=frames_of(NETWORK), **options)
