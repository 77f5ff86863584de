"""A third, independent implementation: the equations of fixed_point.md, one step and one delay at a time, in 64-bit integers.

It is slow on purpose and shares no arithmetic with ``myelin.convert.simulator.simulator`` or ``myelin.lava_models``: dense
connections have a matrix per delay, convolutions use slices.
"""

from __future__ import annotations

import numpy as np

from myelin.convert import Conv, Network


def wrap(x, bits):
    half = 1 << (bits - 1)
    return (x + half) % (2 * half) - half


def rz(x):
    return np.sign(x) * (np.abs(x) // 4096)


def shift(x, e):
    return x * 2**e if e > 0 else x // 2**-e


def dense(synapse, delays, history, t):
    """sum_k sh( sum_{j: D_ij = k} W_ij s_j[t-1-k] ); ``delays`` are the axonal delays of the source."""
    d = np.broadcast_to(delays.reshape(1, -1), synapse.weight.shape).astype(int)
    if synapse.delay_steps is not None:
        d = d + synapse.delay_steps
    total = np.zeros(synapse.weight.shape[0], np.int64)
    for k in np.unique(d):
        if t - 1 - k >= 0:
            total += shift(
                np.where(d == k, synapse.weight, 0).astype(np.int64) @ history[t - 1 - k].reshape(-1), synapse.weight_exp
            )
    return total


def conv(synapse, shape, delays, history, t):
    """Cross-correlation of s_j[t-1-d_j] as an image of ``shape``, tap by tap."""
    delays = np.broadcast_to(delays, history.shape[1:])
    image = np.zeros(history.shape[1:], np.int64)
    for k in np.unique(delays):
        if t - 1 - k >= 0:
            image = np.where(delays == k, history[t - 1 - k], image)
    image = image.reshape(shape)
    (py, px), (sy, sx), (dy, dx) = synapse.padding, synapse.stride, synapse.dilation
    padded = np.pad(image, ((0, 0), (py, py), (px, px)))
    out, height, width = synapse.output_shape(shape)
    result = np.zeros((out, height, width), np.int64)
    depth, per = synapse.weight.shape[1], out // synapse.groups
    for o in range(out):
        for c in range(depth):
            plane = padded[o // per * depth + c]
            for i, j in np.ndindex(*synapse.weight.shape[2:]):
                taken = plane[i * dy : i * dy + (height - 1) * sy + 1 : sy, j * dx : j * dx + (width - 1) * sx + 1 : sx]
                result[o] += synapse.weight[o, c, i, j].astype(np.int64) * taken
    return result if delays.any() else wrap(result, 24)


def connect(synapse, source_shape, delays, history, t):
    if isinstance(synapse, Conv):
        shape = source_shape if len(source_shape) == 3 else (1, 1, *source_shape)
        return conv(synapse, shape, delays, history, t).reshape(-1)
    return dense(synapse, delays, history, t)


class Neurons:
    def __init__(self, neuron, shape, steps):
        self.n, self.shape = neuron, shape
        self.bias = np.broadcast_to(neuron.bias_mant, shape).astype(np.int64)
        self.u, self.v = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.history = {name: np.zeros((steps, *shape), np.int64) for name in ("spikes", "u", "v")}

    def step(self, t, a, bias):
        u = wrap(rz(self.u * (4096 - self.n.current_decay)) + wrap(64 * wrap(a, 32), 32), 32)
        u = np.where(u > 2**23, u - 2**24, np.where(u <= -(2**23), u + 2**24, u))
        v = rz(self.v * (4096 - self.n.voltage_decay)) + u + (bias << self.n.bias_exp)
        v = np.clip(v, -(2**23 - 1), 2**23 - 1)
        spikes = v > self.n.threshold * 64
        self.u, self.v = u, np.where(spikes, 0, v)
        for name, value in (("spikes", spikes), ("u", self.u), ("v", self.v)):
            self.history[name][t] = value


def run(network: Network, sample):
    """Spikes, u and v by layer index (-1: the input's neurons) for one sample (steps, *input shape), and its output."""
    steps = len(sample)
    layers = {}
    source = np.asarray(sample, np.int64)
    if network.input.neuron is not None:
        neurons = layers[-1] = Neurons(network.input.neuron, network.input.shape, steps)
        for t in range(steps):
            neurons.step(
                t, np.zeros(network.input.shape, np.int64), neurons.bias + network.input.bias + network.input.weight * source[t]
            )
        source = neurons.history["spikes"]
    shape, delays = network.input.shape, np.zeros(network.input.shape, int)
    for index, layer in enumerate(network.layers):
        neurons = layers[index] = Neurons(layer.neuron, layer.shape, steps)
        for t in range(steps):
            a = connect(layer.synapse, shape, delays, source, t)
            if layer.recurrent is not None:
                own = np.broadcast_to(layer.recurrent.delay_steps, layer.shape)
                a = a + connect(layer.recurrent.synapse, layer.shape, own, neurons.history["spikes"], t)
            neurons.step(t, a.reshape(layer.shape), neurons.bias)
        source, shape, delays = neurons.history["spikes"], layer.shape, np.asarray(layer.delays)
    if network.layers[-1].output == "state":
        return {index: neurons.history for index, neurons in layers.items()}, neurons.history["v"]
    output = np.zeros_like(source)
    for t in range(steps):
        for where in np.ndindex(*shape):
            if t >= delays[where]:
                output[t][where] = source[t - delays[where]][where]
    return {index: neurons.history for index, neurons in layers.items()}, output
