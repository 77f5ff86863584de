"""The contract of a neuron as C: its states, its constants, and the statements of one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from myelin.convert.arrays import IntArray, Shape, fewest
from myelin.convert.c99.instructions import Instructions
from myelin.convert.c99.memory import Array, constant, literal
from myelin.convert.registry import Handlers


@dataclass(frozen=True)
class CPopulation:
    """Where neurons stand in a network.

    Attributes:
        name: prefix of their names in C, such as ``layer0``.
        part: the layer, in words.
        shape: shape of the population.
        unit: the sum is in units of ``2 ** unit``.
        drive: at a network's input ``weight * x + bias`` as a word, an expression; None in a layer.
        readout: whether their state is the output.
    """

    name: str
    part: str
    shape: Shape
    unit: int
    drive: str | None
    readout: bool

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return int(np.prod(self.shape))

    def state(self, name: str, note: str) -> Array:
        """A state of 32 bit for each neuron."""
        return Array(f"{self.name}_{name}", "int32_t", self.neurons, note, self.part)

    def of_each(self, name: str, values: IntArray | Any, note: str, *, word: bool = True) -> tuple[list[Array], str]:
        """A constant of each neuron: its array, and an expression for neuron ``i``, a word or a signed number.

        The array is left out if all values are equal, and has one value for each channel if those are.
        """
        held = fewest(np.asarray(values, np.int32), self.shape)
        if held.size == 1:
            value = int(held[0])
            return [], f"{value & 0xFFFFFFFF}u" if word else literal(value)
        array = constant(f"{self.name}_{name}", held, note, self.part)
        index = "i" if held.size == self.neurons else f"i / {self.neurons // held.size}u"
        return [array], f"{'(uint32_t)' if word else '(int32_t)'}flash.{array.name}[{index}]"

    def summed(self, shift: int, name: str = "a") -> str:
        """The summed input ``name``, shifted left by ``shift`` bits: a word."""
        places = self.unit + shift
        return name if not places else f"({name} << {places}u)" if places < 32 else "0u"


@dataclass(frozen=True)
class NeuronCode:
    """Neurons as C.

    Attributes:
        states: their arrays in RAM; a reset of the states clears them.
        constants: their arrays in flash.
        body: statements of a step of neuron ``i``.  They read the summed inputs, words with the names of ``Neuron.INPUTS``, and
            define ``sent``, an int32_t: 0 or 1, or the graded spike.
        value: the state of neuron ``i`` after the step that a readout gives, an expression.
        resets: whether the states may be reset in regular steps.
        work: instructions of the step of a neuron, counted as in ``work.py``.
    """

    states: list[Array]
    constants: list[Array]
    body: list[str]
    value: str = ""
    resets: bool = True
    work: Instructions = field(default_factory=Instructions)


#: Makes the code of a population.
Make = Callable[[Any, CPopulation], NeuronCode]
#: Neurons with code of their own.
NEURONS: Handlers[Make] = Handlers("has {name} neurons; the C code has none for them")
