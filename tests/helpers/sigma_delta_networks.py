"""A reference implementation of sigma-delta networks in 64-bit integers, and random networks that are active.

The tests of two folders use it; it needs no Lava.  Connections are those of ``lava_reference``.
"""

from __future__ import annotations

from dataclasses import replace

import lava_reference
import numpy as np

from myelin.convert import Conv, Cuba, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta

STEPS = 24


def wrap32(x):
    return lava_reference.wrap(x, 32)


class Neurons:
    """The equations of ``myelin.convert.neurons.sigma_delta`` in Lava's form, for a whole population."""

    def __init__(self, neuron, shape, steps):
        self.neuron, self.steps = neuron, steps
        self.sigma, self.act, self.residue, self.error = (np.zeros(shape, np.int64) for _ in range(4))
        self.history = {name: np.zeros((steps, *shape), np.int64) for name in neuron.NAMES}

    def step(self, t, a):
        neuron = self.neuron
        if isinstance(neuron, Delta):
            sent = self.encode(a * 2**neuron.spike_exp * 2**neuron.state_exp)
        else:
            self.sigma = wrap32(self.sigma + a)
            sent = self.sigma
        if isinstance(neuron, SigmaDelta):
            full = wrap32(self.sigma + neuron.bias.astype(np.int64) * 2 ** (neuron.spike_exp + neuron.state_exp))
            sent = self.encode(np.maximum(full, 0) if neuron.activation == "relu" else full)
        now = {"a": a, "sigma": self.sigma, "act": self.act, "residue": self.residue, "error": self.error, "spikes": sent}
        for name, history in self.history.items():
            history[t] = now[name]

    def encode(self, new):
        neuron = self.neuron
        threshold = neuron.threshold * 2 ** (neuron.spike_exp + neuron.state_exp)
        delta = wrap32(new - self.act + self.residue)
        if neuron.cumulative_error:
            self.error = wrap32(self.error + delta)
            message = np.where(np.abs(self.error) >= threshold, delta, 0)
            self.error = np.where(message != 0, 0, self.error)
        else:
            message = np.where(np.abs(delta) >= threshold, delta, 0)
        self.residue = wrap32(delta - message)
        self.act = new
        return message // 2**neuron.state_exp


def make(neuron, shape, steps):
    return lava_reference.Neurons(neuron, shape, steps) if isinstance(neuron, Cuba) else Neurons(neuron, shape, steps)


def run(network, sample):
    """As ``lava_reference.run``: the history of each name by layer index, and the output, for one sample."""
    steps = len(sample)
    layers = {}
    source = np.asarray(sample, np.int64)
    if network.input.neuron is not None:
        neurons = layers[-1] = Neurons(network.input.neuron, network.input.shape, steps)
        for t in range(steps):
            neurons.step(t, source[t] * network.input.weight + network.input.bias)
        source = neurons.history["spikes"]
    shape, delays = network.input.shape, np.zeros(network.input.shape, int)
    for index, layer in enumerate(network.layers):
        neurons = layers[index] = make(layer.neuron, layer.shape, steps)
        for t in range(steps):
            a = lava_reference.connect(layer.synapse, shape, delays, source, t).reshape(layer.shape)
            neurons.step(t, a, neurons.bias) if isinstance(layer.neuron, Cuba) else neurons.step(t, wrap32(a))
        source, shape, delays = neurons.history["spikes"], layer.shape, np.asarray(layer.delays)
    last = network.layers[-1]
    output = np.zeros_like(source)
    if last.output == "state":
        output = neurons.history[last.state]
    else:
        for where in np.ndindex(*shape):
            late = delays[where]
            output[(slice(late, None), *where)] = source[(slice(0, steps - late), *where)]
    return {index: neurons.history for index, neurons in layers.items()}, output


def largest_sum(network, layers, sample):
    """Upper bound on any connection's sum, ignoring cancellation in time, to compare with the limit of Lava's arithmetic."""
    most, before = 0, layers[-1]["spikes"] if -1 in layers else np.asarray(sample)
    for index, layer in enumerate(network.layers):
        most = max(most, int(np.abs(before).max(initial=0)) * layer.synapse.absolute_input_sum())
        if isinstance(layer.synapse, Dense):
            most = max(most, most << max(0, layer.synapse.weight_exp))
        before = layers[index]["spikes"]
    return most


def random_case(seed):
    """A small sigma-delta network with a random mixture of features, and a sample (steps, *input shape)."""
    rng = np.random.default_rng(seed)
    image = rng.random() < 0.6
    shape = tuple(int(n) for n in rng.integers(2, 7, 3)) if image else (int(rng.integers(1, 14)),)
    bits = int(rng.choice([3, 7, 10]))
    source = Input(shape, bits, _encoder(rng, Delta), weight=int(rng.integers(1, 3)), bias=int(rng.integers(-4, 5)))
    sample = _walk(rng, shape, source.max_value)
    if rng.random() < 0.2:  # messages straight from outside, or spikes
        source = Input(shape, int(rng.choice([0, 5])))
        sample = rng.integers(0, source.max_value + 1, sample.shape) * (rng.random(sample.shape) < 0.3)
    source = _tuned(rng, source, sample)
    layers = []
    depth = int(rng.integers(1, 4))
    for index in range(depth):
        before = layers[-1].shape if layers else shape
        layers.append(_layer(rng, before, index == depth - 1))
        layers[-1] = _tuned_layer(rng, Network(source, tuple(layers)), sample)
    return Network(source, tuple(layers)), sample


def _walk(rng, shape, most):
    steps = rng.integers(-max(1, most // 8), max(1, most // 8) + 1, (STEPS, *shape)) * (rng.random((STEPS, *shape)) < 0.4)
    steps[0] = rng.integers(-most // 2, most // 2 + 1, shape)
    return np.clip(np.cumsum(steps, axis=0), -most, most)


def _encoder(rng, kind, **more):
    spike_exp, state_exp = (int(rng.choice([6, 6, 0, 1, 3, 7])) for _ in range(2))
    return kind(0, spike_exp=spike_exp, state_exp=state_exp, cumulative_error=bool(rng.random() < 0.4), **more)


def _layer(rng, before, last):
    if len(before) == 3 and rng.random() < 0.6:
        synapse = _conv(rng, before)
        shape = synapse.output_shape(before)
    else:
        shape = (int(rng.integers(1, 12)),) if rng.random() < 0.6 else tuple(int(n) for n in rng.integers(1, 4, 3))
        weight = rng.choice([rng.integers(-20, 21, (int(np.prod(shape)), int(np.prod(before)))) * k for k in (1, 2, 6)])
        delay = rng.integers(0, 9, weight.shape) if rng.random() < 0.2 else None
        synapse = Dense(weight, int(rng.choice([0, 0, -3, -6, -9, 1])), delay)
    if last and rng.random() < 0.5:
        return Layer(shape, synapse, Sigma(), output="state")
    if rng.random() < 0.1:
        return Layer(shape, synapse, Cuba(int(rng.integers(1, 5000)), 2000, int(rng.integers(1, 900))))
    each = [(), shape, (shape[0], 1, 1) if len(shape) == 3 else shape][int(rng.integers(3))]
    neuron = _encoder(rng, SigmaDelta, bias=rng.integers(-30, 31, each), activation=str(rng.choice(["relu", "relu", "unit"])))
    delays = rng.integers(0, 12, shape) if rng.random() < 0.25 else np.zeros((), int)
    return Layer(shape, synapse, neuron, delays)


def _conv(rng, before):
    channels, *space = before
    groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
    kernel = [int(rng.integers(1, size + 1)) for size in space]
    dilation = tuple(int(rng.choice([d for d in (1, 2) if d * (k - 1) + 1 <= size])) for k, size in zip(kernel, space))
    weight = rng.integers(-12, 13, (groups * int(rng.integers(1, 4)), channels // groups, *kernel)) * int(rng.choice([1, 1, 9]))
    stride, padding = (tuple(int(n) for n in rng.integers(low, low + 2, 2)) for low in (1, 0))
    return Conv(weight, stride, padding, dilation, groups)


def _tuned(rng, source, sample):
    """The input with a threshold within the range of its changes."""
    if source.neuron is None:
        return source
    network = Network(source, (Layer((1,), Dense(np.zeros((1, int(np.prod(source.shape))))), Sigma(), output="state"),))
    return replace(source, neuron=_with_threshold(rng, source.neuron, run(network, sample)[0][-1]["act"]))


def _tuned_layer(rng, network, sample):
    layer = network.layers[-1]
    if not isinstance(layer.neuron, SigmaDelta):
        return layer
    return replace(layer, neuron=_with_threshold(rng, layer.neuron, run(network, sample)[0][len(network.layers) - 1]["act"]))


def _with_threshold(rng, neuron, act):
    changes = np.abs(np.diff(act, axis=0))
    changes = changes[changes > 0]
    level = int(np.quantile(changes, rng.choice([0.0, 0.3, 0.7, 0.95]))) if changes.size else 0
    return replace(neuron, threshold=min(level >> neuron.shift, (1 << 31) - 1 >> neuron.shift))
