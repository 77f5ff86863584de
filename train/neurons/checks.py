"""The checks with which populations of neurons reject a constant; they raise ConfigError."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.argument_checks import is_integer, is_number
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.fixed_point import BIAS_EXP_MAX, DECAY_UNITY, WEIGHT_BITS, WEIGHT_SCALE
from myelin.train.config.target import THRESHOLD_LIMIT


def check_cuba(numbers: dict[str, float]) -> None:
    """Check the numbers of a CUBA population by name: threshold, decays, spread, bits of a weight, surrogate."""
    for name, value in numbers.items():
        if not is_number(value):
            raise ConfigError(f"{name} is {value!r}; a number is allowed")
    threshold, bits = numbers["threshold"], numbers["weight_bits"]
    if not 1 / WEIGHT_SCALE <= threshold < 64 or threshold * WEIGHT_SCALE != int(threshold * WEIGHT_SCALE):
        raise ConfigError(f"threshold is {threshold}; a multiple of 1/64 from 1/64 to below 64 is allowed")
    for name in ("current_decay", "voltage_decay", "spread"):
        if not 0.0 <= numbers[name] <= 1.0:
            raise ConfigError(f"{name} is {numbers[name]}; a fraction from 0 to 1 is allowed")
    for name in ("width", "scale"):
        if not 0.0 < numbers[name] < math.inf:
            raise ConfigError(f"{name} of the surrogate is {numbers[name]}; more than 0 is allowed")
    if not 2 <= bits <= WEIGHT_BITS:
        raise ConfigError(f"weight_bits is {bits}; 2..{WEIGHT_BITS} is allowed")


def decay_range(name: str, low: int | None, high: int | None) -> tuple[int, int]:
    """Range of a decay in 1/4096, checked."""
    least, most = 0 if low is None else low, DECAY_UNITY if high is None else high
    if not 0 <= least <= most <= DECAY_UNITY:
        raise ConfigError(f"{name} stays in {least}..{most}; a range within 0..{DECAY_UNITY} is allowed")
    return least, most


def check_decay(
    name: str, values: npt.NDArray[np.float64], channels: int, allowed: tuple[int, int], *, learnt: bool
) -> npt.NDArray[np.float64]:
    """``values`` of a decay, one for all or one per neuron or channel; one that is not learnt must lie in its range."""
    if values.ndim != 1 or values.size not in (1, channels):
        raise ConfigError(f"{name} has shape {values.shape}; (1,) or ({channels},) is allowed")
    if not np.isfinite(values).all():
        raise MyelinError(
            f"a {name} is NaN or infinite: training diverged; lower the learning rate of decays (train.decay_rate)"
        )
    if not learnt and (values.min() < allowed[0] or values.max() > allowed[1]):
        raise ConfigError(f"{name} is {spread_text(values)}; {allowed[0]}..{allowed[1]} (in 1/4096) is allowed")
    return values


def spread_text(values: npt.NDArray[np.floating]) -> str:
    """Smallest and largest value, or the only one."""
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low}..{high}"


def bias_size(bias: bool | str, exponent: int, shape: tuple[int, ...]) -> int:
    """Number of biases of a population of ``shape``; 0 without."""
    if not isinstance(bias, bool) and bias not in ("neuron", "channel"):
        raise ConfigError(f"bias is {bias!r}; True, False, 'neuron' or 'channel' is allowed")
    if bias == "channel" and len(shape) != 3:
        raise ConfigError(f"bias is 'channel' and the population {tuple(shape)} has no channels; 'neuron' is allowed")
    if not is_integer(exponent) or not 0 <= exponent <= BIAS_EXP_MAX:
        raise ConfigError(f"bias_exp is {exponent!r}; an integer from 0 to {BIAS_EXP_MAX} is allowed")
    if bias is False:
        return 0
    return shape[0] if bias == "channel" else math.prod(shape)


def threshold_limit(learn: bool, spiking: bool, threshold: float, most: int | None) -> int:
    """Largest learnt threshold in 1/64."""
    if not isinstance(learn, bool):
        raise ConfigError(f"learn_threshold is {learn!r}; True or False is allowed")
    if learn and not spiking:
        raise ConfigError("learn_threshold is True and the neurons do not spike; spiking=True is needed")
    if most is not None and (not is_integer(most) or not 1 <= most <= THRESHOLD_LIMIT):
        raise ConfigError(f"threshold_max is {most!r}; an integer from 1 to {THRESHOLD_LIMIT} (in 1/{WEIGHT_SCALE}) is allowed")
    limit = THRESHOLD_LIMIT if most is None else int(most)
    if learn and threshold * WEIGHT_SCALE > limit:
        raise ConfigError(f"threshold is {threshold:g}; with threshold_max={limit}, up to {limit / WEIGHT_SCALE:g} is allowed")
    return limit
