"""Random networks that are as active as trained ones, and random samples for them.

Measured on trained networks (``train/experiments``): the input's entries are counts of 0 to 15 with a mean of 0.5 per entry;
19 % of them are not zero.  In a step, 10 % of the first hidden layer's neurons and 5 % of the second's spike.  Weights here
are random; a search finds the threshold of each layer at which it has the wanted density of spikes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate
from myelin.convert.arrays import IntArray
from myelin.hw_configs.fixed_point import THRESHOLD_MAX, WEIGHT_MAX, WEIGHT_MIN

Recurrence = Literal["dense", "conv"]

#: The judged network, 140 -> 256 -> 256 -> 20, and its samples.
INPUTS, NEURONS, CLASSES, STEPS = 140, (256, 256), 20, 100
INPUT_DENSITY, INPUT_MEAN, MESSAGE_BITS = 0.19, 0.5, 4
LAYER_DENSITIES = (0.10, 0.05)
#: Axonal delays, feed-forward and recurrent, are uniform from 0 to this many steps.
DELAY_STEPS = 30
#: Weights of a convolutional recurrence.
KERNEL = 3

#: Decays of ``train/experiments`` in 1/4096 per step: current, voltage, voltage of the readout.
_CURRENT_DECAY, _VOLTAGE_DECAY, _READOUT_DECAY = 3277, 1843, 82
#: Standard deviation of the weights: feed-forward, dense recurrence, convolutional recurrence; mean of the feed-forward ones.
_FORWARD, _RECURRENT, _KERNEL_SPREAD, _LEAN = 30, 10, 60, 10
#: Samples for the search for a threshold, and relative error of the density at which it ends.
CALIBRATION_SAMPLES, _NEAR = 8, 0.01


def samples(
    batch: int,
    *,
    steps: int = STEPS,
    inputs: int = INPUTS,
    density: float = INPUT_DENSITY,
    mean: float | None = INPUT_MEAN,
    seed: int = 1,
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Random counts (batch, steps, inputs): the fraction ``density`` is nonzero, the mean is ``mean``; None: only 0 and 1."""
    rng = np.random.default_rng(seed)
    spikes = (rng.random((batch, steps, inputs), np.float32) < density).astype(np.uint8)
    if mean is not None:
        counts = rng.geometric(density / mean, int(spikes.sum()))
        spikes[spikes > 0] = counts.clip(max=(1 << MESSAGE_BITS) - 1)
    return spikes


def network(
    spikes: np.ndarray[Any, np.dtype[np.uint8]],
    *,
    recurrence: Recurrence = "dense",
    neurons: Sequence[int] = NEURONS,
    classes: int = CLASSES,
    densities: Sequence[float] = LAYER_DENSITIES,
    delay_steps: int = DELAY_STEPS,
    seed: int = 2,
) -> Network:
    """A network of recurrent layers and a readout of voltages, with the activity ``densities`` on ``spikes``.

    Args:
        spikes: (batch, steps, inputs) samples; the first few are used.
        recurrence: "dense", or "conv" for one kernel of 3 weights over the row of neurons (ConvDelRec).
        neurons, densities: number of neurons, and fraction of them that spike in a step, of each hidden layer.
        classes: number of neurons of the readout.
        delay_steps: largest axonal delay, feed-forward and recurrent.
        seed: seed of weights and delays.
    """
    rng = np.random.default_rng(seed)
    source = Input((spikes.shape[2],), message_bits=MESSAGE_BITS if spikes.max(initial=0) > 1 else 0)
    layers: list[Layer] = []
    before = source
    sent: np.ndarray[Any, Any] = spikes[:CALIBRATION_SAMPLES]
    for count, density in zip(neurons, densities, strict=True):
        layer = Layer(
            (count,),
            Dense(_weights(rng, (count, before.shape[0]), _FORWARD, _LEAN)),
            Cuba(0, np.array(_CURRENT_DECAY, np.int32), np.array(_VOLTAGE_DECAY, np.int32)),
            rng.integers(0, delay_steps + 1, count).astype(np.int32),
            DelayedRecurrent(_recurrence(rng, recurrence, count), rng.integers(0, delay_steps + 1, count).astype(np.int32)),
        )
        layers.append(_calibrated(before, layer, sent, density))
        sent = simulate(Network(before, (layers[-1],)), sent).output  # axonal delays applied
        before = Input((count,))
    readout = Cuba(THRESHOLD_MAX, np.array(_CURRENT_DECAY, np.int32), np.array(_READOUT_DECAY, np.int32))
    layers.append(Layer((classes,), Dense(_weights(rng, (classes, before.shape[0]), _FORWARD, 0)), readout, output="state"))
    return Network(source, tuple(layers))


def without_recurrent_delays(network: Network) -> Network:
    """The same network without recurrent delays: recurrent spikes arrive in the next step, as in SLAYER."""
    layers = (
        layer if layer.recurrent is None else replace(layer, recurrent=DelayedRecurrent(layer.recurrent.synapse))
        for layer in network.layers
    )
    return replace(network, layers=tuple(layers))


def densities(network: Network, spikes: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, Any]:
    """Measured fractions of nonzero entries in the input and of spikes in each hidden layer; mean and maximum of the input."""
    hidden = [index for index, layer in enumerate(network.layers) if layer.output == "spikes"]
    recorded = simulate(network, spikes, record=dict.fromkeys(hidden, ("spikes",))).layers
    return {
        "input": round(float(np.count_nonzero(spikes)) / spikes.size, 4),
        "input_mean": round(float(spikes.mean()), 4),
        "input_max": int(spikes.max(initial=0)),
        "layers": [round(float(recorded[index]["spikes"].mean()), 4) for index in hidden],
    }


def describe(network: Network) -> str:
    """One line with sizes, recurrence and delays."""
    sizes = " -> ".join(str(size) for size in (network.input.shape[0], *(layer.neurons for layer in network.layers)))
    kinds = {layer.recurrent.synapse.kind for layer in network.layers if layer.recurrent is not None}
    return f"{sizes}, recurrence {' and '.join(sorted(kinds))}, axonal delays of up to {network.max_delay_steps} steps"


def _weights(rng: np.random.Generator, shape: tuple[int, ...], spread: float, mean: float) -> IntArray:
    """Random even integers, as SLAYER's 8-bit weights."""
    weight = 2 * np.rint(rng.normal(mean, spread, shape) / 2)
    return weight.clip(WEIGHT_MIN, WEIGHT_MAX - 1).astype(np.int32)


def _recurrence(rng: np.random.Generator, kind: Recurrence, count: int) -> Dense | Conv:
    if kind == "dense":
        return Dense(_weights(rng, (count, count), _RECURRENT, 0))
    return Conv(_weights(rng, (1, 1, 1, KERNEL), _KERNEL_SPREAD, 0), padding=(0, KERNEL // 2))


def _calibrated(before: Input, layer: Layer, sent: np.ndarray[Any, Any], density: float) -> Layer:
    """``layer`` with the threshold at which the fraction ``density`` of its neurons spikes in a step, found by bisection.

    ``sent``: (batch, steps, sources) output of the previous population.
    """
    low, high = 0, THRESHOLD_MAX
    while True:
        threshold = (low + high) // 2
        candidate = replace(layer, neuron=replace(cast(Cuba, layer.neuron), threshold=threshold))
        found = simulate(Network(before, (replace(candidate, delay_steps=np.zeros((), np.int32)),)), sent).output.mean()
        if abs(found - density) <= _NEAR * density or high - low <= 1:
            return candidate
        low, high = (threshold, high) if found > density else (low, threshold)
