"""A sigma-delta network from training to every tool: equal in every value, with its messages counted, or refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_runs import dense

import myelin
from myelin.cli import main
from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.convert.messages import Messages
from myelin.hw_configs.errors import NetworkError
from myelin.train.config.files import config_from_dict
from myelin.train.datasets import SpikeDataset

pytestmark = pytest.mark.training
CONFIG = {
    "name": "tiny",
    "data": {"steps": 20, "channels": 6, "step_ms": 1.0, "message_bits": 3, "validation": 0.25},
    "sigma_delta": {"bias": True, "input_weight": 8, "threshold": 0.03125, "cumulative_error": True},
    "layers": [
        {"kind": "conv", "channels": 3, "kernel": 3, "recurrent": "none", "delay_per": "channel"},
        {"neurons": 8, "recurrent": "none", "delay_per": "neuron"},
    ],
    "delay": {"high": 4.0, "max_delay_steps": 8, "harden_at": 0.5, "freeze_at": 0.5},
    "train": {"epochs": 3, "batch_size": 4, "learning_rate": 0.02, "dropout": 0.0},
}


def data(seed):
    x, y = dense("trace", samples=12, seed=seed)
    return SpikeDataset.from_dense(3 * x, y, step_ms=1.0, name=f"sides {seed}")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run folder, its artifact, and the file of its data."""
    folder = tmp_path_factory.mktemp("sdnn")
    record = myelin.fit(config_from_dict(CONFIG), data(0), folder / "run")
    assert record["best"]["validation_error"] < 0.5
    data(1).save(folder / "test.npz")
    myelin.export(folder / "run", folder / "art", target="loihi2", data=str(folder / "test.npz"))
    return folder


def test_training_equals_the_integers_in_every_value(made):
    found = myelin.validate(made / "art", str(made / "test.npz"), max_drop=1000.0, lava_samples=0)
    parity = found.equalities[0]
    assert parity.holds and parity.parity is not None and parity.parity.values == 12 * 20 * 2, str(parity)
    assert found.unit is not None and found.unit.scale == 1 << 18
    assert isinstance(found.messages, Messages) and found.messages.frame_network_per_step == 6 + 18 + 8
    assert 0 < found.messages.percent < 100
    assert any(line.startswith("messages      ") and "a frame network with these 32 units" in line for line in found.lines())
    rates = found.stage("simulator").spikes_per_neuron_step_by_layer
    assert rates == found.stage("training").spikes_per_neuron_step_by_layer and list(rates) == ["-1", "0", "1"]
    again = myelin.validate(made / "art", str(made / "test.npz"), reference=made / "run", max_drop=1000.0, lava_samples=0)
    assert again.stage("float").rmse == found.stage("float").rmse


def test_messages_stand_in_the_profile(made, tmp_path):
    assert main(["profile", str(made / "art"), "--json", str(tmp_path / "profile.json")]) == 0
    result = json.loads((tmp_path / "profile.json").read_text())["result"]
    layers = {layer["where"]: layer["spikes_per_sample"] for layer in result["layers"]}
    sent = layers["input neurons"] + layers["layer 0 (conv)"] + layers["layer 1 (dense)"]
    assert result["messages"]["per_step"] == pytest.approx(sent / 20)
    assert result["messages"]["percent_of_frame_network"] == pytest.approx(100 * sent / 20 / 32)
    cuba = Network(Input((2,)), (Layer((1,), Dense([[2, 4]]), Cuba(10, 0, 0)),))
    assert myelin.profile(cuba, inputs=np.ones((1, 4, 2), np.uint8), timed=False)["messages"] is None


def test_messages_stand_in_the_report(made):
    written = myelin.write_report(
        made / "art", str(made / "test.npz"), made / "report.html", max_drop=1000.0, lava_samples=0, progress=False
    )
    page = (made / "report.html").read_text(encoding="utf-8")
    assert "a frame network with these" in page and written.values["profile"]["messages"]["frame_network_per_step"] == 32


def test_what_takes_it(made, tmp_path, capsys):
    art, frames = made / "art", np.load(made / "art" / "golden.npz")
    assert main(["check", str(art), "--target", "loihi2"]) == 0
    assert main(["map", str(art), "--target", "loihi2"]) == 0
    assert main(["diff", str(art), str(made / "run")]) == 0
    assert main(["simulate", str(art), "--data", str(made / "test.npz")]) == 0
    network = myelin.read(art).network
    myelin.write_netx(network, tmp_path / "again.net")
    again = myelin.read(tmp_path / "again.net").network
    spikes = frames["spikes"] if "spikes" in frames else frames[frames.files[0]]
    np.testing.assert_array_equal(myelin.simulate(network, spikes).output, myelin.simulate(again, spikes).output)
    assert "RMSE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["nir", "export", "ART", "--out", "x.nir"],
            "the input drives Delta neurons; NIR has no node for them, only for CUBA neurons",
        ),
        (
            ["quantise", "RUN", "--data", "DATA", "--target", "loihi2", "--artifact", "x.nir"],
            "its input drives delta encoders, and a float network takes spikes at its input",
        ),
        (["explore", "ART", "--data", "DATA"], "`myelin explore` compares one class for each sample"),
    ],
)
def test_what_refuses_it(made, words, text, capsys):
    places = {"ART": made / "art", "RUN": made / "run", "DATA": made / "test.npz", "x.nir": made / "x.nir"}
    assert main([str(places.get(word, word)) for word in words]) == 2
    assert text in " ".join(capsys.readouterr().err.split())


def test_a_run_cannot_start_from_it(made):
    with pytest.raises(NetworkError, match=r"take its integers \(`myelin export`\), which myelin.to_torch makes blocks of"):
        myelin.fit(config_from_dict(CONFIG), data(0), made / "more", init_from=made / "run")
