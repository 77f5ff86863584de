"""A NIR file in another simulator: norse's released neurons, wired by nirtorch, with a map of nodes that knows delays.

norse 1.1.0's own importer is not used: it has no delays, and gives v_leak to the synapse too.  Its neurons (``LIBoxCell``,
``LIFBoxCell``) are.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate
from myelin.convert.floats.network import dequantised
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.nir.format import read_nir_floats, write_nir

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")
nirtorch = pytest.importorskip("nirtorch", reason="nirtorch (extra 'norse') is not installed")
pytest.importorskip("norse", reason="norse (extra 'norse') is not installed")
import torch  # noqa: E402

DT_S = 1e-3


def tensor(values):
    return torch.from_numpy(np.asarray(values, np.float64))


class Delay(torch.nn.Module):
    """y(t) = x(t - delay), each neuron its own whole number of steps."""

    def __init__(self, node):
        super().__init__()
        self.steps = torch.from_numpy(np.rint(node.delay / DT_S).astype(np.int64))

    def forward(self, x, state=None):
        past = torch.zeros((int(self.steps.max()) + 1, *x.shape), dtype=x.dtype) if state is None else state
        past = torch.cat([x[None], past[:-1]])
        return torch.gather(past, 0, self.steps.expand(1, *x.shape))[0], past


class CubaLIF(torch.nn.Module):
    """norse's leaky integrator as synapse, then its leaky integrate-and-fire neuron; its voltages are kept."""

    def __init__(self, node):
        super().__init__()
        from norse.torch.functional.leaky_integrator_box import LIBoxParameters
        from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters
        from norse.torch.module.leaky_integrator_box import LIBoxCell
        from norse.torch.module.lif_box import LIFBoxCell

        self.w_in, self.r = tensor(node.w_in), tensor(node.r)
        zero = torch.zeros_like(self.r)
        self.synapse = LIBoxCell(LIBoxParameters(tau_mem_inv=1 / tensor(node.tau_syn), v_leak=zero), dt=DT_S)
        membrane = {"tau_mem_inv": 1 / tensor(node.tau_mem), "v_leak": tensor(node.v_leak)}
        self.spiking = type(node) is nir.CubaLIF
        if self.spiking:
            thresholds = {"v_th": tensor(node.v_threshold), "v_reset": tensor(node.v_reset)}
            self.membrane = LIFBoxCell(LIFBoxParameters(**membrane, **thresholds), dt=DT_S)
        else:
            self.membrane = LIBoxCell(LIBoxParameters(**membrane), dt=DT_S)
        self.rest = LIFBoxFeedForwardState(v=zero)  # norse would begin at v_leak
        self.voltages = []

    def forward(self, x, state=None):
        synapse, membrane = (None, self.rest) if state is None else state
        current, synapse = self.synapse(self.w_in * x, synapse)
        out, membrane = self.membrane(self.r * current, membrane)
        self.voltages.append(membrane.v.detach().numpy().copy())
        return out, (synapse, membrane)


def run(path, spikes):
    """Output (batch, steps, ...) of the file in norse, and the voltages of every layer."""
    graph = nir.read(str(path))
    made = {}

    def neurons(node):
        module = CubaLIF(node)
        made[next(name for name, other in graph.nodes.items() if other is node)] = module
        return module

    node_map = {
        nir.Delay: Delay,
        nir.CubaLIF: neurons,
        nir.CubaLI: neurons,
        nir.Flatten: lambda node: torch.nn.Flatten(1),  # the first axis is that of the samples
    }
    wired = nirtorch.nir_to_torch(graph, node_map, dtype=torch.float64)
    state, outputs = None, []
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t in range(spikes.shape[1]):
            output, state = wired(tensor(spikes[:, t]), state)
            outputs.append(output.numpy())
    voltages = [np.stack(made[f"neurons_{index}"].voltages, 1) for index in range(len(made))]
    return np.stack(outputs, 1), voltages


def compare(network, spikes, path, tolerance=1e-5):
    """Every voltage of every step to the accuracy of the file's 32 bit floats, every spike."""
    write_nir(network, path, dt_ms=DT_S * 1e3)
    output, voltages = run(path, spikes)
    floats = dequantised(network)
    exact = simulate_floats(floats, spikes)
    read = simulate_floats(read_nir_floats(path), spikes)
    for index, layer in enumerate(floats.layers):
        got = voltages[index].reshape(exact.layers[index]["v"].shape)
        assert np.abs(exact.layers[index]["v"]).max() > 0.1
        np.testing.assert_allclose(got, exact.layers[index]["v"], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(got, read.layers[index]["v"].reshape(got.shape), rtol=1e-6, atol=1e-6)
        if layer.neuron.threshold is not None:
            assert exact.layers[index]["spikes"].any()
    if network.layers[-1].output == "spikes":
        np.testing.assert_array_equal(output.reshape(exact.output.shape), exact.output)
    else:
        np.testing.assert_allclose(output, exact.output, rtol=tolerance, atol=tolerance)
    return output


def random_spikes(seed, shape, density=0.3):
    return (np.random.default_rng(seed).random(shape) < density).astype(np.int64)


def cuba(rng, size, threshold):
    """Constants of every neuron its own, biases with a fraction that keeps voltages off the threshold."""
    return Cuba(threshold, rng.integers(300, 4000, size), rng.integers(100, 2000, size), rng.integers(1, 30, size), bias_exp=0)


@pytest.mark.parametrize("seed", range(3))
def test_feed_forward_with_axonal_and_synaptic_delays(tmp_path, seed):
    rng = np.random.default_rng(seed)
    layers = [
        Layer(
            (9,), Dense(rng.integers(-40, 80, (9, 6)), 0, rng.integers(0, 4, (9, 6))), cuba(rng, 9, 150), rng.integers(0, 7, 9)
        ),
        Layer((5,), Dense(rng.integers(-40, 80, (5, 9)), 1), cuba(rng, 5, 180), rng.integers(0, 7, 5)),
        Layer((3,), Dense(rng.integers(-40, 80, (3, 5))), Cuba(1 << 17, 1500, 300, [3, -2, 0]), output="state"),
    ]
    compare(Network(Input((6,)), layers), random_spikes(seed, (2, 60, 6)), tmp_path / "a.nir")


@pytest.mark.parametrize("seed", range(3))
def test_recurrent_with_delays(tmp_path, seed):
    rng = np.random.default_rng(seed)
    back = DelayedRecurrent(Dense(rng.integers(-40, 40, (8, 8)), 0, rng.integers(0, 3, (8, 8))), rng.integers(0, 6, 8))
    layers = [
        Layer((8,), Dense(rng.integers(-40, 90, (8, 5))), cuba(rng, 8, 150), rng.integers(0, 4, 8), back),
        Layer(
            (4,),
            Dense(rng.integers(-40, 90, (4, 8))),
            cuba(rng, 4, 100),
            2,
            DelayedRecurrent(Dense(rng.integers(-40, 20, (4, 4)))),
        ),
    ]
    compare(Network(Input((5,)), layers), random_spikes(seed, (2, 60, 5)), tmp_path / "a.nir")


def test_decays_of_zero_and_the_integers_themselves(tmp_path, exact_network):
    """Where integers lose nothing, norse gives the output of the integer simulator, and so of Lava."""
    for seed in range(3):
        network, spikes = exact_network(seed)
        output = compare(network, spikes, tmp_path / "a.nir")
        np.testing.assert_array_equal(output, simulate(network, spikes).output)


def test_convolutions_whose_layers_have_every_kind_of_decay(tmp_path):
    rng = np.random.default_rng(5)
    first, second = (4, 3, 4), (2, 2, 4)
    loop = DelayedRecurrent(Conv(rng.integers(-20, 20, (4, 4, 3, 3)), padding=(1, 1)), rng.integers(0, 3, first))
    strided = Conv(rng.integers(-40, 90, (4, 1, 3, 3)), (2, 2), (1, 1), groups=2)
    kernel = Conv(rng.integers(-40, 90, (2, 4, 2, 2)), padding=(0, 1), dilation=(1, 2))
    layers = [
        Layer(first, strided, cuba(rng, first, 150), rng.integers(0, 3, first), loop),
        Layer(second, kernel, cuba(rng, second, 200), 1),
    ]
    compare(Network(Input((2, 6, 8)), layers), random_spikes(5, (2, 30, 2, 6, 8)), tmp_path / "a.nir")


def test_norse_reads_a_graph_without_delays_by_itself(tmp_path):
    """norse's own importer, in 32 bit; without the latency layer l runs l + 1 steps earlier."""
    from norse.torch import from_nir

    rng = np.random.default_rng(2)
    constants = [Cuba(100, rng.integers(300, 4000, size), rng.integers(100, 2000, size)) for size in (8, 3)]
    layers = [
        Layer((8,), Dense(rng.integers(-40, 90, (8, 5))), constants[0]),
        Layer((3,), Dense(rng.integers(-40, 90, (3, 8))), constants[1]),
    ]
    network = Network(Input((5,)), layers)
    write_nir(network, tmp_path / "a.nir", step_latency=False)
    spikes = random_spikes(2, (2, 60, 5))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls what nirtorch means to drop
        module, state, outputs = from_nir(nir.read(str(tmp_path / "a.nir"))), None, []
        for t in range(60):
            output, state = module(tensor(spikes[:, t]).float(), state)
            outputs.append(output.numpy())
    want = simulate_floats(dequantised(network), spikes).output
    assert want.sum() > 10
    np.testing.assert_array_equal(np.stack(outputs, 1)[:, :-2], want[:, 2:])
