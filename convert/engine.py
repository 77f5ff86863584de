"""Layers prepared for simulation, and the currents that spikes cause in them.

Two ways to the same integers.  Events: loops over the spikes that occur.  Dense: one matrix product over all steps of a chunk,
in float32 or float64, which is exact while every partial sum stays below 2^24 or 2^53; the bound is the largest input value
times the largest sum of absolute weights of a neuron.  The denser the spikes, the better the product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convert.arrays import IntArray, Shape
from convert.engine_events import BINS, CONV, LIST, NO_PLAN, ROWS, SYNAPSES, Plan, delayed, drive, run_cuba
from convert.inputs import input_mantissa
from convert.layers import Conv, DelayedRecurrent, Dense
from convert.layers.conv import as_chw, unroll
from convert.network import Input, Layer, Network
from convert.neurons import Cuba
from hw_configs.fixed_point import CONV_SUM_BITS, DECAY_UNITY, STATE_SHIFT

#: Share of nonzero inputs from which the matrix product is faster than the events.  Measured on one core, 16 samples of 100
#: steps, 140 to 1024 inputs and 256 to 1024 neurons: the two take the same time at 0.4 to 0.6.
DENSE_FROM_DENSITY = 0.5

#: Convolutions of up to as many synapses become lists, larger ones keep their kernel.  Measured: a list takes half to two
#: thirds of the kernel's time for a spike up to 5e5 synapses, as long from 3e6 on; making it takes longer the larger it is.
UNROLLED_SYNAPSES = 1 << 17

Spikes = npt.NDArray[Any]
States = npt.NDArray[np.int32]
#: Arrays (batch, steps, neurons) of a population by name: "spikes", "a", "u", "v".
Arrays = dict[str, npt.NDArray[Any]]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Population:
    """Neurons prepared for ``run_cuba``: bias << exponent and (4096 - decay) / 4096 for each neuron."""

    shape: Shape
    keep_u: npt.NDArray[np.float64]
    keep_v: npt.NDArray[np.float64]
    bias: States
    threshold: np.int32
    recurrent: Plan = NO_PLAN

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return int(np.prod(self.shape))

    def step_all(self, current: States, bias: States, wanted: Names, interval: int = 0, phase: int = 0) -> Arrays:
        """Spikes, and u and v where ``wanted``, each (batch, steps, neurons), for ``current``, which is overwritten."""
        result: Arrays = {"spikes": np.empty(current.shape, np.uint8)}
        result |= {name: np.empty(current.shape, np.int32) for name in ("u", "v") if name in wanted}
        none = np.zeros((0, 0, 0), np.int32)
        u, v = result.get("u", none), result.get("v", none)
        constants = (self.keep_u, self.keep_v, self.threshold)
        run_cuba(current, bias, *constants, interval, phase, *self.recurrent, result["spikes"], u, v)
        return result | {"a": current} if "a" in wanted else result


class Stage(Protocol):
    """A population prepared, with the connections that reach it: what the simulator runs one after the other."""

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int) -> Arrays:
        """What the population gives for ``spikes`` (batch, steps, sources) of the population before.

        Args:
            spikes: whole numbers; zero where nothing is sent.
            wanted: names of states to return besides "spikes".
            interval, phase: states become 0 before the step at index t where interval > 0 and (t + 1 - phase) % interval is 0.

        Returns:
            "spikes" and what is wanted, each (batch, steps, neurons).
        """
        ...


@dataclass(frozen=True)
class InputStage:
    """The CUBA neurons of an input layer that has them."""

    source: Input
    population: Population

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int) -> Arrays:
        """As ``Stage.run``; ``spikes`` are the values that enter."""
        bias = input_bias(self.source, spikes)
        return self.population.step_all(np.zeros(spikes.shape, np.int32), bias, wanted, interval, phase)


@dataclass(frozen=True)
class CubaStage:
    """A layer of CUBA neurons: its feed-forward connection from the population before, and its neurons."""

    plan: Plan
    population: Population
    absolute_sum: int
    wraps: bool
    dense: dict[str, npt.NDArray[Any]] = field(default_factory=dict, compare=False)

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int) -> Arrays:
        """As ``Stage.run``."""
        return self.population.step_all(self.currents(spikes), self.population.bias, wanted, interval, phase)

    def currents(self, spikes: Spikes) -> States:
        """Synaptic input (batch, steps, neurons) for ``spikes`` (batch, steps, sources)."""
        batch, steps, _ = spikes.shape
        largest = int(spikes.max(initial=0))
        bound = largest * self.absolute_sum
        precision = _exact_float(bound)
        if self.plan.kind == ROWS and precision is not None and np.count_nonzero(spikes) > DENSE_FROM_DENSITY * spikes.size:
            return self._product(spikes, precision)
        current = np.zeros((batch, steps, self.population.neurons), np.int32)
        drive(spikes, current, *self.plan)
        if self.wraps and bound >= 1 << (CONV_SUM_BITS - 1):
            half = 1 << (CONV_SUM_BITS - 1)
            current = ((current + half) & (2 * half - 1)) - half
        return current

    def _product(self, spikes: Spikes, precision: str) -> States:
        if precision not in self.dense:
            self.dense[precision] = self.plan.weight.astype(precision)
        shifted = np.zeros(spikes.shape, precision)
        delayed(spikes, self.plan.delay[:, 0], 1, shifted)
        product = shifted.reshape(-1, spikes.shape[2]) @ self.dense[precision]
        return product.astype(np.int32).reshape(*spikes.shape[:2], -1)


def prepare(network: Network) -> list[Stage]:
    """The input's neurons, where it has them, and all layers of ``network``, prepared."""
    stages: list[Stage] = []
    if network.input.neuron is not None:
        stages.append(InputStage(network.input, _constants(network.input.neuron, network.input.shape)))
    shape = network.input.shape
    delay_steps: IntArray = np.zeros((), np.int32)
    for layer in network.layers:
        plan = plan_connection(layer.synapse, shape, delay_steps)
        stages.append(
            CubaStage(
                plan=plan,
                population=_population(layer),
                absolute_sum=int(np.abs(plan.weight.astype(np.int64)).sum(axis=0).max(initial=0))
                if isinstance(layer.synapse, Dense)
                else layer.synapse.absolute_input_sum(),
                wraps=isinstance(layer.synapse, Conv) and not delay_steps.any(),
            )
        )
        shape, delay_steps = layer.shape, layer.delay_steps
    return stages


def plan_connection(synapse: Dense | Conv, shape: Shape, axonal: IntArray) -> Plan:
    """``synapse`` as the loops want it, from a population of ``shape`` whose spikes are delayed by ``axonal`` steps."""
    sources = int(np.prod(shape))
    axon = np.ascontiguousarray(np.broadcast_to(axonal, shape).reshape(sources, 1), np.int32)
    if isinstance(synapse, Conv):
        out = synapse.output_shape(as_chw(shape))
        if int(np.prod(out)) * synapse.weight[0].size <= UNROLLED_SYNAPSES:
            return _plan_list(synapse, shape, axon)
        kernel = synapse.weight.shape[2:]
        geometry = (*as_chw(shape), *out, *kernel, *synapse.stride, *synapse.padding, *synapse.dilation, synapse.groups)
        return NO_PLAN._replace(
            kind=CONV, weight=_small(_conv_rows(synapse)), delay=axon, geometry=np.array(geometry, np.int64)
        )
    weight = np.ascontiguousarray(synapse.weight.T)
    delay = axon if synapse.delay_steps is None else np.ascontiguousarray(axon + synapse.delay_steps.T, np.int32)
    shift = -synapse.weight_exp
    if shift > 0 and np.any(weight & ((1 << shift) - 1)):
        bins, index = np.unique(delay, return_inverse=True)
        places = index.reshape(delay.shape).astype(np.int32)
        return NO_PLAN._replace(kind=BINS, weight=_small(weight), delay=places, bins=bins.astype(np.int32), shift=shift)
    weight = weight << synapse.weight_exp if shift <= 0 else weight >> shift
    if np.all(delay == delay[:, :1]):
        return NO_PLAN._replace(kind=ROWS, weight=_small(weight), delay=np.ascontiguousarray(delay[:, :1]))
    return NO_PLAN._replace(kind=SYNAPSES, weight=_small(weight), delay=delay)


def _plan_list(synapse: Conv, shape: Shape, axon: IntArray) -> Plan:
    weight, target, source, (_, sources) = unroll(synapse, shape)
    order = np.argsort(source, kind="stable")
    return NO_PLAN._replace(
        kind=LIST,
        weight=_small(weight[order].reshape(1, -1)),
        delay=axon,
        geometry=np.searchsorted(source[order], np.arange(sources + 1)).astype(np.int64),
        bins=target[order].astype(np.int32),
    )


def input_bias(source: Input, values: Spikes) -> States:
    """Bias (batch, steps, neurons) that netx's input layer gives its neurons for checked ``values`` (batch, steps, inputs).

    Lava's model adds it to the voltage in the same step, without the latency of a connection.
    """
    assert source.neuron is not None
    mantissa = input_mantissa(source, values.reshape(*values.shape[:2], *source.shape))
    return (mantissa << source.neuron.bias_exp).astype(np.int32).reshape(values.shape)


def _population(layer: Layer) -> Population:
    recurrent = NO_PLAN if layer.recurrent is None else _plan_recurrent(layer.recurrent, layer.shape)
    return _constants(layer.neuron, layer.shape, recurrent)


def _plan_recurrent(recurrent: DelayedRecurrent, shape: Shape) -> Plan:
    return plan_connection(recurrent.synapse, shape, recurrent.delay_steps)


def _constants(neuron: Cuba, shape: Shape, recurrent: Plan = NO_PLAN) -> Population:
    def each(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(np.broadcast_to(values, shape).reshape(-1))

    return Population(
        shape=shape,
        keep_u=(DECAY_UNITY - each(neuron.current_decay)) / DECAY_UNITY,
        keep_v=(DECAY_UNITY - each(neuron.voltage_decay)) / DECAY_UNITY,
        bias=(each(neuron.bias_mant) << neuron.bias_exp).astype(np.int32).reshape(1, 1, -1),
        threshold=np.int32(neuron.threshold << STATE_SHIFT),
        recurrent=recurrent,
    )


def _conv_rows(synapse: Conv) -> IntArray:
    """Kernel as (in channels, kernel height * width * out channels / groups): what a spike of one channel adds, tap by tap."""
    out, depth, height, width = synapse.weight.shape
    grouped = synapse.weight.reshape(synapse.groups, out // synapse.groups, depth, height, width)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1)).reshape(synapse.groups * depth, -1)


def _small(weight: IntArray) -> npt.NDArray[Any]:
    """``weight`` in 16 bit where that holds it: half the memory traffic of the inner loop."""
    limits = np.iinfo(np.int16)
    fits = weight.min(initial=0) >= limits.min and weight.max(initial=0) <= limits.max
    return weight.astype(np.int16 if fits else np.int32)


def _exact_float(bound: int) -> str | None:
    """Narrowest float type whose sums of whole numbers up to ``bound`` are exact, None where there is none."""
    if bound < 1 << 24:
        return "float32"
    return "float64" if bound < 1 << 31 else None
