"""The model card of an artifact: what it says is what the files hold, it is hashed, and older artifacts need none."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import myelin
from myelin.convert.artifact.artifact import read_artifact
from myelin.convert.artifact.card import model_card
from myelin.convert.layers import DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network
from myelin.convert.neurons import Cuba
from myelin.hw_configs.errors import NetworkError


@pytest.fixture
def network():
    neuron = Cuba(90, np.array(2048), np.array(400))
    recurrent = DelayedRecurrent(Dense(np.eye(4, dtype=int) * 64), np.array([0, 3, 3, 62]))
    hidden = Layer((4,), Dense(np.full((4, 3), 100)), neuron, np.array([5, 5, 5, 0]), recurrent)
    return Network(Input((3,)), (hidden, Layer((2,), Dense(np.arange(8).reshape(2, 4)), neuron)))


def card_of(network, folder, **options):
    spikes = np.random.default_rng(1).integers(0, 2, (2, 30, 3))
    myelin.export(network, folder, target="loihi2", inputs=spikes, **options)
    return (folder / "README.md").read_text(encoding="utf-8")


def test_it_says_what_the_network_is(network, tmp_path):
    said = card_of(network, tmp_path / "art")
    assert "2 layers with 6 neurons; longest delay 62 steps" in said
    assert "| 0 (dense, recurrent dense) | 4 | CUBA neurons | 28 | 12 | axonal 0 to 5, recurrent 0 to 62 | spikes |" in said
    assert "| 1 (dense) | 2 | CUBA neurons | 8 | 1 | none | spikes |" in said
    assert "Exported for Intel Loihi 2, one chip (`loihi2`)" in said and "`axons_in_per_core`" in said
    assert "how it was trained is not recorded" in said and "## Licence\n\nNot stated." in said
    assert f"Export: Myelin {myelin.__version__}, " in said


def test_its_python_runs(network, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", card_of(network, tmp_path / "art"), re.DOTALL)
    assert len(code.splitlines()) == 3
    monkeypatch.chdir(tmp_path / "art")
    exec(code, {})
    assert re.fullmatch(r"\[[01] [01]\]\n", capsys.readouterr().out)


def test_the_licence_and_words_of_the_maker_are_text(network, tmp_path):
    user = {"licence": "CC BY 4.0", "why": "a <b>test</b>\n# of `it` | [x](y)"}
    said = card_of(network, tmp_path / "art", provenance=user)
    assert said.endswith("## Licence\n\nCC BY 4.0\n")
    assert "- why: a \\<b\\>test\\</b\\> \\# of \\`it\\` \\| \\[x\\](y)" in said


def test_it_is_hashed(network, tmp_path):
    art = tmp_path / "art"
    card_of(network, art)
    with (art / "README.md").open("a") as file:
        file.write("mine")
    with pytest.raises(NetworkError, match=r"README\.md was changed or damaged: .* put words of your own in another file"):
        read_artifact(art)
    (art / "README.md").unlink()
    with pytest.raises(NetworkError, match=r"README\.md is missing; export the artifact again"):
        read_artifact(art)


def test_artifacts_without_a_card_stay_readable(network, tmp_path):
    art = tmp_path / "art"
    card_of(network, art)
    (art / "LICENSE").write_text("a file beside it")
    (art / "README.md").unlink()
    manifest = json.loads((art / "manifest.json").read_text())
    del manifest["files"]["README.md"]
    (art / "manifest.json").write_text(json.dumps(manifest))
    assert read_artifact(art).network.num_classes == 2


@pytest.mark.parametrize(
    ("task", "metrics", "said"),
    [
        (
            "classes",
            {"validation_accuracy_percent": 95.0, "validation_samples": 300},
            "Right on 300 samples that training held out: 95.00 % (95 % interval 91.92 to 96.95).",
        ),
        ("classes", {"validation_accuracy_percent": 95.0}, "Right on what training held out: 95.00 %, without an interval."),
        (
            "steps",
            {"validation_accuracy_percent": 95.0, "validation_samples": 300},
            "Right on what training held out: 95.00 %, without an interval.",
        ),
        ("trace", {"validation_error": 0.0123}, "Mean squared error on what training held out: 0.0123, without an interval."),
    ],
)
def test_accuracy_has_an_interval_where_samples_are_counted(network, task, metrics, said):
    run = {"data": "d.h5", "exported_epoch": 5, "epochs_done": 6, "seed": 0, "trained_for": "cpu"}
    manifest = {
        "myelin": "0.2.0", "versions": {"python": "3.11"}, "metrics": metrics,
        "target": {"name": "loihi2", "title": "a chip", "not_public": []},
        "provenance": {"task": task, "run": run},
    }  # fmt: skip
    shown = model_card(network, manifest, golden_samples=2)
    assert said in shown and "Trained on d.h5: epoch 5 of 6, seed 0." in shown
    assert "It was trained for cpu, not for loihi2." in shown
