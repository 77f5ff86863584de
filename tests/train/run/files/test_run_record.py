"""run.json has one reader: typed facts, older files, and what is said of a damaged one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from places import ROOT

from myelin.hw_configs.errors import ConfigError
from myelin.train.run.files.run_record import RunRecord, read_run, write_run

VALUES = {
    "config": {"name": "demo", "target": "loihi2", "data": {"steps": 60}, "train": {"epochs": 4, "seed": 1}},
    "classes": 3,
    "keys": ["a", "b", "c"],
    "data": {"name": "x.h5", "sha256": "00", "train_samples": 9, "validation_samples": 1},
    "epochs_done": 2,
    "best": {"epoch": 1, "train_accuracy": 0.5, "validation_accuracy": 0.25},
    "parameters": 10,
    "recurrent_parameters": 4,
    "versions": {"python": "3.12"},
}


def test_facts_are_typed_and_an_older_record_is_whole(tmp_path):
    write_run(RunRecord(tmp_path, VALUES))
    run = read_run(tmp_path).require_complete()
    assert (run.name, run.target, run.classes, run.keys, run.data) == ("demo", "loihi2", 3, ("a", "b", "c"), "x.h5")
    assert (run.epochs, run.epochs_done, run.seed, run.best.epoch, run.best_epoch) == (4, 2, 1, 1, 1)
    assert (run.parameters, run.recurrent_parameters, run.data_section) == (10, 4, {"steps": 60})
    assert run.myelin is None and run.best.rates_per_step == ()  # of before these were kept
    assert RunRecord(tmp_path, VALUES | {"myelin": "1.2"}).myelin == "1.2"


def test_before_the_first_exportable_epoch_there_is_no_best_one(tmp_path):
    run = RunRecord(tmp_path, VALUES | {"best": {}})
    assert run.best_epoch is None
    with pytest.raises(ConfigError, match=r"run\.json is incomplete"):
        _ = run.best


@pytest.mark.parametrize("name", ["classes", "keys", "data", "epochs_done", "best", "parameters", "versions"])
def test_a_fact_that_is_missing_is_named(name, tmp_path):
    run = RunRecord(tmp_path, {key: value for key, value in VALUES.items() if key != name})
    with pytest.raises(ConfigError, match=rf"run\.json is incomplete \(KeyError: '{name}'\); train again"):
        run.require_complete()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("{", "run.json cannot be read"),
        ("[1]", "holds a list; an object is needed"),
        ("{}", "no configuration in it"),
        ('{"config": 1}', "no configuration in it"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(content, said, tmp_path):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(ConfigError, match=said) as caught:
        read_run(tmp_path)
    assert "\n" not in str(caught.value) and "name a folder that `myelin train` wrote" in str(caught.value)


@pytest.mark.subprocess
def test_reading_a_run_loads_no_torch(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(VALUES))
    code = (
        "import sys\nfrom pathlib import Path\nfrom myelin.train.run.files.metrics import read_metrics\n"
        "from myelin.train.run.files.run_record import read_run\n"
        "print(read_run(Path(sys.argv[1])).name, 'torch' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["demo", "False", "False"], done.stderr
