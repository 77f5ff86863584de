"""Rules on the range of the neurons' states during a run: a calibration on given inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy.typing as npt

from myelin.convert.compare.runs import is_input
from myelin.convert.network import Network
from myelin.convert.rules.violation import Case, Violation, layer_name
from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SHIFT, THRESHOLD_MAX
from myelin.hw_configs.target import Target

if TYPE_CHECKING:
    from myelin.convert.profile.profiler import Profile


class StateRange(NamedTuple):
    """The range of one state of a population in a calibration.

    Attributes:
        where: the population.
        name: the state's name; u is measured before it wraps and v before it saturates.
        low, high: the smallest and the largest value.
        beyond_24_bit: how often the state wrapped or saturated at 24 bit; None for states that do neither.
    """

    where: str
    name: str
    low: int
    high: int
    beyond_24_bit: int | None


def calibrate(network: Network, batches: Iterable[npt.ArrayLike]) -> Profile:
    """Run ``batches`` of spikes (batch, steps, *input shape) and return a profile with the range of every state.

    Raises:
        DataError: the spikes do not fit the network.
    """
    from myelin.convert.profile.profiler import Profiler  # loads the simulator, which the other rules do not need

    profiler = Profiler(network, timed=False)
    for spikes in batches:
        profiler.add(spikes)
    return profiler.result()


def state_ranges(calibration: Profile) -> list[StateRange]:
    """The range of every state of every population, in the order of the layers."""
    return [
        StateRange(layer.name, name, extent.low, extent.high, layer.overflows.get(name))
        for layer in calibration.layers
        for name, extent in layer.ranges.items()
        if not is_input(name)
    ]


def states(case: Case) -> Iterator[Violation]:
    """Yield states that leave the target's range.

    u wraps with 24 bits above 2^23 and from -2^23 down, which changes its sign (lava-nc ``proc/lif/models.py``).  v saturates
    at 24 bits in the same way in the simulator, in training and on the target; ``notes`` reports it.  On a target with fewer
    bits it is a violation, since the target would compute another network.  A readout of states that exceeds the largest
    threshold is a violation too: its sum is lost, since it is reset (as in training, ``myelin.train.neurons.cuba``), or if its
    threshold is higher still, saturates a few steps of a state above.  Floats do neither.
    """
    network, target, calibration = case
    assert target.state_bits is not None and calibration is not None
    half = 1 << (target.state_bits - 1)
    limits = {"wraps": (1 - half, half), "saturates": (1 - half, half - 1)}
    last = network.layers[-1]
    overflow = _overflow(calibration)
    readout, reset_above, reset = _readout(network)
    for state in state_ranges(calibration):
        kind = overflow.get((state.where, state.name), "")
        if state.name == last.neuron.READOUT and state.where == readout and state.high > reset_above < half:
            lost = "reset there" if reset else "saturates there"
            what, cure = (
                f"{state.name} ({_input(calibration)}, {lost})",
                "scale the weights of the readout down by a power of two",
            )
            yield Violation("states", state.where, what, "state", state.high, reset_above, target.name, cure)
            continue
        if kind == "saturates" and half == CURRENT_WRAP:
            continue
        low, high = limits.get(kind, (-half, half - 1))
        got, limit = (state.high, high) if state.high - high >= low - state.low else (state.low, low)
        if not low <= got <= high:
            wraps = f", wraps {_times(state.beyond_24_bit)}" if kind == "wraps" and half == CURRENT_WRAP else ""
            what = f"{state.name} ({_input(calibration)}{wraps})"
            cure = "scale the weights and the threshold down by a power of two, or let the states decay faster"
            yield Violation("states", state.where, what, "state", got, limit, target.name, cure)


def notes(target: Target, calibration: Profile | None) -> list[str]:
    """Remarks on a calibration that are no violations: one line for each population whose voltage saturates."""
    if calibration is None or target.state_bits is None:
        return []
    overflow = _overflow(calibration)
    return [
        f"{state.where}: {state.name} saturates {_times(state.beyond_24_bit)} ({_input(calibration)}), reaching "
        f"{state.low}..{state.high} of +-{STATE_MAX}; {target.name} does the same, so nothing differs from the simulation"
        for state in state_ranges(calibration)
        if overflow.get((state.where, state.name)) == "saturates"
        and state.beyond_24_bit
        and 1 << (target.state_bits - 1) == CURRENT_WRAP
    ]


def _overflow(calibration: Profile) -> dict[tuple[str, str], str]:
    """(population, state) -> "wraps" or "saturates" at the end of 24 bit, for states that do either."""
    return {(layer.name, name): kind for layer in calibration.layers for name, kind in layer.overflow.items()}


def _readout(network: Network) -> tuple[str, int, bool]:
    """Name of a readout of voltages, the voltage above which its sum is lost, and whether it is reset there; "" for none."""
    last = network.layers[-1]
    above = last.neuron.reset_above
    if last.output != "state" or above is None:
        return "", 0, False
    return layer_name(network, len(network.layers) - 1), min(above, THRESHOLD_MAX << STATE_SHIFT), above < STATE_MAX


def _times(count: int | None) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def _input(calibration: Profile) -> str:
    return f"{calibration.samples} sample{'' if calibration.samples == 1 else 's'} of {calibration.steps} steps"
