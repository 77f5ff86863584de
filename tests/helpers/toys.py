"""A neuron and a connection that are not part of Myelin, written as by a user: only against the contracts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from myelin.convert import Dense
from myelin.convert.arrays import frozen_int, signed
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.layers import Synapse
from myelin.convert.layers.weights import check_weight
from myelin.convert.neurons import Constant, Neuron, register
from myelin.convert.quantise.scalar import whole
from myelin.hw_configs.errors import NetworkError


@register
@dataclass(frozen=True, eq=False)
class Integrator(Neuron):
    """Integrate-and-fire without a leak: v <- v + a + bias;  s = v >= threshold;  v <- v - threshold where s."""

    threshold: int
    bias: np.ndarray = field(default_factory=lambda: np.zeros((), np.int32))

    MODEL: ClassVar[str] = "integrator"
    STATES: ClassVar[tuple[str, ...]] = ("v",)
    CONSTANTS: ClassVar[tuple[Constant, ...]] = (
        Constant(
            "threshold", 1, (1 << 23) - 1, rule="threshold", limits=(None, "threshold_max"), unit="mantissa", cure="lower it"
        ),
        Constant("bias", -4096, 4095, shared=False, default=0, stored_once=True),
    )

    def step(self, states, a, drive):
        v = signed(states["v"] + a + drive, 24)
        spikes = v >= self.threshold
        return {"v": np.where(spikes, v - self.threshold, v)}, spikes.astype(np.int64)

    def drive(self, shape):
        return np.broadcast_to(self.bias, shape).reshape(-1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class FloatIntegrator(FloatNeuron):
    """The float twin of ``Integrator``."""

    threshold: float
    bias: np.ndarray

    STATES: ClassVar[tuple[str, ...]] = ("v",)
    CONSTANTS: ClassVar[tuple[tuple[str, float, float], ...]] = (("bias", -np.inf, np.inf),)

    def step(self, states, x):
        v = states["v"] + x + self.bias
        spikes = v >= self.threshold
        return {"v": np.where(spikes, v - self.threshold, v)}, spikes.astype(float)

    def structure(self):
        return Integrator(1)

    def rounded(self, scale):
        return Integrator(round(self.threshold * 2.0**scale), whole(self.bias * 2.0**scale))


@dataclass(frozen=True, eq=False)
class OneToOne(Synapse):
    """A connection from each neuron to the neuron with the same number: ``a_i = weight_i s_i``."""

    weight: np.ndarray

    KIND: ClassVar[str] = "one_to_one"

    def __post_init__(self):
        object.__setattr__(self, "weight", frozen_int("weight", self.weight))
        check_weight(self.weight)

    def output_shape(self, input_shape):
        if int(np.prod(input_shape)) != self.weight.size:
            raise NetworkError(f"one_to_one weight expects {self.weight.size} inputs, the layer before has shape {input_shape}")
        return input_shape

    def as_dense(self, input_shape):
        self.output_shape(input_shape)
        return Dense(np.diag(self.weight))

    def absolute_input_sum(self):
        return int(np.abs(self.weight.astype(np.int64)).max(initial=0))
