"""Change of all delays of a network at once, for integer networks and for float networks with fractional delays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.network import Network

L = TypeVar("L")


@dataclass(frozen=True)
class ClippedDelays:
    """Delays of one place that were longer than a limit.

    Attributes:
        place: the layer, and which of its delays.
        count, delays: how many were longer, of how many.
        limit_steps, longest_steps: what they were shortened to, and the longest before.
    """

    place: str
    count: int
    delays: int
    limit_steps: int
    longest_steps: int

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.count} of {self.delays} delays shortened to {self.limit_steps} steps, the longest was "
            f"{self.longest_steps}"
        )


def with_delays(layers: Iterable[L], change: Callable[[Any], Any]) -> tuple[L, ...]:
    """``layers`` with every array of delays replaced by ``change(array)``.

    Args:
        layers: ``Layer`` or ``FloatLayer``; axonal delays and those of synapses, feed-forward and recurrent, are changed.
        change: function of an array of delays in steps, such as ``np.rint``.
    """
    return tuple(_changed(layer, lambda _, delay: change(delay)) for layer in layers)


def clip_delays(network: Network, limit_steps: int) -> tuple[Network, list[ClippedDelays]]:
    """The network with no delay longer than ``limit_steps``, and what was shortened."""
    layers: list[Any] = []
    found: list[ClippedDelays] = []
    for index, layer in enumerate(network.layers):
        name = f"layer {index} ({layer.kind})"

        def shortened(part: str, delay: IntArray, name: str = name) -> IntArray:
            count = int((delay > limit_steps).sum())
            if count:
                found.append(ClippedDelays(name + part, count, delay.size, limit_steps, int(delay.max())))
            return np.minimum(delay, limit_steps)

        layers.append(_changed(layer, shortened))
    return replace(network, layers=tuple(layers)), found


def _changed(layer: Any, change: Callable[[str, Any], Any]) -> Any:
    """A layer with its delays changed; ``change`` takes which they are, as a message has it after the layer's name."""
    back = layer.recurrent
    if back is not None:
        synapse = _synapse(back.synapse, ", recurrent synapses", change)
        back = replace(back, synapse=synapse, delay_steps=change(", recurrent", back.delay_steps))
    synapse = _synapse(layer.synapse, ", synapses", change)
    return replace(layer, synapse=synapse, delay_steps=change("", layer.delay_steps), recurrent=back)


def _synapse(synapse: Any, part: str, change: Callable[[str, Any], Any]) -> Any:
    delay = getattr(synapse, "delay_steps", None)  # convolutions have none
    return synapse if delay is None else replace(synapse, delay_steps=change(part, delay))
