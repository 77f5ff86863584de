"""Post-training quantisation: finds integers for a ``FloatNetwork`` that spike like the floats on calibration samples.

Layers are quantised in order; the layers before already use their integers.  Each choice minimises the difference between the
layer's spikes and those of the float network on the same samples.  The choices are:

1. one real scale for weights, threshold and bias, over an octave; how far the largest weights are clipped; and whether later
   weights compensate the rounding error of earlier ones (``myelin.convert.quantise.layer``);
2. whole steps for fractional delays (``myelin.convert.quantise.delays``): the axonal delays of the layer before and the
   recurrent delays.  Synaptic delays are rounded to nearest;
3. a factor on the threshold and, if the layer has biases, a shift of the biases, so that rate and spikes match again.

For a readout of states, voltages are compared.  Nothing is trained, and labels are not used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.floats.network import FloatArray, FloatDense, FloatLayer, FloatNetwork
from myelin.convert.floats.simulator import late, simulate_floats
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.convert.quantise.delays import Delays, round_delays
from myelin.convert.quantise.layer import Grid, QuantisationChoice, largest_scale, quantised_layer, steps_of
from myelin.convert.quantise.scalar import whole
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import STATE_SHIFT

#: Number of scales tried, evenly spaced in exponent over an octave; a scale one octave lower has the same mantissas.
SCALES = 8
#: The largest weights may exceed the range by 2 to one of these exponents; the excess is clipped.
CLIPPED = (0, 1, 2)
#: Number of best pairs of scale and clip that are tried again with compensated weights and with a clip per connection.
KEPT = 4
#: Factors on the threshold, and shifts of the bias as shares of the threshold.
THRESHOLDS = (0.9, 0.94, 0.97, 0.985, 1.0, 1.015, 1.03, 1.06, 1.1)
BIASES = (-0.04, -0.02, -0.01, 0.0, 0.01, 0.02, 0.04)


@dataclass(frozen=True)
class LayerReport:
    """The choices for one layer, and its ``error`` on the calibration samples (``mismatch``, or ``state_error`` for states)."""

    choice: QuantisationChoice
    delays: dict[str, str]
    error: float


@dataclass(frozen=True, eq=False)
class Quantised:
    """The integer network, and the choices for each layer."""

    network: Network
    layers: tuple[LayerReport, ...]


@dataclass(frozen=True, eq=False)
class _Task:
    """One layer with its integer input before axonal delays, and its wanted output."""

    layer: FloatLayer
    shape: Shape
    message_bits: int
    spikes: npt.NDArray[Any]  # (batch, steps, sources)
    axonal: FloatArray  # delays of the population before, () or broadcastable to shape
    wanted: FloatArray  # (batch, steps, *layer shape)
    grid: Grid
    entered: dict[bytes, npt.NDArray[Any]] = field(default_factory=dict)

    def arriving(self, axonal: IntArray) -> npt.NDArray[Any]:
        """The input after these axonal delays, (batch, steps, *shape); cached for the last delays."""
        key = axonal.tobytes()
        if key not in self.entered:
            self.entered.clear()
            delays = np.broadcast_to(axonal, self.shape).astype(np.float64)
            delayed = late(self.spikes.astype(np.float64), delays).astype(self.spikes.dtype)
            self.entered[key] = delayed.reshape(*self.spikes.shape[:2], *self.shape)
        return self.entered[key]

    def run(self, candidate: Layer, axonal: IntArray) -> npt.NDArray[Any]:
        """Spikes or voltages of the layer before its axonal delay."""
        network = Network(Input(self.shape, self.message_bits), (candidate,))
        return simulate(network, self.arriving(axonal)).output

    def error(self, candidate: Layer, choice: QuantisationChoice, axonal: IntArray) -> float:
        """The error that the choices minimise."""
        got = self.run(candidate, axonal)
        if candidate.output == "state":
            return state_error(got / (choice.scale * (1 << STATE_SHIFT)), self.wanted)
        return mismatch(got, self.wanted)


def mismatch(got: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> float:
    """Number of (sample, step, neuron) where only one of two trains spikes, divided by the wanted spikes (by 1 if none)."""
    different = int(np.count_nonzero((got != 0) != (wanted != 0)))
    return different / max(1, int(np.count_nonzero(wanted)))


def state_error(got: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> float:
    """Root mean square of ``got - wanted``, divided by that of ``wanted`` (by 1 if that is 0)."""
    scale = float(np.sqrt(np.mean(np.square(wanted))))
    return float(np.sqrt(np.mean(np.square(got - wanted)))) / (scale if scale > 0 else 1.0)


def quantise(
    network: FloatNetwork,
    spikes: npt.ArrayLike,
    grid: Grid | None = None,
    *,
    progress: bool = False,
    kept: Mapping[int, tuple[Layer, float]] | None = None,
) -> Quantised:
    """Quantise ``network`` on the calibration samples ``spikes``; the module describes the method.

    Args:
        network: floats; not changed.
        spikes: calibration samples (batch, steps, *input shape), integers that the input accepts.
        grid: limits of the integers; 8 bits by default.
        progress: whether to show a progress bar.
        kept: by index, layers whose integers are known, without axonal delay, and the integer weight that is 1 in their
            floats; only fractional delays are then chosen.

    Raises:
        DataError: the spikes do not fit the input, or there are none.
        NetworkError: a layer cannot be represented in integers; the message names the layer.
    """
    values = np.asarray(spikes)
    reference = simulate_floats(network, values, interpolate=True)
    if not values.size or not np.count_nonzero(values):
        raise DataError("the calibration samples hold no spikes; name data with some")
    grid = Grid() if grid is None else grid
    current = values.reshape(*values.shape[:2], -1).astype(np.int32 if network.message_bits > 8 else np.uint8)
    shape, axonal, bits = network.input_shape, np.zeros(()), network.message_bits
    layers: list[Layer] = []
    reports = []
    for index, floats in enumerate(_shown(network.layers, progress)):
        with naming_layer(index, floats.kind):
            states = reference.layers[index]
            wanted = states[(floats.neuron.READOUT or "spikes") if floats.output == "state" else "spikes"]
            largest = max(float(np.abs(states[name]).max()) for name in floats.neuron.STATES)
            task = _Task(floats, shape, bits, current, axonal, wanted, grid)
            if kept is not None and index in kept:
                candidate, choice, before, methods, error = _keep(task, *kept[index])
            else:
                candidate, choice, before, methods, error = _choose(task, max(largest, floats.neuron.largest_constant))
        if layers:
            layers[-1] = replace(layers[-1], delay_steps=before)
        layers.append(candidate)
        reports.append(LayerReport(choice, methods, error))
        if floats.output == "spikes":
            current = task.run(candidate, before).reshape(*current.shape[:2], -1)
        shape, axonal, bits = floats.shape, floats.delay_steps, 0
    layers[-1] = replace(layers[-1], delay_steps=whole(network.layers[-1].delay_steps))
    return Quantised(
        Network(Input(network.input_shape, network.message_bits), tuple(layers), network.average_groups), tuple(reports)
    )


def _choose(task: _Task, largest: float) -> tuple[Layer, QuantisationChoice, IntArray, dict[str, str], float]:
    """The layer, its choice, the axonal delays before it, the methods of rounding delays, and the error."""
    axonal = whole(task.axonal)
    top = largest_scale(task.layer, task.grid, largest)
    gram = _gram(task, axonal)

    def error(choice: QuantisationChoice) -> float:
        return task.error(quantised_layer(task.layer, task.grid, choice, gram), choice, axonal)

    scales = [top * 2 ** (-step / SCALES) for step in range(SCALES)]
    scales.append(2.0 ** math.floor(math.log2(top)))  # the scale of plain rounding
    first = {QuantisationChoice(a, steps_of(task.layer, task.grid, a, clip)): None for a in scales for clip in CLIPPED}
    ranked = sorted((error(choice), place, choice) for place, choice in enumerate(first))
    second = dict.fromkeys(other for _, _, choice in ranked[:KEPT] for other in _variants(task, choice, gram is not None))
    best, choice = min(
        [(value, choice) for value, _, choice in ranked[:1]] + [(error(choice), choice) for choice in second],
        key=lambda pair: pair[0],
    )
    candidate = quantised_layer(task.layer, task.grid, choice, gram)
    candidate, axonal, methods = _with_delays(task, candidate, choice, axonal)
    best, choice, candidate = _levels(task, candidate, choice, axonal)
    return candidate, choice, axonal, methods, best


def _keep(task: _Task, layer: Layer, scale: float) -> tuple[Layer, QuantisationChoice, IntArray, dict[str, str], float]:
    """As ``_choose``, for a ``layer`` whose integers are known."""
    choice = QuantisationChoice(scale, (0,) * len(task.layer.connections))
    layer, axonal, methods = _with_delays(task, layer, choice, whole(task.axonal))
    return layer, choice, axonal, methods, task.error(layer, choice, axonal)


def _variants(task: _Task, choice: QuantisationChoice, can_compensate: bool) -> Iterator[QuantisationChoice]:
    """Variants of ``choice``: another clip for one connection, with and without compensation."""
    open_steps = steps_of(task.layer, task.grid, choice.scale)
    ranges = [range(max(0, most - CLIPPED[-1]), most + 1) for most in open_steps]
    near = [steps for steps in itertools.product(*ranges) if sum(abs(a - b) for a, b in zip(steps, choice.steps)) <= 1]
    for steps in near:
        for compensate in (False, True) if can_compensate else (False,):
            yield replace(choice, steps=steps, compensated=compensate)


def _gram(task: _Task, axonal: IntArray) -> FloatArray | None:
    """E[x x^T] over samples and steps, (in, in); x are the traces of each source's spikes in a voltage without resets.

    None unless the connection is dense and all synapses of a source have the same delay.
    """
    kept = task.layer.neuron.kept()
    if kept is None or not isinstance(task.layer.synapse, FloatDense) or task.layer.synapse.delay_steps is not None:
        return None
    entered = task.arriving(axonal)
    entered = entered.reshape(*entered.shape[:2], -1)
    traces = [np.zeros((len(entered), entered.shape[2])) for _ in kept]
    gram = np.zeros((entered.shape[2], entered.shape[2]))
    for t in range(entered.shape[1]):
        arriving = entered[:, t].astype(np.float64)
        for state, share in enumerate(kept):
            traces[state] = arriving = share * traces[state] + arriving
        gram += arriving.T @ arriving
    return gram / (entered.shape[0] * entered.shape[1])


def _with_delays(
    task: _Task, layer: Layer, choice: QuantisationChoice, axonal: IntArray
) -> tuple[Layer, IntArray, dict[str, str]]:
    """Round the axonal delays before the layer and its recurrent delays; synaptic delays are already rounded to nearest."""
    methods = {}
    found = round_delays(task.axonal, lambda delays: task.error(layer, choice, delays))
    methods["axonal"], axonal = _told(found), found.delay_steps
    if task.layer.recurrent is not None and layer.recurrent is not None:
        recurrent = layer.recurrent

        def error(delays: IntArray) -> float:
            return task.error(replace(layer, recurrent=replace(recurrent, delay_steps=delays)), choice, axonal)

        found = round_delays(task.layer.recurrent.delay_steps, error)
        methods["recurrent"] = _told(found)
        layer = replace(layer, recurrent=replace(recurrent, delay_steps=found.delay_steps))
    if layer.synapse.delay_steps is not None:
        methods["synaptic"] = "nearest"
    return layer, axonal, methods


def _told(delays: Delays) -> str:
    return f"{delays.flips} of nearest flipped" if delays.method == "flipped" else delays.method


def _levels(task: _Task, layer: Layer, choice: QuantisationChoice, axonal: IntArray) -> tuple[float, QuantisationChoice, Layer]:
    """Vary threshold and bias; returns the choice with the least error.  Ties go to the rate nearest to the float layer's."""
    if not task.layer.neuron.has_threshold:
        return task.error(layer, choice, axonal), choice, layer

    def tried(choices: Iterable[QuantisationChoice]) -> tuple[float, float, QuantisationChoice, Layer]:
        results = []
        for other in choices:
            neuron = quantised_layer(task.layer, task.grid, replace(other, compensated=False)).neuron
            candidate = replace(layer, neuron=neuron)
            got = task.run(candidate, axonal)
            rate = abs(float(np.mean(got != 0)) - float(np.mean(task.wanted != 0)))
            results.append((mismatch(got, task.wanted), rate, other, candidate))
        return min(results, key=lambda result: result[:2])

    error, _, choice, layer = tried(replace(choice, threshold=factor) for factor in THRESHOLDS)
    if task.layer.neuron.has_bias:
        error, _, choice, layer = tried(replace(choice, bias=shift) for shift in BIASES)
    return error, choice, layer


def _shown(layers: tuple[FloatLayer, ...], progress: bool) -> Iterable[FloatLayer]:
    if not progress:
        return layers
    from tqdm import tqdm

    return tqdm(layers, desc="quantise", unit="layer")
