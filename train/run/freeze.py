"""Parts of a network that are not trained, by name.

============================================ ===================================================================================
``layers.0`` (or ``layer 0``), ``readout``   all parameters of a layer
``layers.0.synapse``, ``readout.synapse``    its feed-forward weights
``layers.0.recurrence``                      its recurrent weights and their delays; ``layers.0.recurrence.delay``: the delays
``layers.0.delay``                           its axonal delays
``layers.0.neuron``, ``readout.neuron``      its decays, biases and threshold
``layers.0.norm``, ``readout.norm``          its batch normalisation: scales and running statistics
============================================ ===================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import myelin.train.needs_torch  # noqa: F401

from torch import nn

from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay
from myelin.train.layers import BatchNorm
from myelin.train.model import SpikingNetwork
from myelin.train.neurons import Neuron


def part_names(model: SpikingNetwork) -> dict[str, nn.Module]:
    """Every part that can be frozen, by name."""
    found: dict[str, nn.Module] = {}
    for index, block in enumerate(model.blocks):
        name = "readout" if index == len(model.blocks) - 1 else f"layers.{index}"
        recurrent_delay = None if block.recurrence is None else block.recurrence.delay
        parts = {
            "": block,
            ".synapse": block.synapse,
            ".recurrence": block.recurrence,
            ".recurrence.delay": recurrent_delay,
            ".delay": block.delay,
            ".neuron": block.neuron,
            ".norm": block.norm,
        }
        found |= {f"{name}{part}": module for part, module in parts.items() if module is not None}
    return found


def freeze(model: SpikingNetwork, names: Sequence[str]) -> None:
    """Keep the named parts as they are during training; frozen delays are rounded to their grid.

    Raises:
        ConfigError: there is no such part, or nothing is left to train.
    """
    parts = part_names(model)
    for name in names:
        module = parts.get(name.replace("layer ", "layers.", 1) if name.startswith("layer ") else name)
        if module is None:
            raise ConfigError(f"freeze: the network has no part {name!r}; {', '.join(parts)} are allowed")
        for parameter in module.parameters():
            parameter.requires_grad_(False)
        for inner in module.modules():
            if isinstance(inner, AxonalDelay):
                inner.learn = False
                inner.snap()
            elif isinstance(inner, Neuron):
                inner.freeze()
            elif isinstance(inner, BatchNorm):
                inner.freeze(True)
    if names and not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"freeze: {', '.join(names)} leaves nothing to train; name fewer parts")
