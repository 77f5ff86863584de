"""From spikes in a file to equal spikes in Lava, through the command line alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from myelin.hw_configs.errors import ConfigError

pytestmark = [pytest.mark.lava, pytest.mark.subprocess, pytest.mark.training]


@pytest.fixture
def lava():
    from myelin.lava_models import compat

    if not compat.available():
        pytest.skip(f"{', '.join(compat.missing())} not installed")


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_every_stage_gives_the_same_outputs(name, artifacts, tiny, main, tmp_path, capsys, lava):
    out = tmp_path / "validation.json"
    code = main(
        "validate", artifacts[name], "--data", tiny.data, "--lava-samples", 1, "--max-drop", 100, "--json", out
    )  # 2 epochs train nothing: here only equality counts
    shown = capsys.readouterr().out
    assert code == 0
    result = json.loads(out.read_text())["result"]
    assert [stage["name"] for stage in result["stages"]] == [
        *("float", "delays", "weights", "decays", "delays_weights", "training", "simulator")
    ]
    assert [(parity["equal"], parity["samples"]) for parity in result["parities"]] == [
        *((True, 24), (True, 1), (True, 1), (None, 0))  # training code, our models, Lava's own, no board
    ]
    assert result["predictions"]["training"] == result["predictions"]["simulator"]
    training, simulator = (stage["spikes_per_neuron_step_by_layer"] for stage in result["stages"][-2:])
    assert simulator == training and min(simulator.values()) > 0
    assert result["network"]["as_expected"] and result["network"]["reference"] == "checkpoint/"
    assert result["split"] == "test"
    assert result["samples"] == 24
    assert result["parities"][0]["values"] == 24 * 30 * 4
    assert "PASS" in shown
    for stage in result["stages"]:
        assert f"{stage['accuracy_percent']:.2f} %" in shown
    assert result["gate"]["passed"] is True


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_hidden_neurons_spike_in_what_was_compared(name, artifacts):
    """Equality of silent networks would prove nothing."""
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.simulator.simulator import simulate

    artifact = read_artifact(artifacts[name])
    hidden = [index for index, layer in enumerate(artifact.network.layers) if layer.output == "spikes"]
    recording = simulate(artifact.network, artifact.golden.spikes, record=dict.fromkeys(hidden, ("spikes",)))
    assert all(0.005 < recording.layers[index]["spikes"].mean() < 0.8 for index in hidden)
    assert np.unique(artifact.golden.output).size > 1
    assert artifact.network.max_delay_steps > 3


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_check_holds(name, artifacts, main, capsys):
    assert main("check", artifacts[name], "--target", "loihi2") == 0
    assert "0 violations" in capsys.readouterr().out


def test_simulate_gives_the_accuracy_of_validation(artifacts, tiny, main, tmp_path, capsys):
    fast, gate = tmp_path / "fast.json", tmp_path / "gate.json"
    assert main("simulate", artifacts["conv"], "--data", tiny.data, "--json", fast) == 0
    shown = capsys.readouterr().out
    main("validate", artifacts["conv"], "--data", tiny.data, "--lava-samples", 0, "--max-drop", 100, "--json", gate)
    result, validation = json.loads(fast.read_text())["result"], json.loads(gate.read_text())["result"]
    assert result["accuracy_percent"] == validation["stages"][-1]["accuracy_percent"]
    assert f"{result['accuracy_percent']:.2f} %" in shown
    assert result["events_not_in_frames"] == validation["events_not_in_frames"]
    assert result["binning"]["max_count"] == 7
    assert [parity["skipped"] for parity in validation["parities"][1:]] == [*["--lava-samples 0"] * 2, "--board not given"]


def test_simulate_a_netx_file_in_lava(artifacts, tiny, main, tmp_path, lava):
    """A plain file takes its binning from options; Lava and the simulator agree on what they report."""
    found = {}
    for backend in ("fast", "lava"):
        out = tmp_path / f"{backend}.json"
        options = ("--steps", 30, "--step-ms", 5, "--samples", 2, "--backend", backend, "--json", out)
        assert main("simulate", artifacts["conv"] / "network.net", "--data", tiny.data, *options) == 0
        found[backend] = json.loads(out.read_text())["result"]
    for name in ("samples", "accuracy_percent", "output_spikes", "events_not_in_frames"):
        assert found["fast"][name] == found["lava"][name]
    assert found["fast"]["exported_for"] is None


def test_an_artifact_validates_without_the_run_it_came_from(artifacts, tiny, main, tmp_path, capsys):
    moved = tmp_path / "elsewhere"
    shutil.copytree(artifacts["dense"], moved)
    assert main("validate", moved, "--data", tiny.data, "--lava-samples", 0, "--max-drop", 100) == 0
    manifest = json.loads((moved / "manifest.json").read_text())
    assert set(manifest["files"]) == {
        *("network.net", "golden.npz", "lava_network.py", "lava_network.npz", "README.md"),
        *("checkpoint/run.json", "checkpoint/model.safetensors"),
    }
    assert manifest["provenance"]["golden"]["split"] == "test"
    assert sorted(set(manifest["provenance"]["golden"]["labels"])) == [0, 1, 2, 3]


def test_clipped_delays_are_counted_and_still_equal_the_training_code(runs, tiny, main, tmp_path, capsys):
    """A target that holds 3 steps: refused without --clip-delays; with it, simulator and training code still agree."""
    target = tmp_path / "short.toml"
    target.write_text('name = "short"\ntitle = "Short"\n[limits]\ndelay_steps_max = { value = 3, source = "made up" }\n')
    out = tmp_path / "artifact"
    command = ("export", runs["conv"], "--target", target, "--out", out, "--data", tiny.data)
    capsys.readouterr()
    assert main(*command) == 1
    refusal = capsys.readouterr().err
    assert not out.exists()
    assert refusal.count("longest") >= 3  # every violation at once, in one line
    assert len(refusal.splitlines()) == 1
    assert "short holds 3; retrain with max_delay_steps=3 or export with --clip-delays" in refusal

    assert main(*command, "--clip-delays") == 0
    assert "delays shortened to 3 steps" in capsys.readouterr().out
    assert json.loads((out / "manifest.json").read_text())["provenance"]["clipped_to_steps"] == 3
    gate = tmp_path / "gate.json"
    assert main("validate", out, "--data", tiny.data, "--lava-samples", 0, "--max-drop", 100, "--json", gate) == 0
    assert json.loads(gate.read_text())["result"]["parities"][0]["equal"] is True


def test_demo_goes_the_whole_way_and_can_be_repeated(tiny, tmp_path, capsys, monkeypatch):
    from myelin import demo
    from myelin.lava_models import compat

    monkeypatch.setattr(demo, "_LAVA_SAMPLES", 1)
    arguments = {"config": str(tiny.configs["dense"]), "data": str(tiny.data), "progress": False, "max_drop": 100}
    out = tmp_path / "demo"
    demo.demo(out, **arguments)
    first = capsys.readouterr().out
    pictures = {"raster.png", "delays.png", "learning.png", "validation.png"}
    values = {f"{name}.json" for name in ("simulation", "validation", "exploration", "report")}
    made = {"run", "artifact", "report.html"} | values | pictures
    assert {path.name for path in out.iterdir()} == made
    for name in made:
        assert str(out / name) in first.partition("== summary")[2]
    verdict = json.loads((out / "report.json").read_text())["verdict"]
    assert first.splitlines()[-2:] == [f"   verdict           {verdict['headline']}", f"   open {out / 'report.html'}"]
    weights = (out / "run" / "model.safetensors").read_bytes()
    monkeypatch.setattr(compat, "missing", lambda **_: ["lava-nc"])  # the second time without Lava, which takes longest
    demo.demo(out, **arguments)
    assert "finished, used as it is" in capsys.readouterr().out
    assert (out / "run" / "model.safetensors").read_bytes() == weights
    run = out / "run"
    cure = rf"; delete {run}, or give another --out$"
    with pytest.raises(ConfigError, match=rf"^{run}: holds a run with another configuration{cure}"):
        demo.demo(out, **arguments, overrides=["train.seed=99"])
    assert "used as it is" not in capsys.readouterr().out
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"config": {"from": "an older version"}}))
    with pytest.raises(ConfigError, match=cure):
        demo.demo(out, **arguments)


def test_demo_continues_a_run_that_was_stopped_in_its_first_epoch(tiny, tmp_path, capsys, monkeypatch):
    from myelin import demo
    from myelin.lava_models import compat
    from myelin.train.run import loop

    monkeypatch.setattr(compat, "missing", lambda **_: ["lava-nc"])
    arguments = {"config": str(tiny.configs["dense"]), "data": str(tiny.data), "progress": False, "max_drop": 100}

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.TrainingRun, "epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            demo.demo(tmp_path, **arguments)
    demo.demo(tmp_path, **arguments)
    assert f"{tmp_path / 'run'} is there: continued from the start" in capsys.readouterr().out


def test_demo_says_that_lava_is_missing(tiny, tmp_path, capsys, monkeypatch):
    from myelin import demo
    from myelin.lava_models import compat

    monkeypatch.setattr(compat, "missing", lambda **_: ["lava-nc"])
    demo.demo(tmp_path, config=str(tiny.configs["conv"]), data=str(tiny.data), progress=False, max_drop=100)
    shown = capsys.readouterr().out
    assert "process models = simulator: skipped: lava-nc not installed; to include it: run `pip install -e" in shown
    assert "skipped: lava-nc not installed" in shown.partition("== summary")[2]
