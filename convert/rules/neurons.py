"""Rules on neurons: supported neuron models and the ranges of their constants."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from myelin.convert.network import Network
from myelin.convert.neurons import Constant, Neuron
from myelin.convert.rules.violation import Case, Violation, beyond, layer_name, neurons
from myelin.hw_configs.fixed_point import SDNN_MESSAGE_BITS, THRESHOLD_MAX

_TRAIN_CUBA = "train CUBA neurons for this target"


def model(case: Case) -> Iterator[Violation]:
    """Yield neurons for which the target has no process."""
    network, target, _ = case
    assert target.neuron_models is not None
    for where, neuron in neurons(network):
        name = neuron.MODEL
        if name not in target.neuron_models:
            known = ", ".join(target.neuron_models)
            cure = f"simulation only, {neuron.SIMULATION_ONLY}: {_TRAIN_CUBA}" if neuron.SIMULATION_ONLY else _TRAIN_CUBA
            yield Violation("neuron model", where, "neuron model", "name", name, known, target.name, cure)


def constants(rule: str) -> Callable[[Case], Iterator[Violation]]:
    """The rule function that checks each constant whose ``Constant.rule`` is ``rule`` against ``Constant.limits``."""

    def find(case: Case) -> Iterator[Violation]:
        network, target, _ = case
        for index in range(-1, len(network.layers)):
            neuron = network.neuron(index)
            for constant in () if neuron is None else neuron.CONSTANTS:
                if constant.rule != rule or _never_compared(network, index, neuron, constant):
                    continue
                low, high = (None if name is None else getattr(target, name) for name in constant.limits)
                outside = beyond(getattr(neuron, constant.name), constant.low if constant.limits[0] is None else low, high)
                if outside is not None:
                    where, cure = layer_name(network, index), constant.cure.format(low=low, high=high)
                    yield Violation(rule, where, constant.name, constant.unit, *outside, target.name, cure)

    return find


def _never_compared(network: Network, index: int, neuron: Neuron | None, constant: Constant) -> bool:
    """True for the threshold of a readout of states: it must not spike, so any threshold out of reach is valid."""
    last = index == len(network.layers) - 1
    return last and constant.role == "threshold" and network.layers[-1].output == "state"


def state_readout(case: Case) -> Iterator[Violation]:
    """Yield a readout of states that can reach its threshold: it would spike and reset."""
    network, target, _ = case
    index = len(network.layers) - 1
    last = network.layers[index]
    threshold = last.neuron.spikes_as_readout
    if last.output == "state" and threshold is not None:
        cure = f"set the threshold of the readout to {THRESHOLD_MAX} or more, so that it never spikes"
        where, what = layer_name(network, index), "threshold of a readout of states"
        yield Violation("state readout", where, what, "mantissa", threshold, THRESHOLD_MAX, target.name, cure)


def message_bits(case: Case) -> Iterator[Violation]:
    """Yield graded spikes that are too wide: those of the input, and of sigma-delta neurons if the target supports them.

    Values that drive input neurons are biases, not spikes.
    """
    network, target, _ = case
    limit = target.message_bits_max
    assert limit is not None
    got = network.input.message_bits if network.input.neuron is None else 0
    if got > limit:
        cure = "count the input in finer time bins, so that spikes are 0 or 1"
        yield Violation("message bits", "input", "spike payload", "bits", got, limit, target.name, cure)
    for where, neuron in neurons(network):
        there = target.neuron_models is None or neuron.MODEL in target.neuron_models
        if neuron.GRADED and there and limit < SDNN_MESSAGE_BITS:
            what = "payload of sigma-delta messages"
            yield Violation("message bits", where, what, "bits", SDNN_MESSAGE_BITS, limit, target.name, _TRAIN_CUBA)


def encoder(case: Case) -> Iterator[Violation]:
    """Yield thresholds and biases of sigma-delta neurons that are too wide: shifted by both exponents, they are states."""
    network, target, _ = case
    limit = target.state_bits
    assert limit is not None
    for where, neuron in neurons(network):
        for what, bits in neuron.widths().items():
            if bits > limit:
                cure = "scale the weights, thresholds and biases down by a power of two, or lower spike_exp"
                width = f"width of the {what} among the states"
                yield Violation("sigma-delta constants", where, width, "bits", bits, limit, target.name, cure)
