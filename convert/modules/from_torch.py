"""The integer network of a torch module: exactly its values where it is quantised, calibrated on samples where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.floats.network import FloatLayer, FloatNetwork
from myelin.convert.modules import ours, sigma_delta, slayer
from myelin.convert.modules.known import full_name, in_evaluation, naming_module, require_unchanged, title
from myelin.convert.modules.reading import ReadBlock, ReadModule, exact_layer, integer_layer
from myelin.convert.modules.slayer_blocks.dropout import DROPOUTS
from myelin.convert.modules.walk import parts_of, unwrapped
from myelin.convert.network import Input, Layer, Network
from myelin.hw_configs.argument_checks import is_integer, shown
from myelin.hw_configs.errors import NetworkError

#: Modules that change nothing in evaluation.
_NOTHING = {"torch.nn.modules.linear.Identity", *DROPOUTS}
_READABLE = "blocks of myelin.nn and of slayer.block.cuba, torch.nn.Flatten(1, -2), Identity and Dropout can"


def from_torch(
    module: Any,
    input_shape: Shape | int,
    *,
    message_bits: int = 0,
    calibrate: Any = None,
    target: str = "loihi2",
    time_axis: TimeAxis | None = None,
) -> Network:
    """The integer network of a torch module; nothing of the module changes.

    Read are blocks of ``myelin.nn`` and lava-dl's ``slayer.block.cuba``, mixed in any order, in ``Sequential`` and
    ``ModuleList`` however nested, or in a module whose forward pass only calls them one after the other (it is run once to
    see that).
    Wherever the values of the forward pass are integers of the chip (as with SLAYER's ``pre_hook_fx=quantize_8bit`` and our
    blocks' ``quantise``, and with delays that are rounded), the network has exactly these.  Other blocks are quantised on
    ``calibrate``; the exact ones keep their integers.  Modules of snnTorch, Norse, SpikingJelly and Sinabs come through
    their own NIR exporters and are always calibrated.

    A block of lava-dl with ``delay_shift=False``, and an Affine block, has no step of latency.  The chip has one: the network's
    output is one step later for each.  ``myelin.compare`` takes that into account, and says it.

    Args:
        module: the module; its mode and state do not matter, since it is read as in evaluation, from rest.
        input_shape: shape of a sample without batch and time, (neurons,) or (channels, height, width).
        message_bits: as ``Input.message_bits``.
        calibrate: spikes on which floats are quantised, as ``compare`` takes them; None: floats are refused.
        target: name or path of the target whose integers calibration may use.
        time_axis: see ``frames_of``, for ``calibrate``.

    Raises:
        NetworkError: a part cannot be read, by its path; or it holds floats and ``calibrate`` is None.
        DataError: ``calibrate`` does not fit.
    """
    require_module(module)
    shape = checked_shape(input_shape)
    foreign = _package(module)
    if foreign is not None:
        return _from_foreign(unwrapped(module), shape, message_bits, foreign, calibrate, target, time_axis)
    read = read_module(module, shape, message_bits)
    exact: list[Layer | None] = []
    reason = ""
    for block in read.blocks:
        try:
            with naming_module(block.path, block.block):
                exact.append(exact_layer(block))
        except NetworkError as error:
            exact.append(None)
            reason = reason or str(error)
    layers = tuple(layer for layer in exact if layer is not None)
    if len(layers) == len(exact):
        return Network(read.source, layers, read.average_groups)
    if calibrate is None:
        raise NetworkError(f"{reason}; or give samples to quantise it on: calibrate=x")
    return _calibrated(read, frames_of(calibrate, read.source, time_axis=time_axis, name="calibrate"), target)


def require_module(module: Any) -> None:
    """Raise NetworkError unless ``module`` is a torch module."""
    if isinstance(module, type):
        raise NetworkError(f"module is the class {module.__name__}; an instance of it is allowed")
    if not hasattr(module, "named_modules") or not hasattr(module, "forward"):
        cure = "; put its blocks in a torch.nn.Sequential" if isinstance(module, list | tuple) else ""
        raise NetworkError(f"module is a {type(module).__name__}; a torch.nn.Module is allowed{cure}")


def read_module(module: Any, shape: Shape, message_bits: int = 0) -> ReadModule:
    """What the torch module ``module`` computes, block by block.

    Raises:
        NetworkError: it has no block with neurons, or a part cannot be read; names the part.
    """
    module = unwrapped(module)
    source = Input(shape, message_bits)
    found = ReadModule(source, source.shape)
    with in_evaluation(module):
        for path, part in parts_of(module, lambda: found.shape):
            with naming_module(path, part):
                _read(found, part, path)
    if not found.blocks:
        raise NetworkError(f"{title('', module)}: it has no block with neurons; {_READABLE.removesuffix(' can')} can be read")
    return found


def checked_shape(shape: Any) -> Shape:
    """``shape`` as a tuple of one or three sizes; NetworkError otherwise."""
    if is_integer(shape):
        sizes: tuple[Any, ...] = (shape,)
    else:  # a text is no shape, though its digits would be sizes
        sizes = tuple(shape) if isinstance(shape, Iterable) and not isinstance(shape, str | bytes) else ()
    if not all(is_integer(size) for size in sizes) or len(sizes) not in (1, 3) or min(sizes) < 1:
        raise NetworkError(
            f"input_shape is {shown(shape)}; (neurons,) or (channels, height, width) is allowed, without batch and time"
        )
    return tuple(int(size) for size in sizes)


def _read(found: ReadModule, part: Any, path: str) -> None:
    name = full_name(type(part))
    block = slayer.is_block(part) or ours.is_block(part)
    if block and found.blocks and found.blocks[-1].floats.output == "state":
        raise NetworkError(
            f"it follows {title(found.blocks[-1].path, found.blocks[-1].block)}, a readout of states, which must be last"
        )
    if block and any(read.block is part for read in found.blocks):
        raise NetworkError("it stands in the module twice; a block of its own for every layer is allowed")
    if slayer.is_block(part):
        slayer.read_into(found, part, path)
    elif ours.is_block(part):
        found.add(ours.read_block(part, path, found))
    elif sigma_delta.is_encoder(part):
        sigma_delta.read_delta(found, part)
    elif name == ours.FLATTEN:
        require_unchanged("it", part, type(part))
        found.shape = (int(np.prod(found.shape)),)
    elif name == ours.STEP_DELAY:
        require_unchanged("it", part, type(part))
        found.delay_input()
    elif name == "torch.nn.modules.flatten.Flatten":
        require_unchanged("it", part, type(part))
        _flatten(found, part)
    elif name in _NOTHING:
        require_unchanged("it", part, type(part))
    else:
        raise NetworkError(f"it cannot be read; {_READABLE}")


def _flatten(found: ReadModule, part: Any) -> None:
    dims = len(found.shape) + 2  # with batch and time
    start, end = (axis % dims if -dims <= axis < dims else axis for axis in (part.start_dim, part.end_dim))
    if (start, end) != (1, dims - 2):
        raise NetworkError(
            f"it flattens axes {part.start_dim} to {part.end_dim} of (batch, ..., steps), where 1 to {dims - 2} hold "
            "the neurons: use "
            "torch.nn.Flatten(1, -2)"
        )
    found.shape = (int(np.prod(found.shape)),)


def _package(module: Any) -> str | None:
    """The package of spiking neurons with a NIR exporter that ``module`` uses; None for our blocks and lava-dl's."""
    from myelin.train.foreign import package_of

    return package_of(module)


def _from_foreign(
    module: Any, shape: Shape, message_bits: int, package: str, calibrate: Any, target: str, time_axis: TimeAxis | None
) -> Network:
    from myelin.convert.modules.foreign import floats_of
    from myelin.convert.quantise.calibrate import quantise
    from myelin.convert.quantise.layer import Grid
    from myelin.hw_configs.target_files import load_target

    if calibrate is None:
        raise NetworkError(
            f"{title('', module)}: modules of {package} hold floats; give samples to quantise it on: calibrate=x"
        )
    frames = frames_of(calibrate, shape, time_axis=time_axis, name="calibrate")
    floats = floats_of(module, shape, message_bits, package, frames)
    return quantise(floats, frames, Grid.of(load_target(target))).network


def _calibrated(read: ReadModule, frames: Any, target: str) -> Network:
    from myelin.convert.quantise.calibrate import quantise
    from myelin.convert.quantise.layer import Grid
    from myelin.hw_configs.target_files import load_target

    if read.source.neuron is not None:
        raise NetworkError(
            "module: calibration takes spikes at the input, and the module begins with neurons there; build it without"
        )
    floats = FloatNetwork(
        read.source.shape, tuple(b.floats for b in read.blocks), read.source.message_bits, read.average_groups
    )
    kept = {
        index: (layer, float(block.scale)) for index, block in enumerate(read.blocks) if (layer := _kept(block)) is not None
    }
    return quantise(floats, frames, Grid.of(load_target(target)), kept=kept).network


def _kept(block: ReadBlock) -> Layer | None:
    """The block's integers without its axonal delay and with recurrent delays rounded; None if its weights are floats."""
    floats: FloatLayer = replace(block.floats, delay_steps=np.zeros(()))
    if floats.recurrent is not None:
        floats = replace(floats, recurrent=replace(floats.recurrent, delay_steps=np.rint(floats.recurrent.delay_steps)))
    try:
        return integer_layer(block, floats)
    except NetworkError:
        return None
