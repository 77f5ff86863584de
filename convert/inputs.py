"""What a backend is given: spikes and the wish list of a recording, checked against the network before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Input, Network
from myelin.convert.recording import Record
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import MESSAGE_BITS_MAX


def checked_spikes(network: Network, spikes: npt.ArrayLike) -> npt.NDArray[Any]:
    """``spikes`` as (batch, steps, *input shape), bool or integers.

    Raises:
        DataError: wrong type or shape, values the input cannot take, a bias of the input's neurons beyond its 13 bit, a value
            beyond what its delta encoders hold, or graded sums that leave 32 bit before the weight exponent acts: there
            Lava's own result means nothing.
    """
    try:
        values = np.asarray(spikes)
    except ValueError as error:  # nested lists of different lengths
        raise DataError(f"spikes are no array: {error}; samples of the same number of steps are allowed") from None
    shape = network.input.shape
    if values.dtype.kind not in "biu":
        raise DataError(f"spikes have dtype {values.dtype}; bool or integers are allowed: use .astype(numpy.uint8)")
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
    reach = network.layers[0].synapse.absolute_input_sum()
    if network.input.neuron is not None:
        extremes = input_values(network.input, _extremes(values))
        network.input.neuron.check_driven(extremes, network.input.weight)
    elif high * reach >= 1 << 31:
        raise DataError(
            f"layer 0: spikes of up to {high} times weights that add up to {reach} leave 32 bit integers: "
            "use fewer message bits"
        )
    return values


def _extremes(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Smallest and largest value of each input of ``values`` (batch, steps, *shape): (2, *shape)."""
    return np.stack([values.min(axis=(0, 1)), values.max(axis=(0, 1))])


def checked_record(network: Network, record: Record, without: tuple[str, ...] = ()) -> dict[int, tuple[str, ...]]:
    """``record`` with each entry a tuple: of the ``NAMES`` of the layer's neurons, less those ``without`` which a backend is.

    Raises:
        DataError: a layer does not exist or a name is not allowed.
    """
    first, last = 0 if network.input.neuron is None else -1, len(network.layers) - 1
    for index, names in record.items():
        if not first <= index <= last:
            raise DataError(f"record names layer {index}; this network has layers {first}..{last}")
        neuron = network.neuron(index)
        assert neuron is not None
        allowed = tuple(name for name in neuron.NAMES if name not in without)
        if isinstance(names, str) or any(name not in allowed for name in names):
            raise DataError(f"record of layer {index} is {names!r}; a tuple of {', '.join(map(repr, allowed))} is allowed")
    return {index: tuple(names) for index, names in record.items()}


def input_values(source: Input, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """What netx's input layer drives its neurons with for ``values`` (..., *shape): ``weight * x + bias``."""
    return values.astype(np.int64) * source.weight + source.bias
