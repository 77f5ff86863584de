"""Devices other than the CPU: what runs there, and that the host never waits for one between the layers of a network.

No GPU is needed: the CPU is declared to be one, so that Triton's kernels run in their interpreter and everything takes the way
that it takes on a GPU.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from kernels_here import on_the_cpu
from torch.utils._python_dispatch import TorchDispatchMode

from myelin.hw_configs.errors import ConfigError, DataError, MyelinError
from myelin.train.config.config import Config, DataConfig, LayerConfig, NeuronConfig, ReadoutConfig
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import devices, late_checks, torch_loops
from myelin.train.layers import Dense, Recurrence
from myelin.train.model import build_model
from myelin.train.neurons import Alif, Cuba

STEPS, CUDA = 5, torch.device("cuda")


@pytest.fixture
def as_gpu(monkeypatch):
    """The CPU in the place of a GPU."""
    monkeypatch.setattr(devices, "HOST", set())
    monkeypatch.setattr(devices, "GPU", {"cpu"})
    yield
    late_checks._pending.clear()


def test_kernels_run_cuba_neurons_and_torch_the_others(monkeypatch):
    cuba, alif = Cuba((3,)).constants(), Alif((3,)).constants()
    assert devices.loops_on(CUDA, cuba) is devices.loops_on(CUDA) is devices.triton_kernels()
    assert devices.loops_on(CUDA, alif) is devices.loops_on(torch.device("mps"), cuba) is torch_loops
    devices.triton_kernels.cache_clear()
    monkeypatch.setattr(devices, "found", lambda name: name != "triton")
    assert devices.loops_on(CUDA, cuba) is torch_loops and devices.triton_kernels() is None
    devices.triton_kernels.cache_clear()


def network(recurrent, **changes):
    """A network with delays of both kinds, biases, learnt decays and thresholds."""
    torch.manual_seed(0)
    layer = LayerConfig(neurons=6, recurrent=recurrent, delay_per="neuron", bias=True, learn_threshold=True)
    neuron = NeuronConfig(learn_decays=True)
    config = Config(data=DataConfig(channels=4, steps=STEPS), layers=(layer,), neuron=neuron, readout=ReadoutConfig(bias=True))
    model = build_model(replace(config, **changes), 3)
    model.train()
    return model


def gradients(model, x):
    torch.manual_seed(1)  # of dropout
    output = model(x)
    return [output.detach(), *torch.autograd.grad(output.square().sum(), [p for p in model.parameters() if p.requires_grad])]


@on_the_cpu
@pytest.mark.parametrize(("recurrent", "hard"), [("dense", True), ("conv", True), ("dense", False)])
def test_a_whole_network_is_the_same_with_kernels(recurrent, hard, request):
    model, x = network(recurrent), (torch.rand(3, 4, STEPS) < 0.5).float() * 3
    model.set_delays(hard=hard, sigma=0.0 if hard else 3.0)
    for delay in model.delays():
        torch.nn.init.constant_(delay.delay, 1.25)
    expected = gradients(model, x)
    request.getfixturevalue("as_gpu")
    found = gradients(model, x)
    assert torch.equal(found[0], expected[0]) and expected[0].abs().sum() > 0
    for got, wanted in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


class NoWaiting(TorchDispatchMode):
    """Refuses operations in which the host waits for a value of a tensor."""

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        name = function.overloadpacket.__name__
        assert name not in ("_local_scalar_dense", "nonzero", "masked_select", "equal", "unique_dim"), f"the host waits: {name}"
        return function(*arguments, **(named or {}))


@on_the_cpu
@pytest.mark.parametrize("hard", [True, False])
def test_the_host_does_not_wait_between_layers(hard, as_gpu, monkeypatch):
    """Forward and backward pass of a network: no value is read from a tensor, and none is copied to the device by waiting."""
    model, x = network("dense"), (torch.rand(2, 4, STEPS) < 0.5).float()
    model.set_delays(hard=hard, sigma=0.0 if hard else 2.0)
    gradients(model, x)  # what depends on no value is read once

    def forbidden(*arguments, **named):
        raise AssertionError("the host reads a tensor, or a tensor is made from values of the host")

    for name in ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__"):
        monkeypatch.setattr(torch.Tensor, name, forbidden)
    from_host = torch.as_tensor
    monkeypatch.setattr(torch, "as_tensor", lambda x, **how: from_host(x, **how) if torch.is_tensor(x) else forbidden())
    monkeypatch.setattr(torch, "tensor", forbidden)
    monkeypatch.setattr(torch, "from_numpy", forbidden)
    monkeypatch.setattr(late_checks, "raise_late", lambda wait: None)
    with NoWaiting():
        found = gradients(model, x)
    monkeypatch.undo()
    assert found[0].shape == (2, 3, STEPS) and all(torch.isfinite(gradient).all() for gradient in found)


def diverged(name, value):
    """A population, a delay or a recurrence with a parameter that is not finite, as a function that uses it."""
    x, neuron, delay = (
        torch.ones(STEPS, 2, 4),
        Cuba((4,), learn_decays=True, bias=True, learn_threshold=True),
        AxonalDelay(4, max_delay=9),
    )
    block, recurrence = Dense(3, 4, quantise=False), Recurrence(torch.eye(4), delay)
    there = {
        "a bias": (neuron.bias, lambda: neuron.steps(x)),
        "a threshold": (neuron.learnt_threshold, lambda: neuron.steps(x)),
        "a voltage_decay": (neuron.voltage_decay, lambda: neuron.steps(x)),
        "a delay": (delay.delay, lambda: delay(x)),
        "a recurrent weight": (recurrence.weight, lambda: recurrence(x, Cuba((4,)))),
        "Dense: a weight": (block.synapse.weight, lambda: block(torch.ones(2, 3, STEPS))),
    }
    parameter, use = there[name]
    with torch.no_grad():
        parameter.view(-1)[0] = value
    return use


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize(
    "name", ["a bias", "a threshold", "a voltage_decay", "a delay", "a recurrent weight", "Dense: a weight"]
)
def test_what_diverged_is_reported_at_the_next_check(name, value, as_gpu, monkeypatch):
    monkeypatch.setattr(devices, "GPU", set())  # torch's operations are enough here, and faster
    use = diverged(name, value)
    with pytest.raises(MyelinError, match=f"^{name} is NaN or infinite: training diverged; lower the learning rate"):
        use()
        late_checks.settle()
    late_checks.settle()  # it is reported once


def test_input_that_is_not_finite_is_reported_at_the_next_check(as_gpu, monkeypatch):
    monkeypatch.setattr(devices, "GPU", set())
    block, x = Dense(3, 4), torch.ones(2, 3, STEPS)
    x[0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="Dense: input holds 1 NaN or infinite values of 30; spikes are finite numbers"):
        block(x)
        block(torch.ones(2, 3, STEPS))


def test_a_decay_out_of_its_range_is_reported_at_the_next_check(as_gpu, monkeypatch):
    monkeypatch.setattr(devices, "GPU", set())
    neuron = Cuba((4,))
    with torch.no_grad():
        neuron.voltage_decay.fill_(5000)
    with pytest.raises(ConfigError, match=r"voltage_decay is 5000; 0..4096 \(in 1/4096\) is allowed"):
        neuron.steps(torch.ones(STEPS, 2, 4))
        late_checks.settle()


def test_an_answer_is_not_waited_for(monkeypatch):
    """A check whose answer is not there yet raises nothing; it does as soon as the answer has come, or at ``settle``."""
    there = SimpleNamespace(query=lambda: False, synchronize=lambda: None)
    late_checks._pending.append(late_checks._Pending(torch.tensor(False), there, lambda: MyelinError("late")))
    late_checks.check_later(torch.tensor(True), lambda: MyelinError("another"))
    with pytest.raises(MyelinError, match="late"):
        late_checks.settle()
    assert not late_checks._pending


def test_learnt_values_come_back_into_their_range_on_a_device_too(as_gpu, monkeypatch):
    monkeypatch.setattr(devices, "GPU", set())
    delay, neuron = AxonalDelay(3, max_delay=4), Cuba((3,), learn_decays=True)
    with torch.no_grad():
        delay.delay.copy_(torch.tensor([-1.0, 2.0, 9.0]))
        neuron.current_decay.fill_(-3)
    neuron.steps(delay(torch.ones(STEPS, 2, 3)))
    assert delay.delay.tolist() == [0, 2, 4] and neuron.current_decay.tolist() == [0]


def test_the_phase_of_delays_is_read_again_when_it_changes(as_gpu):
    delay = AxonalDelay(3, max_delay=4)
    assert delay.kernel(3).order == 2
    delay.set(hard=True)
    assert delay.kernel(3).order == 0
    other = AxonalDelay(3, max_delay=4)
    other.sigma.fill_(2.0)
    delay.load_state_dict(other.state_dict())
    kernel = delay.kernel(3)
    assert kernel.order == 2 and np.isclose(float(kernel.weights[5, 0]), 1 / 9)
