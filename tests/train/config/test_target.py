"""What a configuration takes from its target, and that everything that cannot fit is said at once, before training."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.rules import check, weight_bits
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.target_files import load_target
from myelin.train.config.config import Config, LayerConfig, NeuronConfig, ReadoutConfig
from myelin.train.config.files import changed_config, config_from_dict, config_to_dict
from myelin.train.config.target import misfits, resolve_for_target
from myelin.train.model import build_model
from myelin.train.neurons import Cuba

LOIHI1, LOIHI2, CPU = load_target("loihi1"), load_target("loihi2"), load_target("cpu")
SMALL = dataclasses.replace(
    LOIHI2,
    name="small",
    weight_bits=4,
    delay_steps_max=40,
    threshold_max=64,
    current_decay_min=100,
    current_decay_max=3000,
    voltage_decay_max=2000,
    message_bits_max=4,
)


def config(**values):
    return config_from_dict({"data": {"message_bits": 0}, **values})


def test_what_is_left_to_the_target_is_filled_in():
    plain = resolve_for_target(Config(), LOIHI2)
    assert (plain.delay.max_delay_steps, plain.train.weight_bits) == (62, 8)
    neuron = plain.neuron
    assert (neuron.current_decay_min, neuron.current_decay_max) == (1, 4096)
    assert (neuron.voltage_decay_min, neuron.voltage_decay_max) == (0, 4095)
    small = resolve_for_target(config(readout={"current_decay": 0.5}), SMALL)
    assert (small.delay.max_delay_steps, small.train.weight_bits, small.neuron.current_decay_max) == (40, 4, 3000)
    assert resolve_for_target(Config(), CPU).delay.max_delay_steps == 62  # a netx file holds no more
    unknown = dataclasses.replace(LOIHI2, delay_steps_max=None, weight_bits=None, voltage_decay_max=None)
    assert (
        resolve_for_target(Config(), unknown).delay.max_delay_steps == 62
        and resolve_for_target(Config(), unknown).train.weight_bits == 8
    )
    assert resolve_for_target(Config(), unknown).neuron.voltage_decay_max is None


def test_what_is_said_stays_and_a_saved_configuration_is_complete():
    said = config(
        delay={"max_delay_steps": 35},
        train={"weight_bits": 3},
        neuron={"current_decay_min": 200, "voltage_decay": 0.2},
        readout={"current_decay": 0.5},
    )
    result = resolve_for_target(said, SMALL)
    assert (result.delay.max_delay_steps, result.train.weight_bits, result.neuron.current_decay_min) == (35, 3, 200)
    assert resolve_for_target(result, SMALL) == result == config_from_dict(config_to_dict(result))
    assert resolve_for_target(config(train={"weight_bits": 0}), LOIHI2).train.weight_bits == 0  # floats, a control


def test_eight_misfits_at_once():
    bad = config(
        data={"message_bits": 5},
        delay={"max_delay_steps": 62, "high": 50.0},
        train={"weight_bits": 8},
        neuron={"threshold": 2.0, "current_decay": 0.01, "voltage_decay": 0.9, "current_decay_max": 4096},
        readout={"spiking": True, "threshold": 1.5, "current_decay": 1.0},
        layers=[{"kind": "conv", "recurrent": "dense"}],
    )
    target = dataclasses.replace(SMALL, layer_kinds=("dense", "recurrent conv"))
    assert list(misfits(bad, target)) == [
        "data.message_bits is 5, small holds 4; train with --set data.message_bits=4",
        "delay.max_delay_steps is 62, small holds 40; train with --set delay.max_delay_steps=40",
        "delay.high is 50, small holds 40; train with --set delay.high=40",
        "train.weight_bits is 8, small holds 4; train with --set train.weight_bits=4",
        "neuron.threshold is 2, small holds 1; train with --set neuron.threshold=1",
        "readout.threshold is 1.5, small holds 1; train with --set readout.threshold=1",
        "neuron.current_decay is 41/4096, small holds 100..3000/4096; train with --set neuron.current_decay=0.0244141",
        "readout.current_decay is 4096/4096, small holds 100..3000/4096; train with --set readout.current_decay=0.732422",
        "neuron.current_decay_max is 4096, small holds 3000; train with --set neuron.current_decay_max=3000",
        "neuron.voltage_decay is 3686/4096, small holds 0..2000/4096; train with --set neuron.voltage_decay=0.488281",
        "layers.0.kind is conv, small holds dense, recurrent conv; train with another layers.0.kind",
        "layers.0.recurrent is recurrent dense, small holds dense, recurrent conv; train with another layers.0.recurrent",
    ]
    with pytest.raises(ConfigError, match=r"^small does not hold run, nothing was trained: \(1\) data.*\(12\) layers\.0\.rec"):
        resolve_for_target(bad, target)


def test_each_edge_fits():
    edge = config(
        data={"message_bits": 4},
        delay={"max_delay_steps": 40, "high": 40.0},
        train={"weight_bits": 4},
        neuron={"threshold": 1.0, "current_decay": 100 / 4096, "voltage_decay": 2000 / 4096, "current_decay_min": 100},
        readout={"spiking": True, "threshold": 1.0, "current_decay": 3000 / 4096},
    )
    assert list(misfits(edge, SMALL)) == []
    high = config(delay={"high": 41.0}, readout={"current_decay": 0.5})
    assert list(misfits(high, SMALL)) == ["delay.high is 41, small holds 40; train with --set delay.high=40"]
    grid = config(delay={"grid_steps": 3, "high": 40.0}, readout={"current_decay": 0.5})  # 40 is no multiple of 3
    assert list(misfits(grid, SMALL)) == ["delay.high is 40, small holds 39; train with --set delay.high=39"]
    assert resolve_for_target(config(delay={"grid_steps": 3}, readout={"current_decay": 0.5}), SMALL).delay.longest_steps == 39
    silent = config(readout={"threshold": 9.0, "current_decay": 0.5})  # a readout of states has no threshold to hold
    assert list(misfits(silent, SMALL)) == []


def test_a_target_without_these_neurons_or_counts():
    other = dataclasses.replace(LOIHI2, neuron_models=("sigma_delta",))
    assert list(misfits(Config(), other)) == ["neurons are cuba, loihi2 holds sigma_delta; name a target with CUBA neurons"]
    assert list(misfits(Config(), LOIHI1)) == ["data.message_bits is 4, loihi1 holds 0; train with --set data.message_bits=0"]


@pytest.mark.parametrize("bits", range(2, 9))
def test_the_grid_of_weights(bits):
    neuron = Cuba((1,), weight_bits=bits)
    whole = (neuron.quantise(torch.linspace(-6, 6, 4001)) * 64).numpy()
    unit = 2 ** (9 - bits)
    assert sorted(set(whole.tolist())) == list(range(-256, 256, unit))
    weight = torch.tensor([-5.0, 0.3, 5.0], requires_grad=True)
    neuron.quantise(weight).sum().backward()
    assert weight.grad.tolist() == [0.0, 1.0, 0.0]  # straight-through, zero where clipped


@pytest.mark.parametrize(("value", "said"), [(1e308, r"1e\+308"), (-1e308, r"-1e\+308"), (2.0, "8192/4096")])
def test_a_decay_far_outside_is_said_as_it_is(value, said):
    config = config_from_dict({"readout": {"voltage_decay": value}})
    with pytest.raises(ConfigError, match=rf"readout.voltage_decay is {said}, loihi2 holds 0..4095/4096; train with --set"):
        resolve_for_target(config, LOIHI2)


def test_learnt_decays_stay_in_their_ranges():
    torch.manual_seed(0)
    ranges = {"current_decay_min": 100, "current_decay_max": 3000, "voltage_decay_max": 2000}
    neuron = Cuba((50,), current_decay=0.7, voltage_decay=0.4, per_neuron=True, spread=1.0, learn_decays=True, **ranges)
    assert neuron.current_decay.min() >= 100 and neuron.current_decay.max() == 3000  # also as drawn
    with torch.no_grad():
        neuron.current_decay[:2] = torch.tensor([-5.0, 9999.0])
        neuron.voltage_decay[:2] = torch.tensor([-5.0, 9999.0])
    neuron.clamp()
    assert neuron.current_decay[:2].tolist() == [100.0, 3000.0] and neuron.voltage_decay[:2].tolist() == [0.0, 2000.0]
    with pytest.raises(ConfigError, match=re.escape("current_decay stays in 5..4; a range within 0..4096")):
        Cuba((1,), current_decay_min=5, current_decay_max=4)


def test_what_is_trained_for_a_small_target_fits_it(tmp_path):
    """The network of an untrained run, by way of its files: the target's rules find nothing, and 8 bit would break one."""
    import json

    from myelin.train.run.files.checkpoint import write_tensors

    plain = Config(
        layers=(LayerConfig(neurons=6, recurrent="dense", delay_per="neuron", gain=20.0),),
        neuron=NeuronConfig(per_neuron=True, spread=1.0, learn_decays=True),
        readout=ReadoutConfig(current_decay=0.5),
    )
    for target, bits in ((SMALL, 4), (dataclasses.replace(SMALL, weight_bits=8), 8)):
        result = resolve_for_target(plain, target)
        torch.manual_seed(1)
        model = build_model(result, classes=3)
        model.clamp()
        write_tensors(tmp_path / "model.safetensors", model.state_dict(), {})
        (tmp_path / "run.json").write_text(json.dumps({"config": config_to_dict(result)}))
        network = network_from_checkpoint(read_checkpoint(tmp_path))
        assert max(weight_bits(layer.synapse.weight) for layer in network.layers) == bits
        assert check(network, target) == []
    assert {violation.rule for violation in check(network, SMALL)} == {"weight"}


@pytest.mark.parametrize(
    ("target", "layers", "text"),
    [
        (LOIHI1, [{"neurons": 4096, "recurrent": "dense"}], "layers.0: a neuron has 4236 inputs, loihi1 holds 4096 a core"),
        (LOIHI1, [{"neurons": 5000}, {"neurons": 9}], "layers.1: a neuron has 5000 inputs, loihi1 holds 4096 a core"),
        # 59 channels of 140 / 2 neurons
        (LOIHI1, [{"kind": "conv", "channels": 59, "stride": 2}, {"neurons": 9}], "layers.1: a neuron has 4130 inputs, loihi1"),
        (
            LOIHI1,
            [{"kind": "conv", "channels": 59, "stride": 2}],
            "readout: a neuron has 4130 inputs, loihi1 holds 4096",
        ),
        (LOIHI1, [{"kind": "conv", "channels": 937}], "layers.*.neurons add up to 131180, loihi1 holds 131072 on 128 cores"),
        # 128 cores of 1024, 120 of 8192
        (LOIHI1, [{"neurons": 131_073}], "layers.*.neurons add up to 131073, loihi1 holds 131072 on 128 cores"),
        (LOIHI2, [{"neurons": 983_041}], "layers.*.neurons add up to 983041, loihi2 holds 983040 on 120 cores"),
    ],
)
def test_layers_that_no_mapping_fits_are_refused_before_training(target, layers, text):
    told = list(misfits(config(layers=layers), target))
    assert any(text in line for line in told), told


@pytest.mark.parametrize(
    ("target", "layers"),
    [
        (LOIHI1, [{"neurons": 3956, "recurrent": "dense"}]),  # 140 + 3956 = 4096
        (LOIHI1, [{"neurons": 131_072, "recurrent": "conv"}]),
        (LOIHI2, [{"neurons": 4096, "recurrent": "dense"}]),  # its axons are not public
        (CPU, [{"neurons": 2_000_000}]),
        (LOIHI1, [{"kind": "conv", "channels": 58, "stride": 2}, {"neurons": 9}]),  # 58 channels of 70
        (LOIHI1, [{"kind": "conv", "channels": 936}]),
    ],
)
def test_layers_at_the_limit_are_not(target, layers):
    assert not [line for line in misfits(config(layers=layers), target) if line.startswith("layers.")]


def test_a_learnt_threshold_takes_the_targets_largest():
    plain, small = config(layers=[{"learn_threshold": True}]), dataclasses.replace(LOIHI2, name="small", threshold_max=64)
    assert resolve_for_target(plain, LOIHI2).neuron.threshold_max == 4095
    assert resolve_for_target(plain, small).neuron.threshold_max == 64
    assert resolve_for_target(config(), LOIHI2).neuron.threshold_max is None  # so that older runs go on
    block = build_model(resolve_for_target(plain, small), 2).blocks[0]
    block.neuron.learnt_threshold.data.fill_(9.0)
    assert block.neuron.threshold == 1.0
    said = misfits(config(neuron={"threshold_max": 100, "learn_threshold": True}), small)
    assert list(said) == ["neuron.threshold_max is 100, small holds 64; train with --set neuron.threshold_max=64"]


@pytest.mark.parametrize("key", ["neuron.bias=true", "layers.0.norm=batch", "readout.bias=true"])
def test_a_bias_must_fit_the_target(key):
    given = changed_config(config(), [key])
    assert not list(misfits(given, LOIHI2)) and not list(misfits(given, LOIHI1))
    coarse = dataclasses.replace(LOIHI2, name="coarse", bias_exp_max=5)
    assert list(misfits(given, coarse)) == ["neuron.bias_exp is 6, coarse holds 5; train with --set neuron.bias_exp=5"]
    short = dataclasses.replace(LOIHI2, name="short", bias_mant_min=-128, bias_mant_max=127)
    assert list(misfits(given, short)) == [
        "biases are trained with mantissas of -4095..4095, short holds -128..127; train without a bias and without a norm"
    ]
    assert not list(misfits(config(), short))
