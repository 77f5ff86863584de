"""A readout that reaches the 24 bit of a state is reset in training exactly as in the exported integers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myelin.backends.simulator import simulate
from myelin.convert import Cuba as IntegerCuba
from myelin.convert import Dense as IntegerDense
from myelin.convert import Input, Layer, Network
from myelin.hw_configs.fixed_point import STATE_SCALE, THRESHOLD_MAX
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels import torch_loops
from myelin.train.kernels.types import Gradients, Trace
from myelin.train.layers import Readout
from myelin.train.neurons import Cuba

STEPS = 40


def integers(block, x):
    """Voltages (B, classes, T) of the integer network with the weights of ``block``, in SLAYER's unit."""
    weight = block.neuron.quantize_8bit(block.synapse.weight, descale=True).detach().numpy().astype(np.int64)
    neuron = block.neuron.device_params
    layer = Layer(
        (weight.shape[0],), IntegerDense(weight), IntegerCuba(THRESHOLD_MAX, neuron["iDecay"], neuron["vDecay"]), output="state"
    )
    frames = x.numpy().astype(np.int64).transpose(0, 2, 1)
    return simulate(Network(Input((x.shape[1],), message_bits=16), (layer,)), frames).output.transpose(0, 2, 1) / STATE_SCALE


@pytest.fixture(params=["compiled", "torch"])
def both_loops(request, monkeypatch):
    """The loops of the CPU, and those of other devices in their place."""
    if request.param == "torch":
        monkeypatch.setattr(Cuba, "in_loops", False)
        monkeypatch.setattr(loops, "forward", lambda *given: Trace(*torch_loops.layer_forward(*given[:3])))

        def backward(grad, trace, neurons, recurrent=None, fed=None, *, learn_delay=False):
            found, *rest = torch_loops.layer_backward(grad, trace, neurons, recurrent, learn_delay=learn_delay)
            return Gradients(found, None, *rest)

        monkeypatch.setattr(loops, "backward", backward)


@pytest.mark.usefixtures("both_loops")
@pytest.mark.parametrize("sign", [1, -1])
def test_all_inputs_active(sign):
    """Positive voltages are reset above the largest threshold; negative ones saturate."""
    block = Readout(64, 2, voltage_decay=0.0, current_decay=0.0)
    with torch.no_grad():
        block.synapse.weight.fill_(1.5 * sign)
    x = torch.ones(1, 64, STEPS)
    out = block(x).detach().double().numpy()
    expected = integers(block, x)
    assert np.array_equal(out, expected)
    assert out.max() < 2048 and (np.count_nonzero(out == 0) > 4 if sign > 0 else out.min() == -(2**23 - 1) / 4096)


@pytest.mark.usefixtures("both_loops")
def test_random_graded_input_near_the_limit():
    torch.manual_seed(0)
    block = Readout(16, 8, voltage_decay=0.01, current_decay=0.2, gain=8.0)
    x = torch.randint(0, 60, (4, 16, STEPS)).float()
    out = block(x).detach().double().numpy()
    assert np.array_equal(out, integers(block, x))
    assert np.count_nonzero(np.abs(out) > 1500) > 20 and np.count_nonzero(out[..., 1:] == 0) > 0


@pytest.mark.usefixtures("both_loops")
def test_no_gradient_passes_a_reset():
    """What was summed before a reset, and the voltage that it set to 0, do not depend on earlier input."""
    block = Readout(1, 1, voltage_decay=0.0)
    with torch.no_grad():
        block.synapse.weight.fill_(2.0)
    x = torch.tensor([[[600.0, 600.0, 1.0, 0.0]]]).requires_grad_()  # v: 1200, reset at 2400, 2
    out = block(x)
    assert out.flatten().tolist() == [0.0, 1200.0, 0.0, 2.0]
    out.sum().backward()
    assert x.grad.flatten().tolist() == [2.0, 0.0, 2.0, 0.0]


def test_spiking_neurons_reset_at_their_own_threshold():
    block = Readout(1, 1, spiking=True, threshold=1.0, voltage_decay=0.0)
    with torch.no_grad():
        block.synapse.weight.fill_(0.75)
    assert block(torch.ones(1, 1, 5)).flatten().tolist() == [0.0, 0.0, 1.0, 0.0, 1.0]
    assert block.neuron.device_params["vThMant"] == 64 and Readout(1, 1).neuron.device_params["vThMant"] == THRESHOLD_MAX
