"""Messages of a sigma-delta network, beside those of a frame network, in which every unit sends its value in every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from myelin.convert.network import Network


class Messages(NamedTuple):
    """Messages of all units that send changes as graded messages: delta encoders at the input, and layers but a readout.

    Attributes:
        per_step: mean number of messages in a step.
        frame_network_per_step: number of these units, each of which sends in every step of a frame network.
    """

    per_step: float
    frame_network_per_step: int

    @property
    def percent(self) -> float:
        """Messages in percent of those of a frame network."""
        return 100 * self.per_step / self.frame_network_per_step

    def as_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        return {**self._asdict(), "percent_of_frame_network": self.percent}

    def __str__(self) -> str:
        return (
            f"{self.per_step:.1f} a step; a frame network with these {self.frame_network_per_step} units sends "
            f"{self.frame_network_per_step}, of which these are {self.percent:.1f} %"
        )


def sending(network: Network) -> dict[int, int]:
    """Index of every population that sends spikes -> its number of neurons; -1 for delta encoders at the input."""
    source = network.input.neuron
    found = {-1: int(np.prod(network.input.shape))} if source is not None and source.GRADED else {}
    return found | {index: layer.neurons for index, layer in enumerate(network.layers) if layer.output == "spikes"}


def messages_of(network: Network, rates: Mapping[int, float]) -> Messages | None:
    """The messages, from the mean number of a neuron and step by index of the population; None without graded messages."""
    sizes = sending(network)
    own = [index for index in sizes if (neuron := network.neuron(index)) is not None and neuron.GRADED]
    if not own:
        return None
    return Messages(sum(rates[index] * sizes[index] for index in own), sum(sizes[index] for index in own))
