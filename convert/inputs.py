"""Checks of a backend's arguments, the spikes and the names to record, against the network before a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Input, Network
from myelin.convert.recording import Record
from myelin.hw_configs.argument_checks import is_integer, shown
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import MESSAGE_BITS_MAX, WEIGHT_SCALE


def checked_spikes(network: Network, spikes: npt.ArrayLike, reach: Callable[[], int] | None = None) -> npt.NDArray[Any]:
    """``spikes`` as (batch, steps, *input shape), bool or integers; floats are taken for delta encoders (``in_units``).

    Args:
        network: the network.
        spikes: the spikes.
        reach: ``absolute_input_sum`` of the first layer's weights, from a caller that remembers it.

    Raises:
        DataError: wrong type or shape, values outside the input's range, a bias of the input's neurons beyond 13 bits, a value
            outside the range of its delta encoders, or graded sums that exceed 32 bits before the weight exponent acts
            (Lava's result is then meaningless).
    """
    try:
        values = np.asarray(spikes)
    except ValueError as error:  # nested lists of different lengths
        raise DataError(f"spikes are no array: {error}; samples of the same number of steps are allowed") from None
    shape = network.input.shape
    values = in_units(network.input, values, "spikes")
    if values.dtype.kind not in "biu":
        raise DataError(
            f"spikes have dtype {values.dtype}; bool or integers are allowed: use .astype(numpy.uint8) if every value is one"
        )
    if values.ndim < 3 or values.shape[2:] not in (shape, (int(np.prod(shape)),)):
        wanted = ", ".join(str(size) for size in shape)
        raise DataError(f"spikes have shape {values.shape}; (batch, steps, {wanted}) is allowed for this network")
    values = values.reshape(*values.shape[:2], *shape)
    if not values.size:
        return values
    low, high = int(values.min()), int(values.max())
    if low < network.input.min_value or high > network.input.max_value:
        bits = max(-low, high).bit_length()
        wider = f", or give the network's input message_bits={bits}" if bits <= MESSAGE_BITS_MAX else ""
        cure = "spikes are never negative"
        if network.input.min_value < 0:
            cure = f"scale them down{wider}"
        elif low >= 0:
            cure = "count spikes in finer time bins or clip them to 1" + (
                wider and f"{wider}, if the target takes graded spikes"
            )
        allowed = f"{network.input.min_value}..{network.input.max_value}"
        raise DataError(f"spikes lie in {low}..{high}, the network's input takes {allowed}: {cure}")
    if network.input.neuron is not None:
        extremes = input_values(network.input, _extremes(values))
        network.input.neuron.check_driven(extremes, network.input.weight)
        return values
    total = (reach or network.layers[0].synapse.absolute_input_sum)()
    if high * total >= 1 << 31:
        raise DataError(
            f"layer 0: spikes of up to {high} times weights that add up to {total} leave 32 bit integers: "
            "use fewer message bits"
        )
    return values


def in_units(source: Input, values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Floats as the integers that delta encoders take, ``rint(64 x)``, in SLAYER's unit of 1/64; others unchanged.

    SLAYER's own input block then keeps the even ones of these integers.

    Raises:
        DataError: a float is NaN, infinite, or beyond 32 bit.
    """
    if values.dtype.kind != "f" or source.neuron is None or not source.neuron.SIGNED_INPUT:
        return values
    units = np.rint(values * float(WEIGHT_SCALE))
    wrong = ~(np.abs(units) < 2**31)
    if wrong.any():
        raise DataError(f"{name} hold {values[wrong].flat[0]:g}; delta encoders take values that are finite and below 2^25")
    return units.astype(np.int32)


def _extremes(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Smallest and largest value of each input element over batch and steps, (2, *shape), of (batch, steps, *shape)."""
    return np.stack([values.min(axis=(0, 1)), values.max(axis=(0, 1))])


def checked_record(network: Network, record: Record, without: tuple[str, ...] = ()) -> dict[int, tuple[str, ...]]:
    """``record`` with each entry as a tuple.

    The ``NAMES`` of the layer's neurons are allowed, except those in ``without``, which the backend cannot record.

    Raises:
        DataError: a layer does not exist or a name is not allowed.
    """
    first, last = 0 if network.input.neuron is None else -1, len(network.layers) - 1
    if not isinstance(record, Mapping):
        raise DataError(f"record is a {type(record).__name__}; layer -> names is allowed, such as {{0: ('spikes', 'v')}}")
    for index, names in record.items():
        if not is_integer(index) or not first <= index <= last:
            raise DataError(f"record names layer {shown(index)}; this network has layers {first}..{last}")
        neuron = network.neuron(index)
        assert neuron is not None
        allowed = tuple(name for name in neuron.NAMES if name not in without)
        listed = isinstance(names, Collection) and not isinstance(names, str) and all(isinstance(name, str) for name in names)
        if not listed or any(name not in allowed for name in names):
            raise DataError(f"record of layer {index} is {shown(names)}; a tuple of {', '.join(map(repr, allowed))} is allowed")
    return {index: tuple(names) for index, names in record.items()}


def input_values(source: Input, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Drive of the neurons in netx's input layer for ``values`` x (..., *shape): ``weight * x + bias``, int64."""
    return values.astype(np.int64) * source.weight + source.bias
