"""``myelin diff``: two files, two backends, what it prints, writes and refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from places import ROOT

import myelin
import myelin.cli
from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate, write_netx
from myelin.convert.artifact.artifact import write_artifact
from myelin.convert.compare.divergence import diverge
from myelin.convert.compare.runs import ComparedRun
from myelin.hw_configs.target_files import load_target


def main(*arguments):
    return myelin.cli.main([str(argument) for argument in arguments])


def with_weight(network, place, change):
    layer = network.layers[1]
    weight = np.array(layer.synapse.weight)
    weight[place] += change
    return replace(network, layers=(network.layers[0], replace(layer, synapse=replace(layer.synapse, weight=weight))))


@pytest.fixture(scope="module")
def network():
    """A convolution, then a recurrent layer with delays, both active on random spikes."""
    rng = np.random.default_rng(3)
    conv = Conv(2 * rng.integers(-4, 9, (2, 1, 1, 3)), padding=(0, 1))
    recurrent = DelayedRecurrent(Dense(2 * rng.integers(-9, 9, (5, 5))), rng.integers(0, 6, 5))
    return Network(
        Input((1, 1, 6)),
        [
            Layer((2, 1, 6), conv, Cuba(12, 900, 300), rng.integers(0, 4, (2, 1, 6))),
            Layer((5,), Dense(2 * rng.integers(-6, 12, (5, 12))), Cuba(30, 700, 200, [3, 0, -2, 0, 1]), recurrent=recurrent),
        ],
    )


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    """``a.net``, ``b.net`` with the weight of synapse 7 -> 3 larger by 2, and an artifact of the first."""
    folder = tmp_path_factory.mktemp("diff")
    write_netx(network, folder / "a.net")
    write_netx(with_weight(network, (3, 7), 2), folder / "b.net")
    inputs = (np.random.default_rng(4).random((3, 30, 1, 1, 6)) < 0.4).astype(np.uint8)
    write_artifact(folder / "art", network, load_target("cpu"), inputs=inputs, provenance={}, metrics={})
    return folder


def test_two_files_that_differ_in_one_weight(files, network, tmp_path, capsys):
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    assert main("diff", files / "a.net", files / "b.net", "--density", 0.4, "--json", out, "--plot", plot) == 1
    shown, found = capsys.readouterr().out, json.loads(out.read_text())["result"]
    weight = int(network.layers[1].synapse.weight[3, 7])
    assert f"weight of synapse 7 -> 3 is {weight} in A and {weight + 2} in B; a spike arrives through it" in shown
    first = found["first"]
    assert (first["where"], first["neuron"]) == ("layer 1 (dense, recurrent dense)", 3)
    assert f"sample {first['sample']}, step {first['step']}, layer 1 (dense, recurrent dense), neuron 3" in shown
    assert first["this_step"]["B"]["a"] - first["this_step"]["A"]["a"] == 2
    assert found["different_constants"] == 1 and found["constants"][0] in shown
    assert found["input"]["text"] == "random spikes, density 0.4, seed 0: 4 samples, 100 steps"
    assert not found["equal"] and plot.read_bytes().startswith(b"\x89PNG")
    numbers = [
        *(value for side in "AB" for value in first["this_step"][side].values()),
        *(entry["different_ever_neurons"] for entry in found["spread"]),
        *(count for entry in found["spread"] for count in entry["spikes"].values()),
        *(found[name] for name in ("values", "different_values", "different_samples", "changed_predictions")),
    ]
    words = set(re.sub(r"(?<=\d),(?=\d{3})", "", shown).replace(":", " ").replace(",", " ").split())
    assert {str(number) for number in numbers} <= words


def test_an_artifact_brings_its_golden_inputs(files, tmp_path, capsys):
    plot = tmp_path / "never.png"
    assert main("diff", files / "a.net", files / "art", "--plot", plot) == 0
    shown = capsys.readouterr().out
    assert f"input         golden inputs of {files / 'art'}: 3 samples of 3, 30 steps" in shown
    assert f"equal         all {3 * 30 * (4 * (12 + 5) + 5):,} values of 3 samples\n" in shown
    assert f"{plot} not written: nothing differs" in shown and not plot.exists()
    assert main("diff", files / "art", files / "b.net", "--samples", 2) in (0, 1)
    assert "2 samples of 3" in capsys.readouterr().out


def test_equal_on_an_input_that_does_not_reach_the_difference(files, capsys):
    assert main("diff", files / "a.net", files / "b.net", "--density", 0.01, "--steps", 2) == 0
    shown = capsys.readouterr().out
    assert "1 of 60 values of synapse.weight differ, first at (3, 7)" in shown
    assert "values of 4 samples, though the networks differ" in shown


@pytest.mark.parametrize("backend", ["lava", "lava-stock"])
def test_lava_is_equal_in_every_value(lava, backend, files, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main("diff", files / "art", "--backends", "fast", backend, "--samples", 2, "--json", out) == 0
    shown, found = capsys.readouterr().out, json.loads(out.read_text())["result"]
    assert "a of B is derived from u, so a is compared modulo 2^18" in shown
    assert found["compared"]["layer 0 (conv)"] == ["a", "u", "v", "spikes"]
    assert found["values"] == 2 * 30 * (4 * (12 + 5) + 5)


def test_lava_with_another_weight_parts_where_the_simulator_does(lava, network):
    changed = with_weight(network, (3, 7), 2)
    frames = (np.random.default_rng(4).random((2, 30, 1, 1, 6)) < 0.4).astype(np.uint8)

    def fast(network, frames, record):
        return simulate(network, frames, record=record)

    def slow(network, frames, record):
        return lava.run(network, frames, record=record)

    batch = [(np.array([5, 9]), frames)]
    both = diverge(ComparedRun(network, fast), ComparedRun(changed, fast), batch)
    mixed = diverge(ComparedRun(network, fast), ComparedRun(changed, slow, frozenset({"a"})), batch)
    assert both.first.place == mixed.first.place and both.first.sample == mixed.first.sample
    assert both.first.now == mixed.first.now and both.first.steps == mixed.first.steps
    assert [spread.sent for spread in both.spread] == [spread.sent for spread in mixed.spread]


@pytest.mark.subprocess
def test_the_simulator_alone_loads_neither_lava_nor_torch(files):
    command = ["diff", str(files / "a.net"), str(files / "b.net"), "--density", "0.4"]
    loaded = "[name for name in ('lava', 'torch', 'matplotlib') if name in sys.modules]"
    code = f"import sys, myelin.cli\ncode = myelin.cli.main({command!r})\nprint({loaded})\nsys.exit(code)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["a.net"],
            "name a second network, or two backends, such as --backends fast lava (backends=('fast', 'lava') in Python)",
        ),
        (["a.net", "nowhere.net"], "nowhere.net: no such file or folder"),
        (["a.net", "b.net", "--data", "builtin"], "give --steps and --step-ms"),
        (
            ["a.net", "b.net", "--data", "builtin", "--density", "0.1"],
            "--density (density= in Python) is for random spikes, and --data (data= in Python) names other input",
        ),
        (
            ["a.net", "b.net", "--split", "test"],
            "--split (split= in Python) says how data is read, and there is none; name it with --data (data= in Python)",
        ),
        (["art", "b.net", "--steps", "3"], "--steps (steps= in Python) is for netx files and random spikes"),
        (["art", "a.net", "--data", "builtin"], "neither the events nor the network say how spikes become frames"),
        (["a.net", "other.net"], "A and B have different structure: number of layers is 2 in A and 1 in B"),
        (["a.net", "--backends", "fast", "loihi2"], "backend loihi2: Intel's lava-loihi is not installed"),
    ],
)
def test_bad_input_is_one_line(arguments, said, files, network, lava, monkeypatch, capsys):
    monkeypatch.chdir(files)
    write_netx(replace(network, layers=network.layers[:1]), "other.net")
    assert main("diff", *arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.startswith("myelin: error: ") and shown.err.count("\n") == 1
    assert not shown.out


@pytest.mark.parametrize(
    "arguments",
    [["--backends", "fast"], ["--backends", "fast", "gpu"], ["--density", "0"], ["--density", "2"], ["--seed", "-1"]],
)
def test_wrong_usage(arguments, files, capsys):
    with pytest.raises(SystemExit) as left:
        main("diff", files / "a.net", files / "b.net", *arguments)
    assert left.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_seed_gives_the_same_samples_however_many(files, tmp_path):
    from myelin.convert.opened import read
    from myelin.convert.stimulus import InputChoice, choose

    def frames(samples, seed):
        choice = InputChoice(samples=samples, steps=7, density=0.5, seed=seed)
        chosen = choose([read(files / "a.net")], choice)
        return np.concatenate([part for _, part in chosen.batches(2)])

    np.testing.assert_array_equal(frames(5, 1)[:3], frames(3, 1))
    assert (frames(3, 1) != frames(3, 2)).any()
    assert frames(5, 1).shape == (5, 7, 1, 1, 6) and 0.4 < frames(50, 1).mean() < 0.6


@pytest.mark.subprocess
def test_the_generated_c_is_a_backend(files, network, tmp_path):
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler")
    same = myelin.diff(files / "art", backends=("fast", "c"))
    assert same["equal"] and (same["a"]["backend"], same["b"]["backend"]) == ("fast", "c")
    changed = myelin.diff(files / "a.net", files / "b.net", backends=("c", "fast"))
    assert not changed["equal"] and changed["first"]["where"].startswith("layer 1 ")


def test_a_backend_that_does_not_exist(files):
    with pytest.raises(
        myelin.DataError, match=r"backends is \('fast', 'gpu'\); a pair of fast, c, lava, lava-stock, loihi2 is"
    ):
        myelin.diff(files / "a.net", backends=("fast", "gpu"))
    with pytest.raises(myelin.DataError, match=r"backends is \('fast',\); a pair of"):
        myelin.diff(files / "a.net", backends=("fast",))
