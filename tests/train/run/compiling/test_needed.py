"""The loops that a run needs are known from its configuration: the same, with the same types, as training calls."""

from __future__ import annotations

import numba
import pytest
import torch

from myelin.train.config.files import config_from_dict, config_to_dict, load_config
from myelin.train.kernels.compiled import pool
from myelin.train.kernels.compiled.listen import listening, noted
from myelin.train.run.compiling.needed import needed_loops
from myelin.train.run.loop import TrainingRun

CHANGES = {
    "no recurrence": {"layers": [{"neurons": 8}]},
    "alif": {"target": "cpu", "neuron": {"model": "alif"}, "layers": [{"neurons": 8, "recurrent": "dense"}]},
    "learnt decays": {"neuron": {"learn_decays": True}, "layers": [{"neurons": 8, "recurrent": "dense"}]},
    "frozen": {"train": {"freeze": ["layers.0"]}},
}


def names(config):
    return {need.name for need in needed_loops(config)}


@pytest.mark.training
@pytest.mark.parametrize("name", ["dense", "conv", *CHANGES])
def test_they_are_what_an_epoch_calls(name, tiny, tmp_path, monkeypatch):
    config = load_config(str(tiny.configs[name if name in tiny.configs else "dense"]))
    if name in CHANGES:
        values = config_to_dict(config)
        for section, changed in CHANGES[name].items():
            values[section] = values[section] | changed if isinstance(changed, dict) else changed
        config = config_from_dict(values)
    called = set()

    def note(loop, given):
        called.add((loop, tuple(numba.typeof(argument) for argument in given)))
        return noted(loop, given)

    run = TrainingRun(config, tiny.dataset(8, 1), tmp_path / "run")
    expected = needed_loops(run.config)
    monkeypatch.setattr(pool, "noted", note)
    run.start()
    run.epoch(0)
    assert {(need.function, need.types) for need in expected} == called
    assert all(need.ready for need in expected)


def test_only_what_the_configuration_asks_for():
    assert names(load_config("sdnn")) == {"delay_forward", "shift", "delay_backward"}
    assert {"layer_forward", "layer_backward"} <= names(load_config("demo"))
    undelayed = load_config("demo", [f"layers.{layer}.delay_per=none" for layer in (0, 1)])
    assert not any(name.startswith("delay") for name in names(undelayed))


def test_another_device_needs_none(monkeypatch):
    monkeypatch.setattr("myelin.train.run.compiling.needed.device_named", lambda _: torch.device("cuda"))
    assert needed_loops(load_config("demo")) == []


def test_random_numbers_go_on_as_they_were():
    torch.manual_seed(3)
    before = torch.rand(2).tolist(), torch.rand(2).tolist()
    torch.manual_seed(3)
    first = torch.rand(2).tolist()
    needed_loops(load_config("sdnn"))
    assert (first, torch.rand(2).tolist()) == before


def test_listening_ends_with_the_block():
    ran = []
    with listening() as found:
        pool.run(lambda *given: ran.append(given), 1, 2.0)
    assert [need.types[1:] for need in found] == [(numba.float64,)]
    pool.run(lambda *given: ran.append(given), 1, 2.0)
    assert len(ran) == 1
