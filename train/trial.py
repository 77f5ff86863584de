"""A check that training works on this machine: forward and backward pass of a layer small enough to compute by hand."""

from __future__ import annotations

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch

from myelin.hw_configs.errors import MyelinError
from myelin.train.delay import AxonalDelay
from myelin.train.layers import DelayedRecurrent
from myelin.train.neurons import Cuba


def tiny_layer(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Spikes (batch, steps, 2) of two neurons that excite each other with delays 2 and 0, for ``frames`` (batch, steps, 1).

    Raises:
        MyelinError: a parameter gets no finite gradient.
    """
    delay = AxonalDelay(2, max_delay=2)
    neurons = Cuba((2,), threshold=100 / 64, current_decay=1.0, voltage_decay=4095 / 4096)
    layer = DelayedRecurrent(1, 2, neuron=neurons, recurrent="dense", recurrent_delay=delay)
    assert layer.recurrence is not None
    with torch.no_grad():
        delay.delay.copy_(torch.tensor([2.0, 0.0]))
        layer.synapse.weight.copy_(torch.tensor([[2.0], [0.0]]))
        layer.recurrence.weight.copy_(torch.tensor([[0.0, 2.0], [2.0, 0.0]]))
    output = layer(torch.tensor(frames.transpose(0, 2, 1), dtype=torch.float32))  # (batch, 2, steps)
    output.sum().backward()
    for name, parameter in layer.named_parameters():
        if parameter.requires_grad and (parameter.grad is None or not bool(torch.isfinite(parameter.grad).all())):
            raise MyelinError(
                f"a tiny layer gives no gradient for {name}; reinstall the versions that docs/getting_started.md names"
            )
    return np.asarray(output.detach().numpy().transpose(0, 2, 1))
