"""A module is evaluated from rest and in evaluation mode, and is afterwards as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import NetworkError
from myelin.train.evaluate import calls_of, evaluated, preserved


class Counting(torch.nn.Module):
    """Changes everything that a forward pass may change: attributes, buffers and parameters."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.register_buffer("calls", torch.zeros(1))
        self.shape = None

    def forward(self, x):
        self.calls += 1
        self.shape, self.later = x.shape, True
        torch.rand(3)
        self.weight.data.mul_(2)
        self.weight.data = self.weight.data.repeat(3)[:1]
        return x * self.weight + self.calls


def test_a_forward_pass_leaves_no_trace():
    part = Counting()
    module = torch.nn.Sequential(torch.nn.Dropout(0.99), part)
    frames = np.ones((2, 4, 3), np.uint8)
    state = torch.get_rng_state()
    for _ in range(2):
        result = evaluated(module, frames, {"dropout": module[0]})
        assert result.output.shape == (2, 3, 4) and np.all(result.output == 3)
        assert np.all(result.parts["dropout"] == 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training and part.shape is None and not hasattr(part, "later")
    assert part.calls.item() == 0 and part.weight.item() == 1 and not module[0]._forward_hooks
    parameter = part.weight
    with pytest.raises(ZeroDivisionError), preserved(module):
        part.weight = torch.nn.Parameter(torch.zeros(5))
        raise ZeroDivisionError
    assert part.weight is parameter


def test_a_list_of_modules_is_a_chain_and_double_parameters_get_doubles():
    chain = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Conv1d(3, 2, 1).double()])
    assert evaluated(chain, np.ones((1, 4, 3), np.uint8)).output.shape == (1, 2, 4)


def test_failures_are_one_sentence():
    with pytest.raises(NetworkError, match=r"the module's forward pass fails on spikes of shape \(1, 3, 4\) \(RuntimeError: "):
        evaluated(torch.nn.Linear(7, 2), np.ones((1, 4, 3), np.uint8))
    with pytest.raises(NetworkError, match=r"the module returns a tuple; one tensor \(batch, \.\.\., steps\) is allowed"):
        evaluated(torch.nn.LSTM(4, 2), np.ones((1, 4, 3), np.uint8))


def test_calls_are_chained_if_tensors_are_handed_on():
    class Model(torch.nn.Module):
        def __init__(self, between):
            super().__init__()
            self.a, self.b, self.between = torch.nn.ReLU(), torch.nn.ReLU(), between

        def forward(self, x):
            return self.b(self.between(self.a(x)))

    def chained(between):
        model = Model(between)
        calls, ends = calls_of(model, (2, 3), {"a": model.a, "b": model.b})
        assert [call.path for call in calls] == ["a", "b"] and calls[0].chained and ends
        return calls[1].chained

    assert chained(lambda x: x)
    assert chained(lambda x: x.flatten(1, 2))
    assert not chained(lambda x: x.flatten(2, 3))  # time among the neurons
    assert not chained(lambda x: x.flip(1))
    assert not chained(lambda x: x * 1)
    assert not chained(lambda x: x.add_(0))
    assert not chained(lambda x: x.transpose(1, 2))
