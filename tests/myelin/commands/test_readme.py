"""Every command line of the README and of the documentation runs, on tiny data: names and flags as they stand there."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest
from places import ROOT

pytestmark = [pytest.mark.lava, pytest.mark.subprocess, pytest.mark.training]

#: Makes a built-in experiment small: two epochs, few neurons, the channels and classes of the tiny data.
SMALL = (
    "train.epochs=2", "delay.harden_at=0.5", "delay.freeze_at=0.5", "data.steps=20", "data.validation=0.25",
    "data.split_by=stratified",
)  # fmt: skip
GRID = 'base = "{config}"\nseeds = [0]\n[[case]]\nname = "as it is"\n'


def commands():
    """The lines of all pages' blocks that start a program of ours, comments off, each once."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)  # a block of Python has a language beside its fence
    lines = [line.split(" #")[0].strip() for language, block in blocks if not language for line in block.splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith(("myelin ", "torchrun "))))


def experiment(name, channels):
    """Overrides of a built-in experiment for data of so many channels."""
    shape = (f"data.shape=[5, 1, {channels}]",) if name in ("convdelrec", "delrec") else (f"data.channels={channels}",)
    sizes = () if name == "convbackbone" else ("layers.*.neurons=12",)
    return [part for value in (*SMALL, *shape, *sizes) for part in ("--set", value)]


def test_the_readme_has_commands():
    found = {line.split()[1] for line in commands() if line.startswith("myelin ")}
    assert {"train", "export", "check", "simulate", "profile", "map", "diff", "validate", "explore", "report", "sweep"} <= found


@pytest.mark.parametrize("line", commands())
def test_every_command_runs(line, main, tiny, runs, artifacts, tmp_path, monkeypatch):
    words = shlex.split(line)
    if words[0] == "torchrun":  # its processes are tested in tests/train; here, that what they run is a command
        words = words[words.index("-m") + 1 :]
    monkeypatch.chdir(tmp_path)
    channels = tiny.dataset(1, 1).channels
    arguments = words[1:]
    if arguments[0] == "encode":
        _recordings(tmp_path / "wavs")
    if arguments[0] == "train":
        name = arguments[1]
        arguments[2:2] = [*experiment(name, channels), "--quiet"]
        if "--resume" in arguments:
            assert main(*_placed([word for word in arguments if word != "--resume"], tiny, runs, artifacts)) == 0
    if arguments[0] == "sweep":
        (tmp_path / "grid.toml").write_text(GRID.format(config=tiny.configs["dense"]))
    if arguments[0] == "export":
        arguments += ["--data", str(tiny.data)]  # the built-in data are found without
    if arguments[0] == "validate":
        arguments[arguments.index("--max-drop") + 1] = "100"  # a few samples rule nothing out
    if "--validation" in arguments:
        judged = ("validate", artifacts["dense"], "--data", tiny.data, "--lava-samples", 0, "--max-drop", 100)
        assert main(*judged, "--json", arguments[arguments.index("--validation") + 1]) == 0
    if "lava" in arguments and _no_lava():
        pytest.skip("Lava is not installed")
    assert main(*_placed(arguments, tiny, runs, artifacts)) == 0


def _placed(arguments, tiny, runs, artifacts):
    """``arguments`` with the README's names of data, runs and artifacts replaced by what is there."""
    art = artifacts["dense"]
    places = {
        "builtin": tiny.data, "FOLDER": tiny.data, "PATH": tiny.data, "art": art, "network.net": art / "network.net",
    }  # fmt: skip
    if arguments[0] not in ("train", "sweep", "encode"):
        places["runs/demo"] = runs["dense"]
    outputs = {index + 1 for index, word in enumerate(arguments) if word in ("--out", "--json", "--plot", "--neurobench")}
    return [word if index in outputs else places.get(word, word) for index, word in enumerate(arguments)]


def _no_lava():
    from myelin.lava_models import compat

    try:
        compat.prepare()
    except Exception:
        return True
    return False


def _recordings(folder):
    """Two short tones as WAV files of 8 kHz."""
    from scipy.io import wavfile

    folder.mkdir()
    time = np.arange(800) / 8000
    for label, pitch in (("low", 400), ("high", 1200)):
        wavfile.write(folder / f"{label}_anna_0.wav", 8000, (8000 * np.sin(2 * np.pi * pitch * time)).astype(np.int16))
