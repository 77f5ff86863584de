"""The contract of a neuron, used by every stage; a new neuron fulfils it in its own file."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, check_broadcast, check_range, each, frozen_int, scalar_int
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import STATE_SCALE

Ints = npt.NDArray[np.int64]
#: Arrays (..., neurons) by the name of a state.
States = dict[str, Ints]


class Constant(NamedTuple):
    """A constant of a neuron: its range, its field in a netx file, and the target's limits for it.

    Attributes:
        name: name of its dataclass field.
        low, high: smallest and largest value that the arithmetic allows.
        shared: true for one number for the population; otherwise an array broadcastable to the layer's shape.
        netx: its field in the group ``neuron`` of a netx file; empty if the field has the same name.
        default: the value if a netx file lacks the field; None if the field is required.
        rule: name of the hardware rule that checks it; empty for none.
        limits: names of the target's numbers for the smallest and the largest value.  None as the first means ``low``, None
            as the second means no limit.
        unit: unit of the value in messages.
        cure: the advice if a target does not support the value.
        stored_once: whether a core holds a table of its values, so that neurons with equal values share an entry.
        role: its meaning for an exploration: "decay" is the share of a state lost per step in 1/4096, "threshold" a threshold.
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
    """Constants of a population of neurons, and their behaviour in every stage.

    A neuron is a frozen dataclass (``@dataclass(frozen=True, eq=False)``) that sets the class variables below, implements
    ``step`` and is registered with ``myelin.convert.neurons.register``.  Everything else has a default.  The simulator runs
    ``step`` if no faster loop is registered, files store the ``CONSTANTS``, and rules check them against their limits.  A
    stage that needs more refuses the neuron by name.
    """

    #: Name of the model in target files, netx files and messages.
    MODEL: ClassVar[str]
    #: The population in messages; default "<class> neurons".
    LABEL: ClassVar[str]
    #: Names of the states, in the order in which ``step`` changes them.
    STATES: ClassVar[tuple[str, ...]]
    #: Names of the summed synaptic inputs: one, or one for each part of a connection that gives several sums (complex weights).
    INPUTS: ClassVar[tuple[str, ...]] = ("a",)
    #: Constants; each is a dataclass field.
    CONSTANTS: ClassVar[tuple[Constant, ...]] = ()
    #: True if spikes are graded: int32 messages instead of 0 or 1.
    GRADED: ClassVar[bool] = False
    #: True if they sum graded messages; in training these have units of their own, so that spikes cannot take their place.
    TAKES_MESSAGES: ClassVar[bool] = False
    #: Names that can be recorded: the spikes, the summed synaptic input if there is one, and the states after the step.
    NAMES: ClassVar[tuple[str, ...]]
    #: The state that a readout of states outputs; None if these neurons cannot be one.
    READOUT: ClassVar[str | None] = None
    #: True if a layer of them may send spikes; otherwise they only serve as a readout of states.
    SENDS: ClassVar[bool] = True
    #: True if a layer of them may have a recurrent connection.
    RECURRENT: ClassVar[bool] = True
    #: True if a network's input may have these neurons, driven by ``weight * x + bias``.
    AT_INPUT: ClassVar[bool] = False
    #: True if a layer may have these neurons.
    IN_LAYER: ClassVar[bool] = True
    #: The input's weight if a file has none.
    INPUT_WEIGHT: ClassVar[int] = 1
    #: True if the input x may be negative.
    SIGNED_INPUT: ClassVar[bool] = False
    #: True if a nonzero drive makes a neuron active in every step; otherwise it is an offset that is sent once.
    DRIVES_EVERY_STEP: ClassVar[bool] = True
    #: State -> "wraps" or "saturates" at the end of its range, for states with a range of 24 bit.
    OVERFLOW: ClassVar[Mapping[str, str]] = {}
    #: Why no chip runs these neurons, if there is a reason to name; empty otherwise.
    SIMULATION_ONLY: ClassVar[str] = ""
    #: Lava's process for them, ``module.Class``, if ``lava_arguments`` are all its arguments besides shape and name; or empty.
    LAVA_PROCESS: ClassVar[str] = ""
    #: Name -> number of bits that ``derive`` can determine, for recorded arrays it cannot determine in full.
    DERIVED_BITS: ClassVar[Mapping[str, int]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "LABEL" not in cls.__dict__:
            cls.LABEL = f"{cls.__name__} neurons"
        if "NAMES" not in cls.__dict__ and "STATES" in cls.__dict__:
            cls.NAMES = ("spikes", *cls.INPUTS, *cls.STATES)

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
        """Smallest and largest allowed value; earlier entries of ``CONSTANTS`` are already checked and may narrow the range."""
        return constant.low, constant.high

    # --- checks of a layer and an input ---

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless every constant broadcasts to ``shape``."""
        for constant in self.CONSTANTS:
            if not constant.shared:
                check_broadcast(constant.name, getattr(self, constant.name), shape)

    def check_layer(self, output: str, recurrent: bool) -> None:
        """Raise NetworkError unless a layer with this output, and if ``recurrent`` a recurrence, may have these neurons."""
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
        """Raise NetworkError unless a network's input may have these neurons."""
        if not self.AT_INPUT:
            raise NetworkError(f"the input has {type(self).__name__} neurons; neurons of this kind stand in layers only")

    @property
    def input_note(self) -> str | None:
        """What SLAYER computes otherwise in training, for these neurons at the input of a netx file; None if nothing."""
        return None

    # --- arithmetic ---

    @abstractmethod
    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """The states after one step, and the spikes: the reference implementation that every engine must equal.

        The neurons are ``flattened``: each constant is one number, or one for each neuron.

        Args:
            states: arrays (..., neurons) by the names of ``STATES``.
            a: (..., neurons) summed synaptic input, 32 bit signed; (inputs, ..., neurons) if there are several ``INPUTS``.
            drive: (..., neurons) or (neurons,), the result of ``drive`` or ``input_drive``.
        """

    def rest(self, shape: tuple[int, ...]) -> States:
        """The states of ``shape`` before the first step: zero."""
        return {name: np.zeros(shape, np.int64) for name in self.STATES}

    def drive(self, shape: Shape) -> Ints:
        """The drive (neurons,) in every step besides the synaptic input, such as a bias, in the unit of the states."""
        return np.zeros(int(np.prod(shape)), np.int64)

    def input_drive(self, values: Ints) -> Ints:
        """The drive from a network's input ``values`` (..., *shape) = ``weight * x + bias``, in the unit of the states."""
        self.check_input()
        return values

    def check_driven(self, extremes: Ints, weight: int) -> None:  # noqa: B027 (nothing to check is the default)
        """Raise DataError unless values between ``extremes`` (2, *shape) can drive these neurons; ``weight`` is the input's."""

    def flattened(self, shape: Shape, order: IntArray | None = None) -> Self:
        """These neurons with every array of constants flattened to (neurons,), in C order or in ``order``."""

        def laid(values: IntArray) -> IntArray:
            flat = each(values, shape)
            return flat if order is None else flat[order]

        return self._with_arrays(laid)

    def at(self, shape: Shape, neuron: int) -> Self:
        """The single neuron with flat index ``neuron``; its arrays of constants are scalars ()."""
        return self._with_arrays(lambda values: each(values, shape)[neuron])

    def _with_arrays(self, change: Callable[[IntArray], IntArray]) -> Self:
        """These neurons with ``change`` applied to every array of constants."""
        changes = {name: change(value) for name, value in self.fields().items() if isinstance(value, np.ndarray)}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def fields(self) -> dict[str, Any]:
        """The constants by name."""
        return {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}  # type: ignore[arg-type]

    # --- changes, and values for other stages ---

    @property
    def spike_scale(self) -> int:
        """The integer spike that is 1 in SLAYER's units."""
        return 1

    def readout_scale(self, spike_scale: int) -> int:
        """The integer state of a readout that is 1 in SLAYER's units; ``spike_scale``: of the neurons before."""
        return STATE_SCALE

    def with_role(self, role: str, change: Callable[[Any], Any]) -> Self:
        """These neurons with ``change`` applied to every constant with this role."""
        changes = {entry.name: change(getattr(self, entry.name)) for entry in self.CONSTANTS if entry.role == role}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    @property
    def has_bias(self) -> bool:
        """True if any neuron is driven without input."""
        return False

    @property
    def input_message_bits(self) -> int:
        """Message bits of an input with these neurons if a file does not state them."""
        return 0

    @property
    def reset_above(self) -> int | None:
        """The value of the readout's state above which it is reset; None if it is never reset."""
        return None

    @property
    def spikes_as_readout(self) -> int | None:
        """The threshold mantissa that a readout of states could reach on the chip; None if it cannot spike."""
        return None

    def before_limits(self, arrays: Mapping[str, npt.NDArray[Any]], drive: Ints, shape: Shape) -> dict[str, npt.NDArray[Any]]:
        """Recorded states (batch, steps, neurons) before they wrap or saturate, see ``OVERFLOW``.

        Args:
            arrays: recorded arrays by name.
            drive: the result of ``drive`` or ``input_drive``.
            shape: shape of the population.
        """
        return {name: arrays[name] for name in self.STATES}

    def derive(self, name: str, arrays: Mapping[str, npt.NDArray[Any]], shape: Shape) -> npt.NDArray[Any] | None:
        """The array ``name`` computed from other recorded ones, if a backend cannot record it; None if this is impossible."""
        return None

    def lava_arguments(self) -> dict[str, Any]:
        """The arguments of ``LAVA_PROCESS``: numbers, or arrays that broadcast to the layer's shape."""
        return {}

    def widths(self) -> dict[str, int]:
        """Name of a constant -> its width in bits, for constants stored in the unit of the states; empty if there are none."""
        return {}
