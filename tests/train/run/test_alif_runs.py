"""Runs with ALIF neurons: named in the configuration, with labels per step, exported as the training code evaluates them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tiny_runs import dense, dense_config

import myelin
from myelin.convert import Alif, Cuba, simulate
from myelin.convert.floats.sources import open_floats
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.target_files import load_target
from myelin.train.config.config import Config
from myelin.train.config.files import changed_config, config_from_dict, config_to_dict
from myelin.train.config.target import misfits


def test_the_configuration_names_the_neurons_of_a_layer():
    config = changed_config(Config(), ["neuron.model=alif"])
    assert config.alif is not None and config.alif.threshold_step == 0.5
    assert config_from_dict(json.loads(json.dumps(config_to_dict(config)))) == config
    mixed = changed_config(Config(), ["layers.1.neuron=alif", "alif.threshold_decay=0.25"])
    assert [mixed.model_of(layer) for layer in mixed.layers] == ["cuba", "alif"] and mixed.alif.threshold_decay == 0.25
    assert Config().alif is None
    for change, told in (
        (["neuron.model=lif"], "neuron.model is lif; cuba or alif is allowed"),
        (["layers.0.neuron=lif"], "layers.neuron is lif; cuba or alif is allowed"),
        (["alif.threshold_step=0.5"], "there is a section alif and no layer has such neurons; set neuron.model = 'alif'"),
        (["neuron.model=alif", "alif.threshold_step=0.3"], "alif.threshold_step is 0.3; a multiple of 1/64 from 0 to below 64"),
        (["neuron.model=alif", "alif.refractory_decay=2"], "alif.refractory_decay is 2.0; a fraction from 0 to 1 is allowed"),
    ):
        with pytest.raises(ConfigError, match=told.replace(".", r"\.")):
            changed_config(Config(), change)


def test_a_chip_without_a_model_is_refused_before_training():
    config = changed_config(Config(), ["neuron.model=alif"])
    assert list(misfits(config, load_target("loihi2"))) == [
        "neurons are alif, loihi2 holds cuba, delta, sigma_delta, sigma; name a target with ALIF neurons"
    ]
    assert not list(misfits(dataclasses.replace(config, target="cpu"), load_target("cpu")))


@pytest.mark.training
def test_a_run_is_exported_as_the_training_code_evaluates_it(tmp_path):
    layers = [
        {"neurons": 10, "recurrent": "dense", "gain": 4.0, "norm": "batch", "delay_per": "neuron"},
        {"neurons": 8, "recurrent": "conv", "gain": 4.0, "bias": True},
        {"neurons": 6, "recurrent": "none", "gain": 4.0, "neuron": "cuba"},
    ]
    config = dense_config(layers=layers, neuron={"model": "alif", "learn_decays": True, "per_neuron": True, "spread": 0.3})
    config = changed_config(config, ["target=cpu", "alif.learn_threshold_step=true", "train.loss=steps"])
    x, y = dense("steps")
    myelin.fit(config, (x, y), tmp_path / "run")
    network = myelin.read(tmp_path / "run").network
    assert [type(layer.neuron) for layer in network.layers] == [Alif, Alif, Cuba, Cuba]
    assert network.layers[0].neuron.threshold_decay.size == 10 and network.layers[0].neuron.has_bias
    artifact = myelin.export(tmp_path / "run", tmp_path / "art", target="cpu", data=(x, y))
    found = myelin.validate(artifact, (x, y), max_drop=100.0, lava_samples=0)
    (line,) = (line for line in found.lines() if line.startswith("simulator = the training code's own evaluation"))
    assert line == "simulator = the training code's own evaluation: all 640 values of 16 samples are equal"
    spikes = simulate(network, x, record={0: ("spikes", "theta"), 1: ("spikes",)}).layers
    assert spikes[0]["spikes"].any() and spikes[1]["spikes"].any()
    floats = open_floats(tmp_path / "run").network
    assert floats.layers[0].neuron.threshold_step * 64 == network.layers[0].neuron.threshold_step
    np.testing.assert_allclose(floats.layers[1].neuron.bias, network.layers[1].neuron.bias_mant * 64 / 4096, atol=0.01)
