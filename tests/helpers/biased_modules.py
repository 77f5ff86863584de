"""Random networks of our blocks with everything that a CUBA population learns: biases, thresholds, normalised inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import myelin
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block

#: Steps of the samples.
STEPS = 24


def random_network(seed: int) -> tuple[torch.nn.Sequential, tuple[int, ...], torch.Tensor]:
    """A network in evaluation mode with rounded delays, the shape of its input, and spikes (3, *shape, STEPS) for it.

    Its layers are convolutional, pooling, dense and recurrent ones with a dense matrix or a kernel, each with and without
    delays; biases, thresholds and norms are on in about half of the layers.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)

    def coin() -> bool:
        return bool(random.random() < 0.5)

    def options(**more: Any) -> dict[str, Any]:
        delays = {"delay": True, "max_delay": int(random.integers(1, 7))} if coin() else {}
        delays |= {"norm": "batch"} if coin() else {}
        constants = {
            "threshold": float(random.choice([0.5, 1.0, 2.25])),
            "current_decay": float(random.choice([0.3, 0.7, 1.0])),
            "voltage_decay": float(random.choice([0.05, 0.4])),
            "bias": coin(),
            "bias_exp": int(random.choice([0, 3, 6])),
            "learn_threshold": coin(),
        }
        return delays | constants | more

    shape: tuple[int, ...] = (2, 6, 5) if coin() else (12,)
    blocks: list[torch.nn.Module] = []
    size: Any = shape
    if len(shape) == 3:
        recurrence = myelin.nn.Recurrence.over((3, 3, 3), "conv", max_delay=4) if coin() else None
        blocks.append(myelin.nn.Conv(2, 3, 3, input_shape=shape, stride=2, padding=1, recurrence=recurrence, **options()))
        size = tuple(blocks[-1].shape)
        if coin():
            pooled = {name: value for name, value in options(threshold=0.5, voltage_decay=1.0).items() if name != "norm"}
            blocks.append(myelin.nn.Pool((1, 2), input_shape=size, **pooled))
            size = tuple(blocks[-1].shape)
    for _ in range(int(random.integers(1, 3))):
        kind = str(random.choice(["plain", "dense", "conv", "channels"]))
        if kind == "plain":
            blocks.append(myelin.nn.Dense(size, 9, **options()))
        else:
            recurrent = (
                {"recurrent": "dense"} if kind == "dense" else {"recurrent": "conv", "channels": 3 if kind == "channels" else 1}
            )
            longest = options()
            longest["max_delay"] = longest.get("max_delay", 5)
            blocks.append(myelin.nn.DelayedRecurrent(size, 9, **recurrent, **longest))
        size = 9
    readout = options(spiking=coin(), bias=coin())
    if not readout["spiking"]:
        kept = ("bias", "bias_exp", "voltage_decay", "current_decay", "spiking", "norm")
        readout = {name: value for name, value in readout.items() if name in kept}
    blocks.append(myelin.nn.Readout(size, 4, **readout))
    net = torch.nn.Sequential(*blocks)
    settle(net)
    x = (torch.rand(3, *shape, STEPS) < 0.3).float()
    with torch.no_grad():
        for _ in range(3):  # running statistics of a norm follow
            net.train()(x)
    return net.eval(), shape, x


def settle(net: torch.nn.Module) -> None:
    """Draw biases and thresholds, and round the delays as for an export."""
    for part in net.modules():
        if isinstance(part, AxonalDelay):
            part.set(hard=True)
        if isinstance(part, Block):
            neuron: Any = part.neuron
            with torch.no_grad():
                if neuron.bias is not None:
                    neuron.bias.normal_(0.05, 0.3)
                if part.norm is not None:
                    part.norm.momentum = 0.5
                    part.norm.weight.mul_(0.3 + torch.rand(part.norm.size))
                if neuron.learnt_threshold is not None:
                    neuron.learnt_threshold.mul_(0.5 + torch.rand(()))
