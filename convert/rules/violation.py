"""What a rule is, and what it finds."""

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
    """One thing a target cannot hold.

    Attributes:
        rule: name of the rule.
        where: ``layer 2 (dense)``, ``input`` or ``input neurons``.
        what: the quantity, with its unit where it has one in words.
        unit: of ``got`` and ``limit``: ``steps``, ``bits``, ``bytes``, ...
        got: the value at its extreme, or a name.
        limit: the nearest allowed value, or the allowed names.
        target: name of the target.
        cure: what to do.
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
        """The violation in one line: object, what was got, what is allowed, the cure."""
        unit = f" {self.unit}" if self.unit in ("steps", "bits", "bytes") else ""
        low = isinstance(self.got, int) and isinstance(self.limit, int) and self.got < self.limit
        more = " or more" if low else ""
        return f"{self.where}: {self.what} is {self.got}{unit}, {self.target} holds {self.limit}{more}; {self.cure}"


class Case(NamedTuple):
    """What rules judge; ``calibration`` is a profile of the network on some input, or None."""

    network: Network
    target: Target
    calibration: Profile | None = None


class Rule(NamedTuple):
    """A rule.

    Attributes:
        name: in messages.
        needs: names of the target's numbers without which it cannot be applied.
        find: yields the violations.
        of_cores: whether it is about cores, which a simulator has none of.
        calibrated: whether it judges a run.
    """

    name: str
    needs: tuple[str, ...]
    find: Callable[[Case], Iterator[Violation]]
    of_cores: bool = False
    calibrated: bool = False


def layer_name(network: Network, index: int) -> str:
    """``layer 2 (dense)``; -1 is the input's neurons."""
    return "input neurons" if index < 0 else f"layer {index} ({network.layers[index].kind})"


def neurons(network: Network) -> Iterator[tuple[str, Neuron]]:
    """Every population's name and constants, the input's neurons first."""
    for index in range(-1, len(network.layers)):
        neuron = network.neuron(index)
        if neuron is not None:
            yield layer_name(network, index), neuron


def beyond(values: npt.NDArray[Any] | int, low: int | None, high: int | None) -> tuple[int, int] | None:
    """(value, limit) of what lies furthest outside low..high, None where nothing does."""
    array = np.asarray(values)
    least, most = int(array.min()), int(array.max())
    if high is not None and most > high:
        return most, high
    if low is not None and least < low:
        return least, low
    return None
