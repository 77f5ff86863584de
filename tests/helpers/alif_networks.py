"""Random networks with ALIF neurons, dense and convolved, with delays and recurrence; most layers are active."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myelin.convert import Alif, Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network

STEPS = 60
#: States to compare.
RECORDED = ("spikes", "i", "v", "theta", "r")


def _decay(rng, shape, most=4096):
    kind = rng.integers(5)
    if kind == 0:
        return rng.choice([0, 4096])
    per = () if kind < 3 else (shape[0], 1, 1) if len(shape) == 3 and kind == 3 else shape
    return rng.integers(0, most + 1, per)


def _delays(rng, shape, longest):
    return rng.integers(0, longest + 1, shape) if rng.integers(3) else np.zeros((), int)


def _weights(rng, shape):
    if rng.integers(6) == 0:
        return rng.choice([-256, 254, 0], shape)
    return rng.integers(-40, 60, shape) * 2


def neurons(rng, shape):
    """ALIF neurons, all constants drawn; one in six layers has extreme ones, which wrap and saturate."""
    extreme = rng.integers(6) == 0
    threshold = int(rng.integers(0, 1 << 17)) if extreme else int(rng.integers(5, 400))
    step = int(rng.integers(0, 1 << 17)) if extreme else int(rng.integers(0, 400))
    bias = rng.integers(-4096, 4096, shape) if extreme else rng.integers(-20, 30, shape) * rng.integers(2)
    decays = (_decay(rng, shape) for _ in range(4))
    return Alif(threshold, step, *decays, bias, int(rng.integers(8)))


def _conv(rng, shape, same):
    channels, out = shape[0], shape[0] if same else int(rng.integers(1, 4))
    kernel = (1 if shape[1] == 1 else 3, 3)
    weight = rng.integers(-20, 30, (out, channels, *kernel)) * 2
    stride = (1, 1) if same else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    return Conv(weight, stride=stride, padding=(kernel[0] // 2, 1))


def random_network(seed):
    """A network and one sample (1, steps, *input shape); its last layer is of ALIF neurons, or a readout of voltages."""
    rng = np.random.default_rng(seed)
    image = rng.integers(2)
    shape = (
        (int(rng.integers(1, 3)), int(rng.integers(3, 6)), int(rng.integers(3, 6))) if image else (int(rng.integers(3, 14)),)
    )
    bits = int(rng.choice([0, 0, 0, 3]))
    source, layers, before, longest = Input(shape, message_bits=bits), [], shape, 0
    for _ in range(int(rng.integers(1, 4))):
        if len(before) == 3 and rng.integers(2):
            synapse = _conv(rng, before, False)
            here = synapse.output_shape(before)
        else:
            here = (int(rng.integers(2, 13)),) if rng.integers(2) else (int(rng.integers(1, 3)), 3, int(rng.integers(3, 5)))
            exponent = int(rng.choice([0, 0, 1, 4, -1]))
            synaptic = (
                rng.integers(0, 63 - longest, (int(np.prod(here)), int(np.prod(before)))) if rng.integers(4) == 0 else None
            )
            synapse = Dense(_weights(rng, (int(np.prod(here)), int(np.prod(before)))), exponent, synaptic)
        recurrent, kind = None, rng.integers(3)
        if kind == 1:
            size = int(np.prod(here))
            recurrent = DelayedRecurrent(Dense(rng.integers(-40, 30, (size, size)) * 2), _delays(rng, here, 20))
        elif kind == 2:
            back = _conv(rng, here if len(here) == 3 else (1, 1, *here), True)
            recurrent = DelayedRecurrent(replace(back, weight=back.weight - 10), _delays(rng, here, 20))
        longest = int(rng.choice([0, 5, 30]))
        delays = _delays(rng, here, longest)
        layers.append(Layer(here, synapse, neurons(rng, here), delays, recurrent))
        before = here
    if rng.integers(3) == 0:
        weight = rng.integers(-40, 40, (4, int(np.prod(before)))) * 2
        layers.append(Layer((4,), Dense(weight), Cuba((1 << 17) - 1, 4096, 200), output="state"))
    sample = (rng.random((1, STEPS, *shape)) < rng.choice([0.1, 0.3, 0.7])).astype(np.int32)
    return Network(source, layers), sample * (rng.integers(1, 1 << bits, sample.shape) if bits else 1)
