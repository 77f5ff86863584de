"""Export to C, and boards as targets, on the command line."""

from __future__ import annotations

import json

import pytest
from c_networks import delayed_network

from myelin import cli
from myelin.convert import write_netx

pytestmark = pytest.mark.subprocess


@pytest.fixture
def net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_netx(delayed_network(neurons=24), tmp_path / "net.net")
    return "net.net"


def test_c_has_a_folder_by_default_and_o_names_another(net, tmp_path, capsys):
    assert cli.main(["export", net, "--target", "c99", "--json", "out.json"]) == 0
    assert (tmp_path / "net-c99" / "network.c").is_file()
    assert "C             net-c99: network.h, network.c, golden.h" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text())["result"]["artifact"] == "net-c99"
    assert cli.main(["export", net, "--target", "cortex-m4", "-o", "m4"]) == 0
    assert (tmp_path / "m4" / "emulator" / "start.c").is_file()


def test_an_artifact_needs_a_name(net, capsys):
    assert cli.main(["export", net, "--target", "loihi2"]) == 2
    assert "the following arguments are required: --out" in capsys.readouterr().err


def test_map_and_check_judge_a_board(net, tmp_path, capsys):
    (tmp_path / "small.toml").write_text(
        'name = "small"\ntitle = "Small"\n[controller]\nflash_bytes = { value = 900, source = "me" }\n'
    )
    assert cli.main(["map", net, "--target", "cortex-m4"]) == 0 and cli.main(["check", net, "--target", "cortex-m4"]) == 0
    assert "cortex-m4 holds net.net" in capsys.readouterr().out
    assert cli.main(["map", net, "--target", "small.toml"]) == 1 and cli.main(["check", net, "--target", "small.toml"]) == 1
    assert "small holds 900; use" in capsys.readouterr().out
