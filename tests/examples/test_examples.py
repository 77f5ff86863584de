"""Every example runs from beginning to end in an empty folder, as a user starts it."""

import importlib.util
import os
import subprocess
import sys

import pytest
from places import ROOT

EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.py"))}
#: Example -> what it must have said, and the files that it must leave.
EXPECTED = {
    "closed_loop": (["30 spikes in 600 steps"], ["head.png"]),
    "event_camera": (["equal: 0 of", "PASS"], ["artifact/manifest.json", "report.html"]),
    "ecg_per_step_labels": (["of the steps are right", "PASS"], ["run/run.json", "artifact/manifest.json", "report.html"]),
    "ecg_on_a_microcontroller": (["a step takes about", "of 4000 us"], ["c/network.c", "c/golden.h", "run/run.json"]),
    "fine_tune_four_bits": (["fine-tuning  "], ["run/run.json", "fine/run.json"]),
    "lava_dl_network": (["equal: 0 of", "PASS"], ["artifact/manifest.json"]),
    "snntorch_to_integers": (["Network of 2 layers", "accuracy"], ["artifact/manifest.json"]),
}
#: Example -> packages that it needs beside Myelin's own.
NEEDED = {"lava_dl_network": ("lava",), "snntorch_to_integers": ("snntorch", "nirtorch", "nir")}

pytestmark = [pytest.mark.subprocess, pytest.mark.training]


def test_every_example_is_listed():
    assert EXAMPLES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_runs(name, tmp_path):
    for package in NEEDED.get(name, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, EXAMPLES[name]], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said, files = EXPECTED[name]
    for text in said:
        assert text in done.stdout, done.stdout[-3000:]
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for file in files:
        assert (folder / file).is_file(), file
