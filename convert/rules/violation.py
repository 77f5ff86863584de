"""The types of a rule, its input and its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.hw_configs.target import Target

if TYPE_CHECKING:
    from myelin.convert.profile.profiler import Profile


@dataclass(frozen=True)
class Violation:
    """One property of a network that a target does not support.

    Attributes:
        rule: name of the rule.
        where: ``layer 2 (dense)``, ``input`` or ``input neurons``.
        what: the quantity, in words.
        unit: unit of ``got`` and ``limit``: ``steps``, ``bits``, ``bytes``, ...
        got: the most extreme value, or a name.
        limit: the nearest allowed value, or the allowed names.
        target: name of the target.
        cure: the advice to the user.
    """

    rule: str
    where: str
    what: str
    unit: str
    got: int | str
    limit: int | str
    target: str
    cure: str

    @property
    def message(self) -> str:
        """The violation in one line: object, value got, value allowed, cure."""
        unit = f" {self.unit}" if self.unit in ("steps", "bits", "bytes") else ""
        low = isinstance(self.got, int) and isinstance(self.limit, int) and self.got < self.limit
        more = " or more" if low else ""
        return f"{self.where}: {self.what} is {self.got}{unit}, {self.target} holds {self.limit}{more}; {self.cure}"


class Case(NamedTuple):
    """The input of a rule; ``calibration`` is a profile of the network on some input, or None."""

    network: Network
    target: Target
    calibration: Profile | None = None


class Rule(NamedTuple):
    """A rule.

    Attributes:
        name: the name in messages.
        needs: names of the target's numbers that the rule needs.
        find: yields the violations.
        of_cores: whether the rule is about cores; it is skipped for a simulator, which has none.
        of_controller: whether the rule is about the memory of a microcontroller; it is skipped for other targets.
        calibrated: whether the rule needs a calibration.
    """

    name: str
    needs: tuple[str, ...]
    find: Callable[[Case], Iterator[Violation]]
    of_cores: bool = False
    of_controller: bool = False
    calibrated: bool = False


def layer_name(network: Network, index: int) -> str:
    """``layer 2 (dense)``; -1 is the input's neurons."""
    return "input neurons" if index < 0 else f"layer {index} ({network.layers[index].kind})"


def neurons(network: Network) -> Iterator[tuple[str, Neuron]]:
    """Yield the name and the constants of every population, the input's neurons first."""
    for index in range(-1, len(network.layers)):
        neuron = network.neuron(index)
        if neuron is not None:
            yield layer_name(network, index), neuron


def beyond(values: npt.NDArray[Any] | int, low: int | None, high: int | None) -> tuple[int, int] | None:
    """(value, limit) of the value furthest above ``high``, else furthest below ``low``; None if all are in range."""
    array = np.asarray(values)
    least, most = int(array.min()), int(array.max())
    if high is not None and most > high:
        return most, high
    if low is not None and least < low:
        return least, low
    return None
