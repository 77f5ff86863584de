"""lava-dl's SLAYER blocks as a ``FloatNetwork``: the trained values before SLAYER's own quantisation.

The reader supports chains of ``slayer.block.cuba``: Input (without neurons), Flatten, Dense, Conv, Recurrent, Affine and
Average blocks.  It takes weights before ``pre_hook_fx``, decays, thresholds and axonal delays.  Delays may be fractions;
SLAYER floors them in its forward pass, and ``FloatNetwork.map_delays(np.floor)`` does the same.  An Affine block is a readout
of states.  SLAYER gives it its input without the step of latency, so its voltages are one step later here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.network import naming_layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY

Shape = tuple[int, ...]
_KINDS = ("Input", "Flatten", "Dense", "Conv", "Recurrent", "Affine", "Average")


def floats_from_slayer(blocks: Iterable[Any], input_shape: Shape, message_bits: int = 0) -> FloatNetwork:
    """The float network of a chain of SLAYER blocks.

    Args:
        blocks: for example a ``torch.nn.ModuleList``; their shapes may still be unknown, so no forward pass is needed.
        input_shape: shape of the input, (neurons,) or (channels, height, width).
        message_bits: see ``Input.message_bits``.

    Raises:
        NetworkError: a block has an unsupported kind, has a bias (SLAYER adds it before the synapse filter), or does not fit.
    """
    shape, average = tuple(input_shape), None
    layers: list[FloatLayer] = []
    for index, block in enumerate(blocks):
        kind = type(block).__name__
        neuron = getattr(block, "neuron", None)
        if kind not in _KINDS or (kind == "Input" and neuron is not None):
            raise NetworkError(f"block {index} ({kind}) cannot be read; {', '.join(_KINDS)} can, an Input without neurons")
        if neuron is not None and not hasattr(neuron, "voltage_decay"):
            raise NetworkError(f"block {index} ({kind}) has {type(neuron).__module__} neurons; CUBA neurons can be read")
        if average is not None:
            raise NetworkError(f"block {index} ({kind}) follows an Average block, which must be the last")
        if kind == "Average":
            average = int(block.num_outputs)
        elif kind == "Flatten":
            shape = (int(np.prod(shape)),)
        elif kind != "Input":
            with naming_layer(len(layers), kind):
                layers.append(_layer(block, kind, shape))
            shape = layers[-1].shape
    return FloatNetwork(tuple(input_shape), tuple(layers), message_bits, average)


def _layer(block: Any, kind: str, before: Shape) -> FloatLayer:
    if getattr(block, "bias", None) is not None:
        raise NetworkError("has a bias before the synapse filter; a float network adds it to the voltage: train without")
    if not getattr(block, "delay_shift", True) and kind != "Affine":
        raise NetworkError("has delay_shift=False, so no step of latency, which the chip has; train with delay_shift=True")
    recurrent = None
    synapse: FloatDense | FloatConv
    if kind == "Conv":
        weight = _numbers(block.synapse.weight)[..., 0]
        geometry = {name: tuple(getattr(block.synapse, name)[:2]) for name in ("stride", "padding", "dilation")}
        synapse = FloatConv(weight, **geometry, groups=int(block.synapse.groups))
        shape = synapse.output_shape(before)
    else:
        synapse = FloatDense(_matrix(block.input_synapse if kind == "Recurrent" else block.synapse))
        shape = synapse.output_shape(before)
        if kind == "Recurrent":
            recurrent = FloatRecurrent(FloatDense(_matrix(block.recurrent_synapse)))
    neuron = block.neuron
    names = ("current_decay", "voltage_decay")
    current, voltage = (_spread(_numbers(getattr(neuron, name)) / DECAY_UNITY, shape) for name in names)
    if not getattr(block, "dynamics", True):  # the weighted sum alone
        current = voltage = np.ones(())
    delay = np.zeros(())
    if block.delay is not None and kind != "Affine":
        delay = _spread(_numbers(block.delay.delay).clip(0, None), shape)
    threshold = None if kind == "Affine" else float(np.asarray(neuron.threshold))
    return FloatLayer(shape, synapse, FloatCuba(threshold, current, voltage), delay, recurrent)


def _numbers(tensor: Any) -> FloatArray:
    values: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return values.astype(np.float64)


def _matrix(synapse: Any) -> FloatArray:
    weight = _numbers(synapse.weight)
    return weight.reshape(weight.shape[:2])


def _spread(values: FloatArray, shape: Shape) -> FloatArray:
    """``values`` broadcastable to ``shape``: one for all, one per neuron, or one per channel."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape(shape) if values.size == int(np.prod(shape)) else values.reshape(-1, *(1,) * (len(shape) - 1))
