"""Random networks of lava-dl's CUBA blocks, one kind of block with one option switched on, and what is read of them.

Each network is trained for some steps without a loss, so that running statistics, shapes and random constants are drawn, and is
then evaluated by lava-dl itself: equal in every value, or refused by name.  As a script, this tries all of them::

    python tests/helpers/slayer_options.py --networks 20
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import re
import warnings
from dataclasses import replace

import numpy as np
import torch
from random_modules import within_range

from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch, read_module
from myelin.convert.modules.reading import exact_layer
from myelin.convert.modules.slayer import floats_from_slayer
from myelin.convert.network import Network
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import NetworkError
from myelin.train.step_delay import StepDelay

KINDS = ("Input", "Flatten", "Dense", "Conv", "Pool", "Recurrent", "KWTA", "ConvT", "Unpool", "Affine", "Average")
IMAGES = ("Flatten", "Conv", "Pool", "ConvT", "Unpool")
#: Options of the neuron, of the block, and changes made to the block afterwards.
NEURON_OPTIONS = {
    "mean norm": {"norm": "MeanOnlyBatchNorm"},
    "scale norm": {"norm": "WgtScaleBatchNorm"},
    "graded spike": {"graded_spike": True},
    "dropout": {"dropout": 0.4},
    "own decays": {"shared_param": False},
    "persistent state": {"persistent_state": True},
    "learnt decays": {"requires_grad": True},
    "gradient options": {"tau_grad": 0.3, "scale_grad": 2.0},
    "scale 32": {"scale": 32},
    "scale 128": {"scale": 128},
    "threshold": {"threshold": 1.7},
}
BLOCK_OPTIONS = {
    "weight norm": {"weight_norm": True},
    "mask": {"mask": True},
    "delay": {"delay": True},
    "no delay shift": {"delay_shift": False},
    "delay shift of 1": {"delay_shift": 1},
    "count log": {"count_log": True},
    "no pre-hook": {"pre_hook_fx": None},
    "another pre-hook": {"pre_hook_fx": "floor"},
    "no dynamics": {"dynamics": False},
    "weight and bias": {"weight": 0.5, "bias": 0.25},
}
CHANGES = ("none", "trained weight norm", "pruned", "image weights", "stride", "groups", "many winners")
OPTIONS = (*NEURON_OPTIONS, *BLOCK_OPTIONS, *CHANGES)
#: Options that a kind of block takes; what its class does not take is left out.
TAKES = {
    "Input": {*NEURON_OPTIONS, "no delay shift", "delay shift of 1", "count log", "weight and bias"},
    "Flatten": {"count log"},
    "Average": {"count log"},
    "Dense": {*NEURON_OPTIONS, *BLOCK_OPTIONS} - {"no dynamics", "weight and bias"},
    "Recurrent": {*NEURON_OPTIONS, *BLOCK_OPTIONS} - {"no dynamics", "weight and bias", "mask"},
    "KWTA": {*NEURON_OPTIONS, *BLOCK_OPTIONS, "many winners"} - {"no dynamics", "weight and bias", "mask", "delay"},
    "Affine": {*NEURON_OPTIONS, *BLOCK_OPTIONS} - {"delay", "no delay shift", "delay shift of 1", "weight and bias"},
}
for _kind in ("Conv", "Pool", "ConvT", "Unpool"):
    TAKES[_kind] = {*NEURON_OPTIONS, *BLOCK_OPTIONS, "stride"} - {"no dynamics", "weight and bias", "mask"}
TAKES["Conv"].add("groups")
TAKES["ConvT"].add("groups")
for _kind in ("Dense", "Recurrent", "KWTA", "Affine", "Conv", "ConvT"):
    TAKES[_kind] |= {"trained weight norm", "pruned"}
TAKES["Dense"].add("image weights")


def takes(kind, option):
    """Whether blocks of ``kind`` have ``option``."""
    return option == "none" or option in TAKES[kind]


def floored(weight, descale=False):
    """A quantisation of a user's own: down, on SLAYER's grid."""
    value = torch.floor(weight * 32).clamp(-128, 127) / 32
    return value * 64 if descale else value


def _params(slayer, rng, option):
    whole = rng.random() < 0.3  # a decay of all or nothing, with which a scale commutes with rounding
    draw = (lambda: float(rng.integers(0, 2))) if whole else (lambda: float(rng.choice([0.0, 1.0, *rng.uniform(0.02, 1, 6)])))
    params = {"threshold": 1.0, "current_decay": draw(), "voltage_decay": draw()} | NEURON_OPTIONS.get(option, {})
    if "norm" in params:
        params["norm"] = getattr(slayer.neuron.norm, params["norm"])
    if "dropout" in params:
        params["dropout"] = slayer.neuron.Dropout(params["dropout"], inplace=bool(rng.random() < 0.5))
    if params.get("shared_param") is False:
        params |= {name: tuple(sorted(rng.uniform(0, 1, 2))) for name in ("current_decay", "voltage_decay")}
    return params


def _plain(slayer, rng, inputs):
    neurons = int(rng.integers(3, 9))
    return slayer.block.cuba.Dense(_params(slayer, rng, "none"), inputs, neurons, weight_scale=4), neurons


def random_slayer(slayer, kind, option, seed, *, batch=2, steps=24):
    """(module, input shape, message bits, spikes (batch, steps, *input shape)) of a random network with a block of ``kind``."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    cuba, params = slayer.block.cuba, _params(slayer, rng, option)
    image = kind in IMAGES or (kind == "Input" and rng.random() < 0.4) or option == "image weights"
    shape = tuple(int(v) for v in ((rng.integers(1, 4), *rng.integers(4, 7, 2)) if image else (rng.integers(3, 9),)))
    options = dict(BLOCK_OPTIONS.get(option, {}))
    if options.get("pre_hook_fx") == "floor":
        options["pre_hook_fx"] = floored
    options |= {"weight_norm": True} if option == "trained weight norm" else {}
    parts = []
    if kind != "Input" and rng.random() < 0.5:
        parts.append(StepDelay())
    inputs = int(np.prod(shape))
    if not image and kind != "Input" and rng.random() < 0.4:
        before, inputs = _plain(slayer, rng, inputs)
        parts.append(before)
    pair = lambda low, high: tuple(int(v) for v in rng.integers(low, high, 2))  # noqa: E731
    geometry = {"stride": pair(1, 3), "padding": pair(0, 2), "dilation": pair(1, 3)} if option == "stride" else {}
    outs = int(rng.integers(2, 7))
    if kind == "Input":
        params["current_decay"] = 1.0 if rng.random() < 0.8 else params["current_decay"]
        block = cuba.Input(params, **options)
    elif kind == "Flatten":
        block = cuba.Flatten(**options)
    elif kind == "Average":
        before, _ = _plain(slayer, rng, inputs)
        before = cuba.Dense(_params(slayer, rng, "none"), inputs, outs * 3, weight_scale=4)
        parts.append(before)
        block = cuba.Average(outs, **options)
    elif kind in ("Conv", "ConvT"):
        groups = shape[0] if option == "groups" else 1
        block = getattr(cuba, kind)(
            params, shape[0], outs * groups, pair(1, 4), groups=groups, weight_scale=4, **geometry, **options
        )
    elif kind in ("Pool", "Unpool"):
        block = getattr(cuba, kind)(params, pair(1, 4), weight_scale=float(rng.choice([0.7, 1.5])), **geometry, **options)
    elif kind == "KWTA":
        winners = 1 if option == "many winners" else int(rng.integers(1, outs + 1))
        block = cuba.KWTA(
            params, inputs, outs, winners, self_excitation=float(rng.uniform(-0.2, 1.2)), weight_scale=6, **options
        )
    else:
        if options.get("mask"):
            options["mask"] = torch.tensor(rng.random((outs, inputs)) < 0.6).float()
        size = (shape[2], shape[1], shape[0]) if option == "image weights" else inputs
        block = getattr(cuba, kind)(params, size, outs, weight_scale=4, **options)
    parts.append(block)
    if kind == "Recurrent" and option != "none":
        block.recurrent_synapse.weight.data *= 2
    if kind in ("Flatten", "Input") or (kind in IMAGES and rng.random() < 0.3):
        parts.append(cuba.Flatten()) if image and kind != "Flatten" else None
        parts.append(_LATER_DENSE)
    module = _ran(slayer, rng, parts, shape, option, block)
    spikes = (rng.random((batch, steps, *shape)) < float(rng.choice([0.2, 0.5]))).astype(np.uint8)
    bits = 2 if kind == "Input" and option == "none" and rng.random() < 0.5 else 0
    return module, shape, bits, spikes * (rng.integers(1, 4, spikes.shape).astype(np.uint8) if bits else 1)


_LATER_DENSE = object()


def _ran(slayer, rng, parts, shape, option, block):
    """The chain after some forward passes in training, with values that its first passes draw; fewer where lava-dl fails."""
    x = torch.tensor((rng.random((2, *shape, 6)) < 0.4).astype(np.float32))
    found = []
    out = x
    for part in parts:
        if part is _LATER_DENSE:
            part, _ = _plain(slayer, rng, int(np.prod(out.shape[1:-1])))
        found.append(part)
        with torch.no_grad(), contextlib.suppress(RuntimeError):
            out = _first(part(out))
    module = torch.nn.Sequential(*found)
    with torch.no_grad():
        with contextlib.suppress(RuntimeError):
            for _ in range(int(rng.integers(1, 8))):
                y = x * float(rng.integers(0, 2)) if rng.random() < 0.2 else x.roll(int(rng.integers(0, 5)), -1)
                for part in found:
                    y = _first(part(y))
        if getattr(block, "delay", None) is not None:
            block.delay.delay.data = torch.tensor(rng.uniform(-1, 63, block.delay.delay.shape), dtype=torch.float32)
        if option == "trained weight norm":
            for synapse in (getattr(block, name, None) for name in ("synapse", "input_synapse", "recurrent_synapse")):
                if synapse is not None:
                    synapse.weight_g.mul_(1.7)
        if option == "pruned":
            from torch.nn.utils import prune

            prune.random_unstructured(getattr(block, "synapse", None) or block.input_synapse, "weight", amount=0.4)
            if hasattr(block, "recurrent_synapse"):
                prune.random_unstructured(block.recurrent_synapse, "weight", amount=0.4)
                block.recurrent_synapse.weight_orig.mul_(1.3)
    return module


def _first(out):
    return out[0] if isinstance(out, tuple) else out


def evaluated(module, spikes):
    """What lava-dl computes from rest, beside ``compare``'s own way to find it out: (batch, steps, ...)."""
    fresh = module.eval()
    for part in fresh.modules():
        for name in ("current_state", "voltage_state"):
            if hasattr(part, name):
                setattr(part, name, torch.zeros(1))
        if hasattr(part, "delay_buffer"):
            part.delay_buffer = None
    with torch.no_grad():
        out = fresh(torch.tensor(np.moveaxis(spikes, 1, -1), dtype=torch.float32))
    return np.moveaxis(out.numpy(), -1, 1)


def tried(slayer, kind, option, seed):
    """(outcome, values compared, reason): what was found, and what of the floats.

    The outcome is "equal", "equal and silent", "different", "refused", "out of range" (states wrap on the chip, and not in
    lava-dl), or "lava-dl fails".

    The floats of ``floats_from_slayer``, rounded as the blocks' own ``pre_hook_fx`` rounds, must be the integers of
    ``from_torch``, and are refused where that refuses, but for weights that are not quantised.
    """
    with warnings.catch_warnings(), _light():
        module, shape, bits, spikes = random_slayer(slayer, kind, option, seed)
        try:
            network = from_torch(module, shape, message_bits=bits)
        except NetworkError as error:
            assert str(error).startswith("module."), error
            return "refused", 0, str(error), _floats(module, shape, bits, None)
        second = _floats(module, shape, bits, network)
        if not within_range(network, spikes):
            return "out of range", 0, "", second
        try:
            result = compare(module, network, spikes)
        except NetworkError as error:  # as on a CPU with decays per channel of an image
            return "lava-dl fails", 0, str(error), second
        ours, theirs = simulate(network, spikes).output, evaluated(module, spikes)
        if network.average_groups is None:
            lag, state = result.lag, network.layers[-1].output == "state"
            theirs = theirs * (64 * module[-1].neuron.w_scale if state else 1)
            theirs, ours = theirs.reshape(*theirs.shape[:2], -1), ours.reshape(*ours.shape[:2], -1)
            if lag < 0:
                theirs, ours = theirs[:, -lag:], ours[:, :lag]
            else:
                theirs, ours = theirs[:, : ours.shape[1] - lag], ours[:, lag:]
            assert np.array_equal(theirs, ours) == (result.layers[-1].different_values == 0), (str(result), seed)
        outcome = "different" if not result.equal else "equal" if ours.any() else "equal and silent"
        return outcome, result.values, str(result), second


@contextlib.contextmanager
def _light():
    """Plain loops on one core, which take half the time on tensors as small as these."""
    threads = torch.get_num_threads()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    finally:
        torch.set_num_threads(threads)


def _floats(module, shape, bits, network):
    """ "same", "other" or the reason for a refusal of ``floats_from_slayer`` with rounding, beside what ``from_torch`` gave."""
    try:
        floats = floats_from_slayer(module, shape, bits)
    except NetworkError as error:
        return str(error)
    read = read_module(module, shape, bits)
    layers = []
    for block, layer in zip(read.blocks, floats.map_delays(np.floor).layers, strict=True):
        changes = {"synapse": replace(layer.synapse, weight=_rounded(block, "synapse", layer.synapse.weight))}
        if layer.recurrent is not None:
            own = _rounded(block, "recurrent_synapse", layer.recurrent.synapse.weight)
            changes["recurrent"] = replace(layer.recurrent, synapse=replace(layer.recurrent.synapse, weight=own))
        layers.append(replace(layer, **changes))
    try:
        rounded = Network(
            read.source,
            tuple(exact_layer(replace(block, floats=layer)) for block, layer in zip(read.blocks, layers, strict=True)),
            floats.average_groups,
        )
    except NetworkError:
        return "not on the grid"
    return "unlike" if network is None else "same" if _same(rounded, network) else "other"


def _rounded(block, name, weight):
    """``weight`` of ``floats_from_slayer`` as the block's own hook rounds it."""
    part = block.block
    synapse = getattr(part, name, None) or getattr(part, "input_synapse" if name == "synapse" else "synapse", None)
    hook = part.neuron.quantize_8bit if name == "recurrent_synapse" and not hasattr(part, name) else synapse.pre_hook_fx
    if hook is None:
        return weight
    norm = part.neuron.norm
    gain = 1.0
    if norm is not None and hasattr(norm, "std") and getattr(part, "dynamics", True) is True:
        gain = 1 / float(norm.std(norm.running_var))
    return hook(torch.tensor(weight / gain, dtype=torch.float32)).detach().double().numpy() * gain


def _same(one, two):
    def values(layer):
        yield from (layer.shape, layer.output, layer.synapse.weight.tolist(), getattr(layer.synapse, "weight_exp", 0))
        yield np.broadcast_to(layer.delay_steps, layer.shape).tolist()
        yield {k: np.broadcast_to(v, layer.shape).tolist() for k, v in layer.neuron.fields().items()}
        if layer.recurrent is not None:
            yield layer.recurrent.synapse.weight.tolist()

    return all(list(values(a)) == list(values(b)) for a, b in zip(one.layers, two.layers, strict=True))


def main():
    """Try every kind with every option, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--kind", default=None)
    parser.add_argument("--option", default=None)
    arguments = parser.parse_args()
    from myelin.lava_models import compat

    compat.prepare(slayer=True)
    from lava.lib.dl import slayer

    total, values, reasons, seconds = collections.Counter(), 0, collections.Counter(), collections.Counter()
    for kind in KINDS if arguments.kind is None else [arguments.kind]:
        for option in OPTIONS if arguments.option is None else [arguments.option]:
            if not takes(kind, option):
                continue
            row = collections.Counter()
            for seed in range(arguments.networks):
                outcome, compared, text, second = tried(slayer, kind, option, 1000 * seed + len(option))
                row[outcome] += 1
                values += compared
                seconds[second if second in ("same", "other", "unlike", "not on the grid") else "refused"] += 1
                if second in ("other", "unlike"):
                    print("  FLOATS", second, seed, text[:150])
                if outcome == "refused":
                    reasons[re.sub(r"module\.\d+ \([\w.]+\): |[-\d.]+", "", text)[:70]] += 1
                elif outcome == "different":
                    print("  DIFFERENT", seed, text[:300])
            total += row
            print(f"{kind:10} {option:22} {dict(row)}", flush=True)
    print(dict(total), "values", values, "floats", dict(seconds))
    for reason, count in reasons.most_common():
        print(f"{count:6} {reason}")


if __name__ == "__main__":
    main()
