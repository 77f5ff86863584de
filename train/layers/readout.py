"""Readout: dense synapse into neurons that integrate without spiking, or that spike."""

from __future__ import annotations

from typing import Any

from train.layers.block import Block
from train.layers.dense import DenseSynapse
from train.neurons import Cuba


class Readout(Block):
    """``out[t] = v[t - 1]`` of one leaky integrator a class (``spiking=False``), or its spikes.

    Args:
        inputs: size of the layer before.
        classes: number of classes.
        neuron: arguments of ``Cuba``.
        gain: see ``DenseSynapse``.
        parts: further arguments of ``Block``.
    """

    def __init__(self, inputs: int, classes: int, *, neuron: dict[str, Any], gain: float = 1.0, **parts: Any) -> None:
        super().__init__(DenseSynapse(inputs, classes, gain=gain), Cuba((classes,), **neuron), **parts)
