"""What the simulator runs layer by layer, and for each connection the choice between two engines that give the same integers.

Events (``myelin.convert.simulator.events``): loops over the spikes that occur.  Dense (``myelin.convert.simulator.dense``):
matrix products over all samples and, feed-forward, all steps of a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol

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

#: Share of nonzero spikes from which a product is faster than events, by kind of plan; never where it is missing: products
#: would be made for each delay, or are of a handful of weights.  Measured on one core, events and products in one run, 64 to
#: 1024 sources and targets: rows of weights meet the product at 0.35 to 0.5 with BLAS's kernels for AVX-512 and at 0.7 to 0.9
#: with those for AVX2, convolutions of 8 to 32 channels at 0.25 to 0.6.
DENSE_FROM = {ROWS: 0.5, CONV: 0.4}

_CONV_HALF = 1 << (CONV_SUM_BITS - 1)


class Choice(NamedTuple):
    """Whether the feed-forward and the recurrent connection are products; None where there is no recurrent one."""

    forward_dense: bool
    recurrent_dense: bool | None = None

    def __str__(self) -> str:
        forward, recurrent = ("dense" if dense else "events" for dense in self)
        return forward if self.recurrent_dense is None or forward == recurrent else f"{forward}, recurrent {recurrent}"


class Stage(Protocol):
    """A population prepared, with the connections that reach it: what the simulator runs one after the other.

    Arrays are in the orders of the populations (``myelin.convert.simulator.plan.Order``): the simulator turns round what
    leaves it.
    """

    @property
    def order(self) -> IntArray | None:
        """Order of the population; None for C order."""
        ...

    @property
    def wants_many_samples(self) -> bool:
        """Whether it makes a product in every step, of as many rows as there are samples."""
        ...

    def choose(self, spikes: Spikes) -> Choice:
        """The engines for ``spikes``."""
        ...

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """What the population gives for ``spikes`` (batch, steps, sources) of the population before.

        Args:
            spikes: whole numbers; zero where nothing is sent.
            wanted: names of states to return besides "spikes".
            interval, phase: states become 0 before the step at index t where interval > 0 and (t + 1 - phase) % interval is 0.
            choice: the engines to use.

        Returns:
            "spikes" and what is wanted, each (batch, steps, neurons).
        """
        ...


@dataclass
class PreparedConnection:
    """A connection for both engines, from a population of ``shape`` whose spikes are delayed by ``axonal`` steps.

    ``engine`` is the one that was asked for.
    """

    synapse: Synapse
    shape: Shape
    axonal: IntArray
    order: Order = C_ORDER
    engine: Engine = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.synapse, PLANNED):  # the engines have loops for these; any other connection is a matrix too
            self.synapse = self.synapse.as_dense(self.shape)

    @cached_property
    def plan(self) -> ConnectionPlan:
        """For events."""
        return plan_connection(self.synapse, self.shape, self.axonal, self.order)

    @cached_property
    def products(self) -> engine_dense.Products:
        """For products."""
        return engine_dense.products(self.synapse, self.shape, self.axonal, self.order)

    @cached_property
    def absolute_sum(self) -> int:
        """Largest sum over one target's inputs of |W|."""
        return self.synapse.absolute_input_sum()

    def may_wrap(self, bound: int) -> bool:
        """Whether sums of up to ``bound`` are kept to 24 bit: those of Lava's convolution, which has no delays."""
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
        """Whether to make products for spikes of which the share ``density`` is not zero; None for unknown."""
        if self.engine != "auto":
            return self.engine == "dense"
        return density is not None and density > DENSE_FROM.get(self.plan.kind, 1.0)


def wrapped(current: States) -> States:
    """``current`` in the 24 bit of a convolution's sum."""
    return ((current + _CONV_HALF) & (2 * _CONV_HALF - 1)) - _CONV_HALF


def measured_density(spikes: Spikes) -> float:
    """Share of ``spikes`` that are not zero, in the first of the samples."""
    some = spikes[:1] != 0
    return float(np.count_nonzero(some)) / max(1, some.size)
