"""A plain numpy implementation: a loop over steps, for one sample or with a batch along the last axis.

Connections are products in float32, which are fast in BLAS and exact here: no sum reaches 2^24.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from myelin.convert import Conv, Cuba, Dense, Network
from myelin.hw_configs.fixed_point import CURRENT_WRAP, DECAY_UNITY, STATE_MAX, STATE_SHIFT

Floats = npt.NDArray[Any]


class NumpyLoop:
    """A chain of dense layers of CUBA neurons without biases; the recurrence is dense or a convolution over one row."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.lead = network.max_delay_steps + 1  # rows of zeros before the first step, which delays may read
        self.forward, self.recurrent, self.delays = [], [], []
        largest = network.input.max_value
        delay: npt.NDArray[np.signedinteger[Any]] = np.zeros(network.input.shape, np.int64)
        for layer in network.layers:
            assert isinstance(layer.synapse, Dense) and layer.synapse.weight_exp == 0 and layer.synapse.delay_steps is None
            assert not cast(Cuba, layer.neuron).has_bias and largest * layer.synapse.absolute_input_sum() < 1 << 24
            self.forward.append(layer.synapse.weight.astype(np.float32))
            own = None if layer.recurrent is None else _matrix_or_kernel(cast(Dense | Conv, layer.recurrent.synapse))
            self.recurrent.append(own)
            back = None if layer.recurrent is None else np.broadcast_to(layer.recurrent.delay_steps, layer.shape)
            self.delays.append((delay, back))
            largest, delay = 1, layer.delays

    def run(self, spikes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Output (steps, outputs, ...) for ``spikes`` (steps, inputs), or (steps, inputs, batch)."""
        steps, _, *batch = spikes.shape
        layers, lead = self.network.layers, self.lead
        # spikes of each population, (lead + steps, neurons, ...): a past step is a row
        trains = [np.zeros((lead + steps, layer.neurons, *batch), np.float32) for layer in layers]
        trains.insert(0, np.concatenate([np.zeros((lead, *spikes.shape[1:]), np.float32), spikes], dtype=np.float32))
        u = [np.zeros((layer.neurons, *batch)) for layer in layers]
        v = [np.zeros((layer.neurons, *batch)) for layer in layers]
        keep_u = [(DECAY_UNITY - self._each(layer, "current_decay", batch)) / DECAY_UNITY for layer in layers]
        keep_v = [(DECAY_UNITY - self._each(layer, "voltage_decay", batch)) / DECAY_UNITY for layer in layers]
        output = np.zeros((steps, layers[-1].neurons, *batch), self.network.output_dtype)
        for t in range(steps):
            now = lead + t
            for k, layer in enumerate(layers):
                delay, back = self.delays[k]
                a = self.forward[k] @ _arriving(trains[k], now, delay)  # (neurons, ...)
                recurrent = self.recurrent[k]
                if recurrent is not None and back is not None:
                    a = a + _recur(recurrent, _arriving(trains[k + 1], now, back))
                u[k], v[k], fired = _neurons(layer, a, u[k], v[k], keep_u[k], keep_v[k])
                if layer.output == "state":
                    output[t] = v[k]
                v[k][fired] = 0
                trains[k + 1][now] = fired
        return output if layers[-1].output == "state" else trains[-1][lead:].astype(np.uint8)

    @staticmethod
    def _each(layer: Any, name: str, batch: list[int]) -> npt.NDArray[Any]:
        return np.broadcast_to(getattr(layer.neuron, name), layer.shape).reshape(-1, *(1 for _ in batch))


class NumpyStepper(NumpyLoop):
    """The same loop kept open: one step at a time for one sample, with the last spikes of each population in a ring."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        layers = network.layers
        self.rows, self.t = network.max_delay_steps + 2, 0
        sizes = (network.input.shape[0], *(layer.neurons for layer in layers))
        self.trains = [np.zeros((self.rows, size), np.float32) for size in sizes]
        self.u, self.v = ([np.zeros(layer.neurons) for layer in layers] for _ in range(2))
        self.keep_u = [(DECAY_UNITY - self._each(layer, "current_decay", [])) / DECAY_UNITY for layer in layers]
        self.keep_v = [(DECAY_UNITY - self._each(layer, "voltage_decay", [])) / DECAY_UNITY for layer in layers]

    def step(self, frame: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Output (outputs,) of the next step for ``frame`` (inputs,)."""
        now = self.t % self.rows
        self.trains[0][now] = frame
        for k, layer in enumerate(self.network.layers):
            delay, back = self.delays[k]
            a = self.forward[k] @ self._arriving(k, now, delay)
            recurrent = self.recurrent[k]
            if recurrent is not None and back is not None:
                a = a + _recur(recurrent, self._arriving(k + 1, now, back))
            self.u[k], v, fired = _neurons(layer, a, self.u[k], self.v[k], self.keep_u[k], self.keep_v[k])
            output = v.copy() if layer.output == "state" else fired
            v[fired] = 0
            self.v[k], self.trains[k + 1][now] = v, fired
        self.t += 1
        return output.astype(self.network.output_dtype)

    def _arriving(self, k: int, now: int, delay: npt.NDArray[Any]) -> Floats:
        return self.trains[k][(now - 1 - delay) % self.rows, np.arange(len(delay))]


def _neurons(
    layer: Any, a: Floats, u: Floats, v: Floats, keep_u: Floats, keep_v: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """u, v before the reset, and which neurons fire."""
    u = np.trunc(u * keep_u) + a * float(1 << STATE_SHIFT)
    u -= 2 * CURRENT_WRAP * (u > CURRENT_WRAP)
    u += 2 * CURRENT_WRAP * (u <= -CURRENT_WRAP)
    v = np.clip(np.trunc(v * keep_v) + u, -STATE_MAX, STATE_MAX)
    return u, v, v > cast(Cuba, layer.neuron).threshold << STATE_SHIFT


def _arriving(train: Floats, now: int, delay: npt.NDArray[Any]) -> Floats:
    """Spikes that reach the next population in row ``now``: for neuron j those of row ``now - 1 - delay[j]``."""
    return train[now - 1 - delay, np.arange(len(delay))]


def _matrix_or_kernel(synapse: Dense | Conv) -> Floats:
    if isinstance(synapse, Dense):
        assert synapse.weight_exp == 0 and synapse.delay_steps is None
        return synapse.weight.astype(np.float32)
    out, depth, height, width = synapse.weight.shape
    assert (out, depth, height) == (1, 1, 1) and width % 2 and synapse.padding == (0, width // 2)
    assert synapse.stride == (1, 1) and synapse.dilation == (1, 1)
    return synapse.weight.reshape(-1).astype(np.float32)


def _recur(weight: Floats, spikes: Floats) -> Floats:
    """The matrix product, or for a kernel (width,) the weighted sum of shifted spikes."""
    if weight.ndim == 2:
        return weight @ spikes
    half = len(weight) // 2
    padded = np.pad(spikes, [(half, half), *((0, 0) for _ in spikes.shape[1:])])
    return sum(w * padded[i : i + len(spikes)] for i, w in enumerate(weight))
