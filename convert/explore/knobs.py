"""Changes to the quantisation of a trained network that need no training: pure functions from network to network.

Each function changes one property of the integers and keeps the rest.  Unless stated otherwise, rounding is to the nearest
multiple, ties to even, as in training.  The result is a valid ``Network``; the rules check whether a target supports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.checkpoint import Checkpoint, network_from_checkpoint
from myelin.convert.delays import clip_delays, with_delays
from myelin.convert.network import Network
from myelin.hw_configs.errors import ConfigError, NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, WEIGHT_BITS
from myelin.hw_configs.weight_grid import on_grid

if TYPE_CHECKING:
    from myelin.convert.floats.network import FloatNetwork

#: Bits of a decay in 1/4096.
DECAY_BITS = DECAY_UNITY.bit_length() - 1
Rounding = Literal["nearest", "floor", "ceil"]
#: Methods of rounding a fractional delay to a multiple of the grid.
ROUNDINGS: dict[Rounding, np.ufunc] = {"nearest": np.rint, "floor": np.floor, "ceil": np.ceil}


def with_weight_bits(network: Network, bits: int) -> Network:
    """Requantise the weights of every connection to ``bits`` signed bits, with the best power of two for the connection::

        W <- 2^k clip( rint(W / 2^k), -2^(bits - 1), 2^(bits - 1) - 1 )

    k in 0..9 - bits has the least sum of squared errors; ties go to the smaller k.  Large weights saturate if that gives the
    smaller error.  Weights that fill -256..255 evenly get k = 9 - bits, the grid that training uses.

    Raises:
        ConfigError: ``bits`` is outside 1..8.
    """
    _check("weight bits", bits, 1, WEIGHT_BITS)

    def best(weight: IntArray) -> IntArray:
        choices = [on_grid(weight, bits, 1 << exponent) for exponent in range(WEIGHT_BITS + 2 - bits)]
        return min(choices, key=lambda chosen: int(((weight.astype(np.int64) - chosen) ** 2).sum()))

    return _weights(network, best)


def with_weight_exponent(network: Network, exponent: int) -> Network:
    """Round the weights of all connections to multiples of ``2^exponent`` in -256..255; training uses ``2^(9 - bits)``.

    Raises:
        ConfigError: ``exponent`` is outside 1..8, which stand for 8 bits down to 1.
    """
    _check("weight exponent", exponent, 1, WEIGHT_BITS)
    return _weights(network, lambda weight: on_grid(weight, WEIGHT_BITS + 1 - exponent))


def with_longest_delay(network: Network, most_steps: int) -> Network:
    """Clip all delays to at most ``most_steps``.

    Raises:
        ConfigError: ``most_steps`` is negative.
    """
    _check("longest delay", most_steps, 0, None)
    return clip_delays(network, most_steps)[0]


def with_delay_grid(network: Network, grid_steps: int, most_steps: int | None = None) -> Network:
    """Round delays to multiples of ``grid_steps``: ``d <- min( g rint(d / g), g floor(most_steps / g) )``.

    Args:
        network: the network; not changed.
        grid_steps: g, in steps.
        most_steps: longest delay of the target, an upper bound for the result; None for no limit.

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
    """The exported network with its trained fractional delays rounded by another method to their grid, then clipped.

    Args:
        checkpoint: the trained run.
        rounding: a key of ROUNDINGS.
        most_steps: limit to which delays were clipped at export; None for no clipping.

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


def with_float_delays(network: Network, floats: FloatNetwork, rounding: Rounding, most_steps: int | None = None) -> Network:
    """``network`` with the delays of the floats it was made from, rounded by another method to whole steps, then clipped.

    Raises:
        NetworkError: ``floats`` has other delays than ``network``: it was not made from them by rounding.
    """
    found: list[Any] = []

    def collect(delay: Any) -> Any:
        found.append(ROUNDINGS[rounding](delay))
        return delay

    with_delays(floats.layers, collect)
    given = iter(found)
    try:
        layers = with_delays(network.layers, lambda _: next(given))
    except (StopIteration, NetworkError) as error:
        raise NetworkError("the delays of the floats are not those of the network") from error
    if next(given, None) is not None:
        raise NetworkError("the delays of the floats are not those of the network")
    rounded = replace(network, layers=layers)
    return rounded if most_steps is None else with_longest_delay(rounded, most_steps)


def with_decay_bits(network: Network, bits: int) -> Network:
    """Round the decays of all states to multiples of ``2^(12 - bits)`` in 1/4096 per step.

    A decay below half a multiple becomes 0, so the state does not decay at all.  The rules report it if a target refuses that.

    Raises:
        ConfigError: ``bits`` is outside 1..12.
    """
    _check("decay bits", bits, 1, DECAY_BITS)
    unit = 1 << (DECAY_BITS - bits)

    def rounded(decay: IntArray) -> IntArray:
        return unit * np.rint(decay / unit).astype(np.int32)

    return _neurons(network, "decay", rounded, states=True)


def with_threshold_scale(network: Network, factor: float) -> Network:
    """Multiply the thresholds of all spiking neurons by ``factor``, and round.

    Raises:
        ConfigError: ``factor`` is negative.
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
    """Change the constants of a role; ``states``: also in a readout of states, whose threshold only keeps it silent."""
    layers = tuple(
        replace(layer, neuron=layer.neuron.with_role(role, change)) if states or layer.output == "spikes" else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)
