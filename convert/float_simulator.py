"""The float network step by step: the reference that integers, and simulators of other floats, are compared with.

The equations stand in ``convert.float_network``; index t of a recording is that of ``convert.network``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from convert.arrays import Shape
from convert.float_network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork
from convert.layers.conv import as_chw, unroll
from hw_configs.errors import DataError, NetworkError


class FloatRecording(NamedTuple):
    """What a run gave.

    Attributes:
        output: (batch, steps, *output shape): spikes, delayed by the last layer's axonal delay, or voltages.
        layers: for each layer "spikes" (before any axonal delay), "u" and "v" after the step, (batch, steps, *layer shape).
    """

    output: FloatArray
    layers: tuple[dict[str, FloatArray], ...]


class _Branch(NamedTuple):
    """The synapses of a connection that share a delay, as a function (batch, sources) -> (batch, targets)."""

    delay_steps: int
    apply: Callable[[FloatArray], FloatArray]


def simulate_floats(network: FloatNetwork, spikes: npt.ArrayLike) -> FloatRecording:
    """Run ``network`` from rest on every sample, in float64.

    Args:
        network: delays in whole steps; ``FloatNetwork.map_delays`` rounds them.
        spikes: (batch, steps, *input shape).

    Raises:
        DataError: the spikes have the wrong shape.
        NetworkError: a delay is no whole number of steps.
    """
    values = np.asarray(spikes, np.float64)
    if values.ndim < 3 or values.shape[2:] != network.input_shape:
        raise DataError(f"spikes have shape {values.shape}; (batch, steps, *{network.input_shape}) is allowed")
    batch, steps = values.shape[:2]
    current = values.reshape(batch, steps, -1)
    shape, axonal = network.input_shape, np.zeros(())
    recorded = []
    for layer in network.layers:
        states = _run_layer(layer, current, shape, axonal)
        recorded.append({name: array.reshape(batch, steps, *layer.shape) for name, array in states.items()})
        current, shape, axonal = states["spikes"], layer.shape, layer.delay_steps
    last = network.layers[-1]
    if last.output == "state":
        return FloatRecording(recorded[-1]["v"], tuple(recorded))
    delayed = np.zeros_like(current)
    for neuron, delay in enumerate(_whole(np.broadcast_to(axonal, shape)).reshape(-1)):
        delayed[:, delay:, neuron] = current[:, : max(steps - delay, 0), neuron]
    return FloatRecording(delayed.reshape(batch, steps, *shape), tuple(recorded))


def _run_layer(layer: FloatLayer, spikes: FloatArray, shape: Shape, axonal: FloatArray) -> dict[str, FloatArray]:
    batch, steps = spikes.shape[:2]
    neurons = int(np.prod(layer.shape))
    arriving = np.zeros((batch, steps, neurons))
    for branch in _branches(layer.synapse, shape, axonal):
        late = 1 + branch.delay_steps
        if late < steps:
            sent = branch.apply(spikes[:, : steps - late].reshape(batch * (steps - late), -1))
            arriving[:, late:] += sent.reshape(batch, steps - late, neurons)
    back = [] if layer.recurrent is None else _branches(layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps)
    keep_u, keep_v, bias = (
        np.broadcast_to(values, layer.shape).reshape(-1)
        for values in (1 - layer.current_decay, 1 - layer.voltage_decay, layer.bias)
    )
    threshold = np.inf if layer.threshold is None else layer.threshold
    u, v = np.zeros((batch, neurons)), np.zeros((batch, neurons))
    states = {name: np.zeros((batch, steps, neurons)) for name in ("spikes", "u", "v")}
    for t in range(steps):
        u = keep_u * u + arriving[:, t]
        v = keep_v * v + u + bias
        s = v > threshold
        v = np.where(s, 0.0, v)
        for name, array in (("spikes", s), ("u", u), ("v", v)):
            states[name][:, t] = array
        for branch in back:
            if t + 1 + branch.delay_steps < steps:
                arriving[:, t + 1 + branch.delay_steps] += branch.apply(s.astype(np.float64))
    return states


def _branches(synapse: FloatDense | FloatConv, shape: Shape, axonal: FloatArray) -> list[_Branch]:
    """One branch for each delay, axonal and synaptic together."""
    delay: npt.NDArray[Any] = _whole(np.broadcast_to(axonal, shape)).reshape(-1)
    if isinstance(synapse, FloatConv):
        from scipy.sparse import csr_array

        listed = unroll(synapse, as_chw(shape))
        matrix = csr_array((listed.weight, (listed.target, listed.source)), shape=listed.shape)
        return [_columns(matrix, delay == k, k) for k in np.unique(delay).tolist()]
    if synapse.delay_steps is None:
        return [_columns(synapse.weight, delay == k, k) for k in np.unique(delay).tolist()]
    total = delay + _whole(synapse.delay_steps)
    return [_dense(np.where(total == k, synapse.weight, 0.0), k) for k in np.unique(total).tolist()]


def _columns(matrix: Any, chosen: npt.NDArray[np.bool_], delay_steps: int) -> _Branch:
    return _Branch(delay_steps, lambda spikes: np.asarray((matrix @ (spikes * chosen).T).T))


def _dense(matrix: FloatArray, delay_steps: int) -> _Branch:
    return _Branch(delay_steps, lambda spikes: spikes @ matrix.T)


def _whole(delay_steps: FloatArray) -> npt.NDArray[np.int64]:
    whole = np.rint(delay_steps)
    if not np.array_equal(whole, delay_steps):
        raise NetworkError(
            f"delays hold fractions of a step (first {delay_steps[whole != delay_steps].flat[0]:g}); round them first, such as "
            "with map_delays(np.rint)"
        )
    return whole.astype(np.int64)
