"""Random chains of our blocks and lava-dl's, mixed, whose neurons stay active, with the spikes that keep them so."""

from __future__ import annotations

import numpy as np
import torch

from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block, ConvSynapse, DenseSynapse, Recurrence
from myelin.train.neurons import Cuba

LONGEST = 62


def decays(rng, slayer_block):
    """Two decays as fractions; those of lava-dl may be 0 or 1 as ours."""
    return {name: float(rng.choice([0.0, 1.0, *rng.uniform(0.02, 1, 3)])) for name in ("current_decay", "voltage_decay")}


def our_delay(rng, size):
    delay = AxonalDelay(size, max_delay=LONGEST, high=float(rng.choice([0.0, 3.0, LONGEST])))
    delay.set(hard=True)
    return delay


def our_block(rng, shape, last):
    """One of our blocks after a tensor of ``shape``, and its shape."""
    neuron = decays(rng, False) | {"threshold": 1.0, "weight_bits": int(rng.choice([8, 8, 4]))}
    if len(shape) == 3 and rng.random() < 0.7:
        kernel = tuple(int(min(rng.integers(1, 4), size)) for size in shape[1:])
        stride = tuple(int(value) for value in rng.integers(1, 3, 2))
        padding = tuple(int(value) for value in rng.integers(0, 2, 2))
        groups = int(rng.choice([n for n in (1, 2) if shape[0] % n == 0]))
        outs = groups * int(rng.integers(1, 4))
        synapse = ConvSynapse(shape, outs, kernel, stride=stride, padding=padding, groups=groups, gain=2.0)
        target = tuple(synapse.shape)
    else:
        neurons = int(rng.integers(2, 14))
        synapse, target = DenseSynapse(int(np.prod(shape)), neurons, gain=2.0), (neurons,)
    per_neuron = bool(rng.random() < 0.4)
    cuba = Cuba(target, per_neuron=per_neuron, spread=0.3 * per_neuron, spiking=not last, **neuron)
    channels, neurons = (target[0] if len(target) == 3 else 1), int(np.prod(target))
    parts = {}
    if not last and rng.random() < 0.6:
        parts["delay"] = our_delay(rng, int(rng.choice([channels, neurons])))
    if not last and rng.random() < 0.4:
        kind = rng.choice(["dense", "row", "conv"])
        if kind == "dense":
            weight = torch.randn(neurons, neurons) * 0.7
        elif kind == "conv" and len(target) == 3:
            weight = torch.randn(channels, channels, int(rng.choice([1, 3])), 3) * 0.4
        else:
            channels = channels if len(target) == 3 and target[1] == 1 else 1
            weight = torch.randn(channels, channels, 3) * 0.7
        if kind != "row" or len(target) == 1 or target[1] == 1:
            parts["recurrence"] = Recurrence(weight, our_delay(rng, neurons))
    return Block(synapse, cuba, **parts), target


def slayer_block(slayer, rng, shape, last):
    """Blocks of lava-dl after a tensor of ``shape``, and the shape after them."""
    cuba = slayer.block.cuba
    params = decays(rng, True) | {"threshold": 1.0}
    delay = bool(rng.random() < 0.5)
    kind = str(rng.choice(["Conv", "Conv", "Pool", "Dense"] if len(shape) == 3 else ["Dense", "Dense", "Recurrent"]))
    if last:
        kind = "Affine"
    if kind == "Conv":
        groups = int(rng.choice([n for n in (1, 2) if shape[0] % n == 0]))
        outs = groups * int(rng.integers(1, 4))
        kernel = tuple(int(min(rng.integers(1, 4), size)) for size in shape[1:])
        padding = tuple(int(value) for value in rng.integers(0, 2, 2))
        stride = tuple(int(value) for value in rng.integers(1, 3, 2))
        block = cuba.Conv(params, shape[0], outs, kernel, stride=stride, padding=padding, groups=groups, delay=delay)
        blocks, size = (
            [block],
            [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(shape[1:], padding, kernel, stride, strict=True)],
        )
        target = (outs, *size)
    elif kind == "Pool":
        kernel = tuple(int(rng.integers(1, 3)) for _ in range(2))
        block = cuba.Pool(params, kernel, weight_scale=2.0, delay=delay)
        blocks, target = [block], (shape[0], *(-(-size // taps) for size, taps in zip(shape[1:], kernel, strict=True)))
    else:
        target = (int(rng.integers(2, 14)),)
        if rng.random() < 0.5 and not last:
            params |= {name: tuple(sorted(rng.uniform(0, 1, 2))) for name in ("current_decay", "voltage_decay")}
            params["shared_param"] = False
        options = {"dynamics": bool(rng.random() < 0.5)} if last else {"delay": delay}
        block = getattr(cuba, kind)(params, int(np.prod(shape)), *target, **options)
        blocks = [cuba.Flatten(), block] if len(shape) == 3 else [block]
    for synapse in [block.synapse] if hasattr(block, "synapse") else [block.input_synapse, block.recurrent_synapse]:
        spread, offset = [(0.3, 0.1), (1.0, 0.2), (3.0, 0.3), (6.0, 0.0)][rng.integers(4)]
        synapse.weight.data = torch.tensor(rng.normal(offset, spread, tuple(synapse.weight.shape)), dtype=torch.float32)
    if block.delay is not None:
        block.delay.delay.data = torch.tensor(rng.uniform(-1, LONGEST + 0.99, target[0]), dtype=torch.float32)
        block.delay.init = True
    with torch.no_grad():  # fixes the shape of the neurons, and draws decays per neuron
        blocks[-1](torch.zeros(2, *(shape if len(blocks) == 1 else (int(np.prod(shape)),)), 2))
    return blocks, target


def random_module(slayer, seed, *, batch=2, steps=70):
    """(module, input shape, spikes (batch, steps, *input shape)) of a random chain, nested at random; ``slayer`` may "
    "be None."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    image = bool(rng.random() < 0.6)
    shape = tuple(int(v) for v in ((rng.integers(1, 4), *rng.integers(4, 8, 2)) if image else (rng.integers(2, 12),)))
    first, parts = shape, []
    depth = int(rng.integers(1, 5))
    for index in range(depth):
        last = index == depth - 1 and rng.random() < 0.4
        if slayer is None or rng.random() < 0.5:
            block, shape = our_block(rng, shape, last)
            parts.append(block)
        else:
            blocks, shape = slayer_block(slayer, rng, shape, last)
            parts += blocks
        if len(shape) == 3 and min(shape) < 1:
            return random_module(slayer, seed + 1_000_003, batch=batch, steps=steps)
        if rng.random() < 0.2:
            parts.append(torch.nn.Identity())
    cut = int(rng.integers(0, len(parts) + 1))
    module = torch.nn.Sequential(torch.nn.Sequential(*parts[:cut]), *parts[cut:])
    spikes = (rng.random((batch, steps, *first)) < float(rng.choice([0.1, 0.3, 0.5]))).astype(np.uint8)
    return module, first, spikes


def within_range(network, spikes):
    """Whether no state wraps or saturates, beyond which SLAYER computes something else than the chip."""
    record = dict.fromkeys(range(len(network.layers)), ("u", "v", "spikes"))
    layers = simulate(network, spikes, record=record).layers
    if network.layers[-1].output == "state" and layers[len(layers) - 1]["spikes"].any():
        return False  # a readout reached the chip's largest threshold
    for states in layers.values():
        if np.abs(states["u"]).max() >= CURRENT_WRAP - (1 << 20) or np.abs(states["v"]).max() >= STATE_MAX - 64:
            return False
    return True
