"""Random convolutional backbones: the training code's evaluation, the simulator and Lava agree in every output value."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.simulator.simulator import simulate
from myelin.lava_models import compat
from myelin.train.config.files import config_from_dict, config_to_dict
from myelin.train.model import build_model

pytestmark = [pytest.mark.lava, pytest.mark.subprocess, pytest.mark.training]

EXAMPLES, BATCH, STEPS = 24, 3, 30
seen = {"active": 0, "rows": 0, "images": 0, "recurrent images": 0, "pooled": 0}
in_lava: set[str] = set()


def extent(rng, height, values):
    """One number, or a pair where there are two axes."""
    one, other = (int(value) for value in rng.choice(values, 2))
    return [one, other] if height > 1 and rng.random() < 0.5 else one


def conv_layer(rng, height):
    return {
        "kind": "conv",
        "channels": int(rng.integers(1, 5)),
        "kernel": extent(rng, height, (1, 2, 3, 5)),
        "stride": extent(rng, height, (1, 1, 2, 3)),
        "recurrent": str(rng.choice(["none", "conv", "conv", "dense"])),
        "taps": int(rng.choice((1, 3, 5))),
        "recurrent_delay_per": str(rng.choice(["neuron", "channel"])),
        "delay_per": str(rng.choice(["none", "neuron", "channel"])),
        "gain": float(rng.choice([1.5, 3.0])),
        "recurrent_gain": 1.0,
    }


def configuration(rng):
    """One to three convolutions and a readout, on a row or an image."""
    image = rng.random() < 0.6
    shape = tuple(int(rng.integers(1, high)) for high in (3, 8, 8)) if image else (int(rng.integers(4, 25)),)
    layers = [conv_layer(rng, shape[1] if image else 1) for _ in range(rng.integers(1, 4))]
    values = {
        "data": {"message_bits": int(rng.choice([0, 2, 4])), **({"shape": shape} if image else {"channels": shape[0]})},
        "neuron": {"per_neuron": bool(rng.random() < 0.5), "spread": 0.5, "threshold": float(rng.choice([1.0, 4.0]))},
        "layers": layers,
        "delay": {"high": float(rng.choice([7.0, 20.0]))},
        "readout": {
            "spiking": bool(rng.random() < 0.5),
            "pool": "average" if layers[-1]["channels"] > 1 and rng.random() < 0.5 else "none",
            "gain": 2.0,
        },
        "train": {"weight_bits": int(rng.choice([8, 8, 4]))},
    }
    return config_from_dict(values)


def exported(config, model, folder):
    """The integer network of a model, by way of a run folder's files."""
    (folder / "run.json").write_text(json.dumps({"config": config_to_dict(config), "classes": 4}))
    tensors = {name: np.ascontiguousarray(values.numpy()) for name, values in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    return network_from_checkpoint(read_checkpoint(folder))


def compare(seed, folder):
    rng = np.random.default_rng(seed)
    config = configuration(rng)
    torch.manual_seed(seed)
    model = build_model(config, 4)
    model.set_delays(hard=True)
    model.eval()
    shapes = [config.data.input_shape]
    for layer, block in zip(config.layers, model.blocks):
        shapes.append(layer.output_shape(shapes[-1]))
        assert shapes[-1] == tuple(block.shape)
    network = exported(config, model, folder)
    size = (BATCH, STEPS, *config.data.input_shape)
    frames = (rng.random(size) < 0.3) * rng.integers(1, network.input.max_value + 1, size)
    unit = 1 if config.readout.spiking else 4096
    with torch.no_grad():
        expected = model(torch.from_numpy(np.moveaxis(frames, 1, -1).astype(np.float32))).double() * unit
    record = dict.fromkeys(range(len(config.layers)), ("spikes",))
    recording = simulate(network, frames, record=record)
    np.testing.assert_array_equal(recording.output, expected.permute(0, 2, 1).numpy())
    active = np.unique(recording.output).size > 1 and all(layer["spikes"].any() for layer in recording.layers.values())
    kind = "images" if config.data.shape else "rows"
    kernels = [layer.recurrent.synapse.weight.shape[2:] for layer in network.layers if "recurrent conv" in layer.kind]
    telling = any(max(kernel) > 1 if kind == "rows" else kernel[0] > 1 for kernel in kernels)  # taps along each axis
    seen["active"] += bool(active)
    seen[kind] += 1
    seen["recurrent images"] += telling and kind == "images"
    seen["pooled"] += config.readout.pool == "average"
    if active and kind not in in_lava and network.max_delay_steps and telling and not compat.missing():
        in_lava.add(kind)
        from myelin.lava_models import run

        for stock in (False, True):
            got = run(network, frames[:1], backend="cpu", stock=stock, record=record)
            np.testing.assert_array_equal(got.output, recording.output[:1])
            for index in record:
                np.testing.assert_array_equal(got.layers[index]["spikes"], recording.layers[index]["spikes"][:1])


def test_training_simulator_and_lava_agree(tmp_path):
    for seed in range(EXAMPLES):
        try:
            compare(seed, tmp_path)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert min(seen.values()) > 1 and seen["active"] > EXAMPLES // 2, seen
    if compat.missing():
        pytest.skip("compared with the simulator; lava-nc is not installed")
    assert in_lava == {"rows", "images"}
