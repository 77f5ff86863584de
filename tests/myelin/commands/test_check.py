"""``myelin check``: every violation on the screen, the same in the JSON, and the exit code."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin.cli import build_parser
from myelin.convert import Cuba, Dense, Input, Layer, Network, write_netx
from myelin.convert.artifact.artifact import write_artifact
from myelin.hw_configs.errors import ConfigError, NetworkError, TargetError
from myelin.hw_configs.target_files import load_target


def run(*arguments):
    parsed = build_parser().parse_args([str(argument) for argument in arguments])
    return parsed.run(parsed)


@pytest.fixture
def bad(tmp_path):
    neuron = Cuba(threshold=10, current_decay=0, voltage_decay=4096)
    write_netx(Network(Input((1,), 4), [Layer((1,), Dense([[2]]), neuron)]), tmp_path / "bad.net")
    return tmp_path / "bad.net"


def test_a_network_that_fits(small, tmp_path, capsys):
    write_netx(small, tmp_path / "a.net")
    assert run("check", tmp_path / "a.net", "--target", "loihi2") == 0
    assert capsys.readouterr().out.splitlines() == [
        "weight exponent: weight_exp_min, weight_exp_max of loihi2 not public, not checked",
        "axons in: axons_in_per_core of loihi2 not public, not checked",
        "axons out: axons_out_per_core of loihi2 not public, not checked",
        "states: no input to calibrate with (--data PATH), not checked",
        "cores: whether all layers fit on them is for `myelin map`, not checked",
        f"loihi2 holds {tmp_path}/a.net: 0 violations",
        f"next          myelin map {tmp_path}/a.net --target loihi2",
    ]


def test_golden_inputs_and_random_spikes_calibrate(small, tmp_path, capsys):
    inputs = np.ones((1, 5, 2), int)
    write_artifact(tmp_path / "art", small, load_target("cpu"), inputs=inputs, provenance={}, metrics={})
    assert run("check", tmp_path / "art", "--target", "cpu", "--json", tmp_path / "out.json") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"calibrated on golden inputs of {tmp_path}/art: 1 sample of 1, 5 steps",
        f"cpu holds {tmp_path}/art: 0 violations",
    ]
    found = json.loads((tmp_path / "out.json").read_text())["result"]
    assert found["calibration"]["kind"] == "golden" and found["not_checked"] == found["notes"] == []
    assert {state["name"] for state in found["states"]} == {"u", "v"}
    assert all(state["low"] <= state["high"] and state["beyond_24_bit"] == 0 for state in found["states"])
    assert run("check", tmp_path / "art" / "network.net", "--target", "cpu", "--density", "0.5", "--steps", "3") == 0
    assert capsys.readouterr().out.startswith("calibrated on random spikes, density 0.5, seed 0: 4 samples, 3 steps\n")


def test_a_state_that_wraps_is_a_violation(tmp_path, capsys):
    net = Network(Input((1,)), [Layer((1,), Dense([[254]]), Cuba(10, current_decay=1, voltage_decay=0))])
    write_netx(net, tmp_path / "a.net")
    assert run("check", tmp_path / "a.net", "--target", "loihi1", "--density", "1", "--steps", "600", "--samples", "1") == 1
    assert "layer 0 (dense): u (1 sample of 600 steps, wraps " in capsys.readouterr().out


def test_violations_on_the_screen_and_in_the_json(bad, tmp_path, capsys):
    assert run("check", bad, "--target", "loihi1", "--json", tmp_path / "out.json") == 1
    lines = capsys.readouterr().out.splitlines()
    found = json.loads((tmp_path / "out.json").read_text())["result"]
    assert lines == [
        *(entry["message"] for entry in found["violations"]),
        *found["not_checked"],
        f"loihi1 does not hold {bad}: 3 violations",
    ]
    assert found["holds"] is False and found["target"] == "loihi1" and found["calibration"] is None and found["states"] == []
    cores = "cores: whether all layers fit on them is for `myelin map`, not checked"
    assert found["not_checked"] == ["states: no input to calibrate with (--data PATH), not checked", cores]
    bits = found["violations"][0]
    assert (bits["where"], bits["got_bits"], bits["limit_bits"]) == ("input", 4, 0)
    assert found["violations"][1]["got_per_4096"] == 0


def test_wrong_usage_is_one_error(bad, tmp_path):
    with pytest.raises(TargetError, match="did you mean loihi2"):
        run("check", bad, "--target", "loihi22")
    with pytest.raises(NetworkError, match="no such file or folder"):
        run("check", tmp_path / "none.net", "--target", "loihi2")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        run("check", bad, "--target", "loihi2", "--json", tmp_path / "file" / "out.json")
