"""A sigma-delta network as SLAYER exports it: SLAYER's own evaluation, stock netx, and ours of the same file.

SLAYER's blocks pass a step on without latency, Lava's connections take one step each: layer l of the simulator lags by l.
A bias acts from Lava's first step on, alone, and what a threshold then holds back depends on it: for SLAYER to start alike, the
first input is 0 and only the first layer has a bias.
"""

import contextlib
import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from myelin.convert import Conv, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta, read_netx, simulate, write_netx
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

STEPS = 30
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
    values = np.load(path + ".npy")
    net = netx.hdf5.Network(path)
    source = io.source.RingBuffer(data=values.T)
    sink = io.sink.RingBuffer(shape=net.out.shape, buffer=len(values))
    source.s_out.connect(net.in_layer.neuron.a_in)
    net.out.connect(sink.a_in)
    net._log_config.level = logging.CRITICAL
    net.run(condition=RunSteps(num_steps=len(values)), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    np.save(path + ".stock.npy", sink.data.get().T)
    net.stop()
"""


def walk(rng, shape):
    """Values that change a little at a time, (steps, *shape); even, as SLAYER's input block would round them."""
    return 2 * (rng.integers(-20, 33, shape) + np.cumsum(rng.integers(-6, 7, (STEPS, *shape)), axis=0))


def stock_netx(*paths):
    """What stock netx gives for each file, (steps, *shape)."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, paths)],
        start_new_session=True,
        cwd=os.path.dirname(os.path.dirname(compat.__file__)),
    )
    try:
        assert child.wait(120) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    return [np.load(f"{path}.stock.npy") for path in paths]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Path of SLAYER's file, values that enter (steps, 2, 5, 6), and what SLAYER makes of them: messages of each block."""
    path = tmp_path_factory.mktemp("sdnn") / "slayer.net"
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    neuron = {"threshold": 2 / 64, "activation": torch.nn.functional.relu}
    blocks = [
        slayer.block.sigma_delta.Input({**neuron, "threshold": 3 / 64}),
        slayer.block.sigma_delta.Conv(
            {**neuron, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}, 2, 3, 3, stride=2, weight_scale=2
        ),
        slayer.block.sigma_delta.Flatten(),
        slayer.block.sigma_delta.Dense(dict(neuron), 12, 7, weight_scale=2),
        slayer.block.sigma_delta.Output(dict(neuron), 7, 4, weight_scale=2),
    ]
    blocks[1].neuron.norm.running_mean.data = torch.tensor([-9 / 64, 4 / 64, 0.0])
    values = walk(rng, (2, 5, 6))
    values[0] = 0
    x = torch.tensor(np.moveaxis(values, 0, -1)[None], dtype=torch.float32) / 64
    made = []
    with torch.no_grad():
        for block in blocks:
            x = block.eval()(x)
            made.append(np.moveaxis(x[0].numpy(), -1, 0))
    with h5py.File(path, "w") as file:
        for index, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{index}"))
    np.save(f"{path}.npy", values)
    return path, values, [made[0], made[1], made[3], made[4]]


def test_slayers_own_messages_come_out_of_its_file(exported):
    """A message of SLAYER is a multiple of 1/4096, which is Lava's 1; its sigma has a further 64 of weights."""
    path, values, messages = exported
    network = read_netx(path)
    assert [type(layer.neuron) for layer in network.layers] == [SigmaDelta, SigmaDelta, Sigma]
    got = simulate(network, values[None], record={-1: ("spikes",), 0: ("spikes",), 1: ("spikes",)}).layers
    sums = simulate(network, values[None]).output
    for lag, (ours, theirs) in enumerate(zip([*(got[k]["spikes"] for k in (-1, 0, 1)), sums], messages)):
        scale = 4096 if lag < 3 else 4096 * 64
        expected = np.rint(theirs * scale).astype(int)
        assert np.count_nonzero(expected) > 50
        np.testing.assert_array_equal(ours[0][lag + 1 :], expected[1 : STEPS - lag])


def test_stock_netx_runs_slayers_file_and_ours_alike(exported, tmp_path, lava):
    path, values, _ = exported
    network = read_netx(path)
    again = tmp_path / "ours.net"
    write_netx(network, again)
    np.save(f"{again}.npy", values)
    made = mixed(np.random.default_rng(5))
    other = tmp_path / "mixed.net"
    write_netx(made, other)
    others = walk(np.random.default_rng(6), (2, 5, 6))
    np.save(f"{other}.npy", others)
    stock = stock_netx(path, again, other)
    expected = simulate(network, values[None]).output[0]
    assert np.count_nonzero(expected) > 50
    np.testing.assert_array_equal(stock[0], expected)
    np.testing.assert_array_equal(stock[1], expected)
    np.testing.assert_array_equal(stock[2], simulate(made, others[None]).output[0])
    np.testing.assert_array_equal(lava.run(network, values[None]).output[0], expected)


def mixed(rng):
    """Strides, groups, paddings, biases of every kind, and even weights: what stock netx reads as it stands."""
    first = Conv(2 * rng.integers(-20, 21, (4, 1, 3, 2)), (2, 1), (1, 0), (1, 2), 2)
    shape = first.output_shape((2, 5, 6))
    size = int(np.prod(shape))
    return Network(
        Input((2, 5, 6), 10, Delta(4)),
        (
            Layer(shape, first, SigmaDelta(9, bias=rng.integers(-20, 21, (4, 1, 1)))),
            Layer(shape, Conv(2 * rng.integers(-8, 9, (4, 4, 1, 1))), SigmaDelta(9, bias=rng.integers(-20, 21, shape))),
            Layer((9,), Dense(2 * rng.integers(-20, 21, (9, size))), SigmaDelta(9, bias=5)),
            Layer((3,), Dense(2 * rng.integers(-20, 21, (3, 9))), SigmaDelta(2, bias=rng.integers(-20, 21, 3))),
        ),
    )
