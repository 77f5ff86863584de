"""A run and an artifact that 0.1.0 wrote are read, judged, continued and exported by this version.

``from_0_1_0`` holds them: ``train`` of ``tiny_data.DENSE`` and ``export`` for loihi2, by the last commit before 0.2.0 began.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import myelin
from myelin.convert.artifact.artifact import read_artifact
from myelin.hw_configs.version import VERSION

OLD = Path(__file__).with_name("from_0_1_0")


def test_an_artifact_gives_its_golden_outputs(main, tiny, capsys):
    assert "myelin" not in json.loads((OLD / "artifact" / "manifest.json").read_text(encoding="utf-8"))
    artifact = read_artifact(OLD / "artifact")  # hashes, and every golden value
    assert artifact.network.layers[0].delay_steps.any() and artifact.golden.output.any()
    assert main("simulate", OLD / "artifact", "--data", tiny.data) == 0
    assert "24 samples, 30 steps of 5 ms, 14 channels" in capsys.readouterr().out


@pytest.mark.training
def test_an_artifact_is_validated_against_the_run_in_it(main, tiny, capsys):
    what = ("validate", OLD / "artifact", "--data", tiny.data, "--lava-samples", "0")
    assert main(*what, "--max-drop", "100") == 0
    assert "PASS: the integer network" in capsys.readouterr().out


@pytest.mark.training
def test_a_run_exports_the_same_integers_and_goes_on(main, tiny, tmp_path, capsys):
    assert main("export", OLD / "run", "--target", "loihi2", "--data", tiny.data, "--out", tmp_path / "art") == 0
    again, before = (myelin.read(folder).network for folder in (tmp_path / "art", OLD / "artifact"))
    frames = (np.random.default_rng(0).random((4, 30, 14)) < 0.2).astype(np.uint8)
    np.testing.assert_array_equal(
        *(myelin.simulate(network, frames, time_axis=1).output for network in (again, before)), strict=True
    )
    shutil.copytree(OLD / "run", tmp_path / "run")
    (config := tmp_path / "dense.toml").write_text(tiny.configs["dense"].read_text(encoding="utf-8"), encoding="utf-8")
    more = ("--out", tmp_path / "run", "--resume", "--quiet", "--set", "train.epochs=3")
    assert main("train", config, "--data", tiny.data, *more) == 0, capsys.readouterr().err
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert record["myelin"] == VERSION
    assert lines[:2] == (OLD / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[:2] and len(lines) == 3
