"""The graph for the chip and what it cannot hold; without lava-loihi, one message on every path.  No board is involved."""

import subprocess
import sys
import time

import numpy as np
import pytest
from chip_networks import NEURON, deep_network
from places import ROOT

import myelin.cli
from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.convert.artifact.artifact import write_artifact
from myelin.hw_configs.errors import BackendError, NetworkError
from myelin.hw_configs.target_files import load_target
from myelin.lava_models import compat, loihi2, run
from myelin.lava_models.build import plan

needs_lava = pytest.mark.skipif(bool(compat.missing()), reason="lava-nc is not installed")


def chain(**options):
    neuron = options.pop("neuron", NEURON)
    return Network(Input((2,), **options), (Layer((2,), Dense([[2, 2]] * 2), neuron),))


def spikes():
    return np.ones((1, 3, 2), int)


@needs_lava
@pytest.mark.skipif(loihi2.is_installed(), reason="lava-loihi is installed")
def test_without_lava_loihi_one_message_says_what_to_do():
    with pytest.raises(BackendError) as raised:
        run(chain(), spikes(), backend="loihi2")
    message = str(raised.value)
    assert "\n" not in message
    for part in (
        "lava-loihi is not installed",
        "Intel Neuromorphic Research Community",
        loihi2.PARTITION,
        loihi2.HOST,
        "backend='cpu'",
    ):
        assert part in message


def test_without_lava_its_absence_is_what_is_said(monkeypatch):
    monkeypatch.setattr(compat, "_found", lambda module: False)
    with pytest.raises(BackendError, match=r"lava-nc.*not installed; run `pip install"):
        run(chain(), spikes(), backend="loihi2")


@pytest.mark.parametrize(
    ("network", "values", "record", "error", "text"),
    [
        (chain(), spikes(), {0: ("u",)}, BackendError, "records the output only"),
        (chain(neuron=Cuba(1, [1, 2], 0)), spikes(), {}, NetworkError, r"layer 0 \(dense\): decays differ between neurons"),
    ],
)
def test_what_the_chip_cannot_hold(monkeypatch, network, values, record, error, text):
    monkeypatch.setattr(loihi2, "require", lambda: None)
    with pytest.raises(error, match=text):
        run(network, values, backend="loihi2", record=record)


def test_input_neurons_take_constants_on_the_chip(monkeypatch):
    monkeypatch.setattr(loihi2, "require", lambda: None)
    network = Network(Input((1,), 3, Cuba(10, 4096, 4096), 3, 1), (Layer((1,), Dense([[2]]), NEURON),))
    with pytest.raises(BackendError, match="one constant value a sample"):
        run(network, np.array([[[1], [2]]]), backend="loihi2")


def test_the_graph_for_the_chip_uses_processes_with_a_known_model_only():
    layers = plan(deep_network(), chip=True).layers
    kinds = [[connection.process for connection in (*layer.forward, *layer.recurrent)] for layer in layers]
    assert kinds == [["Conv"], ["DelayDense", "DelayDense", "DelayDense"], ["Dense"], ["DelayDense"]]
    assert {kind for layer in kinds for kind in layer} <= loihi2.CHIP_PROCESSES
    on_cpu = [[connection.process for connection in layer.forward] for layer in plan(deep_network()).layers]
    assert on_cpu == [["Conv"], ["DelaySparse"], ["Dense"], ["DelayDense"]]


def test_input_that_runs_longer():
    """Silence follows spikes; neurons at the input keep the value that drives them."""
    values = np.array([[[1, 2], [3, 4]]])
    assert loihi2.padded(chain(), values, 2).tolist() == [[[1, 2], [3, 4], [0, 0], [0, 0]]]
    driven = Network(Input((2,), 3, Cuba(10, 4096, 4096)), (Layer((1,), Dense([[2, 2]]), NEURON),))
    assert loihi2.padded(driven, values, 1).tolist() == [[[1, 2], [3, 4], [3, 4]]]
    assert loihi2.padded(chain(), values, 0) is values


@pytest.mark.parametrize(("backend", "lag"), [("cpu", 1), ("loihi2", -1)])
def test_a_lag_belongs_to_a_board(backend, lag):
    with pytest.raises(BackendError, match=f"backend {backend}: lag_steps is {lag}; 0 or more on loihi2"):
        run(chain(), spikes(), backend=backend, lag_steps=lag)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return write_artifact(
        tmp_path_factory.mktemp("loihi2") / "art", chain(), load_target("cpu"), inputs=spikes(), provenance={}, metrics={}
    )


@needs_lava
@pytest.mark.skipif(loihi2.is_installed(), reason="lava-loihi is installed")
@pytest.mark.parametrize(
    "command",
    [
        ["board", "ART"],
        ["board", "ART", "--partition", "oheogulch", "--samples", "1"],
        ["diff", "ART", "--backends", "fast", "loihi2"],
        ["diff", "ART", "--backends", "loihi2", "lava", "--board-lag", "2"],
        ["simulate", "ART/network.net", "--data", "builtin", "--steps", "5", "--step-ms", "9", "--backend", "loihi2"],
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_every_command_that_reaches_for_a_board_says_so_at_once(command, artifact, capsys, monkeypatch):
    """In this process, where a traceback would be an error of the test; `simulate ART` is in tests/myelin/commands."""
    import myelin.backends.simulate

    for variable in (loihi2.PARTITION, loihi2.HOST, loihi2.GENERATION):
        monkeypatch.setenv(variable, "")  # so that what the command sets is undone
    monkeypatch.setattr(myelin.backends.simulate, "open_data", lambda *_: np.zeros(1))
    began = time.monotonic()
    assert myelin.cli.main([part.replace("ART", str(artifact)) for part in command]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("myelin: error: backend loihi2: Intel's lava-loihi is not installed; ")
    assert (shown.err.count("\n"), shown.out) == (1, "")
    assert time.monotonic() - began < 20


def test_validate_never_needs_a_board():
    """It compares with Lava on the CPU; the board has a command of its own."""
    options = myelin.cli.build_parser()._subparsers._group_actions[0].choices["validate"].format_help()
    assert "loihi2" not in options


def test_a_board_has_to_be_named(monkeypatch):
    monkeypatch.setattr(compat, "missing", lambda **_: [])
    monkeypatch.setattr(loihi2, "is_installed", lambda: True)
    for variable in (loihi2.PARTITION, loihi2.HOST, "SLURM", "NXSDKHOST"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(BackendError, match=f"no board is named; set {loihi2.PARTITION}"):
        loihi2.require()
    loihi2.choose("oheogulch", None, None)
    loihi2.require()
    assert loihi2.named() == "SLURM partition oheogulch, N3B3"
    loihi2.choose(None, "10.0.0.1", "N3C1")
    assert loihi2.named() == "host 10.0.0.1, N3C1"  # the one named last; a partition would come first
    monkeypatch.delenv(loihi2.HOST)
    monkeypatch.delenv(loihi2.GENERATION)


@pytest.mark.lava
@pytest.mark.subprocess
@needs_lava
def test_the_run_configuration_prefers_the_chip():
    code = "from myelin.lava_models import compat, loihi2; compat.prepare(); print(type(loihi2.run_config()).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "Loihi2HwCfg", done.stderr
