"""Modules of other packages through their own NIR exporters: the package's spikes, or a refusal that names the part.

Norse runs here; snnTorch, SpikingJelly and Sinabs where they are installed.  A small stand-in of snnTorch with its exporter,
and neurons that bear the packages' names, keep the logic tested without them.
"""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch

from myelin.convert.modules.compare import compare
from myelin.convert.modules.foreign import floats_of
from myelin.convert.modules.from_torch import from_torch
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.train.foreign import package_of

nir = pytest.importorskip("nir", reason="the package nir is not installed")
pytest.importorskip("nirtorch", reason="the package nirtorch is not installed")


def spikes(*shape, rate=0.3):
    return (np.random.default_rng(0).random((4, 40, *shape)) < rate).astype(np.uint8)


def linear(inputs, outputs):
    """Weights large enough that the neurons after it spike."""
    made = torch.nn.Linear(inputs, outputs, bias=False)
    with torch.no_grad():
        made.weight.mul_(2).add_(0.1)
    return made


def check(module, x, share=0.15, lag=2):
    """The floats have the module's spikes (``from_torch`` refuses otherwise), the integers most of them."""
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = from_torch(module, x.shape[2:], calibrate=x)
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    result = compare(module, network, x)
    sent = int((compare_output(module, x) != 0).sum())
    assert sent > 20 and result.lag == lag
    assert result.different_values < share * sent, str(result)
    return network


def compare_output(module, x):
    from myelin.train.foreign import run_foreign

    return run_foreign(module, x, package_of(module))


def test_norse():
    norse = pytest.importorskip("norse.torch", reason="Norse is not installed")
    torch.manual_seed(0)
    box = norse.LIFBoxParameters(v_th=torch.tensor(0.05))
    net = norse.SequentialState(linear(12, 16), norse.LIFBoxCell(box), linear(16, 6), norse.LIFBoxCell(box))
    network = check(net, spikes(12))
    np.testing.assert_allclose(network.layers[0].neuron.voltage_decay / 4096, 0.1, atol=1e-3)  # dt / tau = 1 ms / 10 ms
    cuba = norse.LIFParameters(v_th=torch.tensor(0.2))
    network = check(
        norse.SequentialState(linear(12, 16), norse.LIFCell(cuba), linear(16, 6), norse.LIFCell(cuba)), spikes(12), 0.4
    )
    np.testing.assert_allclose(network.layers[0].neuron.current_decay / 4096, 0.2, atol=1e-3)


def test_norse_readout_of_voltages_and_integrators():
    norse = pytest.importorskip("norse.torch", reason="Norse is not installed")
    torch.manual_seed(0)
    net = norse.SequentialState(linear(12, 16), norse.IAFCell(), linear(16, 6), norse.LIBoxCell())
    x = spikes(12)
    network = from_torch(net, 12, calibrate=np.moveaxis(x, 1, -1), time_axis=-1)
    assert network.layers[-1].output == "state" and not network.layers[0].neuron.voltage_decay.any()
    (note,) = (note for note in compare(net, network, x).notes if note.startswith("times "))
    assert "the module's voltages differ from the network's by " in note
    assert float(note.split("by ")[1].split("%")[0]) < 5


def test_norse_refusals():
    norse = pytest.importorskip("norse.torch", reason="Norse is not installed")
    with pytest.raises(
        NetworkError, match=r"module\.1 \(norse.*LIFBoxCell\): its v_reset is not 0, which Norse's NIR exporter"
    ):
        p = norse.LIFBoxParameters(v_reset=torch.tensor(0.5))
        from_torch(norse.SequentialState(linear(12, 6), norse.LIFBoxCell(p)), 12, calibrate=spikes(12))
    with pytest.raises(NetworkError, match=r"module\.1 .*its time step is dt=0.0001 s; Norse's 0.001 can be read"):
        from_torch(norse.SequentialState(linear(12, 6), norse.LIFBoxCell(dt=1e-4)), 12, calibrate=spikes(12))
    net = norse.SequentialState(linear(12, 6), norse.LIFBoxCell())
    with pytest.raises(NetworkError, match=r"module \(norse.*\): modules of norse hold floats; give samples .* calibrate=x"):
        from_torch(net, 12)
    with pytest.raises(DataError, match="the module sends no spikes on the samples of calibrate"):
        from_torch(net, 12, calibrate=spikes(12) * 0)
    with pytest.raises(NetworkError, match="module: norse's NIR exporter fails"):
        from_torch(
            norse.SequentialState(torch.nn.Conv2d(2, 2, 3, bias=False), norse.LIFBoxCell()),
            (2, 6, 6),
            calibrate=spikes(2, 6, 6),
        )


def test_snntorch():
    snn = pytest.importorskip("snntorch", reason="snnTorch is not installed")
    torch.manual_seed(0)

    def leaky(**options):
        return snn.Leaky(beta=0.9, init_hidden=True, reset_mechanism="zero", threshold=0.5, **options)

    network = check(torch.nn.Sequential(linear(12, 16), leaky(), linear(16, 6), leaky(output=True)), spikes(12))
    np.testing.assert_allclose(network.layers[0].neuron.voltage_decay / 4096, 0.1, atol=1e-3)
    synaptic = snn.Synaptic(alpha=0.7, beta=0.9, init_hidden=True, reset_mechanism="zero", reset_delay=False)
    check(torch.nn.Sequential(linear(12, 16), synaptic, linear(16, 6), leaky()), spikes(12))
    conv = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3, bias=False), leaky(), torch.nn.Flatten(), linear(64, 6), leaky())
    assert check(conv, spikes(2, 6, 6), 0.4).layers[0].shape == (4, 4, 4)


def test_spikingjelly():
    activation = pytest.importorskip("spikingjelly.activation_based", reason="SpikingJelly is not installed")
    pytest.importorskip("loguru", reason="SpikingJelly's loguru is not installed")
    from spikingjelly.activation_based import functional, neuron

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        linear(12, 16), neuron.IFNode(v_threshold=0.3), linear(16, 6),
        neuron.LIFNode(tau=2.0, v_threshold=0.05),
    )  # fmt: skip
    check(net, spikes(12), 0.4)
    functional.set_step_mode(net, "m")
    check(net, spikes(12), 0.4)
    assert activation


def test_sinabs():
    layers = pytest.importorskip("sinabs.layers", reason="Sinabs is not installed")
    from sinabs.activation import MembraneReset, SingleSpike

    torch.manual_seed(0)
    options = {"spike_fn": SingleSpike, "reset_fn": MembraneReset()}
    last = layers.LIF(tau_mem=10.0, norm_input=False, spike_threshold=torch.tensor(0.3), **options)
    check(torch.nn.Sequential(linear(12, 16), layers.IAF(**options), linear(16, 6), last), spikes(12), 0.4)
    squeezed = layers.IAFSqueeze(batch_size=1, **options)
    check(torch.nn.Sequential(linear(12, 16), squeezed), spikes(12), lag=1)


# ------------------------------------------------------------------------------------------ stand-ins, without the packages


class Leaky(torch.nn.Module):
    """Equations of snnTorch 1.0's Leaky."""

    __module__ = "snntorch._neurons.leaky"

    def __init__(self, beta=0.9, reset_mechanism="zero", init_hidden=True, threshold=0.4, **attributes):
        super().__init__()
        self.register_buffer("beta", torch.tensor(beta))
        self.register_buffer("threshold", torch.tensor(threshold))
        self.register_buffer("graded_spikes_factor", torch.tensor(attributes.pop("graded", 1.0)))
        self.reset_mechanism, self.init_hidden, self.inhibition, self.state_quant = reset_mechanism, init_hidden, False, False
        self.mem = torch.zeros(0)
        vars(self).update(attributes)

    def reset_mem(self):
        self.mem = torch.zeros(0)

    def forward(self, x):
        mem = self.mem if self.mem.shape == x.shape else torch.zeros_like(x)
        mem = self.beta * mem * (mem <= self.threshold) + x
        self.mem = mem
        return (mem > self.threshold).float()


class Lapicque(Leaky):
    __module__ = "snntorch._neurons.lapicque"


class RLeaky(Leaky):
    __module__ = "snntorch._neurons.rleaky"


def extract(module):
    """As snnTorch's exporter does it, with a time step of 0.1 ms."""
    if isinstance(module, torch.nn.Linear):
        return nir.Linear(weight=module.weight.detach().numpy())
    if isinstance(module, torch.nn.Conv2d):
        return nir.Conv2d(None, module.weight.detach(), module.stride, module.padding, module.dilation, 1, torch.zeros(4))
    if isinstance(module, torch.nn.Flatten):
        return nir.Flatten(input_type=None, start_dim=0, end_dim=-1)
    if isinstance(module, torch.nn.Sigmoid):
        return nir.Threshold(np.ones(16))
    if isinstance(module, Leaky):
        beta = module.beta.detach().numpy()
        tau = 1e-4 / (1 - beta)
        gain = getattr(module, "wrong", 1.0) * tau / 1e-4
        vthr = module.threshold.detach().numpy()
        return nir.LIF(tau=tau, r=gain, v_leak=np.zeros_like(beta), v_threshold=vthr, v_reset=np.zeros_like(vthr))
    return None


@pytest.fixture
def stand_in(monkeypatch):
    package, exporter = types.ModuleType("snntorch"), types.ModuleType("snntorch.export_nir")
    package.Leaky, package.RLeaky, package.RSynaptic, package.export_nir = Leaky, RLeaky, RLeaky, exporter
    exporter._extract_snntorch_module = extract
    monkeypatch.setitem(sys.modules, "snntorch", package)
    monkeypatch.setitem(sys.modules, "snntorch.export_nir", exporter)
    torch.manual_seed(0)


@pytest.mark.usefixtures("stand_in")
def test_a_stand_in_comes_through_its_exporter_with_its_time_step():
    net = torch.nn.Sequential(linear(12, 16), Leaky(), torch.nn.Dropout(), linear(16, 6), Leaky(beta=0.8))
    network = check(net, spikes(12))
    np.testing.assert_allclose(network.layers[1].neuron.voltage_decay / 4096, 0.2, atol=1e-3)
    floats = floats_of(net, (12,), 2, "snntorch", spikes(12))
    assert floats.message_bits == 2
    np.testing.assert_allclose(floats.layers[0].synapse.weight, net[0].weight.detach().numpy(), rtol=1e-5)
    conv = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3, bias=False), Leaky(), torch.nn.Flatten(), linear(64, 6), Leaky())
    assert from_torch(conv, (2, 6, 6), calibrate=spikes(2, 6, 6)).layers[0].shape == (4, 4, 4)


@pytest.mark.usefixtures("stand_in")
def test_what_nir_does_not_say_shows_in_the_spikes():
    net = torch.nn.Sequential(linear(12, 16), Leaky(wrong=1.5))
    with pytest.raises(
        NetworkError, match=r"module: \d+% of the outputs of snntorch's own forward pass differ from those of its NIR"
    ):
        from_torch(net, 12, calibrate=spikes(12))
    net = torch.nn.Sequential(linear(12, 16), torch.nn.Sigmoid(), Leaky())
    with pytest.raises(NetworkError, match=r"module: its NIR graph, as snntorch exports it, cannot be read: .*Threshold"):
        from_torch(net, 12, calibrate=spikes(12))
    net = torch.nn.Sequential(linear(12, 16), Leaky(), torch.nn.AvgPool1d(2))
    with pytest.raises(NetworkError, match=r"^module\.2 \(.*AvgPool1d\): snntorch's NIR exporter leaves it out"):
        from_torch(net, 12, calibrate=spikes(12))


def part(module, **attributes):
    """A module whose class pretends to be one of a package."""
    path, _, name = module.rpartition(".")
    made = type(name, (torch.nn.Module,), {"__module__": path})()
    for key, value in attributes.items():
        setattr(made, key, value)
    return made


class MembraneSubtract:
    pass


class MembraneReset:
    pass


class MultiSpike:
    pass


class SingleSpike:
    pass


SINABS = {"reset_fn": MembraneReset(), "spike_fn": SingleSpike, "min_v_mem": None, "tau_syn": None}


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        (
            lambda: Leaky(reset_mechanism="subtract"),
            r"snntorch\._neurons\.leaky\.Leaky\): it resets by subtracting its threshold, and",
        ),
        (
            lambda: Leaky(reset_mechanism="none"),
            "it resets never, and the chip resets to zero: train with reset_mechanism='zero'",
        ),
        (
            lambda: Leaky(reset_mechanism="subtract", init_hidden=False),
            "train with reset_mechanism='zero'; and it returns its state beside its spikes; build it with init_hidden=True",
        ),
        (lambda: Leaky(init_hidden=False), "it returns its state beside its spikes; build it with init_hidden=True"),
        (lambda: Leaky(graded=2.0), "its spikes have the value graded_spikes_factor=2; spikes of 1 can be read"),
        (lambda: Leaky(inhibition=True), "it has inhibition, which NIR does not say"),
        (lambda: Lapicque(), "its NIR exporter leaves it out; Leaky, Synaptic, RLeaky and RSynaptic can be read"),
        (
            lambda: RLeaky(reset_delay=True),
            "its reset to zero also drops the input of the next step; build it with reset_delay=F",
        ),
        (
            lambda: part("spikingjelly.activation_based.neuron.IFNode", v_reset=None),
            r"it resets by subtracting .*\(v_reset=None\)",
        ),
        (
            lambda: part("sinabs.layers.iaf.IAF", **SINABS | {"reset_fn": MembraneSubtract()}),
            "it resets by MembraneSubtract, and the chip resets to zero: train with reset_fn=sinabs.activation.MembraneReset",
        ),
        (
            lambda: part("sinabs.layers.iaf.IAF", **SINABS | {"spike_fn": MultiSpike}),
            r"several spikes in a step \(MultiSpike\)",
        ),
        (lambda: part("sinabs.layers.iaf.IAF", **SINABS | {"min_v_mem": -1.0}), r"its voltage has a lower bound \(min_v_mem\)"),
        (
            lambda: part("sinabs.layers.lif.LIF", **SINABS | {"tau_syn": 5.0}),
            r"it has a synapse filter \(tau_syn\), which Sinabs'",
        ),
    ],
)
def test_what_nir_does_not_say_is_refused_by_name(neuron, message):
    net = torch.nn.Sequential(linear(12, 16), neuron())
    with pytest.raises(NetworkError, match=rf"^module\.1 \(.*{message}"):
        from_torch(net, 12, calibrate=spikes(12))


def test_packages_are_not_mixed():
    net = torch.nn.Sequential(Leaky(), part("sinabs.layers.iaf.IAF", **SINABS))
    with pytest.raises(NetworkError, match="module mixes neurons of sinabs and snntorch; a module of one package can be read"):
        from_torch(net, 12, calibrate=spikes(12))
