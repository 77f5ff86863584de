"""What torch does with modules: copies, pickles, averages, compilation, repeated forward passes; all give the same outputs."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from myelin.train.layers import Conv, DelayedRecurrent, Flatten, Pool, Readout


@pytest.fixture
def net():
    """A network of every block after a forward and a backward pass."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        Conv(2, 4, 3, input_shape=(2, 8, 8), stride=2, padding=1, delay=True, max_delay=6, learn_decays=True),
        Pool(2, input_shape=(4, 4, 4)),
        Flatten(),
        DelayedRecurrent(16, 24, max_delay=9, dropout=0.2),
        Readout(24, 4),
    )
    net(spikes()).square().sum().backward()
    return net.eval()


def spikes():
    return (torch.rand(3, 2, 8, 8, 30, generator=torch.Generator().manual_seed(1)) < 0.3).float()


def through_file(net):
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def loaded(net):
    """Another network with the same parts, and this one's state."""
    other = copy.deepcopy(net)
    with torch.no_grad():
        for value in other.state_dict().values():
            value.zero_()
    other.load_state_dict(net.state_dict())
    return other


@pytest.mark.parametrize("made", [copy.deepcopy, copy.copy, lambda net: pickle.loads(pickle.dumps(net)), through_file, loaded])
def test_a_copy_computes_the_same(net, made):
    x = spikes()
    expected = net(x)
    other = made(net)
    assert torch.equal(other(x), expected) and expected.abs().sum() > 0
    other(x).square().sum().backward()
    assert all(
        block.spike_rate is None or block.spike_rate.grad_fn is not None for block in other if hasattr(block, "spike_rate")
    )


def test_a_copy_keeps_the_rate_without_its_graph(net):
    rate = net[0].spike_rate
    assert rate.grad_fn is not None  # so a loss can have a penalty
    copied = copy.deepcopy(net)[0].spike_rate
    assert copied.grad_fn is None and copied == rate


def test_an_average_of_weights(net):
    average = torch.optim.swa_utils.AveragedModel(net)
    average.update_parameters(net)
    average.update_parameters(net)
    assert torch.equal(average.eval()(spikes()), net(spikes()))


def test_compiled_it_computes_the_same(net):
    x, compiled, found = spikes(), torch.compile(net, backend="eager"), []
    for model in (net, compiled):
        net.zero_grad()
        out = model(x)
        out.square().sum().backward()
        found.append([out.detach(), *(p.grad for p in net.parameters() if p.grad is not None)])
    assert len(found[0]) == len(found[1]) > 8
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing(net, reentrant):
    found = []
    for run in (net, lambda x: checkpoint(net, x, use_reentrant=reentrant)):
        net.zero_grad()
        x = spikes().requires_grad_()
        run(x).square().sum().backward()
        found.append([x.grad, *(p.grad for p in net.parameters() if p.grad is not None)])
    assert len(found[0]) == len(found[1]) > 8
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_without_gradients_the_outputs_are_the_same(net):
    x, expected = spikes(), net(spikes())
    with torch.no_grad():
        assert torch.equal(net(x), expected)
    with torch.inference_mode():
        assert torch.equal(net(x), expected)
    assert torch.equal(torch.func.functional_call(net, dict(net.named_parameters()), (x,)), expected)


def test_frozen_parameters_get_no_gradient_and_change_no_other(net):
    found = []
    for frozen in ((), ("0.synapse.weight", "0.delay.delay", "3.recurrence.weight", "0.neuron.current_decay")):
        for name, parameter in net.named_parameters():
            parameter.requires_grad_(name not in frozen and not name.startswith("3.neuron"))
            parameter.grad = None
        net(spikes()).square().sum().backward()
        found.append({name: p.grad for name, p in net.named_parameters() if p.grad is not None})
    free, mixed = found
    assert set(free) - set(mixed) == {"0.synapse.weight", "0.delay.delay", "3.recurrence.weight", "0.neuron.current_decay"}
    assert all(torch.equal(free[name], mixed[name]) for name in mixed)


def test_a_second_derivative_is_refused(net):
    x = spikes().requires_grad_()
    (first,) = torch.autograd.grad(net(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
