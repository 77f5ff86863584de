"""A command that is killed wherever it writes, and then run again, leaves what it would have left at once.

The suite tries some of the points; all of them, on more networks and with the pictures, with MYELIN_EVERY_KILL=1:
``MYELIN_EVERY_KILL=1 pytest tests/whole_way/test_kills.py -s``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave

import numpy as np
import pytest
from places import HELPERS, ROOT
from tiny_data import CONV, DENSE, tiny_dataset

EVERY = os.environ.get("MYELIN_EVERY_KILL") == "1"
pytestmark = [
    *([pytest.mark.timeout(7200)] if EVERY else []),  # all of them take longer than a test may
    pytest.mark.subprocess,
    pytest.mark.training,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked after numba has been used"),
]

#: More networks to train: adaptive neurons, one without delays, one that trains floats.
MORE = {
    "alif": 'target = "cpu"\n' + DENSE + '[neuron]\nmodel = "alif"\n',
    "shared": DENSE.replace('delay_per = "neuron"', 'delay_per = "none"'),
    "floats": DENSE.replace("[train]", "[train]\nweight_bits = 0"),
}
SWEEP = 'base = "dense.toml"\nseeds = [0, 1]\nset.train.epochs = 2\n'


def recording(path, hertz):
    times = np.arange(6000) / 12000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(12000)
        file.writeframes((8000 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with data, configurations, recordings and a place for what comes first."""
    from myelin.train.datasets import write_shd

    base = tmp_path_factory.mktemp("world")
    (base / "data").mkdir()
    write_shd(tiny_dataset(4, 1), base / "data" / "tiny_train.h5")
    write_shd(tiny_dataset(2, 2), base / "data" / "tiny_test.h5")
    for name, text in {"dense": DENSE, "conv": CONV, **MORE}.items():
        (base / f"{name}.toml").write_text(text)
    (base / "sweep.toml").write_text(SWEEP)
    (base / "words").mkdir()
    recording(base / "words" / "low_a_1.wav", 300)
    recording(base / "words" / "high_a_1.wav", 900)
    (base / "splits.csv").write_text("file,label,speaker,split\nlow_a_1.wav,low,a,train\nhigh_a_1.wav,high,a,test\n")
    return base


def jobs_of(base):
    """Commands by name, and those before them: a run, with an artifact and results of other settings, which are replaced."""
    data, before = ("--data", str(base / "data")), base / "before"

    def train(name, *more):
        return ["train", str(base / f"{name}.toml"), *data, "--out", "run", "--quiet", *more]

    run, art = str(before / "run"), str(before / "art")
    warm = [
        ["train", str(base / "dense.toml"), *data, "--out", run, "--quiet"],
        ["export", run, "--target", "cpu", *data, "--out", art],
        ["export", art, "--target", "c99", "--out", str(before / "c")],
        ["convert", art, str(before / "a.net")],
        ["convert", art, str(before / "a.nir")],
        ["encode", str(base / "words"), "--channels", "140", "--out", str(before / "words.h5")],
        ["report", art, "--samples", "2", "--out", str(before / "r.html")],
        ["quantise", run, *data, "--target", "cpu", "--artifact", str(before / "q"), "--out", str(before / "q.net")],
    ]
    words = ["encode", str(base / "words"), "--channels", "140"]
    jobs = {}

    def add(name, argv, *, again=None, older=False, step=None, **more):
        if step or EVERY:
            jobs[name] = {
                "argv": argv,
                "again": again or argv,
                "before": str(before) if older else None,
                "step": 1 if EVERY else step,
                "sizes": [10, 1000, 3000, 6000, 12000, 24000] if EVERY else [1000],
                **more,
            }

    add("train dense", train("dense"), again=train("dense", "--resume"), step=11)
    for name in ("conv", *MORE):
        add(f"train {name}", train(name), again=train(name, "--resume"))
    add("sweep", ["sweep", str(base / "sweep.toml"), *data, "--out", "sweep", "--quiet", "--jobs", "1"], step=61)
    add("export", ["export", "run", "--target", "loihi2", *data, "--out", "art"], older=True, always=["art"], step=6)
    add("export as C", ["export", "art", "--target", "cortex-m7", "--out", "c"], older=True, always=["c"], step=9)
    add("convert to NIR", ["convert", "run", "a.nir"], older=True, always=["a.nir"])
    add("convert to netx", ["convert", "a.nir", "a.net"], older=True, always=["a.net"])
    add("encode", [*words, "--seed", "3", "--out", "words.h5"], older=True, always=["words.h5"], step=2)
    add("encode splits", [*words, "--labels", str(base / "splits.csv"), "--out", "x.h5"])
    report = ["report", "art", "--samples", "3", "--out", "r.html", "--json", "j.json"]
    add("report", report, older=True, always=["r.html", "r.json"])
    validate = ["validate", "art", *data, "--no-reference", "--lava-samples", "0"]
    add("validate", [*validate, "--json", "v.json", "--plot", "v.png"], older=True)
    quantise = ["quantise", "run", *data, "--target", "loihi2", "--artifact", "q", "--out", "q.net"]
    add("quantise", quantise, older=True, always=["q", "q.net"])
    if not EVERY:
        warm = warm[:3] + warm[5:6]
    return {"warm": warm, "jobs": jobs, "pictures": EVERY}


@pytest.fixture(scope="module")
def results(world):
    if EVERY:
        pytest.importorskip("nir")
    jobs, results = world / "jobs.json", world / "results.json"
    jobs.write_text(json.dumps({**jobs_of(world), "scratch": str(world / "scratch"), "results": str(results)}))
    threads = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, HELPERS / "kill_points.py", jobs],
        env=os.environ | threads | {"PYTHONPATH": str(ROOT)},
        capture_output=not EVERY,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(world / "scratch", ignore_errors=True)
    return json.loads(results.read_text())


def test_nothing_differs_after_a_kill_and_a_second_command(results):
    assert {name: result["wrong"] for name, result in results.items() if result["wrong"]} == {}
    assert all(result["kills"] >= 2 for result in results.values())
