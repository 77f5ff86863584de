"""Reads lava-dl's SLAYER blocks, with the values of their forward pass; it needs no import of Lava.

Every block is read or refused by name, and so is everything on a block that changes what it computes: ``slayer_neurons`` has
the classes of neurons, ``slayer_blocks.attributes`` the attributes.  SLAYER's forward pass clamps and floors delays and rounds
decays, and so does this reader.  An Affine block, and any block with ``delay_shift=False``, has no step of latency; the chip
has one, so the network's output comes a step later for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.modules import ours
from myelin.convert.modules.known import full_name, known_class, naming_module, require_unchanged
from myelin.convert.modules.reading import ReadModule
from myelin.convert.modules.slayer_blocks.attributes import BLOCKS, require_considered
from myelin.convert.modules.slayer_blocks.layers import read_layer
from myelin.convert.modules.slayer_neurons.contract import SlayerNeuron
from myelin.convert.modules.slayer_neurons.registry import SLAYER_NEURONS
from myelin.convert.network import Input
from myelin.hw_configs.errors import NetworkError

_BLOCK = "lava.lib.dl.slayer.block."
#: Blocks without neurons, which compute the same in every package of blocks.
_PLAIN = ("Flatten", "Average")
_PACKAGES = ("cuba", "alif", "rf", "rf_iz", "adrf", "adrf_iz", "sigma_delta")
#: Full name of a class -> its package and its kind.
_CLASSES = {f"{_BLOCK}{package}.{kind}": (package, kind) for package in _PACKAGES for kind in _PLAIN} | {
    f"{_BLOCK}{package}.{kind}": (package, kind) for package, entry in SLAYER_NEURONS.items() for kind in entry.readable
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
        raise NetworkError(f"it cannot be read; {readable()} can")
    package, kind = _CLASSES[f"{known.__module__}.{known.__qualname__}"]
    require_unchanged("it", block, known)
    if kind in BLOCKS:
        require_considered("it", block, known, BLOCKS[kind])
    if found.average_groups is not None:
        raise NetworkError("it follows an Average block, which must be the last")
    if kind == "Average":
        found.average_groups = int(block.num_outputs)
    elif kind == "Flatten":
        if block.shape is None and len(found.shape) != 3:
            raise NetworkError(f"what reaches it has shape {found.shape}, on which lava-dl's Flatten fails; leave it out")
        found.shape = (int(np.prod(found.shape)),)
    else:
        _read_neurons(SLAYER_NEURONS[package], found, block, kind, path, raw)


def _read_neurons(entry: SlayerNeuron, found: ReadModule, block: Any, kind: str, path: str, raw: bool) -> None:
    own = entry.own_blocks.get(kind)
    if own is not None:
        own(entry, found, block, path, raw)
    else:
        read_layer(entry, found, block, kind, path, raw=raw)


def readable() -> str:
    """The blocks of lava-dl that can be read, in messages."""
    texts = [f"slayer.block.{package}'s {', '.join(entry.readable)}" for package, entry in SLAYER_NEURONS.items()]
    return "; ".join(texts)


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
            if full_name(type(block)) == ours.STEP_DELAY:
                require_unchanged("it", block, type(block))
                found.delay_input()
                continue
            if not is_block(block):
                raise NetworkError("it is no block of lava-dl")
            read_into(found, block, str(index), raw=True)
    if found.source.neuron is not None:
        raise NetworkError("the module begins with neurons in its input, which a float network does not have")
    return FloatNetwork(source.shape, tuple(read.floats for read in found.blocks), message_bits, found.average_groups)
