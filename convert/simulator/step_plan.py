"""A network laid out for the loop of single steps (``step_loops.py``): tables of populations and connections, and one memory.

The memory of a stream is one row of 32-bit integers: the current input, and for each population its states, what it sent last
and the sums of input still under way to it.  A state can therefore be copied, saved and restored as one array.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.convert.simulator.plan import BINS, STENCIL, ConnectionPlan, plan_connection
from myelin.convert.simulator.stage import Bounded, Prepared, PreparedConnection, StepNeurons, Stepped
from myelin.convert.simulator.step_loops import LINK, OTHER, POPULATION, REFERENCE
from myelin.convert.simulator.step_neurons import advance_with

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ReferencePopulation:
    """Neurons that make their step in Python.

    Attributes:
        index: place in ``StepPlan.populations``.
        neuron, drive: flattened, in the order of the population; at an input the drive comes from the input.
        at_input: whether they are the input's.
        wide: offset of each state in the memory seen as 64-bit integers.
    """

    index: int
    neuron: Neuron
    drive: Ints
    at_input: bool
    wide: dict[str, int]


@dataclass(frozen=True, eq=False)
class StepPlan:
    """A network laid out.

    Attributes:
        populations, links: tables for ``step_loops.advance``.
        weights, floats, integers: constants.
        end: where the output is, see ``advance``.
        size: number of values of a stream's memory; even.
        scratch: number of values of the loop's scratch memory.
        offsets: by layer index and name, the offset of an array that can be read or recorded.
        orders: by layer index, the order of the population; None for C order.
        references: populations that make their step in Python.
        steps: the steps that neurons bring, of kinds ``OTHER``, ``OTHER + 1``, ...
        rests: offset in the memory and values of states that are not 0 at rest.
        bounded: index of a connection with a bound on its sums -> its stage.
        interval_checks: see ``check_interval``.
    """

    populations: npt.NDArray[Any]
    links: npt.NDArray[Any]
    weights: npt.NDArray[Any]
    floats: npt.NDArray[np.float64]
    integers: IntArray
    end: Ints
    size: int
    scratch: int
    offsets: dict[int, dict[str, int]]
    orders: dict[int, IntArray | None]
    references: tuple[ReferencePopulation, ...]
    steps: tuple[Any, ...]
    rests: tuple[tuple[int, IntArray], ...]
    bounded: dict[int, Bounded]
    interval_checks: tuple[Callable[[int], None], ...]

    @cached_property
    def advance(self) -> Any:
        """The loop ``step_loops.advance``, compiled for these neurons."""
        return advance_with(self.steps)

    @cached_property
    def digest(self) -> str:
        """A hash of all that a state belongs to: the layout and every constant."""
        found = hashlib.sha256()
        for array in (self.populations, self.links, self.weights, self.floats, self.integers, self.end):
            found.update(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
        for one in self.references:
            constants = sorted((name, np.asarray(value).tolist()) for name, value in one.neuron.fields().items())
            found.update(f"{type(one.neuron).__name__} {constants} {one.drive.tolist()}".encode())
        return found.hexdigest()

    def check_interval(self, interval: int) -> None:
        """Raise DataError if the states cannot be reset every ``interval`` steps; 0 for no reset is always allowed."""
        for check in self.interval_checks:
            check(interval)

    def kept(self, record: dict[int, tuple[str, ...]]) -> tuple[Ints, int]:
        """The arrays to record as ``advance`` takes them, and the number of values that a step records."""
        rows, size = [], 0
        for index, name in ((index, name) for index, names in record.items() for name in names):
            neurons = self.neurons(index)
            rows.append((self.offsets[index][name], neurons, size))
            size += neurons
        return np.array(rows, np.int64).reshape(-1, 3), size

    def neurons(self, index: int) -> int:
        """Number of neurons of layer ``index``."""
        return int(self.populations["neurons"][index - min(self.offsets)])


def step_plan(network: Network, prepared: Sequence[Prepared]) -> StepPlan:
    """``network`` laid out, from its prepared stages."""
    layout = _Layout(network)
    for part in prepared:
        layout.add(part)
    return layout.plan()


class _Layout:
    """Places arrays one after the other."""

    def __init__(self, network: Network) -> None:
        self.network, self.size = network, 0
        self.inputs = int(np.prod(network.input.shape))
        self.source, self.sources = self._place(self.inputs), self.inputs  # what the next connection reads
        self.first = 0 if network.input.neuron is None else -1
        self.populations: list[dict[str, int]] = []
        self.links: list[dict[str, int]] = []
        self.weights: list[npt.NDArray[Any]] = []
        self.floats: list[npt.NDArray[np.float64]] = []
        self.integers: list[IntArray] = []
        self.sums = 1
        self.offsets: dict[int, dict[str, int]] = {}
        self.orders: dict[int, IntArray | None] = {}
        self.references: list[ReferencePopulation] = []
        self.steps: list[Any] = []
        self.rests: list[tuple[int, IntArray]] = []
        self.bounded: dict[int, Bounded] = {}
        self.interval_checks: list[Callable[[int], None]] = []

    def _place(self, values: int) -> int:
        """The offset of so many values, which is even."""
        start = self.size
        self.size += values + values % 2
        return start

    @staticmethod
    def _append(parts: list[Any], values: npt.NDArray[Any]) -> int:
        """The offset of ``values`` behind all ``parts``."""
        start = sum(part.size for part in parts)
        parts.append(np.ascontiguousarray(values).reshape(-1))
        return start

    def add(self, part: Prepared) -> None:
        """Place the next population with its incoming connections."""
        index = len(self.populations) + self.first
        neuron = self.network.neuron(index)
        assert neuron is not None
        order = part.stage.order
        shape = self.network.input.shape if index < 0 else self.network.layers[index].shape
        neurons = int(np.prod(shape))
        made = part.stage.step_neurons() if isinstance(part.stage, Stepped) else None
        states = neuron.STATES if made is None else made.states
        whole = [one for one in (part.forward, part.recurrent) if one is not None]
        connections = [(one, place, piece, _listed(piece)) for one in whole for place, piece in enumerate(one.parts)]
        inputs = len(neuron.INPUTS)
        length = 1 + max((_longest(plan) for *_, plan in connections), default=0)
        own = dict.fromkeys(POPULATION.names or (), 0) | {
            "kind": REFERENCE if made is None else made.kind,
            "neurons": neurons,
            "phase": len(self.populations) + 1,
            "ring": self._place(inputs * length * neurons if connections else 0),
            "length": length,
            "inputs": inputs,
            "states": self._place(len(states) * neurons),
            "spikes": self._place(neurons),
            "sums": self._place(inputs * neurons),
        }
        if made is not None:
            own |= made.values
            if made.check_interval is not None:
                self.interval_checks.append(made.check_interval)
            constants = np.concatenate([made.drive, np.array(made.numbers, np.int32)])
            own |= {"floats": self._append(self.floats, made.floats), "integers": self._append(self.integers, constants)}
            if made.step is not None:
                own |= self._brought(made, own["states"])
        else:
            drive = neuron.drive(shape)
            wide = {name: self._place(2 * neurons) // 2 for name in states}
            self.references.append(
                ReferencePopulation(
                    len(self.populations),
                    neuron.flattened(shape, order),
                    drive if order is None else drive[order],
                    index < 0,
                    wide,
                )
            )
        self.offsets[index] = {name: own["states"] + place * neurons for place, name in enumerate(states)}
        self.offsets[index] |= {name: own["sums"] + place * neurons for place, name in enumerate(neuron.INPUTS)}
        self.offsets[index]["spikes"] = own["spikes"]
        self.orders[index] = order
        self.populations.append(own)
        for connection, place, piece, plan in connections:
            forward = connection is part.forward
            source = (self.source, self.sources) if forward else (own["spikes"], neurons)
            wraps = forward and piece.may_wrap(1 << 31)
            ring = own | {"ring": own["ring"] + place * length * neurons}
            self._link(plan, source, ring, wraps, part.stage if forward and isinstance(part.stage, Bounded) else None)
        self.source, self.sources = own["spikes"], neurons

    def _brought(self, made: StepNeurons, states: int) -> dict[str, int]:
        """Fields of neurons that bring their step; their states begin at ``states``."""
        if made.step not in self.steps:
            self.steps.append(made.step)
        rest = np.concatenate(made.rest or [np.zeros(made.drive.size, np.int32)] * len(made.states))
        if rest.any():
            self.rests.append((states, rest))
        kind, count = OTHER + self.steps.index(made.step), len(made.states)
        return {"kind": kind, "state_count": count, "rest": self._append(self.integers, rest)}

    def _link(
        self, plan: ConnectionPlan, source: tuple[int, int], own: dict[str, int], wraps: bool, bounded: Bounded | None
    ) -> None:
        (start, sources), targets = source, own["neurons"]
        if bounded is not None:
            self.bounded[len(self.links)] = bounded
        self.links.append(
            {
                "kind": plan.kind,
                "sources": sources,
                "source": start,
                "targets": targets,
                "ring": own["ring"],
                "length": own["length"],
                "weights": self._append(self.weights, plan.weight),
                "columns": plan.weight.shape[1],
                "delays": self._append(self.integers, plan.delay),
                "shared": int(plan.delay.shape[1] == 1),
                "geometry": self._append(self.integers, plan.geometry.astype(np.int32)),
                "bins": self._append(self.integers, plan.bins),
                "bin_count": plan.bins.size,
                "shift": plan.shift,
                "wraps": int(wraps),
                "highest": -1 if bounded is None else self._place(sources),
                "reach": 0 if bounded is None else bounded.reach,
            }
        )
        if plan.kind == BINS:
            self.sums = max(self.sums, plan.bins.size * targets)
        elif wraps:
            self.sums = max(self.sums, targets)

    def plan(self) -> StepPlan:
        """The finished layout."""
        last, index = self.network.layers[-1], len(self.network.layers) - 1
        final = last.state if last.output == "state" else "spikes"
        late, order = last.output == "spikes" and bool(last.delay_steps.any()), self.orders[index]
        length = 1 + int(last.delay_steps.max(initial=0)) if late else 1
        end = (
            self.offsets[index][final],
            last.neurons,
            self._place(length * last.neurons) if late else -1,
            length,
            self._append(self.integers, last.delays.astype(np.int32)) if late else -1,
            -1 if order is None else self._append(self.integers, order.astype(np.int32)),
        )
        weights = np.concatenate(self.weights)  # of the widest of their types
        widest = max(self.inputs, *(own["neurons"] for own in self.populations))
        return StepPlan(
            _table(POPULATION, self.populations),
            _table(LINK, self.links),
            weights,
            np.concatenate([*self.floats, np.zeros(1)]),
            np.concatenate([*self.integers, np.zeros(1, np.int32)]),
            np.array(end, np.int64),
            self.size,
            widest + self.sums,
            self.offsets,
            self.orders,
            tuple(self.references),
            tuple(self.steps),
            tuple(self.rests),
            self.bounded,
            tuple(self.interval_checks),
        )


def _listed(connection: PreparedConnection) -> ConnectionPlan:
    """The connection for a loop over spikes; a stencil would run over all places in every step."""
    plan = connection.plan
    if plan.kind != STENCIL:
        return plan
    return plan_connection(connection.synapse, connection.shape, connection.axonal, connection.order, stencil=False)


def _longest(plan: ConnectionPlan) -> int:
    return int((plan.bins if plan.kind == BINS else plan.delay).max(initial=0))


def _table(dtype: np.dtype[Any], rows: list[dict[str, int]]) -> npt.NDArray[Any]:
    return np.array([tuple(row[name] for name in dtype.names or ()) for row in rows], dtype)
