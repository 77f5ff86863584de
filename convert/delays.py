"""Change of all delays of a network at once, for integer networks and for float networks with fractional delays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.layers.dense import DELAY_LIMIT_STEPS
from myelin.hw_configs.argument_checks import whole
from myelin.hw_configs.errors import NetworkError

L = TypeVar("L")
N = TypeVar("N", bound=Any)


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
    longest_steps: float

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.count} of {self.delays} delays shortened to {self.limit_steps} steps, the longest was "
            f"{self.longest_steps:g}"
        )


def with_delays(layers: Iterable[L], change: Callable[[Any], Any]) -> tuple[L, ...]:
    """``layers`` with every array of delays replaced by ``change(array)``.

    Args:
        layers: ``Layer`` or ``FloatLayer``; axonal delays and those of synapses, feed-forward and recurrent, are changed.
        change: function of an array of delays in steps, such as ``np.rint``.
    """
    return tuple(_changed(layer, lambda _, delay: change(delay)) for layer in layers)


def clip_delays(network: N, limit_steps: int) -> tuple[N, list[ClippedDelays]]:
    """The network with no delay longer than ``limit_steps``, and what was shortened.

    A synaptic delay and the axonal delay before it count together, since chips store their sum with the synapse; the synaptic
    one is shortened further.

    Args:
        network: a ``Network`` or a ``FloatNetwork``.
        limit_steps: longest delay in steps.

    Raises:
        NetworkError: ``limit_steps`` is no whole number of 0 or more.
    """
    limit_steps = min(whole("clip_delays", limit_steps, error=NetworkError), DELAY_LIMIT_STEPS)
    layers: list[Any] = []
    found: list[ClippedDelays] = []
    before: Any = np.zeros((1, 1), np.int32)  # axonal delays of the population before, as a row
    for index, layer in enumerate(network.layers):
        back = layer.recurrent
        axonal = {", synapses": before}
        if back is not None:
            axonal[", recurrent synapses"] = _row(np.minimum(back.delay_steps, limit_steps), layer.shape)

        def shortened(
            part: str, delay: Any, name: str = f"layer {index} ({layer.kind})", axonal: dict[str, Any] = axonal
        ) -> Any:
            first = axonal.get(part, np.zeros((), np.int32))
            total = delay + first
            count = int((total > limit_steps).sum())
            if count:
                place = name + part + (" with their axonal delays" if first.any() else "")
                found.append(ClippedDelays(place, count, delay.size, limit_steps, total.max().item()))
            return np.minimum(delay, limit_steps - first)

        layers.append(_changed(layer, shortened))
        before = _row(layers[-1].delay_steps, layer.shape)
    return replace(network, layers=tuple(layers)), found


def _row(delay: Any, shape: Shape) -> Any:
    return np.broadcast_to(delay, shape).reshape(1, -1)


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
