"""What every stage asks of a neuron: the contract that a new neuron fulfils in a file of its own."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, check_broadcast, check_range, each, frozen_int, scalar_int
from myelin.hw_configs.errors import NetworkError

Ints = npt.NDArray[np.int64]
#: Arrays (..., neurons) by the name of a state.
States = dict[str, Ints]


class Constant(NamedTuple):
    """A constant of a neuron: its range here, where it stands in a netx file, and which numbers of a target bound it.

    Attributes:
        name: of the dataclass field that holds it.
        low, high: smallest and largest value that the arithmetic allows.
        shared: whether it is one number for the population; otherwise it is an array that broadcasts to the layer's shape.
        netx: its field in the group ``neuron`` of a netx file; empty for its own name.
        default: value of a netx file that lacks the field; None where it must be there.
        rule: name of the hardware rule that judges it; empty for none.
        limits: names of the target's numbers for its smallest and largest value; None for 0, and for no limit.
        unit: of the value in messages.
        cure: what to do where a target does not hold it.
        stored_once: whether a core holds a table of its values, so that neurons with equal ones share an entry.
        role: what an exploration may change it as: the share of a state that is lost in a step, in 1/4096, or a threshold.
    """

    name: str
    low: int
    high: int
    shared: bool = True
    netx: str = ""
    default: int | None = None
    rule: str = ""
    limits: tuple[str | None, str | None] = (None, None)
    unit: str = ""
    cure: str = ""
    stored_once: bool = False
    role: Literal["", "decay", "threshold"] = ""


class Neuron(ABC):
    """Constants of a population of neurons, and all that a stage asks of them.

    A neuron is a frozen dataclass (``@dataclass(frozen=True, eq=False)``) that says what it is in the class variables below,
    implements ``step``, and is registered with ``myelin.convert.neurons.register``.  Everything else has a default: the
    simulator runs ``step`` where no faster loop is registered, files hold the ``CONSTANTS``, rules judge them by their limits,
    and a stage that cannot do without more refuses by name.
    """

    #: Name of the model in target files, netx files and messages.
    MODEL: ClassVar[str]
    #: The population in messages; "<class> neurons" unless given.
    LABEL: ClassVar[str]
    #: Names of the states, in the order in which ``step`` changes them.
    STATES: ClassVar[tuple[str, ...]]
    #: Constants; each is a dataclass field.
    CONSTANTS: ClassVar[tuple[Constant, ...]] = ()
    #: Whether spikes are graded: int32 messages instead of 0 or 1.
    GRADED: ClassVar[bool] = False
    #: What can be recorded: what is sent, the summed synaptic input where there is one, and the states after the step.
    NAMES: ClassVar[tuple[str, ...]]
    #: State that a readout of states gives; None where such neurons cannot be one.
    READOUT: ClassVar[str | None] = None
    #: Whether a layer of them may send spikes; otherwise they only serve as a readout of states.
    SENDS: ClassVar[bool] = True
    #: Whether a layer of them may have a recurrent connection.
    RECURRENT: ClassVar[bool] = True
    #: Whether they may stand at a network's input, driven by ``weight * x + bias``.
    AT_INPUT: ClassVar[bool] = False
    #: Whether they may stand in a layer.
    IN_LAYER: ClassVar[bool] = True
    #: That weight where a file gives none, and whether x may be negative.
    INPUT_WEIGHT: ClassVar[int] = 1
    SIGNED_INPUT: ClassVar[bool] = False
    #: Whether a drive other than zero makes a neuron active in every step; otherwise it is an offset that is sent once.
    DRIVES_EVERY_STEP: ClassVar[bool] = True
    #: What happens to a state at the end of its range, "wraps" or "saturates", for those whose range is 24 bit.
    OVERFLOW: ClassVar[Mapping[str, str]] = {}
    #: Bits of recorded arrays that ``derive`` cannot know in full.
    DERIVED_BITS: ClassVar[Mapping[str, int]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "LABEL" not in cls.__dict__:
            cls.LABEL = f"{cls.__name__} neurons"
        if "NAMES" not in cls.__dict__ and "STATES" in cls.__dict__:
            cls.NAMES = ("spikes", "a", *cls.STATES)

    def __post_init__(self) -> None:
        for constant in self.CONSTANTS:
            value, (low, high) = getattr(self, constant.name), self.range_of(constant)
            if constant.shared:
                value = scalar_int(constant.name, value, low, high)
            else:
                value = frozen_int(constant.name, value)
                check_range(constant.name, value, low, high)
            object.__setattr__(self, constant.name, value)

    def range_of(self, constant: Constant) -> tuple[int, int]:
        """Smallest and largest value allowed, where those before it in ``CONSTANTS`` are checked; they may narrow it."""
        return constant.low, constant.high

    # --- what a layer asks ---

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless every constant broadcasts to ``shape``."""
        for constant in self.CONSTANTS:
            if not constant.shared:
                check_broadcast(constant.name, getattr(self, constant.name), shape)

    def check_layer(self, output: str, recurrent: bool) -> None:
        """Raise NetworkError unless a layer with this output, and with or without a recurrence, may have these neurons."""
        name = type(self).__name__
        if not self.IN_LAYER:
            raise NetworkError(f"a layer has {name} neurons, which only stand at the input")
        if recurrent and not self.RECURRENT:
            raise NetworkError(f"{name} neurons have a recurrent connection, which is not defined for them")
        if output == "state" and self.READOUT is None:
            raise NetworkError(f"output is 'state', {name} neurons give 'spikes'")
        if output == "spikes" and not self.SENDS:
            raise NetworkError(f"output is 'spikes', {name} neurons only give their state: 'state' is allowed")

    def check_input(self) -> None:
        """Raise NetworkError unless these neurons may stand at a network's input."""
        if not self.AT_INPUT:
            raise NetworkError(f"the input has {type(self).__name__} neurons; neurons of this kind stand in layers only")

    # --- arithmetic ---

    @abstractmethod
    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """States after one step and what is sent: the reference implementation that every engine must equal.

        Args:
            states: arrays (..., neurons) by the names of ``STATES``.
            a: (..., neurons) summed synaptic input, 32 bit signed.
            drive: (..., neurons) or (neurons,) what ``drive`` or ``input_drive`` gave.

        The constants are those of ``flattened`` neurons: one number, or one for each neuron.
        """

    def rest(self, shape: tuple[int, ...]) -> States:
        """States before the first step, of ``shape``: zero."""
        return {name: np.zeros(shape, np.int64) for name in self.STATES}

    def drive(self, shape: Shape) -> Ints:
        """(neurons,) what acts on each neuron in every step besides its synapses, such as a bias, in the unit of the states."""
        return np.zeros(int(np.prod(shape)), np.int64)

    def input_drive(self, values: Ints) -> Ints:
        """What ``values`` (..., *shape) = ``weight * x + bias`` of a network's input become in the unit of the states."""
        self.check_input()
        return values

    def check_driven(self, extremes: Ints, weight: int) -> None:  # noqa: B027 (nothing to check is the default)
        """Raise DataError unless values between ``extremes`` (2, *shape) can drive these neurons; ``weight``: of the input."""

    def flattened(self, shape: Shape, order: IntArray | None = None) -> Self:
        """These neurons with every array of constants as (neurons,), in C order or in ``order``."""

        def laid(values: IntArray) -> IntArray:
            flat = each(values, shape)
            return flat if order is None else flat[order]

        return self._changed(lambda _, values: laid(values))

    def at(self, shape: Shape, neuron: int) -> Self:
        """The single neuron of flat index ``neuron``: every array of constants is its one number."""
        return self._changed(lambda _, values: each(values, shape)[neuron : neuron + 1].reshape(()))

    def _changed(self, change: Any) -> Self:
        arrays = {name: value for name, value in self.fields().items() if isinstance(value, np.ndarray)}
        changes = {name: change(name, value) for name, value in arrays.items()}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def fields(self) -> dict[str, Any]:
        """The constants by name."""
        return {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}  # type: ignore[arg-type]

    # --- what is told of recorded states ---

    def with_role(self, role: str, change: Callable[[Any], Any]) -> Self:
        """These neurons with ``change`` applied to every constant of that role."""
        changes = {entry.name: change(getattr(self, entry.name)) for entry in self.CONSTANTS if entry.role == role}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    @property
    def has_bias(self) -> bool:
        """Whether any neuron is driven without input."""
        return False

    @property
    def input_message_bits(self) -> int:
        """Message bits of an input with these neurons, where a file gives none."""
        return 0

    @property
    def reset_above(self) -> int | None:
        """Value of the readout's state above which it is reset; None where it never is."""
        return None

    @property
    def spikes_as_readout(self) -> int | None:
        """Threshold that a readout of states could reach in the range of the chip's thresholds; None where none is."""
        return None

    def before_limits(self, arrays: Mapping[str, npt.NDArray[Any]], drive: Ints, shape: Shape) -> dict[str, npt.NDArray[Any]]:
        """Recorded states (batch, steps, neurons) as they were before a range of ``OVERFLOW`` cut them.

        Args:
            arrays: what was recorded, by name.
            drive: what ``drive`` or ``input_drive`` gave.
            shape: of the population.
        """
        return {name: arrays[name] for name in self.STATES}

    def derive(self, name: str, arrays: Mapping[str, npt.NDArray[Any]], shape: Shape) -> npt.NDArray[Any] | None:
        """Recorded array ``name`` worked out from others where a backend has no variable for it; None where it cannot be."""
        return None

    def widths(self) -> dict[str, int]:
        """Bits that constants take among the states, by what they are; empty where they are not kept there."""
        return {}
