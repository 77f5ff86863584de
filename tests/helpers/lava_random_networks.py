"""Random networks with every feature and with thresholds at which they are active."""

from __future__ import annotations

from dataclasses import replace

import lava_reference
import numpy as np
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network

#: Longest delay drawn for a population.
LONGEST = 62
STEPS = 80


def weights(draw, rng, shape):
    """Random dense weights: small, saturating, odd, of one sign, mostly zero, or all zero."""
    kind = draw(st.sampled_from(["small", "saturating", "odd", "excitatory", "inhibitory", "few", "zero"]))
    if kind == "small":
        return rng.integers(-15, 20, shape) * 2
    if kind == "saturating":
        return rng.choice([-256, -254, 254, 252, 0], shape)
    if kind == "odd":
        return rng.integers(-128, 128, shape)
    if kind == "excitatory":
        return rng.integers(0, 256, shape)
    if kind == "inhibitory":
        return -(1 << rng.integers(0, 9, shape)) if draw(st.booleans()) else rng.integers(-255, 1, shape)
    if kind == "few":
        return np.where(rng.random(shape) < 0.2, rng.integers(-100, 127, shape), 0)
    return np.zeros(shape, int)


def dense(draw, rng, outs, ins, axonal):
    weight = weights(draw, rng, (outs, ins))
    if weight.min() < -255 and np.any(weight & 1):
        weight = weight & ~1
    exponent = draw(st.sampled_from([0, 0, 1, 3, 7, -1, -2, -6]))
    delay = rng.integers(0, 63 - axonal + 1, (outs, ins)) if draw(st.integers(0, 3)) == 0 else None
    return Dense(weight, exponent, delay)


def conv(draw, rng, shape, same=False):
    channels, height, width = shape
    kernel = [draw(st.integers(1, min(4, size + 2))) for size in (height, width)]
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
    full = draw(st.booleans())
    if same:
        kernel = [k if k % 2 else k - 1 for k in kernel]
        weight = (
            rng.integers(-256, 256, (channels, channels // groups, *kernel))
            if full
            else rng.integers(-20, 20, (channels, channels // groups, *kernel))
        )
        return Conv(weight, padding=(kernel[0] // 2, kernel[1] // 2), groups=groups)
    outs = groups * draw(st.integers(1, 3))
    weight = (
        rng.integers(-256, 256, (outs, channels // groups, *kernel))
        if full
        else rng.integers(-20, 25, (outs, channels // groups, *kernel))
    )
    padding = tuple(draw(st.integers(max(0, (k - size + 1) // 2), 2)) for k, size in zip(kernel, (height, width)))
    dilation = tuple(
        draw(st.sampled_from([d for d in (1, 1, 2) if d * (k - 1) + 1 <= size + 2 * p]))
        for k, size, p in zip(kernel, (height, width), padding)
    )
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    return Conv(weight, stride=stride, padding=padding, dilation=dilation, groups=groups)


def delays(draw, rng, shape, longest):
    kind = draw(st.sampled_from(["none", "each", "each", "one", "channel", "edges"]))
    if kind == "none":
        return np.zeros((), int)
    if kind == "one":
        return np.array(rng.integers(0, longest + 1))
    if kind == "channel" and len(shape) == 3:
        return rng.integers(0, longest + 1, (shape[0], 1, 1))
    if kind == "edges":
        return rng.choice([0, 1, longest], shape)
    return rng.integers(0, longest + 1, shape)


def neuron(draw, rng, shape):
    def decay():
        kind = draw(st.sampled_from(["one", "each", "edge"]))
        if kind == "one":
            return rng.integers(0, 4097)
        if kind == "each":
            return rng.integers(0, 4097, shape)
        return np.array(draw(st.sampled_from([0, 4096])))

    bias = draw(st.sampled_from(["none", "each", "one", "large"]))
    mant = {
        "none": np.array(0),
        "one": rng.integers(-30, 60),
        "each": rng.integers(-60, 60, shape),
        "large": rng.integers(-4096, 4096, shape),
    }[bias]
    return Cuba((1 << 25) - 1, decay(), decay(), mant, draw(st.sampled_from([6, 6, 0, 3, 7])))


def active(draw, network, sample):
    """The network with the threshold of its last layer at a quantile of this layer's voltages."""
    last = network.layers[-1]
    reached = lava_reference.run(network, sample)[0][len(network.layers) - 1]["v"]
    threshold = int(np.quantile(reached, draw(st.sampled_from([0.6, 0.9, 0.98])))) // 64
    threshold = min(max(threshold, 0), 131071)
    return replace(network, layers=(*network.layers[:-1], replace(last, neuron=replace(last.neuron, threshold=threshold))))


@st.composite
def networks(draw):
    """A network and one sample for it, (steps, *input shape)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = draw(st.booleans())
    shape = tuple(draw(st.integers(1, 6)) for _ in range(3)) if image else (draw(st.integers(1, 14)),)
    bits = draw(st.sampled_from([0, 0, 0, 1, 3, 8]))
    source = Input(shape, message_bits=bits)
    sample = (rng.random((STEPS, *shape)) < draw(st.sampled_from([0.05, 0.3, 0.7]))).astype(int)
    if draw(st.integers(0, 5)) == 0:
        source = Input(
            shape,
            message_bits=5,
            neuron=replace(neuron(draw, rng, shape), threshold=40, bias_mant=0),
            weight=int(rng.integers(1, 60)),
            bias=int(rng.integers(-20, 40)),
        )
        sample = (
            rng.integers(0, 32, sample.shape)
            if draw(st.booleans())
            else np.broadcast_to(rng.integers(0, 32, shape), sample.shape)
        )
    elif bits:
        sample = sample * rng.integers(0, 1 << bits, sample.shape)
    layers, before, longest = [], shape, 0
    count = draw(st.integers(1, 3))
    for index in range(count):
        if len(before) == 3 and draw(st.booleans()):
            synapse = conv(draw, rng, before)
            here = synapse.output_shape(before)
        else:
            here = (
                (draw(st.integers(1, 12)),)
                if draw(st.booleans())
                else (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
            )
            synapse = dense(draw, rng, int(np.prod(here)), int(np.prod(before)), longest)
        state = index == count - 1 and draw(st.integers(0, 4)) == 0
        out_delays = np.zeros((), int) if state else delays(draw, rng, here, LONGEST)
        recurrent = None
        kind = "none" if state else draw(st.sampled_from(["none", "dense", "conv"]))
        own = delays(draw, rng, here, LONGEST)
        if kind == "dense":
            recurrent = DelayedRecurrent(dense(draw, rng, int(np.prod(here)), int(np.prod(here)), int(own.max())), own)
        elif kind == "conv":
            chw = here if len(here) == 3 else (1, 1, *here)
            recurrent = DelayedRecurrent(conv(draw, rng, chw, same=True), own)
        layers.append(Layer(here, synapse, neuron(draw, rng, here), out_delays, recurrent, "state" if state else "spikes"))
        made = active(draw, Network(source, tuple(layers)), sample)
        layers = list(made.layers)
        before, longest = here, int(np.max(out_delays))
    return made, sample
