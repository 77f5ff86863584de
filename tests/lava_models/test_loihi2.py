"""Without lava-loihi, one message; with a stand-in for it, the graph for the chip holds what it may and computes the same."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from hw_configs.errors import BackendError, NetworkError
from lava_models import compat, loihi2, run
from lava_models.build import plan

ROOT = Path(__file__).parents[2]
NEURON = Cuba(1, 4096, 4096)
needs_lava = pytest.mark.skipif(bool(compat.missing()), reason="lava-nc is not installed")


def chain(**options):
    neuron = options.pop("neuron", NEURON)
    return Network(Input((2,), **options), (Layer((2,), Dense([[2, 2]] * 2), neuron),))


def spikes():
    return np.ones((1, 3, 2), int)


@needs_lava
@pytest.mark.skipif(loihi2.is_installed(), reason="lava-loihi is installed")
def test_without_lava_loihi_one_message_says_what_to_do():
    with pytest.raises(BackendError) as raised:
        run(chain(), spikes(), backend="loihi2")
    message = str(raised.value)
    assert "\n" not in message
    for part in (
        "lava-loihi is not installed",
        "Intel Neuromorphic Research Community",
        loihi2.PARTITION,
        loihi2.HOST,
        "backend='cpu'",
    ):
        assert part in message


def test_without_lava_its_absence_is_what_is_said(monkeypatch):
    monkeypatch.setattr(compat, "_found", lambda module: False)
    with pytest.raises(BackendError, match=r"lava-nc.*not installed; run `pip install"):
        run(chain(), spikes(), backend="loihi2")


@pytest.mark.parametrize(
    ("network", "values", "record", "error", "text"),
    [
        (chain(), spikes(), {0: ("u",)}, BackendError, "records the output only"),
        (chain(neuron=Cuba(1, [1, 2], 0)), spikes(), {}, NetworkError, r"layer 0 \(dense\): decays differ between neurons"),
    ],
)
def test_what_the_chip_cannot_hold(monkeypatch, network, values, record, error, text):
    monkeypatch.setattr(loihi2, "require", lambda: None)
    with pytest.raises(error, match=text):
        run(network, values, backend="loihi2", record=record)


def test_input_neurons_take_constants_on_the_chip(monkeypatch):
    monkeypatch.setattr(loihi2, "require", lambda: None)
    network = Network(Input((1,), 3, Cuba(10, 4096, 4096), 3, 1), (Layer((1,), Dense([[2]]), NEURON),))
    with pytest.raises(BackendError, match="one constant value a sample"):
        run(network, np.array([[[1], [2]]]), backend="loihi2")


def deep_network():
    """A convolution, a delayed one that has to be unrolled, a recurrent one, and dense layers with delays on both ways."""
    rng = np.random.default_rng(3)
    conv = Conv(rng.integers(-10, 30, (3, 2, 2, 2)), padding=(1, 0))
    return Network(
        Input((2, 3, 4)),
        (
            Layer((3, 4, 3), conv, Cuba(20, 500, 300), delay_steps=rng.integers(0, 9, (3, 1, 1))),
            Layer(
                (2, 4, 2),
                Conv(rng.integers(-10, 30, (2, 3, 1, 2))),
                Cuba(20, 500, 300),
                recurrent=DelayedRecurrent(
                    Conv(rng.integers(-255, 40, (2, 2, 3, 1)), padding=(1, 0)), rng.integers(0, 20, (2, 4, 2))
                ),
            ),
            Layer((5,), Dense(rng.integers(-9, 20, (5, 16)) * 2), Cuba(20, 500, 300), delay_steps=rng.integers(0, 9, 5)),
            Layer((4,), Dense(rng.integers(-9, 20, (4, 5)) * 2), Cuba(20, 500, 300)),
        ),
    )


def test_the_graph_for_the_chip_uses_processes_with_a_known_model_only():
    layers = plan(deep_network(), chip=True).layers
    kinds = [[connection.process for connection in (*layer.forward, *layer.recurrent)] for layer in layers]
    assert kinds == [["Conv"], ["DelayDense", "DelayDense", "DelayDense"], ["Dense"], ["DelayDense"]]
    assert {kind for layer in kinds for kind in layer} <= loihi2.CHIP_PROCESSES
    on_cpu = [[connection.process for connection in layer.forward] for layer in plan(deep_network()).layers]
    assert on_cpu == [["Conv"], ["DelaySparse"], ["Dense"], ["DelayDense"]]


#: A file of its own, since Lava's compiler executes every file beside a process.
ADAPTERS = """
import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

made = []

class Adapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        super().__init__(shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)
        made.append((shape, num_message_bits))

@implements(proc=Adapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class Through(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self):
        self.out.send(self.inp.recv())
"""

SCRIPT = """
import pickle, sys, types
from lava_models import compat, loihi2
compat.prepare()
import lava.proc
import numpy as np
from lava.magma.core.run_configs import Loihi2SimCfg
from adapters import Adapter, made
from convert.simulator import simulate
from lava_models.runner import _recording
from lava_models.worker import Job, run_job

spike = types.SimpleNamespace(PyToNxAdapter=Adapter, PyToN3ConvAdapter=Adapter, NxToPyAdapter=Adapter)
lava.proc.embedded_io = sys.modules["lava.proc.embedded_io"] = types.SimpleNamespace(spike=spike)
loihi2.run_config = lambda: Loihi2SimCfg(select_tag="fixed_pt")
network, values = pickle.load(open("job.pickle", "rb"))
job, samples = Job(network, values, {}, chip=True), []
run_job(job, lambda kind, value: samples.append(value) if kind == "sample" else None)
expected = simulate(network, values).output
assert expected.sum() > 20
assert np.array_equal(_recording(job, samples).output, expected)
print(sorted(set(made)))
"""


@needs_lava
def test_the_graph_for_the_chip_gives_the_same_spikes(tmp_path):
    """With adapters that pass on what they get, and Lava's fixed-point models in place of the neurocores'."""
    (tmp_path / "stand_in").mkdir()
    (tmp_path / "stand_in/adapters.py").write_text(ADAPTERS)
    values = (np.random.default_rng(4).random((2, 40, 2, 3, 4)) < 0.3).astype(np.int32)
    (tmp_path / "job.pickle").write_bytes(pickle.dumps((deep_network(), values)))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path / 'stand_in'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # the output's adapter, and the input's with the shape that Conv wants, (x, y, channel)
    assert done.stdout.strip().endswith("[((4,), 0), ((4, 3, 2), 0)]")


@needs_lava
def test_the_run_configuration_prefers_the_chip():
    code = "from lava_models import compat, loihi2; compat.prepare(); print(type(loihi2.run_config()).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "Loihi2HwCfg", done.stderr
