"""The command that is named as the next one works on what was just written, from training to validation."""

from __future__ import annotations

import shlex

import pytest

pytestmark = pytest.mark.training


@pytest.fixture
def follow(main, capsys):
    """``follow(*arguments)``: run a command; the words of the one that its output names as the next, without ``myelin``."""

    def run(*arguments):
        capsys.readouterr()
        assert main(*arguments) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("next          myelin "), last
        return shlex.split(last)[2:]

    return run


@pytest.mark.parametrize(("weight_bits", "second"), [(8, "export"), (0, "quantise")])
def test_each_step_leads_to_the_next(weight_bits, second, tiny, main, follow, tmp_path):
    options = ("--set", f"train.weight_bits={weight_bits}", "--set", "train.epochs=2", "--quiet")
    art = str(tmp_path / "an artifact")
    words = follow("train", tiny.configs["dense"], "--data", tiny.data, "--out", tmp_path / "a run", *options)
    assert words[0] == second and words[-1] == "ART"
    words = follow(*words[:-1], art)
    assert words == ["validate", art, "--data", str(tiny.data)]
    assert main(*words, "--lava-samples", 0, "--max-drop", 100) == 0


def test_what_was_checked_is_exported_or_mapped(runs, artifacts, main, follow, tmp_path, tiny):
    assert follow("check", artifacts["dense"], "--target", "loihi2") == ["map", str(artifacts["dense"]), "--target", "loihi2"]
    words = follow("check", runs["dense"], "--target", "cpu", "--data", tiny.data)
    assert words == ["export", str(runs["dense"]), "--target", "cpu", "--data", str(tiny.data), "--out", "ART"]
    assert main(*words[:-1], tmp_path / "art") == 0


def test_an_artifact_without_floats_is_not_sent_to_validation(small, follow, main, tmp_path):
    from myelin.convert import write_netx

    write_netx(small, tmp_path / "a.net")
    words = follow("export", tmp_path / "a.net", "--target", "loihi2", "--out", tmp_path / "art")
    assert words == ["map", str(tmp_path / "art"), "--target", "loihi2"] and main(*words) == 0
    words = follow("export", tmp_path / "a.net", "--target", "cpu", "--out", tmp_path / "art")
    assert words == ["profile", str(tmp_path / "art")] and main(*words) == 0
