"""CUBA neurons in the simulator, at the input and in layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.inputs import input_values
from myelin.convert.network import Input, Layer
from myelin.convert.neurons import Cuba
from myelin.convert.simulator import dense as engine_dense
from myelin.convert.simulator.events import run_cuba
from myelin.convert.simulator.plan import NO_PLAN, ConnectionPlan, alike, is_narrow
from myelin.convert.simulator.stage import (
    Arrays,
    Choice,
    InputStage,
    Names,
    PreparedConnection,
    Spikes,
    States,
    StepNeurons,
    measured_density,
)
from myelin.convert.simulator.step_loops import CUBA, CUBA_INPUT
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SHIFT

_NONE = np.zeros((0, 0, 0), np.int32)


@dataclass(frozen=True)
class CubaPopulation:
    """Prepared constants of CUBA neurons.

    Attributes:
        neurons: the number of neurons.
        keep_u, keep_v: (neurons,) (4096 - decay) / 4096 of current and voltage.
        bias: (1, 1, neurons) bias_mant << bias_exp.
        threshold: vThMant << 6.
        order: order of the population; None for C order.
    """

    neurons: int
    keep_u: npt.NDArray[np.float64]
    keep_v: npt.NDArray[np.float64]
    bias: States
    threshold: np.int32
    order: IntArray | None = None

    @property
    def constants(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The fractions of u and of v that remain after a step."""
        return self.keep_u, self.keep_v


@dataclass(frozen=True)
class CubaInputStage(InputStage):
    """The CUBA neurons of an input layer."""

    source: Input
    neuron: Cuba
    population: CubaPopulation

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``; ``spikes`` are the input values."""
        values = input_values(self.source, spikes.reshape(*spikes.shape[:2], *self.source.shape))
        bias = self.neuron.input_drive(values).astype(np.int32).reshape(spikes.shape)
        result = _empty(spikes.shape, wanted)
        _run_events(self.population, None, _NONE, (NO_PLAN, NO_PLAN), 1, bias, interval, phase, result)
        return result

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``; the drive is ``(weight * x + bias + bias_mant) << bias_exp``."""
        mantissa = np.broadcast_to(self.neuron.bias_mant, self.source.shape).reshape(-1) + np.int32(self.source.bias)
        values = {"gain": self.source.weight, "shift": self.neuron.bias_exp}
        return _step_neurons(self.population, CUBA_INPUT, mantissa.astype(np.int32), values)


@dataclass
class CubaStage:
    """A layer of CUBA neurons with its feed-forward and its recurrent connection.

    Attributes:
        forward: the feed-forward connection.
        recurrent: the recurrent connection; None if there is none.
        population: the neurons' constants.
        density: measured share of the layer's own neurons that spike in a step; None before the first run.
    """

    forward: PreparedConnection
    recurrent: PreparedConnection | None
    population: CubaPopulation
    density: float | None = field(default=None)

    @property
    def order(self) -> IntArray | None:
        """See ``Stage.order``."""
        return self.population.order

    @property
    def wants_many_samples(self) -> bool:
        """See ``Stage.wants_many_samples``."""
        return self.recurrent is not None and self.recurrent.is_dense(self.density)

    def choose(self, spikes: Spikes) -> Choice:
        """See ``Stage.choose``."""
        recurrent_dense = None if self.recurrent is None else self.wants_many_samples
        return Choice(self.forward.is_dense(measured_density(spikes)), recurrent_dense)

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``."""
        largest = int(spikes.max(initial=0)) if spikes.dtype == np.uint8 else int(np.abs(spikes).max(initial=0))
        if choice.recurrent_dense:
            result = self._products(spikes, largest, wanted, interval, phase, choice)
        else:
            given, (plan, own), population = _NONE, self._plans, self.population
            # values that need 32 bit are rare: one more variant of the loops would cost each user who has them 9 s of compiling
            if choice.forward_dense or self._may_wrap(largest) or spikes.dtype != np.uint8:
                given, plan = self.currents(spikes, largest, choice.forward_dense), NO_PLAN
            result = _empty((*spikes.shape[:2], population.neurons), wanted)
            entering = None if plan is NO_PLAN else spikes
            _run_events(population, entering, given, (plan, own), largest, population.bias, interval, phase, result)
        if self.recurrent is not None:
            self.density = measured_density(result["spikes"])
        return result

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``."""
        return _step_neurons(self.population, CUBA, self.population.bias.reshape(-1), {})

    @cached_property
    def _plans(self) -> tuple[ConnectionPlan, ConnectionPlan]:
        """Of both connections, with weights of one type."""
        forward, own = alike(self.forward.plan, NO_PLAN if self.recurrent is None else self.recurrent.plan)
        return forward, own

    def currents(self, spikes: Spikes, largest: int, dense: bool) -> States:
        """Feed-forward input (batch, steps, neurons) for ``spikes`` (batch, steps, sources) of magnitudes up to ``largest``."""
        return self.forward.currents(spikes, largest, dense, self.population.neurons)

    def _products(self, spikes: Spikes, largest: int, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """Run with the recurrence as products; the feed-forward input is a product in the same step or computed beforehand."""
        assert self.recurrent is not None
        population, forward = self.population, self.forward
        step_by_step = choice.forward_dense and not self._may_wrap(largest)
        given = _NONE if step_by_step else self.currents(spikes, largest, choice.forward_dense)

        def feed(t: int, current: States) -> None:
            if step_by_step:
                forward.products.add_at(spikes, t, largest, current)
            else:
                current += given[:, t]

        shape = (*spikes.shape[:2], population.neurons)
        constants = (*population.constants, population.threshold)
        bias = population.bias.reshape(-1)
        return engine_dense.step_all(feed, self.recurrent.products, shape, bias, constants, wanted, interval, phase)

    def _may_wrap(self, largest: int) -> bool:
        return self.forward.may_wrap(largest * self.forward.absolute_sum)


def _step_neurons(population: CubaPopulation, kind: int, drive: IntArray, values: dict[str, int]) -> StepNeurons:
    threshold = {"threshold": int(population.threshold)}
    return StepNeurons(kind, Cuba.STATES, drive, np.stack(population.constants), threshold | values)


def _run_events(
    population: CubaPopulation,
    spikes: Spikes | None,
    given: States,
    plans: Sequence[ConnectionPlan],
    largest: int,
    bias: States,
    interval: int,
    phase: int,
    result: Arrays,
) -> None:
    states = (result.get(name, _NONE) for name in ("a", "u", "v"))
    plans = alike(*plans)  # beside no plan this costs nothing
    narrow = (is_narrow(plans[0], largest), is_narrow(plans[1], 1))
    constants = (*population.constants, bias, population.threshold)
    if spikes is None:
        spikes = np.empty((*result["spikes"].shape[:2], 0), np.uint8)
    binary = largest <= 1  # values that may be -1 come as ``given``
    run_cuba(spikes, given, *plans, narrow, binary, *constants, interval, phase, result["spikes"], *states)


def _empty(shape: tuple[int, ...], wanted: Names) -> Arrays:
    result: Arrays = {"spikes": np.empty(shape, np.uint8)}
    return result | {name: np.empty(shape, np.int32) for name in ("a", "u", "v") if name in wanted}


def population(neuron: Cuba, shape: Shape, order: IntArray | None = None) -> CubaPopulation:
    """The prepared constants of neurons of ``shape``, stored in ``order`` (``myelin.convert.simulator.plan.Order``)."""

    def each(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        flat = np.broadcast_to(values, shape).reshape(-1)
        return np.ascontiguousarray(flat if order is None else flat[order])

    return CubaPopulation(
        neurons=int(np.prod(shape)),
        keep_u=(DECAY_UNITY - each(neuron.current_decay)) / DECAY_UNITY,
        keep_v=(DECAY_UNITY - each(neuron.voltage_decay)) / DECAY_UNITY,
        bias=(each(neuron.bias_mant) << neuron.bias_exp).astype(np.int32).reshape(1, 1, -1),
        threshold=np.int32(neuron.threshold << STATE_SHIFT),
        order=order,
    )


def cuba_input_stage(source: Input, neuron: Cuba) -> CubaInputStage:
    """The prepared CUBA neurons of an input layer."""
    return CubaInputStage(source, neuron, population(neuron, source.shape))


def cuba_stage(where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None) -> CubaStage:
    """A prepared layer of CUBA neurons with its incoming connections."""
    neuron: Any = layer.neuron
    return CubaStage(forward, recurrent, population(neuron, layer.shape, forward.order.target))
