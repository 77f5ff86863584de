"""Random networks of lava-dl's own SLAYER blocks: SLAYER's evaluation, the simulator and Lava agree in every spike.

Drawn are what SLAYER can express: Dense, Conv and Recurrent blocks in any order that fits, axonal delays of 0..62 steps
(fractional, which SLAYER floors), thresholds, decays of 0 to 1, shared or per neuron (SLAYER's CPU path cannot broadcast decays
per channel over an image), and weights that saturate in 8 bit.

Two things are left out, since SLAYER itself computes something else there (``fixed_point.md``).  States beyond 2048 in SLAYER's
unit: SLAYER neither wraps nor saturates them; such draws are discarded.  A bias: Lava's neurons see it from the first step on,
SLAYER's with the first input, one step later (a block with ``delay_shift=True`` shifts the consequences of its bias along with
its spikes), so from rest the two start differently.  The bias is compared with Lava in ``test_parity.py``.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

BATCH, STEPS, LONGEST = 2, 130, 62
EXAMPLES, LAVA_EXAMPLES, STOCK_EXAMPLES = 50, 5, 2
SETTINGS = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
seen = {"networks": 0, "active": 0, "saturated": 0, "late": 0, "lava": 0, "Dense": 0, "Conv": 0, "Recurrent": 0}


def decay(draw, rng):
    return draw(st.sampled_from([0.0, 1.0, *rng.uniform(0.02, 1, 3)]))


def draw_block(draw, rng, kind, before):
    """A block of SLAYER, with its weights and delays set, and the shape of its neurons."""
    params = {"current_decay": decay(draw, rng), "voltage_decay": decay(draw, rng), "threshold": 1.0}
    if kind != "Conv" and draw(st.booleans()):
        params |= {name: tuple(sorted(rng.uniform(0, 1, 2))) for name in ("current_decay", "voltage_decay")}
        params["shared_param"] = False
    delay = draw(st.booleans())
    if kind == "Conv":
        groups = draw(st.sampled_from([n for n in (1, 2) if before[0] % n == 0]))
        outs = groups * draw(st.integers(1, 3))
        kernel = tuple(draw(st.integers(1, 3)) for _ in range(2))
        stride = tuple(draw(st.integers(1, 2)) for _ in range(2))
        padding = tuple(draw(st.integers(0, 1)) for _ in range(2))
        block = slayer.block.cuba.Conv(
            params, before[0], outs, kernel, stride=stride, padding=padding, groups=groups, delay=delay
        )
        space = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(before[1:], padding, kernel, stride)]
        shape = (outs, *space)
    else:
        shape = (draw(st.integers(1, 14)),)
        block = getattr(slayer.block.cuba, kind)(params, int(np.prod(before)), *shape, delay=delay)
    spread, offset = draw(st.sampled_from([(0.3, 0.1), (1.0, 0.2), (3.0, 0.3), (6.0, 0.0)]))  # the last one saturates
    for synapse in synapses(block):
        synapse.weight.data = torch.tensor(rng.normal(offset, spread, tuple(synapse.weight.shape)), dtype=torch.float32)
    if delay:
        values = rng.uniform(0, LONGEST + 0.99, shape[0])
        if draw(st.booleans()):
            values[rng.integers(shape[0])] = LONGEST
        block.delay.delay.data = torch.tensor(values, dtype=torch.float32)
        block.delay.init = True
    with torch.no_grad():  # fixes the shape of the neurons, and draws decays per neuron
        block(torch.zeros(BATCH, *(before if kind == "Conv" else (int(np.prod(before)),)), 2))
    return block, shape


def synapses(block):
    return [block.synapse] if hasattr(block, "synapse") else [block.input_synapse, block.recurrent_synapse]


def integers(synapse):
    weight = synapse.pre_hook_fx(synapse.weight, descale=True).detach().numpy()[..., 0]
    assert np.array_equal(weight, np.round(weight))
    return weight.astype(int)


def as_layer(block, kind, shape, threshold=None):
    """What the block means as a layer of ours; every number is SLAYER's own, as it would export it."""
    device = block.neuron.device_params
    neuron = Cuba(int(device["vThMant"]) if threshold is None else threshold, device["iDecay"], device["vDecay"])
    delays = np.zeros((), int)
    if block.delay is not None:
        block.delay.clamp()
        delays = np.floor(block.delay.delay.detach().numpy()).astype(int).reshape(-1, *[1] * (len(shape) - 1))
    if kind == "Conv":
        conv = block.synapse
        synapse = Conv(integers(conv), stride=conv.stride[:2], padding=conv.padding[:2], groups=conv.groups)
        return Layer(shape, synapse, neuron, delays)
    first, *own = (Dense(weight.reshape(weight.shape[:2])) for weight in map(integers, synapses(block)))
    return Layer(shape, first, neuron, delays, DelayedRecurrent(own[0]) if own else None)


@st.composite
def cases(draw):
    """Blocks, the integer network that they mean, and spikes (batch, steps, *input shape) that keep it active."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = draw(st.booleans())
    shape = (
        (draw(st.integers(1, 4)), draw(st.integers(3, 6)), draw(st.integers(3, 6))) if image else (draw(st.integers(1, 12)),)
    )
    source = Input(shape)
    spikes = (rng.random((BATCH, STEPS, *shape)) < draw(st.sampled_from([0.05, 0.2, 0.5]))).astype(np.uint8)
    blocks, layers = [], []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["Conv", "Conv", "Conv", "Dense"] if len(shape) == 3 else ["Dense", "Recurrent"]))
        if len(shape) == 3 and kind != "Conv":
            blocks.append(slayer.block.cuba.Flatten())
        elif kind == "Conv" and min(shape[1:]) < 3:
            kind = "Dense"
            blocks.append(slayer.block.cuba.Flatten())
        block, here = draw_block(draw, rng, kind, shape)
        # a threshold at a quantile of the voltages that the neurons would reach without one, below 64 in SLAYER's unit, where
        # its epsilon is lost in float32
        silent = as_layer(block, kind, here, threshold=(1 << 25) - 1)
        reached = simulate(Network(source, (*layers, silent)), spikes, record={len(layers): ("v",)}).layers[len(layers)]["v"]
        mantissa = int(np.quantile(reached, draw(st.sampled_from([0.5, 0.8, 0.95])))) // 64
        block.neuron._threshold = min(max(mantissa, 1), 4095) / 64
        blocks.append(block)
        layers.append(as_layer(block, kind, here))
        seen[kind] += 1
        shape = here
    return blocks, Network(source, tuple(layers)), spikes


def evaluate(blocks, spikes):
    """SLAYER's own evaluation; its tensors have the steps last."""
    with torch.no_grad():
        x = torch.tensor(np.moveaxis(spikes, 1, -1), dtype=torch.float32)
        for block in blocks:
            x = block(x)
    return np.moveaxis(x.numpy(), -1, 1)


def within_slayers_range(network, spikes):
    """Whether every state stays where Lava neither wraps nor saturates it, so that SLAYER and Lava mean the same."""
    record = dict.fromkeys(range(len(network.layers)), ("u", "v"))
    for states in simulate(network, spikes, record=record).layers.values():
        # one step moves a current by less than 2^20, so none crosses the border unseen; a voltage saturates visibly
        if np.abs(states["u"]).max() >= CURRENT_WRAP - (1 << 20) or states["v"].min() <= -STATE_MAX:
            return False
    return True


@settings(max_examples=EXAMPLES, **SETTINGS)
@given(cases())
def test_slayer_and_the_simulator_agree(case):
    blocks, network, spikes = case
    assume(within_slayers_range(network, spikes))
    expected = evaluate(blocks, spikes)
    np.testing.assert_array_equal(simulate(network, spikes).output, expected)
    seen["networks"] += 1
    seen["active"] += 0.005 < expected.mean() < 0.995
    seen["saturated"] += any(layer.synapse.weight.min() == -256 for layer in network.layers)
    seen["late"] += any(layer.delay_steps.max() == LONGEST for layer in network.layers)


@settings(max_examples=LAVA_EXAMPLES, **SETTINGS)
@given(cases())
def test_slayer_and_lava_agree(lava, case):
    blocks, network, spikes = case
    assume(within_slayers_range(network, spikes))
    spikes = np.repeat(spikes[:1], BATCH, axis=0)  # a Recurrent block keeps its batch size; Lava takes one sample
    expected = evaluate(blocks, spikes)
    np.testing.assert_array_equal(lava.run(network, spikes[:1]).output, expected[:1])
    if seen["lava"] < STOCK_EXAMPLES:
        np.testing.assert_array_equal(lava.run(network, spikes[:1], stock=True).output, expected[:1])
    seen["lava"] += 1


def test_what_was_drawn():
    """Equality of silent networks, or of tame ones, would show little."""
    print(seen)
    assert seen["networks"] >= EXAMPLES
    assert seen["active"] > 0.6 * seen["networks"]
    assert min(seen["saturated"], seen["late"]) > 0.1 * seen["networks"]
    assert min(seen["Dense"], seen["Conv"], seen["Recurrent"]) > 0.2 * seen["networks"]
    assert seen["lava"] >= LAVA_EXAMPLES
