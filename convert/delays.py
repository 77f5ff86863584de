"""Change of all delays of a network at once, for integer networks and for float networks with fractional delays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

L = TypeVar("L")


def with_delays(layers: Iterable[L], change: Callable[[Any], Any]) -> tuple[L, ...]:
    """``layers`` with every array of delays replaced by ``change(array)``.

    Args:
        layers: ``Layer`` or ``FloatLayer``; axonal delays and those of synapses, feed-forward and recurrent, are changed.
        change: function of an array of delays in steps, such as ``np.rint``.
    """
    return tuple(_changed(layer, change) for layer in layers)


def _changed(layer: Any, change: Callable[[Any], Any]) -> Any:
    back = layer.recurrent
    if back is not None:
        back = replace(back, synapse=_synapse(back.synapse, change), delay_steps=change(back.delay_steps))
    return replace(layer, synapse=_synapse(layer.synapse, change), delay_steps=change(layer.delay_steps), recurrent=back)


def _synapse(synapse: Any, change: Callable[[Any], Any]) -> Any:
    delay = getattr(synapse, "delay_steps", None)  # convolutions have none
    return synapse if delay is None else replace(synapse, delay_steps=change(delay))
