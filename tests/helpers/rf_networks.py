"""Random networks of resonate-and-fire neurons, and their equations written once more, one step at a time, in 64 bit."""

from __future__ import annotations

from dataclasses import replace

import lava_reference
import numpy as np

from myelin.convert import ComplexConv, ComplexDense, Input, Layer, Network, Rf, RfIz

STEPS = 60
LIMIT = 2**23 - 1


def run(network: Network, sample):
    """Recorded arrays by layer index and name for one sample (steps, *input shape), and the output."""
    source, shape, delays = np.asarray(sample, np.int64), network.input.shape, np.zeros(network.input.shape, int)
    layers = {}
    for index, layer in enumerate(network.layers):
        names = {name: np.zeros((len(source), *layer.shape), np.int64) for name in layer.neuron.NAMES}
        real, imag = np.zeros((2, *layer.shape), np.int64)
        sine, cosine = (value.astype(np.int64) for value in (layer.neuron.sin_decay, layer.neuron.cos_decay))
        level = layer.neuron.threshold * 64
        for t in range(len(source)):
            a, b = (lava_reference.connect(part, shape, delays, source, t).reshape(layer.shape) for part in layer.synapse.parts)
            drive, other = (lava_reference.wrap(64 * lava_reference.wrap(total, 32), 32) for total in (a, b))
            turned = lava_reference.rz(cosine * real) - lava_reference.rz(sine * imag) + drive
            rotated = lava_reference.rz(sine * real) + lava_reference.rz(cosine * imag) + other
            turned, rotated = np.clip(turned, -LIMIT, LIMIT), np.clip(rotated, -LIMIT, LIMIT)
            if type(layer.neuron) is Rf:
                spikes = (turned >= level) & (rotated >= 0) & (imag < 0)
                real, imag = turned, rotated
            else:
                spikes = rotated >= level
                real, imag = np.where(spikes, 0, turned), np.where(spikes, level - 1, rotated)
            for name, value in zip(layer.neuron.NAMES, (spikes, a, b, real, imag), strict=True):
                names[name][t] = value
        layers[index] = names
        source, shape, delays = names["spikes"], layer.shape, np.asarray(layer.delays)
    output = np.zeros_like(source)
    for where in np.ndindex(*shape):
        late = int(delays[where])
        output[(slice(late, None), *where)] = source[(slice(0, len(source) - late), *where)]
    return layers, output


def _weights(rng, shape):
    """Even ones up to the ends, odd ones, of one sign, few, or small; both parts together."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.integers(-128, 128, shape) * 2
    if kind == 1:
        return rng.integers(-128, 128, shape)
    if kind == 2:
        return -(1 << rng.integers(0, 8, shape))
    if kind == 3:
        return np.where(rng.random(shape) < 0.3, rng.integers(-100, 127, shape), 0)
    return rng.integers(-15, 20, shape) * 2


def _synapse(rng, before, space):
    """A connection from ``before``, and the shape it leads to."""
    if space and rng.random() < 0.8:
        height, width = (int(rng.integers(1, min(3, size) + 1)) for size in before[1:])
        groups = int(rng.choice([one for one in (1, 2, 3) if before[0] % one == 0]))
        weight = _weights(rng, (2, groups * int(rng.integers(1, 3)), before[0] // groups, height, width))
        padding = (int(rng.integers(0, 2)), int(rng.integers(0, 2)))
        synapse = ComplexConv(weight, (int(rng.integers(1, 3)), int(rng.integers(1, 3))), padding, groups=groups)
        return synapse, synapse.output_shape(before)
    here, sources = (int(rng.integers(1, 14)),), int(np.prod(before))
    delays = rng.integers(0, 12, (*here, sources)) if rng.random() < 0.3 else None
    return ComplexDense(_weights(rng, (2, *here, sources)), int(rng.choice([0, 0, 0, 1, 6, -1, -3])), delays), here


def network(seed: int, kind: type[Rf | RfIz]):
    """A network of ``kind`` and one sample for it, (steps, *input shape); dense and convolutional ones take turns."""
    rng = np.random.default_rng(seed)
    space = bool(seed % 2)
    shape = tuple(int(size) for size in rng.integers(1, (4, 7, 7))) if space else (int(rng.integers(1, 16)),)
    source = Input(shape, message_bits=int(rng.choice([0, 0, 0, 3])))
    sample = (rng.random((STEPS, *shape)) < rng.choice([0.05, 0.2, 0.6])) * rng.integers(1, 1 + source.max_value, shape)
    layers: list[Layer] = []
    for _ in range(int(rng.integers(1, 4))):
        before = layers[-1].shape if layers else shape
        synapse, here = _synapse(rng, before, len(before) == 3)
        spread = [(), here, (here[0], 1, 1) if len(here) == 3 else here][int(rng.integers(3))]
        angle, kept = rng.uniform(-0.3, np.pi, spread), rng.choice([1, 0.999, 0.97, 0.8], spread)
        decays = np.rint(4096 * kept * np.sin(angle)).astype(int), np.rint(4096 * kept * np.cos(angle)).astype(int)
        delay = rng.integers(0, 30, spread) if rng.random() < 0.6 else 0
        layers.append(Layer(here, synapse, kind(0, *decays), delay))
        state = run(Network(source, layers), sample)[0][len(layers) - 1]["real" if kind is Rf else "a_imag"]
        level = max(0, int(np.quantile(state, rng.choice([0.5, 0.8, 0.95])))) // (64 if kind is Rf else 1)
        layers[-1] = replace(layers[-1], neuron=kind(min(level, (1 << 25) - 1), *decays))
    return Network(source, tuple(layers)), sample.astype(np.int64)
