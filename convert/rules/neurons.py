"""Rules on neurons: which the target has processes for, and their constants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from myelin.convert.neurons import Cuba, Delta, Sigma, SigmaDelta
from myelin.convert.rules.violation import Case, Violation, beyond, layer_name, neurons
from myelin.hw_configs.fixed_point import SDNN_MESSAGE_BITS, THRESHOLD_MAX

#: Names of neurons in target files.
MODELS = {Cuba: "cuba", Delta: "delta", SigmaDelta: "sigma_delta", Sigma: "sigma"}
_TRAIN_CUBA = "train CUBA neurons for this target"


def model(case: Case) -> Iterator[Violation]:
    """Neurons that the target has no process for."""
    network, target, _ = case
    assert target.neuron_models is not None
    for where, neuron in neurons(network):
        name = MODELS[type(neuron)]
        if name not in target.neuron_models:
            known = ", ".join(target.neuron_models)
            yield Violation("neuron model", where, "neuron model", "name", name, known, target.name, _TRAIN_CUBA)


def current_decay(case: Case) -> Iterator[Violation]:
    """Current decays in 1/4096 per step."""
    yield from _decay(case, "current")


def voltage_decay(case: Case) -> Iterator[Violation]:
    """Voltage decays in 1/4096 per step."""
    yield from _decay(case, "voltage")


def _decay(case: Case, state: str) -> Iterator[Violation]:
    name = f"{state}_decay"
    low, high = getattr(case.target, f"{name}_min"), getattr(case.target, f"{name}_max")
    for where, neuron in _cubas(case):
        outside = beyond(getattr(neuron, name), low, high)
        if outside is not None:
            cure = f"train with a {state} decay of {low}..{high} / 4096"
            yield Violation(f"{state} decay", where, name, "per_4096", *outside, case.target.name, cure)


def threshold(case: Case) -> Iterator[Violation]:
    """Thresholds of neurons that spike; a readout of states must not, so any value out of reach serves it."""
    network, target, _ = case
    for where, neuron in _cubas(case):
        outside = beyond(neuron.threshold, 0, target.threshold_max)
        if outside is not None and not (where == layer_name(network, len(network.layers) - 1) and _reads_states(case)):
            cure = "scale the weights and the threshold down by a power of two"
            yield Violation("threshold", where, "threshold", "mantissa", *outside, target.name, cure)


def state_readout(case: Case) -> Iterator[Violation]:
    """A readout of states that can reach its threshold would spike and reset."""
    network, target, _ = case
    index = len(network.layers) - 1
    neuron = network.layers[index].neuron
    if isinstance(neuron, Cuba) and _reads_states(case) and neuron.threshold < THRESHOLD_MAX:
        cure = f"set the threshold of the readout to {THRESHOLD_MAX} or more, so that it never spikes"
        where, what = layer_name(network, index), "threshold of a readout of states"
        yield Violation("state readout", where, what, "mantissa", neuron.threshold, THRESHOLD_MAX, target.name, cure)


def bias_mant(case: Case) -> Iterator[Violation]:
    """Mantissas of biases."""
    _, target, _ = case
    for where, neuron in _cubas(case):
        outside = beyond(neuron.bias_mant, target.bias_mant_min, target.bias_mant_max)
        if outside is not None:
            cure = "raise bias_exp and round the mantissa, or clip the bias in training"
            yield Violation("bias mantissa", where, "bias_mant", "mantissa", *outside, target.name, cure)


def bias_exp(case: Case) -> Iterator[Violation]:
    """Exponents of biases."""
    _, target, _ = case
    for where, neuron in _cubas(case):
        outside = beyond(neuron.bias_exp, 0, target.bias_exp_max)
        if outside is not None:
            yield Violation("bias exponent", where, "bias_exp", "exponent", *outside, target.name, "lower bias_exp")


def message_bits(case: Case) -> Iterator[Violation]:
    """Graded spikes: of the input, and of sigma-delta neurons where the target has those at all.

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
        there = target.neuron_models is None or MODELS[type(neuron)] in target.neuron_models
        if neuron.GRADED and there and limit < SDNN_MESSAGE_BITS:
            what = "payload of sigma-delta messages"
            yield Violation("message bits", where, what, "bits", SDNN_MESSAGE_BITS, limit, target.name, _TRAIN_CUBA)


def encoder(case: Case) -> Iterator[Violation]:
    """Threshold and bias of sigma-delta neurons stand among the states, shifted by both exponents."""
    network, target, _ = case
    limit = target.state_bits
    assert limit is not None
    for where, neuron in neurons(network):
        if not isinstance(neuron, Delta | SigmaDelta):
            continue
        bias = neuron.bias if isinstance(neuron, SigmaDelta) else np.zeros((), np.int32)
        for what, values in (("threshold", np.array(neuron.threshold)), ("bias", bias)):
            bits = 1 + max(int(values.max()), -int(values.min()) - 1).bit_length() + neuron.shift
            if bits > limit:
                cure = "scale the weights, thresholds and biases down by a power of two, or lower spike_exp"
                width = f"width of the {what} among the states"
                yield Violation("sigma-delta constants", where, width, "bits", bits, limit, target.name, cure)


def _cubas(case: Case) -> Iterator[tuple[str, Cuba]]:
    for where, neuron in neurons(case.network):
        if isinstance(neuron, Cuba):
            yield where, neuron


def _reads_states(case: Case) -> bool:
    return case.network.layers[-1].output == "state"
