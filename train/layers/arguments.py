"""What the constructors of all blocks share: neurons and delays given in several ways, and the checks of sizes."""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any

from myelin.hw_configs.argument_checks import is_integer, is_number
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.target_files import load_target
from myelin.train.config.axes import Extent as Extent
from myelin.train.config.axes import on_axes
from myelin.train.delay import AxonalDelay
from myelin.train.neurons import Cuba, Neuron

#: Size of a population: neurons in a row, or (channels, height, width).
Size = int | tuple[int, int, int]


#: How a block is given its neurons: nothing, constants by name, or the population itself.
GivenNeuron = Neuron | Mapping[str, Any] | None

#: Blocks whose neurons share their weights within a channel, and so a bias.
_SHARING = ("Conv", "Pool")
#: The keywords of ``Cuba``, which every block passes on.
_CONSTANTS = tuple(name for name in inspect.signature(Cuba.__init__).parameters if name not in ("self", "shape"))


@functools.cache
def longest_delay() -> int:
    """Longest delay in steps where a block is given none: the limit of the target ``loihi2``."""
    limit = load_target("loihi2").delay_steps_max
    assert limit is not None
    return limit


def count(block: str, name: str, value: object, low: int = 1) -> int:
    """``value`` as a checked integer of at least ``low``; raises ConfigError."""
    if not is_integer(value) or value < low:
        raise ConfigError(f"{block}: {name} is {value!r}; an integer of at least {low} is allowed")
    return int(value)


def real(block: str, name: str, value: object) -> float:
    """``value`` as a checked, finite number; raises ConfigError."""
    if not is_number(value) or not math.isfinite(value):
        raise ConfigError(f"{block}: {name} is {value!r}; a finite number is allowed")
    return float(value)


def extent(block: str, name: str, value: object, height: int, low: int = 1) -> tuple[int, int]:
    """(vertical, horizontal) from one number or a pair; one number on a single row has no vertical part.

    Args:
        block: name for messages.
        name: of the argument.
        value: as the caller gave it.
        height: rows of the population.
        low: smallest number allowed; 0 for a padding.
    """
    whole = is_integer(value)
    pair = (value, value) if whole else tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) != 2 or any(not is_integer(size) or size < low for size in pair):
        raise ConfigError(
            f"{block}: {name} is {value!r}; an integer of at least {low}, or a pair (vertical, horizontal), is allowed"
        )
    if not whole:
        return int(pair[0]), int(pair[1])
    vertical, horizontal = on_axes(int(pair[0]), height)
    return (0 if height == 1 and low == 0 else vertical), horizontal


def population(block: str, neurons: object, channels: int = 1) -> tuple[int, ...]:
    """Shape of a population given as a number of ``neurons``, cut into ``channels`` of one row each, or as (C, H, W)."""
    if isinstance(neurons, tuple | list):
        shape = tuple(count(block, "neurons", size) for size in neurons)
        if len(shape) not in (1, 3):
            raise ConfigError(f"{block}: neurons is {neurons!r}; a number, (neurons,) or (channels, height, width) is allowed")
        if channels != 1:
            raise ConfigError(f"{block}: channels is {channels} and neurons the shape {shape}; give one of both")
        return shape
    whole, parts = count(block, "neurons", neurons), count(block, "channels", channels)
    if whole % parts:
        raise ConfigError(f"{block}: channels is {parts}; a divisor of the {whole} neurons is allowed")
    return (whole,) if parts == 1 else (parts, 1, whole // parts)


def input_size(block: str, inputs: object) -> int:
    """Number of inputs, given as such or as the shape of the previous population."""
    if isinstance(inputs, tuple | list):
        return math.prod(count(block, "inputs", size) for size in inputs)
    return count(block, "inputs", inputs)


def spatial_shape(block: str, given: object, channels: int | None = None) -> tuple[int, int, int]:
    """(channels, height, width) of a convolution's input; (N,) is a single row of one channel."""
    if isinstance(given, tuple | list) and len(given) in (1, 3):
        shape = tuple(count(block, "input_shape", size) for size in given)
        chw = shape if len(shape) == 3 else (1, 1, *shape)
        if channels is not None and chw[0] != channels:
            raise ConfigError(
                f"{block}: in_channels is {channels} and input_shape {tuple(given)}, which has {chw[0]} channel"
                f"{'s' * (chw[0] != 1)}; give the same number"
            )
        return chw[0], chw[1], chw[2]
    raise ConfigError(f"{block}: input_shape is {given!r}; (channels, height, width), or (neurons,) for a row, is allowed")


def neuron_of(block: str, shape: tuple[int, ...], given: GivenNeuron, constants: Mapping[str, Any], **defaults: Any) -> Neuron:
    """The population of ``shape``: ``given``, or CUBA neurons with ``constants`` over ``defaults``.

    Raises:
        ConfigError: an unknown name, both forms at once, or a population of another size.
    """
    if isinstance(given, Neuron):
        if constants:
            raise ConfigError(f"{block}: got neuron= and {', '.join(constants)}; set the constants of the neuron given")
        if given.neurons != math.prod(shape):
            raise ConfigError(f"{block}: neuron has shape {tuple(given.shape)}; a population of {shape} is needed")
        return given
    if given is not None and not isinstance(given, Mapping):
        kind = type(given)
        raise ConfigError(
            f"{block}: neuron is a {kind.__module__}.{kind.__qualname__}; myelin.nn.Cuba, or its constants by name, is allowed"
        )
    chosen = {**(given or {}), **constants}
    for name in chosen:
        if name == "graded_spike":
            raise ConfigError(f"{block}: graded_spike is {chosen[name]!r}; Lava's LIF sends spikes of 0 or 1: leave it out")
        if name not in _CONSTANTS:
            options = (*_CONSTANTS, "delay", "max_delay", "norm", "neuron", "gain", "dropout", "quantise")
            near = difflib.get_close_matches(str(name), options, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(f"{block} has no argument {name!r}; {hint}a neuron's constants are {', '.join(_CONSTANTS)}")
    constants = {**defaults, **chosen}
    if constants.get("bias") is True and block in _SHARING:
        constants["bias"] = "channel"
    return Cuba(shape, **constants)


def delay_of(
    block: str, given: object, size: int, max_delay: int | None, name: str = "delay", *, required: bool = False
) -> AxonalDelay | None:
    """Axonal delays as a block was given them: True (``size`` of them, learnt), an ``AxonalDelay``, or False.

    They start uniformly between 0 and half of ``max_delay``, the limit of ``loihi2`` if it is None.

    Args:
        block: name for messages.
        given: the argument.
        size: number of delays for True.
        max_delay: longest delay in steps.
        name: of the argument.
        required: whether False gives delays of 0 that are not learnt, instead of None.
    """
    if isinstance(given, AxonalDelay):
        if max_delay is not None and given.max_delay != max_delay:
            raise ConfigError(
                f"{block}: max_delay is {max_delay} and {name} an AxonalDelay up to {given.max_delay} steps; give one"
            )
        return given
    if given is not None and not isinstance(given, bool):
        raise ConfigError(
            f"{block}: {name} is {given!r}; True, False or a myelin.nn.AxonalDelay is allowed: delays that are not learnt are "
            "AxonalDelay(..., learn=False)"
        )
    if not (given or required):
        if max_delay is not None:
            raise ConfigError(f"{block}: max_delay is {max_delay} and {name} False; pass {name}=True for learnable delays")
        return None
    most = longest_delay() if max_delay is None else count(block, "max_delay", max_delay, 0)
    return AxonalDelay(size, max_delay=most, high=most / 2 if given else 0.0, learn=bool(given))
