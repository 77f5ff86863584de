"""What must hold before a run: Lava itself drops, wraps or hangs where one of these does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.layers import Conv
from convert.network import Network, naming_layer
from convert.recording import Record
from hw_configs.errors import DataError, NetworkError
from hw_configs.fixed_point import BIAS_MANT_MAX, BIAS_MANT_MIN
from lava_models.build import input_mantissa
from lava_models.layers.connection import MAX_DELAY_STEPS
from lava_models.layers.conv import fits_conv_process
from lava_models.layers.dense import dense_delays

_NAMES = ("spikes", "u", "v")
#: Lava's fixed-point Conv wraps its sums to 24 bit signed (lava-nc ``proc/conv/models.py:77``).
_CONV_SUM_LIMIT = 1 << 23


def checked_spikes(network: Network, spikes: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """``spikes`` as (batch, steps, *input shape) int32.

    Raises:
        DataError: wrong type or shape, values the input cannot take, or sums that leave 32 bit.
    """
    values = np.asarray(spikes)
    shape = network.input.shape
    flat = (int(np.prod(shape)),)
    if values.dtype.kind not in "biu":
        raise DataError(f"spikes have dtype {values.dtype}; bool or integers are allowed: use .astype(numpy.uint8)")
    if values.ndim < 3 or values.shape[2:] not in (shape, flat):
        wanted = ", ".join(str(size) for size in shape)
        raise DataError(f"spikes have shape {values.shape}; (batch, steps, {wanted}) is allowed for this network")
    values = values.reshape(*values.shape[:2], *shape)
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low < 0 or high > network.input.max_value:
        cure = "spikes are never negative" if low < 0 else "count in finer time bins, clip to 1, or give the input message_bits"
        raise DataError(f"spikes lie in {low}..{high}, the network's input takes 0..{network.input.max_value}: {cure}")
    if network.input.neuron is not None:
        _check_mantissa(input_mantissa(network, np.array([low, high]).reshape(2, *[1] * len(shape))))
    elif high * network.layers[0].synapse.absolute_input_sum() >= 1 << 31:
        raise DataError(
            f"layer 0: spikes of up to {high} times weights that add up to {network.layers[0].synapse.absolute_input_sum()} "
            "leave 32 bit integers: use fewer message bits"
        )
    return np.ascontiguousarray(values, np.int32)


def checked_record(network: Network, record: Record) -> dict[int, tuple[str, ...]]:
    """``record`` with each entry a tuple; raises DataError where a layer or a name does not exist."""
    first = 0 if network.input.neuron is None else -1
    last = len(network.layers) - 1
    for index, names in record.items():
        if not first <= index <= last:
            raise DataError(f"record names layer {index}; this network has layers {first}..{last}")
        if isinstance(names, str) or any(name not in _NAMES for name in names):
            raise DataError(f"record of layer {index} is {names!r}; a tuple of {', '.join(map(repr, _NAMES))} is allowed")
    return {index: tuple(names) for index, names in record.items()}


def check_network(network: Network, largest: int) -> None:
    """Raise NetworkError, naming the layer, where Lava's processes would not compute what the network says.

    Args:
        network: what is to be run.
        largest: largest input value that occurs.
    """
    before: npt.NDArray[np.int32] = np.zeros(network.input.shape, np.int32)
    if network.input.neuron is not None:
        largest = 1
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            forward: npt.NDArray[Any] = before if isinstance(layer.synapse, Conv) else dense_delays(layer.synapse, before)
            _check_delays("longest delay", forward)
            if layer.recurrent is not None:
                axonal = np.broadcast_to(layer.recurrent.delay_steps, layer.shape)
                synapse = layer.recurrent.synapse
                _check_delays("longest recurrent delay", axonal if isinstance(synapse, Conv) else dense_delays(synapse, axonal))
            if isinstance(layer.synapse, Conv) and not before.any() and not fits_conv_process(layer.synapse, before):
                reach = largest * layer.synapse.absolute_input_sum()
                if reach >= _CONV_SUM_LIMIT:
                    raise NetworkError(
                        f"sums may reach {reach}, beyond the 24 bit of a convolution, and this one has a size above 127, which "
                        "Lava's Conv does not hold; use a smaller kernel or smaller weights"
                    )
        before, largest = layer.delays, 1


def _check_delays(what: str, delays: npt.NDArray[Any]) -> None:
    longest = int(delays.max(initial=0))
    if longest > MAX_DELAY_STEPS:
        raise NetworkError(
            f"{what} is {longest} steps (axonal and synaptic together), Lava holds {MAX_DELAY_STEPS}; retrain with "
            "max_delay_steps=62 or export with --clip-delays"
        )


def _check_mantissa(mantissa: npt.NDArray[np.int64]) -> None:
    if mantissa.min() < BIAS_MANT_MIN or mantissa.max() > BIAS_MANT_MAX:
        raise DataError(
            f"the input layer turns the spikes into biases of {mantissa.min()}..{mantissa.max()}, a 13 bit mantissa holds "
            f"{BIAS_MANT_MIN}..{BIAS_MANT_MAX}: scale the input down, or lower the layer's weight"
        )
