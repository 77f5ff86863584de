"""A plain reference implementation of the fixed-point model, and random networks for it."""

from __future__ import annotations

import numpy as np

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.layers.conv import as_chw


def _wrap32(values):
    return (np.asarray(values, dtype=object) + (1 << 31)) % (1 << 32) - (1 << 31)


def _matrix(synapse, shape):
    """The synapse as a full integer matrix (out, in), and its exponent; a convolution by its definition, target by target."""
    if isinstance(synapse, Dense):
        return synapse.weight.astype(np.int64), synapse.weight_exp
    channels, height, width = as_chw(shape)
    out = synapse.output_shape((channels, height, width))
    matrix = np.zeros((*out, channels, height, width), np.int64)
    depth = channels // synapse.groups
    for o in range(out[0]):
        group = o // (out[0] // synapse.groups)
        for y in range(out[1]):
            for x in range(out[2]):
                for c in range(depth):
                    for i in range(synapse.weight.shape[2]):
                        for j in range(synapse.weight.shape[3]):
                            yy = y * synapse.stride[0] + i * synapse.dilation[0] - synapse.padding[0]
                            xx = x * synapse.stride[1] + j * synapse.dilation[1] - synapse.padding[1]
                            if 0 <= yy < height and 0 <= xx < width:
                                matrix[o, y, x, group * depth + c, yy, xx] += synapse.weight[o, c, i, j]
    return matrix.reshape(int(np.prod(out)), -1), 0


class _Connection:
    """A connection with one buffer row per delay, as in Lava's DelayDense."""

    def __init__(self, synapse, shape, axonal, wraps=False):
        self.weight, self.exponent = _matrix(synapse, shape)
        delay = np.broadcast_to(axonal, shape).reshape(1, -1).astype(int)
        if isinstance(synapse, Dense) and synapse.delay_steps is not None:
            delay = delay + synapse.delay_steps
        self.delay = np.broadcast_to(delay, self.weight.shape)
        self.wraps = wraps and not self.delay.any()
        self.buffer = np.zeros((int(self.delay.max(initial=0)) + 1, self.weight.shape[0]), np.int64)

    def step(self, spikes):
        sent = self.buffer[0].copy()
        self.buffer = np.roll(self.buffer, -1, axis=0)
        self.buffer[-1] = 0
        for k in range(len(self.buffer)):
            total = np.where(self.delay == k, self.weight, 0) @ spikes.astype(np.int64)
            if self.wraps:
                total = (total + (1 << 23)) % (1 << 24) - (1 << 23)
            self.buffer[k] += total << self.exponent if self.exponent > 0 else total >> -self.exponent
        return sent


def _neuron_step(cuba, shape, u, v, a, bias):
    def toward_zero(x, decay):
        product = x * (4096 - np.broadcast_to(decay, shape).reshape(-1).astype(np.int64))
        return np.sign(product) * (np.abs(product) >> 12)

    u = _wrap32(toward_zero(u, cuba.current_decay) + _wrap32(a * 64)).astype(np.int64)
    u = np.where(u > 1 << 23, u - (1 << 24), np.where(u <= -(1 << 23), u + (1 << 24), u))
    v = _wrap32(toward_zero(v, cuba.voltage_decay) + u + bias).astype(np.int64)
    v = np.clip(v, -(1 << 23) + 1, (1 << 23) - 1)
    spikes = v > cuba.threshold * 64
    return u, np.where(spikes, 0, v), spikes.astype(np.int64)


def reference(network, sample):
    """u, v and spikes of every layer (steps, neurons) for one sample (steps, *input shape), step by step."""
    steps = len(sample)
    source = network.input
    x = np.asarray(sample, np.int64).reshape(steps, -1)
    trace = {}
    if source.neuron is not None:
        size = int(np.prod(source.shape))
        u, v = np.zeros(size, np.int64), np.zeros(size, np.int64)
        rows = []
        for t in range(steps):
            bias = (x[t] * source.weight + source.bias) << source.neuron.bias_exp
            u, v, s = _neuron_step(source.neuron, source.shape, u, v, np.zeros(size, np.int64), bias)
            rows.append((u, v, s))
        trace[-1] = {name: np.array([row[k] for row in rows]) for k, name in enumerate(("u", "v", "spikes"))}
        x = trace[-1]["spikes"]
    shape, axonal = source.shape, np.zeros((), np.int32)
    for index, layer in enumerate(network.layers):
        forward = _Connection(layer.synapse, shape, axonal, wraps=isinstance(layer.synapse, Conv))
        back = None
        if layer.recurrent is not None:
            back = _Connection(layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps)
        u, v = np.zeros(layer.neurons, np.int64), np.zeros(layer.neurons, np.int64)
        s = np.zeros(layer.neurons, np.int64)
        bias = np.broadcast_to(layer.neuron.bias_mant, layer.shape).reshape(-1).astype(np.int64) << layer.neuron.bias_exp
        rows = []
        for t in range(steps):
            a = forward.step(x[t])
            if back is not None:
                a = a + back.buffer[0]
            u, v, s = _neuron_step(layer.neuron, layer.shape, u, v, a, bias)
            if back is not None:
                back.step(s)
            rows.append((u, v, s))
        trace[index] = {name: np.array([row[k] for row in rows]) for k, name in enumerate(("u", "v", "spikes"))}
        x, shape, axonal = trace[index]["spikes"], layer.shape, layer.delay_steps
    last = network.layers[-1]
    output = np.zeros((steps, last.neurons), np.int64)
    if last.output == "state":
        output = trace[len(network.layers) - 1]["v"]
    else:
        for n, delay in enumerate(last.delays.reshape(-1)):
            output[delay:, n] = x[: max(steps - delay, 0), n]
    return trace, output


def _cuba(rng, shape, hot):
    each = shape if rng.random() < 0.4 else ()
    if len(shape) == 3 and rng.random() < 0.5:
        each = (shape[0], 1, 1)
    return Cuba(
        threshold=int(rng.choice([0, 5, 40, 300, 1 << 14, (1 << 17) - 1, 1 << 17])) if hot else int(rng.integers(1, 60)),
        current_decay=rng.choice([0, 1, 100, 1024, 4095, 4096], size=each),
        voltage_decay=rng.choice([0, 1, 100, 1024, 4095, 4096], size=each),
        bias_mant=rng.integers(-4096, 4096, size=each) if rng.random() < 0.2 else rng.integers(-3, 4, size=each),
        bias_exp=int(rng.choice([0, 6, 7])),
    )


def _weight(rng, shape, hot):
    kind = rng.integers(4)
    if kind == 0:
        return rng.integers(-128, 128, size=shape)
    if kind == 1:
        return 2 * rng.integers(-128, 128, size=shape)
    if kind == 2:
        return rng.integers(0, 256, size=shape) if hot else np.zeros(shape, int)
    return rng.integers(-3, 12, size=shape)


def _dense(rng, out, inputs, hot, longest):
    exponent = int(rng.choice([-7, -3, -1, 0, 0, 0, 2, 12 if hot else 1]))
    delay = rng.integers(0, longest + 1, size=(out, inputs)) if rng.random() < 0.3 else None
    return Dense(_weight(rng, (out, inputs), hot), exponent, delay)


def _axonal(rng, shape, longest):
    kind = rng.integers(4)
    if kind == 0:
        return np.zeros((), int)
    if kind == 1:
        return rng.integers(0, longest + 1)
    if kind == 2 and len(shape) == 3:
        return rng.integers(0, longest + 1, size=(shape[0], 1, 1))
    return rng.integers(0, longest + 1, size=shape)


def random_network(seed, stock_like=False):
    """A small network with a random mixture of a ``Network``'s features; the seed determines everything."""
    rng = np.random.default_rng(seed)
    hot = rng.random() < 0.3
    longest = int(rng.choice([0, 1, 5, 62]))
    shape = tuple(int(n) for n in rng.integers(1, 7, size=int(rng.choice([1, 3]))))
    neuron = _cuba(rng, shape, False) if rng.random() < 0.2 else None
    if neuron is not None:
        neuron = Cuba(neuron.threshold, neuron.current_decay, neuron.voltage_decay, bias_exp=neuron.bias_exp)
    source = Input(shape, int(rng.choice([0, 0, 1, 3, 9])), neuron, int(rng.integers(-8, 8)), int(rng.integers(-64, 64)))
    layers = []
    depth = int(rng.integers(1, 4))
    for index in range(depth):
        groups = 1
        if rng.random() < 0.4:
            channels, height, width = as_chw(shape)
            groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
            kernel = (int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1)))
            weight = _weight(rng, (groups * int(rng.integers(1, 3)), channels // groups, *kernel), hot)
            synapse = Conv(
                weight,
                tuple(rng.integers(1, 3, size=2)),
                tuple(rng.integers(0, 2, size=2)),
                (1, int(rng.integers(1, 3))) if kernel[1] * 2 - 1 <= width else (1, 1),
                groups,
            )
            target = synapse.output_shape(shape)
        else:
            target = (int(rng.integers(1, 9)),)
            if rng.random() < 0.2:
                target = tuple(int(n) for n in rng.integers(1, 4, size=3))
            synapse = _dense(rng, int(np.prod(target)), int(np.prod(shape)), hot, longest)
        recurrent = None
        if rng.random() < 0.5:
            size = int(np.prod(target))
            if rng.random() < 0.5:
                inner = _dense(rng, size, size, hot, longest)
            else:
                channels = as_chw(target)[0]
                reach = int(rng.integers(0, 3))
                inner = Conv(_weight(rng, (channels, channels, 1, 2 * reach + 1), hot), padding=(0, reach))
            recurrent = DelayedRecurrent(inner, _axonal(rng, target, longest))
        state = index == depth - 1 and recurrent is None and rng.random() < 0.3
        delay = np.zeros((), int) if state else _axonal(rng, target, longest)
        layers.append(Layer(target, synapse, _cuba(rng, target, hot), delay, recurrent, "state" if state else "spikes"))
        shape = target
    size = layers[-1].neurons
    average = int(rng.choice([g for g in range(1, size + 1) if size % g == 0])) if rng.random() < 0.3 else None
    network = Network(source, layers, average)
    steps = int(rng.integers(1, 25))
    high = min(network.input.max_value, 255) + 1
    spikes = rng.integers(0, high, size=(int(rng.integers(1, 4)), steps, *network.input.shape))
    return network, spikes * (rng.random(spikes.shape) < rng.choice([0.1, 0.5, 1.0]))


def exact_network(seed):
    """A network, and input for it, without rounding errors in integers: decays are 0 or complete, nothing overflows.

    It has both kinds of layers, each with a recurrent connection, and all kinds of delays.
    """
    rng = np.random.default_rng(seed)

    def cuba(shape, threshold):
        decays = (rng.choice([0, 4096], size=shape, p=[0.2, 0.8]) for _ in range(2))
        return Cuba(threshold, *decays, bias_mant=rng.integers(1, 3, size=shape), bias_exp=0)  # no voltage equals a threshold

    grid = (3, 3, 4)
    inner = DelayedRecurrent(Conv(2 * rng.integers(-9, 10, (3, 3, 3, 3)), padding=(1, 1)), rng.integers(0, 4, (3, 1, 1)))
    dense = DelayedRecurrent(Dense(rng.integers(-9, 10, (6, 6)), 2, rng.integers(0, 3, (6, 6))), rng.integers(0, 4, 6))
    layers = [
        Layer(grid, Conv(rng.integers(-20, 40, (3, 2, 3, 1))), cuba(grid, 60), rng.integers(0, 3, grid), inner),
        Layer((6,), Dense(rng.integers(-20, 40, (6, 36)), 1), cuba((6,), 90), rng.integers(0, 5, 6), dense),
        Layer((4,), Dense(rng.integers(-20, 40, (4, 6)), 0, rng.integers(0, 5, (4, 6))), cuba((4,), 30), 3),
    ]
    shape = (3, 25, 2, 5, 4)
    return Network(Input(shape[2:], 2), layers), rng.integers(0, 4, shape) * (rng.random(shape) < 0.3)
