"""Where stock netx (lava-dl 0.6.0) runs a file with delays wrongly, beside ``myelin.lava_models.run`` on the same file.

Each network exists with and without its delays.  Without them stock netx is right, so that what differs with them is theirs.
The truth is SLAYER's own evaluation where SLAYER can express the network; the one with a bias is held against
``lava_reference``, which SLAYER starts a step late (see ``test_slayer.py``).
"""

import contextlib
import os
import signal
import subprocess
import sys

import h5py
import lava_reference
import numpy as np
import pytest

from myelin.convert import Cuba, Dense, Input, Layer, Network, read_netx, write_netx
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

pytestmark = pytest.mark.subprocess

STEPS = 60
CASES = ("conv", "recurrent", "dense with bias")
NEURON = {"threshold": 1.0, "current_decay": 0.4, "voltage_decay": 0.1}
#: Runs each file with its input in stock netx and stores what comes out; in a process of its own, since Lava may hang.
PROGRAM = """
import logging, sys
import numpy as np
from myelin.lava_models import compat
compat.prepare(slayer=True)
from lava.lib.dl import netx
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io
for path in sys.argv[1:]:
    spikes = np.load(path + ".npy").astype(int)
    net = netx.hdf5.Network(path, input_shape=spikes.shape[:0:-1])
    source = io.source.RingBuffer(data=spikes.T)
    sink = io.sink.RingBuffer(shape=net.out.shape, buffer=len(spikes))
    source.s_out.connect(net.inp)
    net.out.connect(sink.a_in)
    net._log_config.level = logging.CRITICAL
    net.run(condition=RunSteps(num_steps=len(spikes)), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    np.save(path + ".stock.npy", sink.data.get().T)
    net.stop()
"""


def slayer_case(name, delays, path, rng):
    """Export SLAYER blocks to ``path``; returns input spikes (steps, *shape) and SLAYER's own output of them."""
    torch.manual_seed(7)
    if name == "conv":
        shape, outs = (2, 5, 5), 3
        first = slayer.block.cuba.Conv(dict(NEURON), 2, outs, 3, weight_scale=4, delay=delays)
        last = slayer.block.cuba.Dense(dict(NEURON), outs * 9, 6, weight_scale=3)
        first.synapse.weight.data += 0.1  # enough excitation to spike
        blocks = [first, slayer.block.cuba.Flatten(), last]
    else:
        shape, outs = (12,), 12
        first = slayer.block.cuba.Recurrent(dict(NEURON), 12, outs, weight_scale=4, delay=delays)
        first.input_synapse.weight.data += 0.3
        first.recurrent_synapse.weight.data -= 0.2
        blocks = [first]
    if delays:
        first.delay.delay.data = torch.arange(outs, dtype=torch.float32) * 2
        first.delay.init = True
    spikes = (rng.random((STEPS, *shape)) < 0.25).astype(np.uint8)
    with torch.no_grad():
        x = torch.tensor(spikes.T.transpose(*range(len(shape))[::-1], len(shape))[None], dtype=torch.float32)
        for block in blocks:
            x = block(x)
    with h5py.File(path, "w") as file:
        for index, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{index}"))
    return spikes, x[0].numpy().T


def bias_case(delays, path, rng):
    """Two dense layers, the first with a bias, and with axonal delays if asked for."""
    neuron = Cuba(400, 1600, 400, rng.integers(-6, 12, 10))
    steps = np.arange(10) if delays else np.zeros(10, int)
    first = Layer((10,), Dense(2 * rng.integers(-30, 60, (10, 8))), neuron, delay_steps=steps)
    last = Layer((6,), Dense(2 * rng.integers(-30, 60, (6, 10))), Cuba(300, 1600, 400))
    network = Network(Input((8,)), (first, last))
    write_netx(network, path)
    spikes = (rng.random((STEPS, 8)) < 0.2).astype(np.uint8)
    return spikes, lava_reference.run(network, spikes)[1]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """(name, delays) -> path, input spikes, what is right, what stock netx gives."""
    folder = tmp_path_factory.mktemp("netx")
    made = {}
    for name in CASES:
        for delays in (False, True):
            path, rng = folder / f"{name.replace(' ', '_')}_{delays}.net", np.random.default_rng(4)
            make = bias_case if name == "dense with bias" else lambda *args, name=name: slayer_case(name, *args)
            spikes, right = make(delays, path, rng)
            np.save(f"{path}.npy", spikes)
            made[name, delays] = (path, spikes, right)
    with open(folder / "log", "w+b") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *(str(path) for path, *_ in made.values())],
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=os.path.dirname(os.path.dirname(compat.__file__)),
        )
        try:
            code = child.wait(120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        log.seek(0)
        assert code == 0, log.read().decode(errors="replace")
    return {key: (path, spikes, right, np.load(f"{path}.stock.npy")) for key, (path, spikes, right) in made.items()}


@pytest.mark.parametrize("name", CASES)
def test_stock_netx_is_right_without_delays_and_wrong_with_them(cases, name):
    for delays in (False, True):
        _, _, right, stock = cases[name, delays]
        assert 0.03 < right.mean() < 0.9
        wrong = int((stock.reshape(right.shape) != right).sum())
        assert wrong > 0.05 * right.sum() if delays else wrong == 0, f"{name}, delays {delays}: {wrong} of {int(right.sum())}"


@pytest.mark.parametrize("name", CASES)
def test_our_run_of_the_same_file_is_right(lava, cases, name):
    for delays in (False, True):
        path, spikes, right, _ = cases[name, delays]
        network = read_netx(path, input_shape=spikes.shape[1:])
        assert (network.layers[0].delay_steps.max() > 0) == delays
        np.testing.assert_array_equal(lava.run(network, spikes[None]).output[0], right.reshape(STEPS, -1))
