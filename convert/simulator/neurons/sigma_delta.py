"""Sigma-delta layers in the simulator: graded messages through a connection, and the neurons through time.

Messages are mostly changes: there are many in the first steps and few later.  Their sums are 32 bit integers, as in Lava.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.convert.arrays import IntArray
from myelin.convert.network import Input, Layer
from myelin.convert.neurons import Delta, Sigma, SigmaDelta
from myelin.convert.simulator.events import drive
from myelin.convert.simulator.plan import ordered_matrix
from myelin.convert.simulator.stage import (
    Arrays,
    Choice,
    InputStage,
    Names,
    PreparedConnection,
    Spikes,
    States,
    StepNeurons,
    measured_density,
    wrapped,
)
from myelin.convert.simulator.step_loops import DELTA, SIGMA, SIGMA_DELTA, SUM_LIMIT
from myelin.hw_configs.errors import DataError

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}
_NOTHING = np.zeros((0, 0, 0), np.int32)


@njit(**_OPTIONS)
def encode(  # type: ignore[no-untyped-def]  # noqa: ANN201
    current,  # noqa: ANN001
    sums,  # noqa: ANN001
    bias,  # noqa: ANN001
    relu,  # noqa: ANN001
    threshold,  # noqa: ANN001
    cumulative,  # noqa: ANN001
    state_exp,  # noqa: ANN001
    messages,  # noqa: ANN001
    record_sigma,  # noqa: ANN001
    record_act,  # noqa: ANN001
    record_residue,  # noqa: ANN001
    record_error,  # noqa: ANN001
):
    """Run sigma-delta neurons or delta encoders from rest; for the equations see ``myelin.convert.neurons.sigma_delta``.

    Args:
        current: (batch, steps, neurons) int32, summed synaptic input; without ``sums``, the shifted values to encode.
        sums: whether the input is summed over time.
        bias: (neurons,) int32, shifted.
        relu: whether the activation is max(x, 0).
        threshold: the shifted threshold.
        cumulative: whether the accumulated error is compared with the threshold.
        state_exp: number of bits by which a message is shifted right before it is sent.
        messages: (batch, steps, neurons) int32, written.
        record_sigma, record_act, record_residue, record_error: (batch, steps, neurons) int32, written; or of size 0.
    """
    batch, steps, neurons = current.shape
    sigma, act = np.zeros(neurons, np.int32), np.zeros(neurons, np.int32)
    residue, error = np.zeros(neurons, np.int32), np.zeros(neurons, np.int32)
    for b in range(batch):
        sigma[:] = 0
        act[:] = 0
        residue[:] = 0
        error[:] = 0
        for t in range(steps):
            for i in range(neurons):
                total = current[b, t, i]
                if sums:
                    total = np.int32(sigma[i] + total)
                    sigma[i] = total
                new = np.int32(total + bias[i])
                if relu:
                    new = max(new, np.int32(0))
                change = np.int32(new - act[i] + residue[i])
                size = np.int32(error[i] + change) if cumulative else change
                sent = change if np.int32(abs(size)) >= threshold else np.int32(0)
                if cumulative:
                    error[i] = np.int32(0) if sent != 0 else size
                residue[i] = np.int32(change - sent)
                act[i] = new
                messages[b, t, i] = sent >> state_exp
            if record_sigma.size:
                record_sigma[b, t] = sigma
            if record_act.size:
                record_act[b, t] = act
            if record_residue.size:
                record_residue[b, t] = residue
            if record_error.size:
                record_error[b, t] = error


@njit(**_OPTIONS)
def largest_magnitudes(spikes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """(sources,) int64: the largest magnitude of each source in ``spikes`` (batch, steps, sources) of 32 bit or fewer."""
    batch, steps, sources = spikes.shape
    low, high = np.zeros(sources, spikes.dtype), np.zeros(sources, spikes.dtype)
    for b in range(batch):
        for t in range(steps):
            for i in range(sources):
                low[i] = min(low[i], spikes[b, t, i])
                high[i] = max(high[i], spikes[b, t, i])
    return np.maximum(high.astype(np.int64), -low.astype(np.int64))


@njit(**_OPTIONS)
def add_up(current, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Write the sums over time of ``current`` (batch, steps, neurons) int32 to ``sums``; wraps in 32 bit, as Lava does.

    ``numpy.cumsum`` along an axis that is not the last takes ten times as long.
    """
    for b in range(current.shape[0]):
        sums[b, :1] = current[b, :1]  # a slice: there may be no step
        for t in range(1, current.shape[1]):
            for i in range(current.shape[2]):
                sums[b, t, i] = sums[b, t - 1, i] + current[b, t, i]


def _encoded(neuron: Delta | SigmaDelta, current: States, bias: States, sums: bool, relu: bool, wanted: Names) -> Arrays:
    """Messages and wanted states; for ``sums`` and ``relu`` see ``encode``."""
    result: Arrays = {"spikes": np.empty(current.shape, np.int32)}
    states = ("sigma", "act", "residue", "error")
    result |= {name: np.empty(current.shape, np.int32) for name in states if name in wanted}
    encode(
        current,
        sums,
        bias,
        relu,
        np.int32(neuron.threshold << neuron.shift),
        neuron.cumulative_error,
        neuron.state_exp,
        result["spikes"],
        *(result.get(name, _NOTHING) for name in states),
    )
    return result


def _refuse_reset(interval: int) -> None:
    if interval:
        raise DataError(
            f"reset_interval is {interval}; sigma-delta neurons are never reset (netx ignores it for them): leave it out, "
            "and run samples apart from each other"
        )


@dataclass(frozen=True)
class DeltaStage(InputStage):
    """The delta encoders of an input layer."""

    source: Input
    neuron: Delta

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``; ``spikes`` are the input values."""
        _refuse_reset(interval)
        # 32 bit hold every value: ``Delta.check_driven``
        values = (spikes.astype(np.int32) * np.int32(self.source.weight) + np.int32(self.source.bias)) << self.neuron.shift
        bias = np.zeros(values.shape[2], np.int32)
        return _encoded(self.neuron, values, bias, False, False, wanted)

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``; the value to encode is ``(weight * x + bias) << shift``."""
        drive = np.full(int(np.prod(self.source.shape)), self.source.bias, np.int32)
        values = {"gain": self.source.weight, "shift": self.neuron.shift}
        return StepNeurons(
            DELTA, Delta.STATES, drive, values=_encoder_values(self.neuron) | values, check_interval=_refuse_reset
        )


@dataclass(frozen=True)
class SigmaDeltaStage:
    """A layer of sigma-delta neurons with its feed-forward connection.

    Attributes:
        where: name of the layer in messages.
        forward: the feed-forward connection.
        neuron: the constants; None for a readout of sums, which has none.
        bias: (neurons,) shifted, in the order of the population.
        reach: upper bound on the magnitude of a sum, per unit of the largest message.
    """

    where: str
    forward: PreparedConnection
    neuron: SigmaDelta | None
    bias: States
    reach: int

    @property
    def wants_many_samples(self) -> bool:
        """See ``Stage.wants_many_samples``; there is no recurrence."""
        return False

    @property
    def order(self) -> IntArray | None:
        """See ``Stage.order``."""
        return self.forward.order.target

    def choose(self, spikes: Spikes) -> Choice:
        """See ``Stage.choose``."""
        return Choice(self.forward.is_dense(measured_density(spikes)))

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``."""
        _refuse_reset(interval)
        current = self.currents(spikes, choice.forward_dense)
        result = self.neurons(current, wanted)
        return result | {"a": current} if "a" in wanted else result

    def neurons(self, current: States, wanted: Names) -> Arrays:
        """Messages and wanted states for the summed input ``current`` (batch, steps, neurons)."""
        assert self.neuron is not None
        return _encoded(self.neuron, current, self.bias, True, self.neuron.activation == "relu", wanted)

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``."""
        assert self.neuron is not None
        values = _encoder_values(self.neuron) | {"relu": int(self.neuron.activation == "relu")}
        return StepNeurons(SIGMA_DELTA, SigmaDelta.STATES, self.bias, values=values, check_interval=_refuse_reset)

    def check_sums(self, highest: npt.NDArray[np.int64]) -> int:
        """An upper bound on the connection's sums for messages of magnitudes up to ``highest`` (sources,).

        Raises:
            DataError: sums could leave the range in which Lava's sums are exact.
        """
        bound = self._bound(highest)
        if bound >= SUM_LIMIT:
            raise DataError(
                f"{self.where}: messages of up to {highest.max()} times its weights may add up to {bound}, Lava's sums hold "
                f"{SUM_LIMIT - 1}: scale the input down, or lower spike_exp or the weights of the layers before"
            )
        return bound

    def currents(self, spikes: Spikes, dense: bool) -> States:
        """Synaptic input (batch, steps, neurons) for ``spikes`` (batch, steps, sources); DataError from ``check_sums``."""
        highest = largest_magnitudes(spikes)  # (sources,)
        bound = self.check_sums(highest)
        if dense:
            current = self.forward.products.currents(spikes, int(highest.max(initial=0)))
        else:
            current = np.zeros((*spikes.shape[:2], self.bias.size), np.int32)
            drive(spikes, current, self.forward.plan, False)
        return wrapped(current) if self.forward.may_wrap(bound) else current

    def _bound(self, highest: npt.NDArray[np.int64]) -> int:
        synapse, bound = self.forward.synapse, int(highest.max(initial=0)) * self.reach
        if bound < SUM_LIMIT or synapse.SPATIAL:
            return bound
        sums = highest @ ordered_matrix(np.abs(synapse.weight.astype(np.int64)).T, self.forward.order)
        return int(sums.max(initial=0)) << max(0, synapse.weight_exp)


class SigmaStage(SigmaDeltaStage):
    """The readout of a sigma-delta network: the sum over time of its synaptic input."""

    def neurons(self, current: States, wanted: Names) -> Arrays:
        """The sums, which are also the output."""
        sigma = np.empty_like(current)
        add_up(current, sigma)
        return {"spikes": sigma, "sigma": sigma}

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``."""
        return StepNeurons(SIGMA, Sigma.STATES, self.bias, check_interval=_refuse_reset)


def _encoder_values(neuron: Delta | SigmaDelta) -> dict[str, int]:
    return {
        "threshold": neuron.threshold << neuron.shift,
        "cumulative": int(neuron.cumulative_error),
        "state_exp": neuron.state_exp,
    }


def sigma_delta_stage(
    where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None
) -> SigmaDeltaStage:
    """A prepared layer of sigma-delta neurons with its feed-forward connection; there is no recurrence."""
    neuron: Any = layer.neuron
    return SigmaDeltaStage(where, forward, neuron, _bias(layer, forward), _reach(forward))


def sigma_stage(where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None) -> SigmaStage:
    """A prepared readout of sums with its feed-forward connection."""
    return SigmaStage(where, forward, None, _bias(layer, forward), _reach(forward))


def _bias(layer: Layer, forward: PreparedConnection) -> States:
    bias, order = layer.neuron.drive(layer.shape).astype(np.int32), forward.order.target
    return bias if order is None else bias[order]


def _reach(forward: PreparedConnection) -> int:
    return forward.absolute_sum << max(0, forward.synapse.weight_exp)
