"""Run folders to integer networks: values worked out by hand, and every output equal to the training code's own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.layers import Conv, Dense
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import NetworkError
from myelin.train.config.files import config_from_dict, config_to_dict
from myelin.train.model import build_model

DELAY = {"low": 0.0, "high": 9.0}


def write_run(folder, config, tensors):
    """A run folder with what ``read_checkpoint`` reads."""
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"config": config_to_dict(config), "classes": 2}))
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, folder / "model.safetensors")
    return folder


@pytest.fixture
def small(tmp_path):
    """One dense layer of two neurons with dense recurrence, and a readout; every value chosen by hand."""
    values = {
        "data": {"channels": 3, "message_bits": 2},
        "neuron": {"threshold": 1.25},
        "layers": [{"neurons": 2, "recurrent": "dense", "delay_per": "neuron"}],
        "readout": {"spiking": True, "threshold": 0.5},
    }
    tensors = {
        "0.synapse.weight": np.array([[0.5, 1 / 64, 1 / 32], [9.0, -9.0, -0.047]], np.float32),
        "0.neuron.current_decay": np.array([2048.4], np.float32),
        "0.neuron.voltage_decay": np.array([409.6], np.float32),
        "0.recurrence.weight": np.array([[0.0, -1.0], [0.03, 0.049]], np.float32),
        "0.recurrence.delay.delay": np.array([2.5, 7.51], np.float32),
        "0.delay.delay": np.array([0.4, 61.9], np.float32),
        "1.synapse.weight": np.array([[1.0, 0.0], [0.0, -2.0]], np.float32),
        "1.neuron.current_decay": np.array([4096.0], np.float32),
        "1.neuron.voltage_decay": np.array([205.0], np.float32),
    }
    return config_from_dict(values), tensors, tmp_path / "run"


def test_values_by_hand(small):
    config, tensors, folder = small
    network = network_from_checkpoint(read_checkpoint(write_run(folder, config, tensors)))
    hidden, readout = network.layers
    assert (network.input.shape, network.input.message_bits) == ((3,), 2)
    # 1.0 is 64 and weights are even: 1/64 is half way between 0 and 2 and goes to the even multiple of 2; clipped at -256, 254
    assert hidden.synapse.weight.tolist() == [[32, 0, 2], [254, -256, -4]]
    assert hidden.recurrent.synapse.weight.tolist() == [[0, -64], [2, 4]]
    # 2.5 goes to the even 2, as in the training's own rounding
    assert hidden.recurrent.delay_steps.tolist() == [2, 8]
    assert hidden.delay_steps.tolist() == [0, 62]
    assert (hidden.neuron.threshold, int(hidden.neuron.current_decay), int(hidden.neuron.voltage_decay)) == (80, 2048, 410)
    assert (readout.output, readout.neuron.threshold) == ("spikes", 32)


def test_a_silent_readout_cannot_reach_its_threshold(small):
    from dataclasses import replace

    config, tensors, folder = small
    config = replace(config, readout=replace(config.readout, spiking=False))
    readout = network_from_checkpoint(read_checkpoint(write_run(folder, config, tensors))).layers[-1]
    assert (readout.output, readout.neuron.threshold) == ("state", (1 << 17) - 1)


@pytest.mark.parametrize(("grid", "bits"), [(1, None), (2, None), (4, None), (3, None), (1, 3), (4, 3), (2, 4), (1, 6)])
def test_delays_on_a_grid_are_those_of_training(grid, bits, tmp_path):
    """Random delays, every tie and both ends: training's whole steps are the exported ones, on the grid and within its end."""
    delay = {"grid_steps": grid, "bits": bits, "high": 0.0}
    longest = config_from_dict({"delay": delay}).delay.longest_steps
    rng = np.random.default_rng(grid)
    values = np.concatenate([np.arange(0, longest + 0.1, 0.5), rng.uniform(0, longest, 400)]).astype(np.float32)
    config = config_from_dict(
        {"data": {"channels": 3}, "delay": delay, "layers": [{"neurons": values.size, "delay_per": "neuron"}]}
    )
    model = build_model(config, 2)
    block = model.blocks[0]
    for module in (block.delay, block.recurrence.delay):
        module.delay.data.copy_(torch.from_numpy(values))
        module.clamp()
        assert torch.equal(module.delay, torch.from_numpy(values))
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    layer = network_from_checkpoint(read_checkpoint(write_run(tmp_path / "run", config, tensors))).layers[0]
    steps = block.delay.rounded_steps()
    assert np.array_equal(layer.delay_steps, steps) and np.array_equal(layer.recurrent.delay_steps, steps)
    assert set(steps.tolist()) == set(range(0, longest + 1, grid))
    assert np.abs(steps - values).max() <= grid / 2


CASES = {
    "dense": [{"neurons": 12, "recurrent": "none", "delay_per": "neuron"}],
    "dense recurrent": [{"neurons": 12, "recurrent": "dense"}, {"neurons": 9, "recurrent": "dense", "delay_per": "neuron"}],
    "conv recurrent": [{"neurons": 12, "recurrent": "conv", "taps": 5}, {"neurons": 12, "channels": 3, "recurrent": "conv"}],
    "delays per channel": [
        {"neurons": 12, "channels": 3, "recurrent": "conv", "recurrent_delay_per": "channel", "delay_per": "channel"}
    ],
    "recurrent delays zero": [{"neurons": 12, "recurrent": "conv", "recurrent_delay": "zero", "delay_per": "neuron"}],
    "recurrent delays fixed": [{"neurons": 12, "recurrent": "dense", "recurrent_delay": "fixed", "delay_per": "neuron"}],
    "forward delays fixed": [{"neurons": 12, "channels": 2, "taps": 9, "delay_per": "channel", "delay": "fixed"}],
    "taps 1": [{"neurons": 12, "taps": 1}],
    "conv": [
        {"kind": "conv", "channels": 3, "kernel": 3, "stride": 2, "recurrent": "none", "delay_per": "channel"},
        {"kind": "conv", "channels": 2, "kernel": 5, "recurrent": "conv", "delay_per": "neuron"},
        {"neurons": 8, "recurrent": "dense"},
    ],
}
#: Input shapes beside the row of 11.
IMAGES = {
    "image": [
        {"kind": "conv", "channels": 3, "kernel": [3, 4], "stride": [2, 1], "recurrent": "none", "delay_per": "channel"},
        {"kind": "conv", "channels": 4, "kernel": 3, "stride": 2, "recurrent": "none", "delay_per": "neuron"},
    ],
    "image, then a row": [
        {"kind": "conv", "channels": 2, "kernel": [5, 1], "stride": [5, 2], "recurrent": "conv", "taps": 5},
        {"neurons": 8, "recurrent": "dense"},
    ],
}
CASES |= IMAGES


@pytest.mark.parametrize("per_neuron", [False, True], ids=["shared decays", "own decays"])
@pytest.mark.parametrize("spiking", [False, True], ids=["states", "spikes"])
@pytest.mark.parametrize("case", CASES)
def test_every_output_equals_the_training_codes(case, spiking, per_neuron, tmp_path):
    shape = (2, 5, 7) if case in IMAGES else (11,)
    pool = "average" if CASES[case][-1].get("channels", 1) > 1 else "none"
    config = config_from_dict(
        {
            "data": {"channels": 11, "shape": shape if case in IMAGES else None, "message_bits": 2},
            "layers": [{"gain": 2.0, **layer} for layer in CASES[case]],
            "delay": DELAY,
            "neuron": {"per_neuron": per_neuron, "spread": 0.4},
            "readout": {"spiking": spiking, "pool": pool},
        }
    )
    torch.manual_seed(sum(map(ord, case)))
    model = build_model(config, 5)
    model.set_delays(hard=True)
    model.eval()
    folder = write_run(tmp_path / "run", config, {name: value.numpy() for name, value in model.state_dict().items()})
    network = network_from_checkpoint(read_checkpoint(folder))
    size = (6, 40, *shape)
    frames = (np.random.default_rng(7).random(size) < 0.25) * np.random.default_rng(8).integers(1, 4, size)
    with torch.no_grad():
        output = model(torch.from_numpy(np.moveaxis(frames, 1, -1).astype(np.float32)))
    expected = (output.double() * (1 if spiking else 4096)).permute(0, 2, 1).numpy()
    got = simulate(network, frames).output
    assert np.unique(got).size > 1
    assert np.array_equal(got, expected)
    assert isinstance(network.layers[0].synapse, Conv if case == "conv" or case in IMAGES else Dense)
    assert (network.input.shape, network.layers[-1].synapse.weight.shape) == (shape, (5, network.layers[-2].neurons))


@pytest.mark.parametrize("taps", [(2, 2, 3), (2, 2, 1, 3), (2, 2, 3, 3)])
def test_recurrent_kernels_of_a_row_and_of_two_axes(taps, tmp_path):
    values = {
        "data": {"shape": [2, 4, 3]},
        "layers": [{"kind": "conv", "channels": 2, "kernel": 3, "recurrent": "conv", "recurrent_delay_per": "channel"}],
    }
    weight = np.arange(np.prod(taps), dtype=np.float32).reshape(taps) / 32
    neuron = {f"{name}_decay": np.array([99.0], np.float32) for name in ("current", "voltage")}
    tensors = {
        "0.synapse.weight": np.ones((2, 2, 3, 3), np.float32),
        "0.recurrence.weight": weight,
        "0.recurrence.delay.delay": np.array([2.0, 5.0], np.float32),
        "1.synapse.weight": np.ones((2, 24), np.float32),
        **{f"{layer}.neuron.{name}": value for layer in (0, 1) for name, value in neuron.items()},
    }
    folder = write_run(tmp_path / "run", config_from_dict(values), tensors)
    recurrent = network_from_checkpoint(read_checkpoint(folder)).layers[0].recurrent
    whole = (weight * 64).reshape(2, 2, -1, 3).astype(int)
    assert np.array_equal(recurrent.synapse.weight, whole)
    assert recurrent.synapse.padding == (whole.shape[2] // 2, 1)
    assert recurrent.delay_steps.reshape(-1).tolist() == [2, 5]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"0.synapse.weight": np.ones((2, 4), np.float32)}, "layer 0 (dense"),
        ({"0.recurrence.weight": np.ones((3, 3), np.float32)}, "layer 0 (dense)"),
        ({"0.delay.delay": np.ones(5, np.float32)}, "layer 0 (dense)"),
        (
            {"0.recurrence.delay.delay": np.array([1.0, -3.0], np.float32)},
            "layer 0 (dense): recurrent delay_steps lies in -3..1",
        ),
        ({"0.delay.delay": np.array([np.inf, 0.0], np.float32)}, "0.delay.delay holds NaN or infinite values"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, said, small):
    config, tensors, folder = small
    with pytest.raises(NetworkError) as error:
        network_from_checkpoint(read_checkpoint(write_run(folder, config, {**tensors, **change})))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
