"""The compiled loops do not look at sizes, so what calls them does: a wrong one is a message, never a crash of the process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import ConfigError, DataError, MyelinError
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.types import Recurrent
from myelin.train.neurons import Cuba

X = (torch.rand(9, 2, 8, generator=torch.Generator().manual_seed(0)) < 0.5).float()
NEURONS = Cuba((8,)).constants()
RECURRENT = Recurrent(torch.eye(8), (1, 8), torch.ones(2, 8), DelayKernel.single(np.arange(8)))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weight": torch.eye(9)}, r"recurrent weight has shape \(9, 9\); it does not fit 8 neurons"),
        ({"weight": torch.zeros(3, 3, 1, 3)}, r"recurrent weight has shape \(3, 3, 1, 3\); it does not fit 8 neurons"),
        ({"weight": torch.zeros(2, 2, 1, 3), "extent": (2, 4)}, "it does not fit 8 neurons"),
        ({"mask": torch.ones(1, 8)}, r"recurrent mask has shape \(1, 8\); \(2, 8\) is needed"),
        ({"delay_kernel": DelayKernel.single(np.arange(16))}, "16 delays do not fit 8 neurons; give one per neuron"),
    ],
)
def test_a_recurrence_of_another_size(change, text):
    assert loops.forward(X, NEURONS, RECURRENT).spikes.shape == X.shape
    with pytest.raises(ConfigError, match=text):
        loops.forward(X, NEURONS, replace(RECURRENT, **change))


def test_neurons_and_delays_of_another_size():
    with pytest.raises(ConfigError, match="the input has 8 neurons and 7 decays; give them the same number"):
        Cuba((7,)).steps(X)
    with pytest.raises(ConfigError, match="AxonalDelay: 5 delays do not fit 8 neurons; give one per neuron or per channel"):
        AxonalDelay(5, max_delay=9)(X)
    with pytest.raises(ConfigError, match="16 delays do not fit 8 neurons"):
        loops.delay_forward(X, DelayKernel.single(np.arange(16)))


@pytest.mark.parametrize("change", [torch.Tensor.double, torch.Tensor.half, lambda x: x[0], torch.Tensor.long])
def test_values_of_another_kind(change):
    for run in (Cuba((8,)).steps, AxonalDelay(8, max_delay=9)):
        with pytest.raises(
            DataError, match=r"input of the neurons is torch\.\w+ of shape .*; float32 \(steps, batch, neurons\)"
        ):
            run(change(X))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_constants_that_diverged(value):
    neuron, delay = Cuba((8,), learn_decays=True), AxonalDelay(8, max_delay=9)
    with torch.no_grad():
        neuron.voltage_decay.fill_(value)
        delay.delay[3] = value
    with pytest.raises(MyelinError, match="a voltage_decay is NaN or infinite: training diverged; lower the learning rate"):
        neuron.steps(X)
    with pytest.raises(MyelinError, match="a delay is NaN or infinite: training diverged; lower the learning rate"):
        delay(X)
