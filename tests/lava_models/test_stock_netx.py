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

from myelin.convert import (
    Conv,
    Cuba,
    DelayedRecurrent,
    Delta,
    Dense,
    Input,
    Layer,
    Network,
    Sigma,
    SigmaDelta,
    read_netx,
    simulate,
    write_netx,
)
from myelin.convert.netx.stock import beyond_stock
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import netx, slayer  # noqa: E402

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


def written():
    """Networks of stock features by name, which stock netx runs as ``write_netx`` writes them."""
    rng = np.random.default_rng(0)

    def even(*shape):
        return 2 * rng.integers(-30, 60, shape)

    def cuba(**change):
        return Cuba(**({"threshold": 200, "current_decay": 1600, "voltage_decay": 400} | change))

    strided = Conv(even(4, 1, 3, 2), (2, 2), (1, 0), groups=2)
    pool = Conv(np.full((4, 1, 2, 2), 64), (2, 2), groups=4)
    decays = cuba(current_decay=rng.integers(1, 4000, 10), voltage_decay=rng.integers(0, 4000, 10))
    late = Dense(even(10, 8), 0, rng.integers(0, 9, (10, 8)))
    return {
        "convolutions": Network(
            Input((2, 9, 6)),
            [
                Layer((4, 5, 3), strided, cuba(bias_mant=rng.integers(-5, 20, (4, 1, 1)))),
                Layer((4, 4, 2), Conv(even(4, 4, 2, 2)), cuba(current_decay=rng.integers(1, 4000, (4, 1, 1)))),
                Layer((4, 2, 1), pool, cuba(threshold=30)),
                Layer((3,), Dense(even(3, 8)), cuba()),
            ],
        ),
        "dense with delays": Network(
            Input((8,)),
            [
                Layer((10,), Dense(even(10, 8)), decays, rng.integers(0, 20, 10)),
                Layer((6,), Dense(even(6, 10)), cuba(), 4),
            ],
        ),
        "synaptic delays": Network(Input((8,)), [Layer((10,), late, cuba())]),
        "recurrence": Network(
            Input((8,)), [Layer((10,), Dense(even(10, 8)), cuba(), recurrent=DelayedRecurrent(Dense(even(10, 10) - 60)))]
        ),
    }


def driven():
    """Networks of stock features whose input drives neurons."""
    rng = np.random.default_rng(1)
    even = 2 * rng.integers(-30, 60, (4, 2, 3, 3))
    neuron = SigmaDelta(5, bias=rng.integers(-5, 5, (4, 1, 1)))
    last = Layer((2,), Dense(2 * rng.integers(-30, 60, (2, 64))), Sigma(), output="state")
    return {
        "input block": Network(Input((2, 6, 6), 0, Cuba(70, 4096, 200), 5, 7), [Layer((4, 4, 4), Conv(even), Cuba(80, 9, 8))]),
        "sigma-delta": Network(Input((2, 6, 6), 8, Delta(3)), [Layer((4, 4, 4), Conv(even), neuron), last]),
    }


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """(name, delays) -> path, input spikes, what is right, what stock netx gives."""
    folder = tmp_path_factory.mktemp("netx")
    made = {}
    for name, network in written().items():
        path, rng = folder / f"{name.replace(' ', '_')}.net", np.random.default_rng(5)
        write_netx(network, path)
        spikes = (rng.random((30, *network.input.shape)) < 0.25).astype(np.uint8)
        made[name, None] = (path, spikes, simulate(network, spikes[None]).output[0])
        np.save(f"{path}.npy", spikes)
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


@pytest.mark.parametrize("name", written())
def test_stock_netx_runs_what_write_netx_writes_of_stock_features(cases, name):
    _, _, right, stock = cases[name, None]
    assert beyond_stock(written()[name]) == [] and 0.02 < right.mean() < 0.9
    np.testing.assert_array_equal(stock.reshape(right.shape), right)


def constants(block, shape):
    """The constants that stock netx gives to a block's neurons, in our order of axes."""
    given = {**block.neuron.proc_params._parameters}
    arrays = {key: value for key, value in given.items() if key in ("du", "dv", "vth", "bias_mant", "bias")}
    return {key: np.broadcast_to(value, shape[::-1]).transpose() for key, value in arrays.items()}


def weights_of(process, synapse):
    """The weights that stock netx gives to a connection, in our order of axes."""
    given = process.proc_params._parameters
    if isinstance(synapse, Dense):
        return given["weights"] * 2.0 ** given["weight_exp"]
    return given["weight"].transpose(0, 3, 2, 1)[..., ::-1, ::-1] * 2.0 ** given["weight_exp"]


@pytest.mark.parametrize("name", [*written(), *driven()])
def test_stock_netx_has_the_parameters_of_the_network(tmp_path, name):
    network = (written() | driven())[name]
    assert beyond_stock(network) == []
    write_netx(network, tmp_path / "a.net")
    blocks, populations = netx.hdf5.Network(str(tmp_path / "a.net")).layers, list(network.layers)
    if network.input.neuron is not None:
        assert blocks[0].transform["weight"] == network.input.weight and blocks[0].transform["bias"] == network.input.bias
        populations.insert(0, network.input)
    assert len(blocks) == len(populations)
    for block, layer in zip(blocks, populations, strict=True):
        assert block.shape[::-1] == layer.shape  # netx has (width, height, channels)
        got, neuron = constants(block, layer.shape), layer.neuron
        if isinstance(neuron, Cuba):  # Lava adds 1 to du
            want = {"du": neuron.current_decay - 1, "dv": neuron.voltage_decay, "bias_mant": neuron.bias_mant}
        elif isinstance(neuron, SigmaDelta):
            want = {"vth": neuron.threshold, "bias": neuron.bias}
        else:
            want = {"vth": neuron.threshold} if isinstance(neuron, Delta) else {}
        if isinstance(neuron, Cuba):
            assert int(block.neuron.vth.get()) == neuron.threshold
        for key, value in want.items():
            np.testing.assert_array_equal(got[key], np.broadcast_to(value, layer.shape), err_msg=key)
        if layer is network.input:
            continue
        np.testing.assert_array_equal(weights_of(block.synapse, layer.synapse), layer.synapse.weight)
        if layer.recurrent is not None:
            np.testing.assert_array_equal(
                weights_of(block.synapse_rec, layer.recurrent.synapse), layer.recurrent.synapse.weight
            )
        delays = layer.delays.reshape(-1, 1) if layer.delay_steps.any() else layer.synapse.delay_steps
        if delays is not None:
            held = block.synapse.delays.get()
            np.testing.assert_array_equal(held, np.broadcast_to(delays, held.shape))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"synapse": Dense([[2, 4], [6, 8]], 2)}, "layer 0 (dense): weight_exp"),
        ({"neuron": Cuba(9, 8, 7, 3, bias_exp=2)}, "layer 0 (dense): bias_exp"),
        ({"neuron": Cuba(9, 8, 7, 3), "delay_steps": 2}, "layer 0 (dense): delay"),
        ({"synapse": Dense([[2, 4], [6, 8]], 0, [[1, 2], [3, 4]]), "delay_steps": 2}, "layer 0 (dense): delay_synaptic"),
        ({"recurrent": DelayedRecurrent(Dense([[2, 4], [6, 8]], 1), 2)}, "weight_exp_rec, delay_rec"),
        ({"output": "state"}, "layer 0 (dense): output (its output is spikes)"),
        ({"neuron": SigmaDelta(3, spike_exp=4, activation="unit")}, "layer 0 (dense): activation, spike_exp"),
        ({"neuron": SigmaDelta(3, cumulative_error=True)}, "layer 0 (dense): cum_error"),
    ],
)
def test_what_stock_netx_lacks_is_named(change, said):
    layer = Layer(**({"shape": (2,), "synapse": Dense([[2, 4], [6, 8]]), "neuron": Cuba(9, 8, 7)} | change))
    (found,) = beyond_stock(Network(Input((2,)), [layer]))
    assert found.endswith(said)


def test_what_stock_netx_lacks_of_convolutions_and_inputs_is_named():
    kernel = Conv(np.full((2, 2, 1, 1), 2))
    layer = Layer((2, 3, 3), kernel, Cuba(9, 8, 7), [[[1]], [[0]]], DelayedRecurrent(kernel))
    assert beyond_stock(Network(Input((2, 3, 3), 3), [layer], 9)) == [
        "input: message_bits (its argument input_message_bits)",
        "layer 0 (conv, recurrent conv): delay, a recurrent conv in a conv layer",
        "the average layer",
    ]
