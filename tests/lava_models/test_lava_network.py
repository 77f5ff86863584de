"""The artifact's script for stock Lava: every feature, in our environment with the shims, and as it is on Python 3.10."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import lava_random_networks
import numpy as np
import pytest
import rf_networks
import sigma_delta_networks
from hypothesis import HealthCheck, given, settings
from places import ROOT

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, Rf, RfIz
from myelin.convert.artifact import lava_export
from myelin.convert.artifact.artifact import write_artifact
from myelin.hw_configs.target_files import load_target
from myelin.lava_models import compat

pytestmark = [pytest.mark.lava, pytest.mark.subprocess]

#: Python 3.10 with lava-nc as published; without it, a ``python3.10`` on the path is tried.
VARIABLE = "MYELIN_PYTHON310"
needs_lava = pytest.mark.skipif(bool(compat.missing()), reason="lava-nc is not installed")
#: Runs the script of each folder named, prints each exit code; the first argument is executed before.
RUNNER = """
import runpy, sys
exec(sys.argv[1])
sys.argv, folders = sys.argv[:1], sys.argv[2:]
from lava.magma.core.process.process import ProcessServer
from lava.magma.core.process.variable import VarServer
for folder in folders:
    try:
        runpy.run_path(folder + "/lava_network.py", run_name="__main__")
    except SystemExit as left:
        print("CODE", folder, left.code, flush=True)
    ProcessServer().reset_server()
    VarServer().reset_server()
"""
SHIMS = "from myelin.lava_models import compat; compat.prepare()"


def write(folder, network, *inputs):
    return write_artifact(folder, network, load_target("cpu"), inputs=np.stack(inputs), provenance={}, metrics={})


def by_hand():
    """Recurrent convolution with delays in a graded, delayed stack; odd weights of both signs; delays at the readout."""
    rng = np.random.default_rng(5)
    conv = Conv(rng.integers(-9, 31, (3, 2, 2, 2)), padding=(1, 0))
    back = Conv(rng.choice([-255, 131, 60], (3, 3, 3, 1)), padding=(1, 0))
    return Network(
        Input((2, 3, 4), message_bits=3),
        (
            Layer((3, 4, 3), conv, Cuba(20, rng.integers(0, 4097, 3)[:, None, None], 300), rng.integers(0, 9, (3, 1, 1)),
                  DelayedRecurrent(back, rng.integers(0, 20, (3, 4, 3)))),
            Layer((2, 4, 2), Conv(rng.choice([200, 77, -90], (2, 3, 1, 2))),
                  Cuba(90, 500, 300, np.arange(16).reshape(2, 4, 2))),
            Layer((5,), Dense(rng.integers(-9, 20, (5, 16)), -1, rng.integers(0, 5, (5, 16))), Cuba(20, 500, 300),
                  recurrent=DelayedRecurrent(Dense(rng.integers(-30, 30, (5, 5)) * 2, 1), rng.integers(0, 60, 5))),
            Layer((4,), Dense(rng.integers(1, 255, (4, 5))), Cuba(200, 500, 300), rng.integers(0, 62, 4)),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Artifacts: one by hand with two samples, random ones of CUBA neurons, random sigma-delta and resonate-and-fire ones."""
    cases = [(by_hand(), *np.random.default_rng(6).integers(0, 8, (2, 60, 2, 3, 4)))]

    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(lava_random_networks.networks())
    def collect(case):
        if case[0].max_delay_steps <= 62:  # what a netx file holds
            cases.append(case)

    collect()
    for seed in range(6):
        network, sample = sigma_delta_networks.random_case(seed)
        layers, _ = sigma_delta_networks.run(network, sample)
        if sigma_delta_networks.largest_sum(network, layers, sample) < 1 << 30:
            cases.append((network, sample))
    cases += [rf_networks.network(seed, kind) for seed, kind in ((6, Rf), (7, RfIz))]
    base = tmp_path_factory.mktemp("artifacts")
    return [write(base / str(number), *case) for number, case in enumerate(cases)]


def run(python, folders, prepare="", **environment):
    """Exit codes of the scripts, and what they print."""
    command = [python, "-c", RUNNER, prepare, *map(str, folders)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | environment
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=clean, cwd=folders[0])
    codes = [int(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("CODE")]
    assert len(codes) == len(folders), done.stdout + done.stderr
    return codes, done.stdout


@needs_lava
def test_every_feature_in_our_environment(folders):
    codes, shown = run(sys.executable, folders, SHIMS, PYTHONPATH=str(ROOT))
    assert codes == [0] * len(folders), shown
    size = 2 * 60 * 4
    assert f"PARITY: 0 of {size} output values of 2 samples differ" in shown


@needs_lava
@pytest.mark.parametrize("name", ["lava_network.npz", "golden.npz"])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off", b"nonsense"])
def test_a_file_that_is_missing_or_damaged_ends_with_2(tmp_path, folders, name, content):
    folder = shutil.copytree(folders[0], tmp_path / "copy")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    command = [sys.executable, "-c", RUNNER, SHIMS, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert f"CODE {folder} 2" in done.stdout
    assert done.stderr.startswith("lava_network.py: cannot run: lava_network.npz or golden.npz cannot be read (")
    assert done.stderr.count("\n") == 1


def python310():
    python = os.environ.get(VARIABLE) or shutil.which("python3.10")
    if python is None:
        pytest.skip(f"no python3.10 on the path, and {VARIABLE} names none")
    code = "import sys, lava.magma; assert sys.version_info[:2] == (3, 10), sys.version"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["?"])[-1]
        pytest.skip(f"{Path(python).name} has no lava-nc ({reason}); name one that has with {VARIABLE}")
    return python


def test_every_feature_as_published_on_python_3_10(folders):
    """Nothing of ours within reach: a bare environment, and the artifact as the working directory."""
    codes, shown = run(python310(), folders)
    assert codes == [0] * len(folders), shown


@needs_lava
def test_what_it_says_of_a_difference_and_of_what_lava_cannot_hold(tmp_path):
    """A neuron above its threshold of 1 at index 1 + 3; axonal and synaptic delays of 64 together are refused."""
    network = Network(Input((2,)), (Layer((1,), Dense([[2, 0]], 0, [[3, 0]]), Cuba(1, 4096, 4096)),))
    spikes = np.zeros((6, 2), int)
    spikes[0] = 1
    other = write(tmp_path / "other", network, spikes)
    with np.load(other / "golden.npz") as stored:
        golden = dict(stored)
    assert golden["output"].ravel().tolist() == [0, 0, 0, 0, 1, 0]
    golden["output"][0, 2, 0] = 1
    np.savez(other / "golden.npz", **golden)
    slow = Layer((1,), Dense([[2]], 0, [[2]]), Cuba(1, 4096, 4096))
    long = Network(Input((2,)), (Layer((1,), Dense([[2, 0]]), Cuba(1, 4096, 4096), delay_steps=62), slow))
    late = write(tmp_path / "late", long, spikes)
    none = write(tmp_path / "none", network, spikes)
    np.savez(none / "golden.npz", **{name: values[:0] for name, values in golden.items()})
    codes, shown = run(sys.executable, [other, late, none], SHIMS + "; sys.stderr = sys.stdout", PYTHONPATH=str(ROOT))
    assert codes == [1, 2, 2]
    assert "sample 0: 1 of 6 values differ, first at step 2, neuron 0" in shown
    assert "NO PARITY: 1 of 6 output values of 1 samples differ" in shown
    assert "cannot run: a synapse has a delay above the 63 steps that Lava holds" in shown
    assert "cannot run: there is no sample to run" in shown


def test_without_lava_it_says_so_in_one_line(folders):
    code = "import sys, runpy; sys.modules['lava'] = None; runpy.run_path('lava_network.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=folders[0], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("lava_network.py: cannot run: lava-nc cannot be imported in Python ")
    assert done.stderr.count("\n") == 1 and "pip install lava-nc==0.10.0" in done.stderr


def test_it_is_one_plain_file(folders):
    """Copied as it is, listed in the manifest, and importing nothing that does not come with lava-nc."""
    assert (folders[0] / "lava_network.py").read_bytes() == lava_export.TEMPLATE.read_bytes()
    files = json.loads((folders[0] / "manifest.json").read_text())["files"]
    assert {"lava_network.py", "lava_network.npz"} < set(files)
    imported = set()
    for node in ast.walk(ast.parse(lava_export.TEMPLATE.read_text(), feature_version=(3, 10))):
        names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in getattr(node, "names", [])]
        imported |= {str(name).partition(".")[0] for name in names if isinstance(node, ast.Import | ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"numpy", "scipy", "lava"}
