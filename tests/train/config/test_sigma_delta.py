"""The section ``sigma_delta``: what it allows beside it, and the network that it describes."""

from __future__ import annotations

import re

import pytest

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.target_files import load_target
from myelin.train.config.files import config_from_dict, config_to_dict, load_config
from myelin.train.config.target import misfits, resolve_for_target
from myelin.train.model import untrained
from myelin.train.neurons import Sigma, SigmaDelta


def config(**changes):
    layer = {"neurons": 6, "recurrent": "none", **changes.pop("layer", {})}
    return config_from_dict({"data": {"channels": 4}, "sigma_delta": {}, "layers": [layer], **changes})


def test_the_experiment_is_one_of_sigma_delta_neurons():
    plan = resolve_for_target(load_config("sdnn"), load_target("loihi2"))
    assert config_from_dict(config_to_dict(plan)) == plan and plan.neuron.current_decay_min is None
    model = untrained(plan, 20)
    kinds = [type(block.neuron) for block in model.blocks]
    assert kinds == [SigmaDelta, SigmaDelta, Sigma] and model.encoder is not None and model.encoder.weight == 4
    assert [name for name, _ in model.named_children()] == ["input", "0", "1", "2"]
    assert all(block.neuron.bias is not None and block.delay is not None for block in model.blocks[:2])


def test_a_layer_has_a_threshold_of_its_own():
    own = config(layer={"threshold": 0.5}, sigma_delta={"threshold": 0.25})
    assert untrained(own, 2).blocks[0].neuron.threshold == 0.5
    assert untrained(config(sigma_delta={"threshold": 0.25}), 2).blocks[0].neuron.threshold == 0.25


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sigma_delta": {"threshold": 0.1}}, "sigma_delta.threshold is 0.1; a multiple of 1/64 of at least 0 is allowed"),
        ({"sigma_delta": {"activation": "tanh"}}, "sigma_delta.activation is tanh; relu or unit is allowed"),
        ({"sigma_delta": {"input_weight": 0}}, "sigma_delta.input_weight is 0; at least 1 is allowed"),
        ({"layer": {"recurrent": "conv"}}, "layers.0.recurrent is conv; with sigma-delta neurons, none is allowed"),
        ({"layer": {"bias": True}}, "layers.0.bias is True; with a section sigma_delta, None is allowed"),
        ({"layer": {"threshold": 0.3}}, "sigma_delta.threshold is 0.3; a multiple of 1/64"),
        (
            {"neuron": {"threshold": 2.0}},
            "neuron.threshold is 2.0; with a section sigma_delta, whose neurons have no such constant, 1.0 is allowed",
        ),
        ({"readout": {"spiking": True}}, "readout.spiking is True; with a section sigma_delta, whose neurons have no such"),
    ],
)
def test_what_contradicts_it(changes, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        config(**changes)


def test_a_chip_without_such_neurons():
    found = list(misfits(config(), load_target("loihi1")))
    assert "neurons are delta, sigma_delta, sigma, loihi1 holds cuba; name a target with sigma-delta neurons" in found
