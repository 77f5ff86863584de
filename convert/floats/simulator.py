"""Simulator of the float network: the reference for integer networks and for other float simulators.

``myelin.convert.floats.network`` has the equations; index t of a recording is that of ``myelin.convert.network``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork
from myelin.convert.layers.conv import as_chw, unroll
from myelin.hw_configs.errors import DataError, NetworkError


class FloatRecording(NamedTuple):
    """The result of a run.

    Attributes:
        output: (batch, steps, *output shape): spikes, delayed by the last layer's axonal delay, or states.
        layers: for each layer "spikes" (before its axonal delay) and the states after each step, (batch, steps, *layer shape).
    """

    output: FloatArray
    layers: tuple[dict[str, FloatArray], ...]


def simulate_floats(
    network: FloatNetwork, spikes: npt.ArrayLike, *, interpolate: bool = False, latency: int = 1
) -> FloatRecording:
    """Run ``network`` from rest on every sample, in float64.

    Args:
        network: the network; its delays are whole steps unless ``interpolate``.  ``FloatNetwork.map_delays`` rounds them.
        spikes: (batch, steps, *input shape).
        interpolate: with a delay of k + f steps, the share 1 - f of a spike arrives after k steps and f after k + 1, as in
            training while delays are learnt.
        latency: steps that every feed-forward connection takes besides its delay: 1 on the chip, 0 in simulators without it.

    Raises:
        DataError: the spikes have the wrong shape.
        NetworkError: a delay is not a whole number of steps, without ``interpolate``.
    """
    values = np.asarray(spikes, np.float64)
    if values.ndim < 3 or values.shape[2:] != network.input_shape:
        raise DataError(f"spikes have shape {values.shape}; (batch, steps, *{network.input_shape}) is allowed")
    if not interpolate:
        network.map_delays(_require_whole)
    batch, steps = values.shape[:2]
    current = values.reshape(batch, steps, -1)
    shape, axonal = network.input_shape, np.zeros(())
    recorded = []
    for layer in network.layers:
        states = _run_layer(layer, current, shape, axonal, latency)
        recorded.append({name: array.reshape(batch, steps, *layer.shape) for name, array in states.items()})
        current, shape, axonal = states["spikes"], layer.shape, layer.delay_steps
    last = network.layers[-1]
    if last.output == "state":
        return FloatRecording(recorded[-1][last.neuron.READOUT or "spikes"], tuple(recorded))
    return FloatRecording(late(current, np.broadcast_to(axonal, shape)).reshape(batch, steps, *shape), tuple(recorded))


def late(spikes: FloatArray, delay_steps: FloatArray) -> FloatArray:
    """``spikes`` (batch, steps, neurons) delayed by ``delay_steps``, which has one delay for each neuron.

    A fraction of a step splits a spike between the two nearest steps.
    """
    result = np.zeros(spikes.shape)
    delays = delay_steps.reshape(-1)
    for steps, share in _shares(delays):
        chosen = np.flatnonzero(share)
        if steps < spikes.shape[1]:
            result[:, steps:, chosen] += spikes[:, : spikes.shape[1] - steps, chosen] * share[chosen]
    return result


def _run_layer(layer: FloatLayer, spikes: FloatArray, shape: Shape, axonal: FloatArray, latency: int) -> dict[str, FloatArray]:
    batch, steps = spikes.shape[:2]
    neurons = int(np.prod(layer.shape))
    arriving = np.zeros((batch, steps, neurons))
    for matrix, delays in _parts(layer.real_synapse, shape, axonal):
        arrived = late(spikes, delays)[:, : steps - latency].reshape(batch * (steps - latency), -1)
        arriving[:, latency:] += np.asarray((matrix @ arrived.T).T).reshape(batch, steps - latency, neurons)
    back = [] if layer.recurrent is None else _parts(layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps)
    taps = [(matrix, [(k, share, np.flatnonzero(share)) for k, share in _shares(delays)]) for matrix, delays in back]
    neuron = layer.neuron.flattened(layer.shape)
    now = neuron.rest((batch, neurons))
    states = {name: np.zeros((batch, steps, neurons)) for name in ("spikes", *neuron.STATES)}
    own = [np.zeros((steps + 1, batch, neurons)) for _ in taps]  # the layer's spikes as they arrive, by step
    for t in range(steps):
        x = arriving[:, t]
        for (matrix, _), arrived in zip(taps, own, strict=True):
            x = x + np.asarray((matrix @ arrived[t].T).T)
        now, s = neuron.step(now, x)
        for name, array in {"spikes": s, **now}.items():
            states[name][:, t] = array
        for (_, shares), arrived in zip(taps, own, strict=True):
            for k, share, chosen in shares:
                if t + 1 + k < steps:
                    arrived[t + 1 + k][:, chosen] += s[:, chosen] * share[chosen]
    return states


def _shares(delays: FloatArray) -> list[tuple[int, FloatArray]]:
    """Every occurring delay k in whole steps, with the share (neurons,) of each neuron's spike that arrives after k steps."""
    whole = np.unique(np.concatenate([np.floor(delays), np.ceil(delays)])).tolist()
    return [(int(k), np.maximum(0.0, 1 - np.abs(delays - k))) for k in whole]


def _parts(synapse: FloatDense | FloatConv, shape: Shape, axonal: FloatArray) -> list[tuple[Any, FloatArray]]:
    """Matrices (targets, sources) whose sum is the connection, each with the delay (sources,) of its synapses.

    There is a single matrix without synaptic delays, else one for each synaptic delay.
    """
    delays: FloatArray = np.broadcast_to(axonal, shape).reshape(-1).astype(np.float64)
    if isinstance(synapse, FloatConv):
        from scipy.sparse import csr_array

        listed = unroll(synapse, as_chw(shape))
        return [(csr_array((listed.weight, (listed.target, listed.source)), shape=listed.shape), delays)]
    if synapse.delay_steps is None:
        return [(synapse.weight, delays)]
    return [(np.where(synapse.delay_steps == k, synapse.weight, 0.0), delays + k) for k in np.unique(synapse.delay_steps)]


def _require_whole(delay_steps: FloatArray) -> FloatArray:
    whole = np.rint(delay_steps)
    if not np.array_equal(whole, delay_steps):
        raise NetworkError(
            f"delays hold fractions of a step (first {delay_steps[whole != delay_steps].flat[0]:g}); round them first, such as "
            "with map_delays(np.rint), or run with interpolate=True"
        )
    return delay_steps
