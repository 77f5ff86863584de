"""Registers the float counterpart of each integer neuron: one line of ``TWINS`` for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from myelin.convert.floats.alif import float_alif
from myelin.convert.floats.cuba import float_cuba
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.neurons import Alif, Cuba
from myelin.convert.registry import Handlers

#: (integer neuron, output of its layer) -> float neuron in SLAYER's unit.
TWINS: Handlers[Callable[[Any, str], FloatNeuron]] = Handlers("has {name} neurons; a float network has none of them")
TWINS.register(Cuba)(float_cuba)
TWINS.register(Alif)(float_alif)
