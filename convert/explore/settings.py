"""The settings to explore: every knob with its values, and pairs of weight bits and delay bits."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from myelin.convert.explore import knobs as turn
from myelin.convert.explore.knobs import DECAY_BITS
from myelin.convert.network import Network
from myelin.hw_configs.fixed_point import WEIGHT_BITS
from myelin.hw_configs.target import Target

#: Values of the knobs, coarse first; values for the longest delay are shares of the network's longest delay.
_WEIGHT_BITS = tuple(range(2, WEIGHT_BITS + 1))
_DELAY_BITS = (3, 4, 5, 6)
_DELAY_GRIDS_STEPS = (8, 4, 2, 1)
_LONGEST_EIGHTHS = tuple(range(9))
_DECAY_BITS = tuple(range(4, DECAY_BITS + 1))
_THRESHOLD_FACTORS = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25)


@dataclass(frozen=True, eq=False)
class KnobSetting:
    """A network for one value of a knob.

    Attributes:
        value: value of the knob.
        network: the resulting network.
        weight_bits: bits of a weight in memory; None for those of the target.
    """

    value: int | float | str
    network: Network
    weight_bits: int | None = None


@dataclass(frozen=True, eq=False)
class Knob:
    """One property that varies while the rest stays as exported.

    Attributes:
        name: name in JSON.
        title, unit: description, and the unit of its values.
        settings: settings from coarse to fine.
        left_out: reason for having no settings; empty if there are some.
    """

    name: str
    title: str
    unit: str
    settings: tuple[KnobSetting, ...]
    left_out: str = ""


def knobs(network: Network, target: Target, roundings: Mapping[str, Network] | str) -> list[Knob]:
    """Every knob with its settings for ``network``.

    Args:
        network: the network.
        target: the target; its longest delay limits rounding up to a grid.
        roundings: the network for each method of rounding its fractional delays; or the reason why there is none.
    """
    longest = network.max_delay_steps
    cuts = sorted({-(-longest * eighths // 8) for eighths in _LONGEST_EIGHTHS})
    limit = target.delay_steps_max
    return [
        Knob(
            "weight_bits",
            "bits of the weights, each connection on its own power of two",
            "bits",
            tuple(KnobSetting(bits, turn.with_weight_bits(network, bits), bits) for bits in _WEIGHT_BITS),
        ),
        Knob(
            "weight_exponent",
            "all weights in -256..255 as multiples of 2^exponent",
            "exponent",
            tuple(
                KnobSetting(exponent, turn.with_weight_exponent(network, exponent), WEIGHT_BITS + 1 - exponent)
                for exponent in range(WEIGHT_BITS - 1, 0, -1)
            ),
        ),
        Knob(
            "delay_bits",
            "bits of the delays: none longer than 2^bits - 1 steps",
            "bits",
            tuple(KnobSetting(bits, _delay_bits(network, bits, limit)) for bits in _DELAY_BITS),
        ),
        Knob(
            "delay_grid_steps",
            "delays as multiples of a grid",
            "steps",
            tuple(KnobSetting(grid, turn.with_delay_grid(network, grid, limit)) for grid in _DELAY_GRIDS_STEPS),
        ),
        Knob(
            "longest_delay_steps",
            "delays clipped to a longest one",
            "steps",
            tuple(KnobSetting(most, turn.with_longest_delay(network, most)) for most in cuts),
        ),
        _roundings(network, roundings),
        Knob(
            "decay_bits",
            "bits of the decays of current and voltage",
            "bits",
            tuple(KnobSetting(bits, turn.with_decay_bits(network, bits)) for bits in _DECAY_BITS),
        ),
        Knob(
            "threshold_factor",
            "threshold of the neurons that spike, times a factor",
            "factor",
            tuple(KnobSetting(factor, turn.with_threshold_scale(network, factor)) for factor in _THRESHOLD_FACTORS),
        ),
    ]


def combinations(network: Network, target: Target) -> tuple[list[tuple[int, int]], list[KnobSetting]]:
    """All pairs (weight bits, delay bits), and the setting for each pair."""
    pairs = list(itertools.product(_WEIGHT_BITS, _DELAY_BITS))
    limit = target.delay_steps_max
    settings = [
        KnobSetting(f"{weight}/{delay}", _delay_bits(turn.with_weight_bits(network, weight), delay, limit), weight)
        for weight, delay in pairs
    ]
    return pairs, settings


def _delay_bits(network: Network, bits: int, limit: int | None) -> Network:
    """Clip delays to the range of ``bits`` bits and to the target's ``limit``, which may be one less."""
    most = (1 << bits) - 1
    return turn.with_longest_delay(network, most if limit is None else min(most, limit))


def _roundings(network: Network, roundings: Mapping[str, Network] | str) -> Knob:
    """The roundings of delays; left out if rounding to the nearest does not reproduce the network.

    That happens if the network was changed since, or was not made by rounding.
    """
    name, title = "delay_rounding", "fractional delays rounded another way"
    if isinstance(roundings, str):
        return Knob(name, title, "", (), roundings)
    if content(roundings["nearest"]) != content(network):
        return Knob(name, title, "", (), "the network is not what its floats give with delays rounded to the nearest")
    return Knob(name, title, "", tuple(KnobSetting(mode, each) for mode, each in roundings.items()))


def content(network: Network) -> bytes:
    """A key that is equal for networks whose numbers are all equal."""
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if is_dataclass(value):
            for entry in fields(value):
                digest.update(entry.name.encode())
                add(getattr(value, entry.name))
        elif isinstance(value, np.ndarray):
            digest.update(repr(value.shape).encode() + value.astype(np.int64).tobytes())
        elif isinstance(value, tuple):
            digest.update(repr(len(value)).encode())
            for one in value:
                add(one)
        else:
            digest.update(repr(value).encode() + b";")

    add(network)
    return digest.digest()
