"""Hardware rules: what of a network a target cannot hold, every violation at once, each with its cure.

A rule is a small function from (network, target) to violations, with the names of the target's numbers it needs.  Where one of
these is not public the rule is not applied, and ``not_checked`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from convert.arrays import IntArray
from convert.layers import Conv, Dense
from convert.network import Network
from convert.neurons import Cuba, Delta, Sigma, SigmaDelta
from hw_configs.fixed_point import SDNN_MESSAGE_BITS, THRESHOLD_MAX
from hw_configs.target import Target


@dataclass(frozen=True)
class Violation:
    """One thing a target cannot hold.

    Attributes:
        rule: name of the rule.
        where: ``layer 2 (dense)``, ``input`` or ``input neurons``.
        what: the quantity, with its unit where it has one in words.
        unit: of ``got`` and ``limit``: ``steps``, ``bits``, ...
        got: the value at its extreme.
        limit: the nearest allowed value.
        target: name of the target.
        cure: what to do.
    """

    rule: str
    where: str
    what: str
    unit: str
    got: int
    limit: int
    target: str
    cure: str

    @property
    def message(self) -> str:
        """The violation in one line: object, what was got, what is allowed, the cure."""
        unit = f" {self.unit}" if self.unit in ("steps", "bits") else ""
        more = " or more" if self.got < self.limit else ""
        return f"{self.where}: {self.what} is {self.got}{unit}, {self.target} holds {self.limit}{more}; {self.cure}"


class Rule(NamedTuple):
    """A rule: its name, the numbers of a target it needs, and the function that finds violations."""

    name: str
    needs: tuple[str, ...]
    find: Callable[[Network, Target], Iterator[Violation]]


def check(network: Network, target: Target) -> list[Violation]:
    """Everything in ``network`` that ``target`` cannot hold, as far as the target's numbers are public."""
    found: list[Violation] = []
    for rule in RULES:
        if _known(rule, target):
            found.extend(rule.find(network, target))
    return sorted(found, key=lambda violation: _order(violation.where))


def not_checked(target: Target) -> list[str]:
    """What ``check`` cannot say about ``target``, one line for each rule, naming the numbers that are missing."""
    return [
        f"{rule.name}: {', '.join(name for name in rule.needs if getattr(target, name) is None)} of {target.name} not public, "
        "not checked"
        for rule in RULES
        if not _known(rule, target)
    ]


def _known(rule: Rule, target: Target) -> bool:
    return all(getattr(target, name) is not None for name in rule.needs)


def _order(where: str) -> int:
    return int(where.split()[1]) if where.startswith("layer ") else -1


def _layer_name(network: Network, index: int) -> str:
    return f"layer {index} ({network.layers[index].kind})"


def _connections(network: Network) -> Iterator[tuple[int, str, Dense | Conv, IntArray]]:
    """Layer index, "" or "recurrent ", synapse, and the axonal delays of the spikes that reach it as (sources,)."""
    axonal = np.zeros(int(np.prod(network.input.shape)), np.int32)
    for index, layer in enumerate(network.layers):
        yield index, "", layer.synapse, axonal
        axonal = layer.delays.reshape(-1)
        if layer.recurrent is not None:
            own = np.broadcast_to(layer.recurrent.delay_steps, layer.shape).reshape(-1)
            yield index, "recurrent ", layer.recurrent.synapse, own


def _neurons(network: Network) -> Iterator[tuple[str, Cuba | Delta | SigmaDelta | Sigma]]:
    if network.input.neuron is not None:
        yield "input neurons", network.input.neuron
    for index, layer in enumerate(network.layers):
        yield _layer_name(network, index), layer.neuron


def _cubas(network: Network) -> Iterator[tuple[str, Cuba]]:
    for where, neuron in _neurons(network):
        if isinstance(neuron, Cuba):
            yield where, neuron


def _beyond(values: npt.NDArray[Any] | int, low: int | None, high: int | None) -> tuple[int, int] | None:
    """(value, limit) of what lies furthest outside low..high, None where nothing does."""
    array = np.asarray(values)
    least, most = int(array.min()), int(array.max())
    if high is not None and most > high:
        return most, high
    if low is not None and least < low:
        return least, low
    return None


def _delay(network: Network, target: Target) -> Iterator[Violation]:
    """Delays, axonal and synaptic together: on the chip both are the synapse's."""
    limit = target.delay_steps_max
    assert limit is not None
    cure = f"retrain with max_delay_steps={limit} or export with --clip-delays"

    def found(index: int, what: str, got: int) -> Violation:
        return Violation("delay", _layer_name(network, index), what, "steps", got, limit, target.name, cure)

    for index, layer in enumerate(network.layers):
        if layer.delay_steps.max() > limit:
            yield found(index, "longest delay", int(layer.delay_steps.max()))
    for index, which, synapse, axonal in _connections(network):
        synaptic = synapse.delay_steps if isinstance(synapse, Dense) else None
        if which and axonal.max() > limit:
            yield found(index, f"longest {which}delay", int(axonal.max()))
        elif synaptic is not None and axonal.max() <= limit and (axonal + synaptic).max() > limit:
            together = " (axonal and synaptic together)" if axonal.any() else ""
            yield found(index, f"longest {which}synaptic delay{together}", int((axonal + synaptic).max()))


def _weight_bits(network: Network, target: Target) -> Iterator[Violation]:
    """Bits that the weights need once their common factor of two is in the exponent; weights of one sign need no sign bit."""
    limit = target.weight_bits
    assert limit is not None
    for index, which, synapse, _ in _connections(network):
        need = weight_bits(synapse.weight)
        if need > limit:
            cure = f"quantise the {which}weights to {limit} bits"
            where = _layer_name(network, index)
            yield Violation("weight", where, f"width of the {which}weights", "bits", need, limit, target.name, cure)


def weight_bits(weight: IntArray) -> int:
    """Bits of the narrowest synapse that holds these weights exactly."""
    if not weight.any():
        return 1
    common = int(np.bitwise_or.reduce(weight.reshape(-1)))
    reduced = weight // (common & -common)
    low, high = int(reduced.min()), int(reduced.max())
    if low >= 0 or high <= 0:
        return max(high, -low).bit_length()
    return 1 + max((-low - 1).bit_length(), high.bit_length())


def _weight_exp(network: Network, target: Target) -> Iterator[Violation]:
    for index, which, synapse, _ in _connections(network):
        beyond = (
            _beyond(synapse.weight_exp, target.weight_exp_min, target.weight_exp_max) if isinstance(synapse, Dense) else None
        )
        if beyond is not None:
            cure = "scale the weights and the threshold by a power of two instead"
            where = _layer_name(network, index)
            yield Violation("weight exponent", where, f"{which}weight_exp", "exponent", *beyond, target.name, cure)


def _current_decay(network: Network, target: Target) -> Iterator[Violation]:
    for where, neuron in _cubas(network):
        beyond = _beyond(neuron.current_decay, target.current_decay_min, target.current_decay_max)
        if beyond is not None:
            cure = f"train with a current decay of {target.current_decay_min}..{target.current_decay_max} / 4096"
            yield Violation("current decay", where, "current_decay", "per_4096", *beyond, target.name, cure)


def _voltage_decay(network: Network, target: Target) -> Iterator[Violation]:
    for where, neuron in _cubas(network):
        beyond = _beyond(neuron.voltage_decay, target.voltage_decay_min, target.voltage_decay_max)
        if beyond is not None:
            cure = f"train with a voltage decay of {target.voltage_decay_min}..{target.voltage_decay_max} / 4096"
            yield Violation("voltage decay", where, "voltage_decay", "per_4096", *beyond, target.name, cure)


def _threshold(network: Network, target: Target) -> Iterator[Violation]:
    """Thresholds of neurons that spike; a readout of states must not, so any value out of reach serves it."""
    for where, neuron in _cubas(network):
        beyond = _beyond(neuron.threshold, 0, target.threshold_max)
        if beyond is not None and not (where == _layer_name(network, len(network.layers) - 1) and _reads_states(network)):
            cure = "scale the weights and the threshold down by a power of two"
            yield Violation("threshold", where, "threshold", "mantissa", *beyond, target.name, cure)


def _state_readout(network: Network, target: Target) -> Iterator[Violation]:
    """A readout of states that can reach its threshold would spike and reset."""
    index = len(network.layers) - 1
    neuron = network.layers[index].neuron
    if isinstance(neuron, Cuba) and _reads_states(network) and neuron.threshold < THRESHOLD_MAX:
        cure = f"set the threshold of the readout to {THRESHOLD_MAX} or more, so that it never spikes"
        where = _layer_name(network, index)
        yield Violation(
            "state readout",
            where,
            "threshold of a readout of states",
            "mantissa",
            neuron.threshold,
            THRESHOLD_MAX,
            target.name,
            cure,
        )


def _reads_states(network: Network) -> bool:
    return network.layers[-1].output == "state"


def _bias_mant(network: Network, target: Target) -> Iterator[Violation]:
    for where, neuron in _cubas(network):
        beyond = _beyond(neuron.bias_mant, target.bias_mant_min, target.bias_mant_max)
        if beyond is not None:
            cure = "raise bias_exp and round the mantissa, or clip the bias in training"
            yield Violation("bias mantissa", where, "bias_mant", "mantissa", *beyond, target.name, cure)


def _bias_exp(network: Network, target: Target) -> Iterator[Violation]:
    for where, neuron in _cubas(network):
        beyond = _beyond(neuron.bias_exp, 0, target.bias_exp_max)
        if beyond is not None:
            yield Violation("bias exponent", where, "bias_exp", "exponent", *beyond, target.name, "lower bias_exp")


def _message_bits(network: Network, target: Target) -> Iterator[Violation]:
    """Graded input spikes; values that drive input neurons are biases, not spikes."""
    limit = target.message_bits_max
    assert limit is not None
    got = network.input.message_bits if network.input.neuron is None else 0
    if got > limit:
        cure = "count the input in finer time bins, so that spikes are 0 or 1"
        yield Violation("message bits", "input", "spike payload", "bits", got, limit, target.name, cure)
    for where, neuron in _neurons(network):
        if neuron.GRADED and limit < SDNN_MESSAGE_BITS:
            cure = "train CUBA neurons for this target"
            what = "payload of sigma-delta messages"
            yield Violation("message bits", where, what, "bits", SDNN_MESSAGE_BITS, limit, target.name, cure)


def _encoder(network: Network, target: Target) -> Iterator[Violation]:
    """Threshold and bias of sigma-delta neurons stand among the states, shifted by both exponents."""
    limit = target.state_bits
    assert limit is not None
    for where, neuron in _neurons(network):
        if not isinstance(neuron, Delta | SigmaDelta):
            continue
        bias = neuron.bias if isinstance(neuron, SigmaDelta) else np.zeros((), np.int32)
        for what, values in (("threshold", np.array(neuron.threshold)), ("bias", bias)):
            bits = 1 + max(int(values.max()), -int(values.min()) - 1).bit_length() + neuron.shift
            if bits > limit:
                cure = "scale the weights, thresholds and biases down by a power of two, or lower spike_exp"
                width = f"width of the {what} among the states"
                yield Violation("sigma-delta constants", where, width, "bits", bits, limit, target.name, cure)


#: Every rule; one test for each edge of each.
RULES: tuple[Rule, ...] = (
    Rule("delay", ("delay_steps_max",), _delay),
    Rule("weight", ("weight_bits",), _weight_bits),
    Rule("weight exponent", ("weight_exp_min", "weight_exp_max"), _weight_exp),
    Rule("current decay", ("current_decay_min", "current_decay_max"), _current_decay),
    Rule("voltage decay", ("voltage_decay_min", "voltage_decay_max"), _voltage_decay),
    Rule("threshold", ("threshold_max",), _threshold),
    Rule("state readout", (), _state_readout),
    Rule("bias mantissa", ("bias_mant_min", "bias_mant_max"), _bias_mant),
    Rule("bias exponent", ("bias_exp_max",), _bias_exp),
    Rule("message bits", ("message_bits_max",), _message_bits),
    Rule("sigma-delta constants", ("state_bits",), _encoder),
)
