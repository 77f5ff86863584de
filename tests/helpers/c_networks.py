"""Networks for tests of the generated C."""

from __future__ import annotations

import numpy as np

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network


def delayed_network(recurrent="dense", neurons=40, longest=12, seed=0):
    """16 inputs, a layer with delays and a recurrence of that kind, a readout of voltages."""
    rng = np.random.default_rng(seed)
    if recurrent == "dense":
        inner = Dense(2 * rng.integers(-9, 10, (neurons, neurons)))
    else:
        inner = Conv(2 * rng.integers(-9, 10, (1, 1, 1, 5)), padding=(0, 2))
    back = DelayedRecurrent(inner, rng.integers(0, longest + 1, neurons))
    forward = Dense(2 * rng.integers(-30, 50, (neurons, 16)))
    each = Cuba(60, rng.integers(500, 2000, neurons), rng.integers(100, 900, neurons))
    hidden = Layer((neurons,), forward, each, rng.integers(0, 4, neurons), back)
    readout = Layer((4,), Dense(2 * rng.integers(-30, 30, (4, neurons))), Cuba(131071, 1024, 200), output="state")
    return Network(Input((16,)), [hidden, readout])


def image_network(seed=0):
    """Graded images of 2 x 8 x 8 through a strided convolution with bias and a dense layer with delays of its synapses."""
    rng = np.random.default_rng(seed)
    bias = rng.integers(-20, 20, (6, 1, 1))
    first = Layer((6, 4, 4), Conv(2 * rng.integers(-9, 12, (6, 2, 3, 3)), (2, 2), (1, 1)), Cuba(500, 1024, 512, bias))
    delays = rng.integers(0, 6, (5, 96))
    second = Layer((5,), Dense(2 * rng.integers(-20, 25, (5, 96)), 0, delays), Cuba(200, 1024, 512), 2)
    return Network(Input((2, 8, 8), 4), [first, second])


def frames_of(network, samples=2, steps=40, density=0.15, seed=1):
    """Random frames (samples, steps, *input shape)."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, network.input.max_value + 1, (samples, steps, *network.input.shape))
    return values * (rng.random(values.shape) < density)
