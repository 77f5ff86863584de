"""Tables of sweeps, and that every sweep file holds what it compares."""

from __future__ import annotations

import json
import tomllib

import pytest

import myelin.cli
from benchmarks import table
from benchmarks.sweeps.__main__ import HERE, NAMES, main
from benchmarks.sweeps.summary import condensed, sweep_table

PAIRED = {"difference_points": -1.25, "difference_low_points": -3.04, "difference_high_points": 0.5}


def row(case, **values):
    evaluation = {
        "samples_by_seed": [300, 300],
        "integer_accuracy_mean_percent": 91.234,
        "integer_accuracy_sd_points": 0.56,
        "to_float": None,
        "to_reference": None,
    } | values
    return {
        "name": case,
        "case": case,
        "reference": None if values.get("to_reference") is None else "first",
        "delay_mean_steps": 14.53,
        "recurrent_parameters": 1030,
        "evaluations": {"validation": evaluation, "valid": evaluation},
    }


RESULTS = {
    "version": 1,
    "fingerprint": "f",
    "data": {"name": "words_train.h5"},
    "report": "valid",
    "seeds": [0, 1],
    "points": [{"name": "first", "base": "convdelrec", "changes": {"train.epochs": 25}}],
    "runs": [{"name": "a/seed0"}],
    "table": {
        "runs": 4,
        "runs_done": 3,
        "rows": [row("first", to_float=PAIRED), row("second", to_reference=PAIRED, integer_accuracy_sd_points=None)],
    },
}


def test_table_of_known_results():
    lines = sweep_table(condensed(RESULTS)).splitlines()
    assert lines[0] == (
        "`convdelrec`, 25 epochs, 2 seeds, words_train.h5; accuracy on the valid split, 300 samples a seed. "
        "1 of 4 runs are missing."
    )
    assert lines[4] == "| first | 91.2 ± 0.6 |  | -1.2 (-3.0 to +0.5) | 14.5 | 1,030 |"
    assert lines[5] == "| second | 91.2 | -1.2 (-3.0 to +0.5) |  | 14.5 | 1,030 |"
    assert "runs" not in condensed(RESULTS) and condensed(RESULTS)["points"] == RESULTS["points"]


@pytest.mark.parametrize("name", NAMES)
def test_every_case_is_a_network_of_its_own_that_can_be_trained(name):
    """No key is misspelt, no two cases train the same network, and all stand against the first, with three seeds."""
    from myelin.hw_configs.target_files import load_target
    from myelin.train.config.files import load_config
    from myelin.train.config.target import resolve_for_target

    values = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    assert name in table.TABLES and len(values["seeds"]) == 3
    assert values["compare"]["reference"] == values["case"][0]["name"]
    seen = []
    for case in values["case"]:
        name = case.get("base", values["base"])
        changes = values.get("set", {}) | case.get("set", {})
        overrides = [
            f"{key.replace('*', str(index))}={text(value)}"
            for key, value in changes.items()
            for index in range(len(load_config(name).layers))
        ]
        config = load_config(name, overrides)
        seen.append(resolve_for_target(config, load_target(config.target)))
    assert len(set(seen)) == len(seen)


def text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("code", [0, 1])
def test_results_are_written_only_when_every_run_is_done(code, tmp_path, monkeypatch):
    asked = []

    def sweep(arguments):
        asked.append(arguments)
        folder = tmp_path / "runs/delays"
        folder.mkdir(parents=True)
        (folder / "sweep.json").write_text(json.dumps(RESULTS))
        for name in ("table.md", "accuracy.png"):
            (folder / name).write_text(name)
        return code

    monkeypatch.setattr(myelin.cli, "main", sweep)
    results = tmp_path / "results"
    command = ["delays", "--data", "words", "--out", str(tmp_path / "runs"), "--results", str(results), "--jobs", "2"]
    assert main(command) == code
    where = ["--data", "words", "--out", str(tmp_path / "runs/delays")]
    assert asked == [["sweep", str(HERE / "delays.toml"), *where, "--report", "valid", "--jobs", "2"]]
    written = {path.name: path.read_text() for path in results.glob("*")}
    assert set(written) == ({"delays.json", "delays.md", "delays.png"} if code == 0 else set())
    if code == 0:
        assert (written["delays.md"], written["delays.png"]) == ("table.md", "accuracy.png")
        assert sweep_table(json.loads(written["delays.json"])) == sweep_table(RESULTS)


def test_an_unknown_sweep_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["delay", "--data", "words", "--out", str(tmp_path)])
    assert "no sweep 'delay'; there are claim, controls, controls_dense, delays, delays_dense" in capsys.readouterr().err
