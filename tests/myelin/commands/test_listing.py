"""Commands that list what there is: experiments, targets, the keys of a configuration, completions for the shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from myelin.hw_configs.target_files import target_names
from myelin.hw_configs.terminal.listed import targets


def test_targets_by_name(main, capsys):
    assert main("targets") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "loihi2 Intel Loihi 2, one chip; neurons cuba, delta, sigma_delta, sigma; delays up to 62 steps" in shown
    found = {entry.name: entry for entry in targets()}
    assert tuple(found) == target_names()
    assert found["loihi1"].chips == 1 and found["kapoho_bay"].chips == 2 and found["cortex-m4"].chips is None
    assert "axons_in_per_core" in found["loihi2"].not_public and found["cpu"].not_public == ()


def test_experiments_fit_the_terminal(main, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    assert main("experiments") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 70
    assert any(line.startswith("convdelrec    ConvDelRec: 2 layers of 256 neurons") for line in lines)


def test_config_is_a_configuration(main, capsys, tmp_path):
    """What it prints can be changed and trained."""
    assert main("config", "demo", "--set", "train.epochs=7") == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert main("config", tmp_path / "mine.toml", "train", "--changed") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("[train]\n# number of epochs [at least 1; default 50]\nepochs = 7\n")


def test_an_unknown_section(main, capsys):
    assert main("config", "demo", "trian") == 2
    assert "section 'trian' is unknown in demo; data, augment, neuron, layers, readout, delay, train are allowed" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(main, capsys, shell):
    assert main("completion", shell) == 0
    assert "_ARGCOMPLETE" in capsys.readouterr().out


@pytest.mark.subprocess
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("myelin tra", {"train"}),
        ("myelin train conv", {"convdelrec", "convbackbone"}),
        ("myelin check a --target kap", {"kapoho_bay", "kapoho_point"}),
    ],
)
def test_the_shell_is_answered(line, wanted, tmp_path):
    """As the script of a shell asks: commands, experiments and targets come back."""
    answer = tmp_path / "answer"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "IFS": "\n",
    }
    subprocess.run([sys.executable, "-m", "myelin"], env=environment, cwd=tmp_path, check=True, timeout=60)
    assert wanted <= set(answer.read_text().replace("\x0b", "\n").split())
