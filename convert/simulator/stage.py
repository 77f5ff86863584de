"""The stages that the simulator runs layer by layer, and the choice of an engine for each connection.

Two engines compute the same integers.  Events (``myelin.convert.simulator.events``): loops over the spikes.  Dense
(``myelin.convert.simulator.dense``): matrix products over all samples of a chunk and, if feed-forward, all its steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.layers import Synapse
from myelin.convert.simulator import dense as engine_dense
from myelin.convert.simulator.events import drive
from myelin.convert.simulator.plan import C_ORDER, CONV, PLANNED, ROWS, ConnectionPlan, Order, is_narrow, plan_connection
from myelin.hw_configs.fixed_point import CONV_SUM_BITS

Spikes = npt.NDArray[Any]
States = npt.NDArray[np.int32]
#: Arrays (batch, steps, neurons) of a population by name: "spikes", "a", "u", "v".
Arrays = dict[str, npt.NDArray[Any]]
Names = tuple[str, ...]
#: "auto" chooses by measured density, connection by connection.
Engine = Literal["auto", "events", "dense"]

#: Share of nonzero spikes above which a product is faster than events, by kind of plan.  Other kinds never use products: they
#: would need one for each delay, or have only a few weights.  Measured on one core, events and products in one run, 64 to
#: 1024 sources and targets: rows of weights break even with the product at 0.35 to 0.5 with BLAS's kernels for AVX-512 and at
#: 0.7 to 0.9 with those for AVX2, convolutions of 8 to 32 channels at 0.25 to 0.6.
DENSE_FROM = {ROWS: 0.5, CONV: 0.4}

_CONV_HALF = 1 << (CONV_SUM_BITS - 1)


class Choice(NamedTuple):
    """Whether the feed-forward and the recurrent connection are products; None if there is no recurrent connection."""

    forward_dense: bool
    recurrent_dense: bool | None = None

    def __str__(self) -> str:
        forward, recurrent = ("dense" if dense else "events" for dense in self)
        return forward if self.recurrent_dense is None or forward == recurrent else f"{forward}, recurrent {recurrent}"


class Stage(Protocol):
    """A prepared population with its incoming connections; the simulator runs one stage after the other.

    Arrays are in the orders of the populations (``myelin.convert.simulator.plan.Order``); the simulator rearranges its
    results to C order.
    """

    @property
    def order(self) -> IntArray | None:
        """Order of the population; None for C order."""
        ...

    @property
    def wants_many_samples(self) -> bool:
        """True if the stage computes a product in every step, with one row per sample."""
        ...

    def choose(self, spikes: Spikes) -> Choice:
        """The engines for ``spikes``."""
        ...

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """The population's spikes and wanted states for ``spikes`` of the source population.

        Args:
            spikes: (batch, steps, sources) integers; zero for no spike.
            wanted: names of states to return besides "spikes".
            interval, phase: states become 0 before the step at index t if interval > 0 and (t + 1 - phase) % interval is 0.
            choice: the engines to use.

        Returns:
            "spikes" and the wanted states, each (batch, steps, neurons).
        """
        ...


class InputStage:
    """Common part of the neurons at an input, which no connection reaches."""

    #: Input neurons are held in C order.
    order: ClassVar[None] = None
    wants_many_samples: ClassVar[bool] = False

    def choose(self, spikes: Spikes) -> Choice:
        """See ``Stage.choose``: there is no connection to choose an engine for."""
        return Choice(False)


@dataclass
class PreparedConnection:
    """A connection prepared for both engines.

    Attributes:
        synapse: the synapse.
        shape: shape of the source population.
        axonal: axonal delays of the source population in steps.
        order: order of the source and of the target population.
        engine: the engine the caller requested.
    """

    synapse: Synapse
    shape: Shape
    axonal: IntArray
    order: Order = C_ORDER
    engine: Engine = "auto"

    def __post_init__(self) -> None:
        if len(self.synapse.parts) > 1:  # each part runs on its own
            return
        if not isinstance(self.synapse, PLANNED):  # the engines have loops for these; others run as their dense matrix
            self.synapse = self.synapse.as_dense(self.shape)

    @cached_property
    def parts(self) -> tuple[PreparedConnection, ...]:
        """The connection of each part of the synapse, see ``Synapse.parts``; itself if there is one."""
        made = self.synapse.parts
        return (self,) if len(made) == 1 else tuple(replace(self, synapse=part) for part in made)

    @cached_property
    def plan(self) -> ConnectionPlan:
        """The connection prepared for events."""
        return plan_connection(self.synapse, self.shape, self.axonal, self.order)

    @cached_property
    def products(self) -> engine_dense.Products:
        """The connection prepared for products."""
        return engine_dense.products(self.synapse, self.shape, self.axonal, self.order)

    @cached_property
    def absolute_sum(self) -> int:
        """The largest sum of |W| over one target's inputs."""
        return self.synapse.absolute_input_sum()

    def may_wrap(self, bound: int) -> bool:
        """True if sums of magnitudes up to ``bound`` may wrap to 24 bit, as in Lava's convolution, which has no delays."""
        return self.synapse.SUM_BITS is not None and not np.any(self.axonal) and bound >= _CONV_HALF

    def currents(self, spikes: Spikes, largest: int, dense: bool, neurons: int) -> States:
        """Sums (batch, steps, neurons) for ``spikes`` (batch, steps, sources) of magnitudes up to ``largest``."""
        if dense:
            current = self.products.currents(spikes, largest)
        else:
            current = np.zeros((*spikes.shape[:2], neurons), np.int32)
            drive(spikes, current, self.plan, is_narrow(self.plan, largest))
        return wrapped(current) if self.may_wrap(largest * self.absolute_sum) else current

    def is_dense(self, density: float | None) -> bool:
        """True if products should be used for spikes with the share ``density`` of nonzero values; None for unknown."""
        if self.engine != "auto":
            return self.engine == "dense"
        return density is not None and density > DENSE_FROM.get(self.plan.kind, 1.0)


@dataclass(frozen=True)
class StepNeurons:
    """Neurons for the loop of single steps.

    Attributes:
        kind: one of the kinds in ``step_loops.py``.
        states: names of the states, in the order of the loop.
        drive: (neurons,) drive in every step, int32.
        floats: (2, neurons) fractions of the states that remain after a step; empty if the kind has none.
        values: other fields of ``POPULATION``.
        step: (row, own, sums, drive, spikes, floats, integers) -> None, compiled: one step of a stream, for neurons that bring
            it; None for a kind in ``step_loops.py``.  ``row`` is the stream's memory and ``own`` the population's
            ``POPULATION``; ``sums`` is (inputs * neurons,), ``drive`` and ``spikes`` are (neurons,), the last is written.
            ``own.floats`` is where
            ``floats`` begin, and ``own.integers`` where ``drive`` begins, with the ``numbers`` behind it.
        numbers: constants that are integers, for ``step``.
        rest: (neurons,) int32 for each state, the values before the first step; empty if all are 0.
        check_interval: raises DataError for an interval of resets that the neurons do not take; None if they take any.
    """

    kind: int
    states: tuple[str, ...]
    drive: IntArray
    floats: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    values: dict[str, int] = field(default_factory=dict)
    step: Any = None
    numbers: tuple[int, ...] = ()
    rest: tuple[IntArray, ...] = ()
    check_interval: Callable[[int], None] | None = None


@runtime_checkable
class Stepped(Protocol):
    """A stage whose neurons have a compiled step; others run their reference step."""

    def step_neurons(self) -> StepNeurons:
        """The neurons for the loop of single steps."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A stage that refuses sums beyond a bound."""

    #: Upper bound on the magnitude of a sum, per unit of the largest message.
    reach: int

    def check_sums(self, highest: npt.NDArray[np.int64]) -> int:
        """Raise DataError if messages of magnitudes up to ``highest`` (sources,) may exceed the bound."""
        ...


class Prepared(NamedTuple):
    """A stage with the connections it was made from; at an input there are none."""

    stage: Stage
    forward: PreparedConnection | None = None
    recurrent: PreparedConnection | None = None


def wrapped(current: States) -> States:
    """``current`` wrapped to the 24 bit of a convolution's sum."""
    return ((current + _CONV_HALF) & (2 * _CONV_HALF - 1)) - _CONV_HALF


def measured_density(spikes: Spikes) -> float:
    """The share of nonzero ``spikes`` in the first sample."""
    some = spikes[:1] != 0
    return float(np.count_nonzero(some)) / max(1, some.size)
