"""What of a trained network's quantisation can be turned without training: pure functions, a network in, a network out.

Each changes one thing of the integers and leaves the rest; rounding is to the nearest, the half to the even multiple, as in
training, unless said otherwise.  What comes out is a valid ``Network``; whether a target can hold it is for the rules to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.checkpoint import Checkpoint, network_from_checkpoint
from myelin.convert.delays import clip_delays, with_delays
from myelin.convert.network import Network
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import DECAY_UNITY, WEIGHT_BITS
from myelin.hw_configs.weight_grid import on_grid

#: Bits of a decay in 1/4096.
DECAY_BITS = DECAY_UNITY.bit_length() - 1
Rounding = Literal["nearest", "floor", "ceil"]
#: How a fractional delay becomes a multiple of the grid.
ROUNDINGS: dict[Rounding, np.ufunc] = {"nearest": np.rint, "floor": np.floor, "ceil": np.ceil}


def with_weight_bits(network: Network, bits: int) -> Network:
    """Weights of every connection in ``bits`` bits with sign, on the power of two that suits the connection best::

        W <- 2^k clip( rint(W / 2^k), -2^(bits - 1), 2^(bits - 1) - 1 )

    k is that of 0..9 - bits with the least sum of squared errors, the smaller of two; large weights saturate where that is the
    lesser error.  Weights that fill -256..255 evenly get k = 9 - bits, the grid that training uses.

    Raises:
        ConfigError: not 1..8 bits.
    """
    _check("weight bits", bits, 1, WEIGHT_BITS)

    def best(weight: IntArray) -> IntArray:
        choices = [on_grid(weight, bits, 1 << exponent) for exponent in range(WEIGHT_BITS + 2 - bits)]
        return min(choices, key=lambda chosen: int(((weight.astype(np.int64) - chosen) ** 2).sum()))

    return _weights(network, best)


def with_weight_exponent(network: Network, exponent: int) -> Network:
    """Weights of all connections as multiples of ``2^exponent`` in -256..255: the grid ``2^(9 - bits)`` that training uses.

    Raises:
        ConfigError: not 1..8, which is 8 bits to 1.
    """
    _check("weight exponent", exponent, 1, WEIGHT_BITS)
    return _weights(network, lambda weight: on_grid(weight, WEIGHT_BITS + 1 - exponent))


def with_longest_delay(network: Network, most_steps: int) -> Network:
    """Delays of at most ``most_steps``: longer ones become that.

    Raises:
        ConfigError: less than 0.
    """
    _check("longest delay", most_steps, 0, None)
    return clip_delays(network, most_steps)[0]


def with_delay_grid(network: Network, grid_steps: int, most_steps: int | None = None) -> Network:
    """Delays as multiples of ``grid_steps``: ``d <- min( g rint(d / g), g floor(most_steps / g) )``.

    Args:
        network: to be changed.
        grid_steps: g.
        most_steps: longest delay of the target, which rounding up must not pass; None for no limit.

    Raises:
        ConfigError: a grid of less than 1, or a limit of less than 0.
    """
    _check("delay grid", grid_steps, 1, None)
    _check("longest delay", most_steps or 0, 0, None)

    def rounded(delay: IntArray) -> IntArray:
        steps = grid_steps * np.rint(delay / grid_steps).astype(np.int32)
        return steps if most_steps is None else np.minimum(steps, most_steps // grid_steps * grid_steps)

    return replace(network, layers=with_delays(network.layers, rounded))


def with_delay_rounding(checkpoint: Checkpoint, rounding: Rounding, most_steps: int | None = None) -> Network:
    """The exported network with the trained, fractional delays rounded another way to their grid, then clipped.

    Args:
        checkpoint: the trained run.
        rounding: of ROUNDINGS.
        most_steps: what delays were clipped to at export; None for no clipping.

    Raises:
        NetworkError: see ``network_from_checkpoint``.
    """
    grid = checkpoint.config["delay"].get("grid_steps", 1)
    whole = ROUNDINGS[rounding]
    tensors = {
        name: grid * whole(values / grid) if name.endswith("delay.delay") else values
        for name, values in checkpoint.tensors.items()
    }
    network = network_from_checkpoint(replace(checkpoint, tensors=tensors))
    return network if most_steps is None else with_longest_delay(network, most_steps)


def with_decay_bits(network: Network, bits: int) -> Network:
    """Decays of all states as multiples of ``2^(12 - bits)`` in 1/4096 per step.

    A decay below half a multiple becomes 0, which does not decay at all; targets that refuse that say so.

    Raises:
        ConfigError: not 1..12 bits.
    """
    _check("decay bits", bits, 1, DECAY_BITS)
    unit = 1 << (DECAY_BITS - bits)

    def rounded(decay: IntArray) -> IntArray:
        return unit * np.rint(decay / unit).astype(np.int32)

    return _neurons(network, "decay", rounded, states=True)


def with_threshold_scale(network: Network, factor: float) -> Network:
    """Thresholds of all neurons that spike times ``factor``, rounded.

    Raises:
        ConfigError: a negative factor.
    """
    if factor < 0:
        raise ConfigError(f"threshold factor is {factor:g}; 0 or more is allowed")
    return _neurons(network, "threshold", lambda threshold: round(threshold * factor), states=False)


def _check(what: str, value: int, low: int, high: int | None) -> None:
    if value < low or (high is not None and value > high):
        allowed = f"{low} or more" if high is None else f"{low}..{high}"
        raise ConfigError(f"{what}: {value}; {allowed} is allowed")


def _weights(network: Network, change: Callable[[IntArray], IntArray]) -> Network:
    def changed(synapse: Any) -> Any:
        return replace(synapse, weight=change(synapse.weight))

    layers = []
    for layer in network.layers:
        back = layer.recurrent
        if back is not None:
            back = replace(back, synapse=changed(back.synapse))
        layers.append(replace(layer, synapse=changed(layer.synapse), recurrent=back))
    return replace(network, layers=tuple(layers))


def _neurons(network: Network, role: str, change: Callable[[Any], Any], *, states: bool) -> Network:
    """Constants of that role changed; ``states``: in a readout of states too, whose threshold only keeps it silent."""
    layers = tuple(
        replace(layer, neuron=layer.neuron.with_role(role, change)) if states or layer.output == "spikes" else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)
