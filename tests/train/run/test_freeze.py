"""Frozen parts keep their values, bit for bit; names are checked."""

from __future__ import annotations

import pytest
import torch
from tiny_runs import sweeps, tiny_config

from myelin.hw_configs.errors import ConfigError
from myelin.train.model import untrained
from myelin.train.run.freeze import freeze, part_names
from myelin.train.run.loop import TrainingRun


def changed_after_an_epoch(tmp_path, *names):
    """Names of the parameters that an epoch of training changes."""
    config = tiny_config(train={"freeze": list(names)}, neuron={"learn_decays": True}, readout={"current_decay": 0.5})
    run = TrainingRun(config, sweeps(), tmp_path)
    before = {name: parameter.clone() for name, parameter in run.model.named_parameters()}
    run.epoch(0)
    return {name for name, parameter in run.model.named_parameters() if not torch.equal(parameter, before[name])}


@pytest.mark.training
@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["layers.0"], ["0."]),
        (["layer 1", "readout.synapse"], ["1.", "2.synapse"]),
        (["layers.0.recurrence.delay", "layers.1.delay"], ["0.recurrence.delay", "1.delay"]),
        (["layers.1.neuron", "layers.0.recurrence"], ["1.neuron", "0.recurrence"]),
    ],
)
def test_frozen_parts_stay_and_others_move(names, kept, tmp_path):
    everything = {name for name, _ in untrained(tiny_config(), 2).named_parameters()}
    frozen = {name for name in everything if name.startswith(tuple(kept))}
    assert frozen and changed_after_an_epoch(tmp_path, *names) == everything - frozen


def test_frozen_delays_are_on_their_grid():
    model = untrained(tiny_config(), 2)
    freeze(model, ["layers.0"])
    first, *others = model.delays()
    assert torch.equal(first.delay, first.delay.round()) and any(not torch.equal(d.delay, d.delay.round()) for d in others)


def test_names_are_checked():
    model = untrained(tiny_config(), 2)
    with pytest.raises(ConfigError, match=r"freeze: the network has no part 'layers.7'; layers.0, layers.0.synapse, .*readout"):
        freeze(model, ["layers.7"])
    assert "layers.0.delay" not in part_names(model) and "layers.1.delay" in part_names(model)
    with pytest.raises(ConfigError, match=r"freeze: layers.0, layers.1, readout leaves nothing to train; name fewer parts"):
        freeze(model, ["layers.0", "layers.1", "readout"])
