"""What is read from a module: one ``ReadBlock`` for each block, in floats, and the integers that are exactly these floats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatComplex, FloatConv, FloatDense, FloatLayer
from myelin.convert.floats.neuron import FloatArray, whole_values
from myelin.convert.layers import DelayedRecurrent, Dense, Synapse
from myelin.convert.network import Input, Layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import WEIGHT_MAX, WEIGHT_SCALE
from myelin.hw_configs.shapes import as_chw


@dataclass(frozen=True, eq=False)
class ReadBlock:
    """A block with neurons, read with the values that its forward pass uses.

    Attributes:
        path, block: where it stands in the module, and the block itself.
        floats: the layer, in the block's unit.
        shape: of the tensor that it returns, without batch and time; ``floats.shape`` is that of its population.
        scale: integer weight that equals 1 in the block's unit.
        soft: why its integers are not exactly what it computes although each value is one, or None: its delays are still
            spread, or not rounded; or lava-dl rounds a norm otherwise.
        lag: steps by which the block's output comes earlier than the layer's: 1 without the step of latency, else 0.
    """

    path: str
    block: Any
    floats: FloatLayer
    shape: Shape
    scale: int = WEIGHT_SCALE
    soft: str | None = None
    lag: int = 0

    @property
    def arrangeable(self) -> bool:
        """Whether its neurons stand in a row that may also be a grid, since no convolution leads to them."""
        own = self.floats.recurrent
        return (
            len(self.floats.shape) == 1
            and isinstance(self.floats.synapse, FloatDense)
            and (own is None or isinstance(own.synapse, FloatDense))
        )

    @property
    def output_scale(self) -> int:
        """The integer that 1 in the block's output becomes, of spikes or of the state of a readout."""
        return self.floats.neuron.output_scale(self.scale)


@dataclass(eq=False)
class ReadModule:
    """What was read of a module so far.

    Attributes:
        source: the network's input.
        shape: of the tensor that the next block gets, without batch and time.
        blocks: the blocks with neurons, in order.
        average_groups: as ``Network.average_groups``.
        lag: steps by which the output comes earlier than that of the network; negative if it comes later.
        input_delayed: whether it begins with a step of latency, before the first block.
        input_step: the module's input that the integer 1 at the network's input stands for.
    """

    source: Input
    shape: Shape
    blocks: list[ReadBlock] = field(default_factory=list)
    average_groups: int | None = None
    lag: int = 0
    input_delayed: bool = False
    input_step: float = 1.0

    @property
    def population(self) -> Shape:
        """Shape of the population before the next block, which a flattened tensor has lost."""
        return self.blocks[-1].floats.shape if self.blocks else self.source.shape

    def arrange(self, shape: tuple[int, int, int]) -> None:
        """Let the population before the next block have channels, height and width as that block reads it.

        Raises:
            NetworkError: it has another number of neurons, or another arrangement of its own.
        """
        now = self.population
        if as_chw(now) == shape:
            return
        if np.prod(now) != np.prod(shape) or not self.blocks or not self.blocks[-1].arrangeable:
            cure = "" if self.blocks or np.prod(now) != np.prod(shape) else f": give input_shape={shape}"
            raise NetworkError(f"it reads a population of shape {shape}, and what reaches it has shape {now}{cure}")
        self.blocks[-1] = replace(self.blocks[-1], floats=arranged(self.blocks[-1].floats, shape))

    def delay_input(self) -> None:
        """Take a step of latency before the first block for that of its connection.

        Raises:
            NetworkError: something stands before it.
        """
        if self.blocks or self.source.neuron is not None or self.input_delayed:
            raise NetworkError("it stands behind other blocks; a step of latency of its own is allowed before the first")
        self.input_delayed, self.lag = True, self.lag - 1

    def add(self, block: ReadBlock) -> None:
        """Append a block.

        Raises:
            NetworkError: graded messages reach neurons that take spikes, or the other way round.
        """
        source = self.source.neuron
        sent = self.blocks[-1].output_scale if self.blocks else 1 if source is None else source.spike_scale
        takes, given = block.floats.neuron.takes_messages, sent != 1
        if takes and not given:
            raise NetworkError(
                "its neurons sum graded messages, of which 4096 are 1, and spikes reach them; begin with delta encoders: "
                "myelin.nn.Delta, or slayer.block.sigma_delta.Input"
            )
        if given and not takes:
            raise NetworkError(
                f"its neurons take spikes, and graded messages reach them, of which {sent} are 1; sigma-delta neurons may "
                "follow"
            )
        self.blocks.append(block)
        self.shape, self.lag = block.shape, self.lag + block.lag


def exact_layer(read: ReadBlock) -> Layer:
    """The layer whose integers are exactly the values of the block.

    Raises:
        NetworkError: a value is not an integer of the chip; the message says which.
    """
    if read.soft is not None:
        raise NetworkError(read.soft)
    return integer_layer(read, read.floats)


def integer_layer(read: ReadBlock, floats: FloatLayer) -> Layer:
    """As ``exact_layer``, for ``floats`` of the block, whose delays may be rounded otherwise."""
    recurrent = None
    if floats.recurrent is not None:
        delay = whole_values("recurrent delays", floats.recurrent.delay_steps, "steps")
        recurrent = DelayedRecurrent(_synapse("recurrent weights", floats.recurrent.synapse, read.scale), delay)
    neuron = floats.neuron.exact(read.scale)
    synapse = _synapse("weights", floats.synapse, read.scale)
    delay = whole_values("delays", floats.delay_steps, "steps")
    return Layer(floats.shape, synapse, neuron, delay, recurrent, floats.output)


def _synapse(name: str, floats: FloatDense | FloatConv | FloatComplex, scale: int) -> Synapse:
    weight = whole_values(name, floats.weight * scale, f"multiples of 1/{scale}")
    if not isinstance(floats, FloatDense):
        return floats.quantised(weight)
    exponent = 0
    while np.abs(weight).max(initial=0) > WEIGHT_MAX and not np.any(weight & 1):  # only a dense connection has an exponent
        weight, exponent = weight >> 1, exponent + 1
    return Dense(weight, exponent)


def arranged(layer: FloatLayer, shape: Shape) -> FloatLayer:
    """``layer``, whose neurons stand in a row, with the same neurons in C order on a grid of ``shape``."""

    def grid(values: FloatArray) -> FloatArray:
        return values if values.ndim == 0 else values.reshape(shape)

    neuron = layer.neuron
    neuron = replace(neuron, **{name: grid(getattr(neuron, name)) for name, _, _ in neuron.CONSTANTS})  # type: ignore[type-var]
    own = layer.recurrent
    own = None if own is None else replace(own, delay_steps=grid(own.delay_steps))
    return FloatLayer(shape, layer.synapse, neuron, grid(layer.delay_steps), own)


def spread_values(values: FloatArray, shape: Shape, name: str) -> FloatArray:
    """``values`` (k,), each of N / k consecutive neurons, as one number, per channel (C, 1, 1), or per neuron of ``shape``."""
    neurons, flat = int(np.prod(shape)), values.reshape(-1)
    if not flat.size or neurons % flat.size:
        raise NetworkError(
            f"it has {flat.size} {name} for {neurons} neurons; one for all, per channel or per neuron is allowed"
        )
    each = np.repeat(flat, neurons // flat.size).reshape(shape)
    for fewer in (each.reshape(-1)[:1].reshape(()), each[:, :1, :1] if len(shape) == 3 else each):
        if np.all(each == fewer):
            return fewer
    return each
