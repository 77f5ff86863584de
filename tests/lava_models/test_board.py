"""``myelin board`` against a stand-in for lava-loihi.  No board was involved anywhere in these tests.

The stand-in (``stand_in/``) is found as lava-loihi would be, by its place in the package ``lava``; it runs Lava's fixed-point
models on the CPU, refuses calls of another form, writes down those it gets, and answers late, wrongly, never or with a failure
where a test says so.  What it cannot show is how a board behaves.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chip_networks import deep_network
from places import ROOT

from myelin.convert import Conv, Cuba, Dense, Input, Layer, Network
from myelin.convert.artifact.artifact import write_artifact
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.target_files import load_target
from myelin.lava_models import compat
from myelin.lava_models.board import align

STAND_IN = Path(__file__).with_name("stand_in")
pytestmark = [pytest.mark.lava, pytest.mark.subprocess]
needs_lava = pytest.mark.skipif(bool(compat.missing()), reason="lava-nc is not installed")

NEURON = Cuba(50, 4095, 4095)
#: A spike of input 0 at 0 makes the neurons of layer 0 fire at 1 (100 + 100 > 50), delayed by 1 or 0, then those of layer 1.
NETWORK = Network(
    Input((2,)),
    (
        Layer((2,), Dense([[100, 0], [100, 100]]), NEURON, delay_steps=[1, 0]),
        Layer((2,), Dense([[100, 0], [0, 100]]), NEURON, delay_steps=[0, 3]),
    ),
)
SPIKES = np.zeros((2, 12, 2), int)
SPIKES[0, 0, 0] = SPIKES[1, 3, 1] = SPIKES[1, 4, 0] = 1


def write(folder, network, inputs=SPIKES, target="loihi2"):
    return write_artifact(folder, network, load_target(target), inputs=inputs, provenance={}, metrics={})


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return write(tmp_path_factory.mktemp("board") / "art", NETWORK)


class Result:
    """What a command printed and left behind, and what it called."""

    def __init__(self, done, log, json_file):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.calls = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
        written = json.loads(json_file.read_text()) if json_file.is_file() else {"verdict": None, "result": None}
        self.json, self.verdict = written["result"], written["verdict"]

    def count(self, call):
        return sum(entry["call"] == call for entry in self.calls)


@pytest.fixture
def command(tmp_path):
    """Runs ``myelin`` with the stand-in in reach and torch out of it."""

    def run(*arguments, behaviour="late=0", **environment):
        log, out = tmp_path / "log", tmp_path / "out.json"
        code = (
            f"import sys; sys.modules['torch'] = None; import myelin.cli; sys.exit(myelin.cli.main({[*map(str, arguments)]!r}))"
        )
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MYELIN_LOIHI")}
        paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{STAND_IN}", "PATH": f"{STAND_IN / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        told = {"MYELIN_STAND_IN": behaviour, "MYELIN_STAND_IN_LOG": str(log), **environment}
        done = subprocess.run(
            [sys.executable, "-c", code], env=clean | paths | told, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert "Traceback" not in done.stderr
        return Result(done, log, out)

    return run


@needs_lava
def test_a_board_that_is_right_three_steps_late(command, artifact):
    got = command("board", artifact, "--partition", "oheogulch", "--json", "out.json", behaviour="late=3")
    assert got.code == 0, got.err
    assert "lag           3 steps later than simulated (0..16 were looked at)\n" in got.out
    assert "parity        PASS: 0 of 48 output values differ\n" in got.out
    expected = {
        "board": "SLURM partition oheogulch, N3B3",
        "samples": 2,
        "lag_steps": 3,
        "lags_that_fit_steps": [3],
        "different_values": 0,
        "equal": True,
        "exported_for": "loihi2",
    }
    assert expected.items() <= got.json.items() and got.verdict == "pass"


@needs_lava
def test_how_lava_loihi_is_called(command, artifact):
    """A graph for each sample, with one adapter at either end, and Lava told of SLURM, partition and generation."""
    got = command("board", artifact, "--samples", 1, MYELIN_LOIHI_PARTITION="oheogulch", MYELIN_LOIHI_GENERATION="N3C1")
    assert got.code == 0, got.err
    board = {"SLURM": "1", "PARTITION": "oheogulch", "NXSDKHOST": None, "LOIHI_GEN": "N3C1"}
    models = ["PyReceiveModelFixed", "PySendModelFixed"]
    assert got.calls == [
        {"call": "PyToNxAdapter", "shape": [2], "num_message_bits": 0},
        {"call": "NxToPyAdapter", "shape": [2], "num_message_bits": 0},
        {"call": "Loihi2HwCfg", "select_sub_proc_model": True, "models": models, "board": board},
    ]
    both = command("board", artifact, "--host", "board.example")
    assert both.code == 0, both.err
    assert both.count("Loihi2HwCfg") == 1 + 2  # the log goes on: a graph built anew for each of two samples
    assert both.calls[-1]["board"] == {"SLURM": None, "PARTITION": None, "NXSDKHOST": "board.example", "LOIHI_GEN": "N3B3"}


@needs_lava
def test_an_image_graded_input_and_a_readout_of_states(command, tmp_path):
    layers = (
        Layer((2, 2, 3), Conv([[[[3, 0]]], [[[0, 5]]]]), NEURON),
        Layer((2,), Dense(np.arange(24).reshape(2, 12) * 2), Cuba(131071, 4095, 0), output="state"),
    )
    values = np.random.default_rng(0).integers(0, 16, (1, 9, 1, 2, 4)) * 7 % 16
    folder = write(tmp_path / "art", Network(Input((1, 2, 4), 4), layers), values)
    got = command("board", folder, "--host", "board.example", "--json", "out.json")
    assert got.code == 0, got.err
    assert got.json["lag_steps"] == 1  # the stand-in reads a state when its step is over
    assert got.calls[0] == {"call": "PyToN3ConvAdapter", "shape": [4, 2, 1], "num_message_bits": 4}
    assert got.calls[1] == {"call": "Read", "shape": [2], "interval": 1, "offset": 0}


@needs_lava
def test_a_board_that_answers_wrongly(command, artifact):
    """One step of both samples, two neurons: 4 of 48 values."""
    got = command("board", artifact, "--partition", "oheogulch", "--json", "out.json", behaviour="wrong")
    assert got.code == 1
    assert "parity        FAIL: 4 of 48 output values differ even at the closest lag, 0 steps\n" in got.out
    assert (
        "at no lag of 0..16 steps; closest is 0, where 4 of 48 values differ, first in the output: sample 0, step 4" in got.err
    )
    assert got.err.count("\n") == 1
    assert got.verdict == "fail"
    assert got.json["equal"] is False and got.json["lag_steps"] is None and got.json["different_values"] == 4


@needs_lava
def test_a_lag_beyond_those_looked_for(command, artifact):
    options = ("board", artifact, "--partition", "oheogulch", "--max-lag")
    short = command(*options, 2, behaviour="late=3")
    assert short.code == 1 and "at no lag of 0..2 steps" in short.err and "look for a longer lag" in short.err
    assert command(*options, 3, behaviour="late=3").code == 0


@needs_lava
def test_a_board_that_hangs(command, artifact):
    began = time.monotonic()
    got = command("board", artifact, "--partition", "oheogulch", "--timeout", 4, behaviour="hang")
    assert got.code == 2 and "made no progress for 4 s and was stopped" in got.err and got.err.count("\n") == 1
    assert time.monotonic() - began < 60


@needs_lava
def test_a_board_that_fails(command, artifact):
    got = command("board", artifact, "--partition", "oheogulch", behaviour="fail")
    assert got.code == 2
    assert got.err.endswith("failed: RuntimeError: chip 0 does not answer\n") and got.err.count("\n") == 1


@needs_lava
@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((), {}, "no board is named; set MYELIN_LOIHI_PARTITION"),
        (("--partition", "oheogluch"), {}, "partition oheogluch is unknown to SLURM; sinfo lists broken, oheogulch"),
        (("--partition", "broken"), {}, "every node of partition broken is down (down*)"),
        (("--host", "nobody.example"), {}, "host nobody.example cannot be used: "),
        (("--partition", "oheogulch", "--generation", "N4"), {}, "MYELIN_LOIHI_GENERATION is 'N4'; N2A2, N3B2, N3B3"),
        (("--partition", "oheogulch"), {"PATH": "/nowhere"}, "partition oheogulch cannot be used: "),
    ],
)
def test_a_board_that_is_not_there(command, artifact, arguments, environment, said):
    got = command("board", artifact, *arguments, **environment)
    assert got.code == 2 and said in got.err and got.err.count("\n") == 1


@needs_lava
def test_what_is_not_sent_to_a_board(command, artifact, tmp_path):
    """Golden outputs that prove nothing, and a network that the chip does not hold."""
    silent = write(tmp_path / "silent", NETWORK, SPIKES * 0)
    got = command("board", silent, "--partition", "oheogulch")
    assert got.code == 2 and "the golden outputs hold no spike" in got.err and not got.calls
    threshold = replace(NETWORK.layers[0], neuron=Cuba((1 << 17) + 5, 4095, 4095))
    large = write(tmp_path / "large", replace(NETWORK, layers=(threshold, NETWORK.layers[1])), target="cpu")
    got = command("board", large, "--partition", "oheogulch")
    assert got.code == 1 and "was not sent to a board: layer 0 (dense): threshold" in got.err and not got.calls


@needs_lava
def test_diff_and_simulate_allow_for_the_lag(command, artifact, tmp_path):
    options = ("diff", artifact, "--backends", "fast", "loihi2", "--json", "out.json")
    found = command(*options, behaviour="late=2", MYELIN_LOIHI_PARTITION="oheogulch")
    assert found.code == 0 and found.json["equal"] is True, found.out + found.err
    given = command(*options, "--board-lag", 1, behaviour="late=2", MYELIN_LOIHI_PARTITION="oheogulch")
    assert given.code == 1 and given.json["equal"] is False
    wide = Network(Input((140,), 4), (Layer((20,), Dense(np.eye(20, 140) * 100), NEURON),))
    net = write(tmp_path / "wide", wide, np.ones((1, 4, 140), int)) / "network.net"
    data = ("--data", "builtin", "--steps", 20, "--step-ms", 40, "--samples", 2, "--json", "out.json")
    on_board = ("simulate", net, *data, "--backend", "loihi2")
    late = command(*on_board, "--board-lag", 2, behaviour="late=2", MYELIN_LOIHI_PARTITION="oheogulch")
    assert late.code == 0, late.err
    fast = command("simulate", net, *data)
    assert late.json["output_spikes"] == fast.json["output_spikes"] > 0 and late.json["board_lag_steps"] == 2
    refused = command(*on_board, MYELIN_LOIHI_PARTITION="oheogulch")
    assert refused.code == 2 and "a netx file has no golden inputs" in refused.err
    unused = command("simulate", net, *data, "--board-lag", 2)
    assert unused.code == 2 and "--board-lag (board_lag_steps= in Python) is for the backend loihi2" in unused.err


@needs_lava
def test_a_lag_that_no_artifact_explains(command, artifact):
    got = command("diff", artifact, "--backends", "fast", "loihi2", behaviour="wrong", MYELIN_LOIHI_PARTITION="oheogulch")
    assert (
        got.code == 2
        and "at no lag of 0..16 steps" in got.err
        and got.err.endswith("or give --board-lag (board_lag_steps= in Python)\n")
    )


CHAIN = """
import pickle
import numpy as np
from myelin.convert.simulator.simulator import simulate
from myelin.lava_models import run
network, values = pickle.load(open("job.pickle", "rb"))
expected = simulate(network, values)
assert expected.output.sum() > 20
got = run(network, values, backend="loihi2", lag_steps=2)
assert np.array_equal(got.output, expected.output) and np.array_equal(got.readout, expected.readout)
"""


@needs_lava
def test_every_layer_there_is_on_the_graph_for_the_chip(tmp_path):
    """Convolutions, delays, recurrences, axonal delays of the readout; two samples, and nothing leaks into the second."""
    import pickle

    network = deep_network()
    network = replace(network, layers=(*network.layers[:-1], replace(network.layers[-1], delay_steps=np.array([0, 1, 5, 30]))))
    values = (np.random.default_rng(4).random((2, 40, 2, 3, 4)) < 0.3).astype(np.int32)
    (tmp_path / "job.pickle").write_bytes(pickle.dumps((network, values)))
    told = {"MYELIN_STAND_IN": "late=2", "MYELIN_STAND_IN_LOG": str(tmp_path / "log"), "MYELIN_LOIHI_HOST": "board.example"}
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{STAND_IN}", "PATH": f"{STAND_IN / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", CHAIN], cwd=tmp_path, env=os.environ | told | paths, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_alignment_by_hand():
    golden = np.array([[[0], [1], [0], [1]]])
    late = np.array([[[0], [0], [0], [1], [0], [1], [0]]])
    assert align(golden, late).lags == (2,)
    constant = align(np.ones((1, 3, 1), int), np.array([[[0], [1], [1], [1], [1]]]))
    assert constant.lags == (1, 2)  # it cannot be told which
    nothing = align(golden, np.zeros((1, 7, 1), int))
    assert (nothing.lags, nothing.closest, nothing.different_values, nothing.values) == ((), 0, 2, 4)
    assert str(nothing.first) == "first in the output: sample 0, step 1, neuron 0: expected 1, got 0"
    with pytest.raises(DataError, match="hold no spike"):
        align(golden * 0, late)


@needs_lava
def test_doctor_says_how_far_the_board_is(command):
    got = command("doctor", "--json", "out.json")
    board = next(backend for backend in got.json["backends"] if backend["name"] == "loihi2")
    assert not board["works"] and board["missing"].endswith("no board is named") and "sinfo" in board["next_step"]
    got = command("doctor", "--json", "out.json", MYELIN_LOIHI_PARTITION="oheogulch")
    board = next(backend for backend in got.json["backends"] if backend["name"] == "loihi2")
    assert board["works"] and "no board was asked" in board["there"] and board["next_step"] == "`myelin board ART`"
    assert got.code == 0 and not got.calls
