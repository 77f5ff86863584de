"""Reads lava-dl's SLAYER blocks, with the values of their forward pass; it needs no import of Lava.

Every block of ``slayer.block.cuba`` is read or refused by name, and so is everything on a block that changes what it computes.
SLAYER's forward pass clamps and floors delays and rounds decays, and so does this reader.  An Affine block, and any block with
``delay_shift=False``, has no step of latency; the chip has one, so the network's output comes a step later for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.modules.known import known_class, naming_module, numbers, require_unchanged, weight_of
from myelin.convert.modules.reading import ReadBlock, ReadModule, spread_values
from myelin.convert.modules.slayer_input import read_input
from myelin.convert.modules.slayer_neuron import read_neuron, require_plain_neuron
from myelin.convert.network import Input
from myelin.convert.netx.pool import pool_kernel
from myelin.hw_configs.errors import NetworkError

_BLOCK, _SYNAPSE = "lava.lib.dl.slayer.block.", "lava.lib.dl.slayer.synapse.layer."
_DELAY = "lava.lib.dl.slayer.axon.delay.Delay"
#: Blocks that can be read; Flatten and Average compute the same for every kind of neuron.
_KINDS = ("Input", "Flatten", "Dense", "Conv", "Pool", "Recurrent", "Affine", "Average")
_NEURONS = ("cuba", "alif", "rf", "rf_iz", "adrf", "adrf_iz", "sigma_delta")
_CLASSES = {f"{_BLOCK}cuba.{kind}": kind for kind in _KINDS} | {
    f"{_BLOCK}{neuron}.{kind}": kind for neuron in _NEURONS for kind in ("Flatten", "Average")
}


def is_block(module: object) -> bool:
    """Whether ``module`` is a block of lava-dl, or derived from one, supported or not."""
    return any(cls.__module__.startswith(_BLOCK) for cls in type(module).__mro__)


def read_into(found: ReadModule, block: Any, path: str, *, raw: bool = False) -> None:
    """Append to ``found`` what ``block`` computes.

    Args:
        found: what was read before it.
        block: a block of lava-dl.
        path: where it stands in the module.
        raw: read weights before ``pre_hook_fx``, and delays before their floor.

    Raises:
        NetworkError: the block has no counterpart, something on it changes its computation, or it does not fit.
    """
    known = known_class(block, _CLASSES)
    if known is None:
        raise NetworkError(f"it cannot be read; slayer.block.cuba's {', '.join(_KINDS)} can")
    kind = _CLASSES[f"{known.__module__}.{known.__qualname__}"]
    require_unchanged("it", block, known)
    if getattr(block, "count_log", False):
        raise NetworkError("it has count_log=True, so it returns a pair; build it with count_log=False")
    if found.average_groups is not None:
        raise NetworkError("it follows an Average block, which must be the last")
    if kind == "Average":
        found.average_groups = int(block.num_outputs)
    elif kind == "Flatten":
        found.shape = (int(np.prod(found.shape)),)
    elif kind == "Input":
        read_input(found, block)
    else:
        found.add(_block(block, kind, path, found, raw))


def floats_from_slayer(blocks: Iterable[Any], input_shape: Shape, message_bits: int = 0) -> FloatNetwork:
    """The float network of a chain of SLAYER blocks: the trained values before SLAYER's own quantisation.

    Delays may be fractions; SLAYER floors them in its forward pass, and ``FloatNetwork.map_delays(np.floor)`` does the same.

    Args:
        blocks: for example a ``torch.nn.ModuleList``; their shapes may still be unknown, so no forward pass is needed.
        input_shape: shape of the input, (neurons,) or (channels, height, width).
        message_bits: see ``Input.message_bits``.

    Raises:
        NetworkError: see ``read_into``.
    """
    source = Input(tuple(input_shape), message_bits)
    found = ReadModule(source, source.shape)
    for index, block in enumerate(blocks):
        with naming_module(str(index), block):
            if not is_block(block):
                raise NetworkError("it is no block of lava-dl")
            read_into(found, block, str(index), raw=True)
    if found.source.neuron is not None:
        raise NetworkError("the module begins with neurons in its input, which a float network does not have")
    return FloatNetwork(source.shape, tuple(read.floats for read in found.blocks), message_bits, found.average_groups)


def _block(block: Any, kind: str, path: str, found: ReadModule, raw: bool) -> ReadBlock:
    if getattr(block, "bias", None) is not None:
        raise NetworkError("it has a bias before the synapse filter, which neurons on the chip do not have; train without")
    neuron, affine = block.neuron, kind == "Affine"
    require_plain_neuron(neuron)
    recurrent = None
    synapse: FloatDense | FloatConv
    if kind == "Recurrent":
        if len(found.shape) != 1:
            raise NetworkError(f"what reaches it has shape {found.shape}; put a Flatten block before it")
        synapse, shape = _dense(block, block.input_synapse, "input_synapse", found, raw)
        own = _weights(block, block.recurrent_synapse, "recurrent_synapse", "Dense", raw)
        recurrent = FloatRecurrent(FloatDense(own.reshape(own.shape[:2])))
    elif kind == "Conv":
        synapse, shape = _conv(block, found, raw)
    elif kind == "Pool":
        synapse, shape = _pool(block, found, raw)
    else:
        synapse, shape = _dense(block, block.synapse, "synapse", found, raw)
    cuba = read_neuron(neuron, shape, spiking=not affine, dynamics=getattr(block, "dynamics", True))
    delay = np.zeros(()) if block.delay is None or affine else _delays(block.delay, shape, raw)
    lag = int(affine or not block.delay_shift)
    return ReadBlock(path, block, FloatLayer(shape, synapse, cuba, delay, recurrent), shape, int(neuron.w_scale), None, lag)


def _weights(block: Any, synapse: Any, name: str, kind: str, raw: bool) -> FloatArray:
    """The weights of a synapse, without the axis of time, as the forward pass uses them."""
    known = known_class(synapse, (_SYNAPSE + kind,))
    if known is None:
        raise NetworkError(f"its {name} is a {type(synapse).__name__} of {type(synapse).__module__}; {kind} can be read")
    require_unchanged(f"its {name}", synapse, known)
    if synapse.bias is not None:
        raise NetworkError(f"its {name} has a bias, which a connection on the chip does not have; train without")
    if synapse.stride[2] != 1 or synapse.padding[2] != 0 or synapse.dilation[2] != 1 or synapse.weight.shape[4] != 1:
        raise NetworkError(f"its {name} reaches over several steps; a kernel, stride and dilation of 1 in time is allowed")
    weight, mask = weight_of(synapse), getattr(block, "mask", None)
    if mask is not None:
        if "weight" not in synapse._parameters:
            raise NetworkError(
                f"it has a mask, which lava-dl does not apply to the normalised or parametrised weights of its {name}: "
                "remove the "
                "norm first, as with synapse.disable_weight_norm()"
            )
        weight = weight * mask
    hook = synapse.pre_hook_fx
    if raw or hook is None:
        return numbers(weight)[..., 0]
    values = numbers(hook(weight))
    if not np.array_equal(values, numbers(hook(weight)), equal_nan=True):
        raise NetworkError(
            f"the pre_hook_fx of its {name} gives other weights in every call; a quantisation without noise is allowed"
        )
    return values[..., 0]


def _dense(block: Any, synapse: Any, name: str, found: ReadModule, raw: bool) -> tuple[FloatDense, Shape]:
    weight = _weights(block, synapse, name, "Dense", raw)  # (out, C, H, W)
    shape = found.shape
    if len(shape) == 3:
        if weight.shape[2:] != shape[1:]:
            raise NetworkError(
                f"what reaches it has shape {shape}, and SLAYER applies it at every position; put a Flatten block before it"
            )
        target: Shape = (weight.shape[0], 1, 1)
    else:
        if weight.shape[2:] != (1, 1):
            raise NetworkError(f"its weights are for an image of {weight.shape[1:]}, what reaches it has shape {shape}")
        target = (weight.shape[0],)
    dense = FloatDense(weight.reshape(weight.shape[0], -1))
    dense.output_shape(shape)
    return dense, target


def _image(found: ReadModule) -> tuple[int, int, int]:
    if len(found.shape) != 3 or found.population != found.shape:
        raise NetworkError(f"what reaches it has shape {found.shape}; (channels, height, width) is expected")
    return found.shape[0], found.shape[1], found.shape[2]


def _conv(block: Any, found: ReadModule, raw: bool) -> tuple[FloatConv, Shape]:
    _image(found)
    weight = _weights(block, block.synapse, "synapse", "Conv", raw)
    geometry = {name: tuple(getattr(block.synapse, name)[:2]) for name in ("stride", "padding", "dilation")}
    synapse = FloatConv(weight, **geometry, groups=int(block.synapse.groups))
    return synapse, synapse.output_shape(found.shape)


def _pool(block: Any, found: ReadModule, raw: bool) -> tuple[FloatConv, Shape]:
    """Pooling as a convolution within each channel."""
    channels, *size = _image(found)
    weight = _weights(block, block.synapse, "synapse", "Pool", raw)  # (1, 1, H, W)
    stride, padding, dilation = (
        (int(pair[0]), int(pair[1])) for pair in (getattr(block.synapse, name) for name in ("stride", "padding", "dilation"))
    )
    kernel, pads = pool_kernel(weight, channels, (size[0], size[1]), stride, padding, dilation)
    synapse = FloatConv(kernel, stride, pads, dilation, groups=channels)
    return synapse, synapse.output_shape(found.shape)


def _delays(delay: Any, shape: Shape, raw: bool) -> FloatArray:
    known = known_class(delay, (_DELAY,))
    if known is None:
        raise NetworkError(f"its delay is a {type(delay).__name__}; slayer.axon.Delay can be read")
    require_unchanged("its delay", delay, known)
    if delay.sampling_time != 1:
        raise NetworkError(f"its delay has sampling_time={delay.sampling_time}; 1 is allowed, so that delays are in steps")
    values = numbers(delay.delay)
    if not np.isfinite(values).all():
        raise NetworkError("its delay is NaN or infinite: training diverged; train again with a smaller learning rate")
    if not delay.init:
        if values.any():
            raise NetworkError(
                "its delay has not run yet, and its first forward pass replaces the values set; run the module once, "
                "then set them"
            )
        return np.zeros(())  # the first forward pass draws delays of 0..1, which it floors
    values = values.clip(0, delay.max_delay)
    return spread_values(values if raw else np.floor(values), shape, "delays")
