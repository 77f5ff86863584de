"""``myelin.fit`` on data of every kind and task, with own parts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tiny_runs import dense, dense_config

import myelin
from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.datasets import SpikeDataset
from myelin.train.run.files.metrics import METRICS, read_metrics
from myelin.train.run.files.run_record import read_run
from myelin.train.run.start import summary


def own_loss(output, target):
    """Mean over the samples of the squared distance between the mean output and the class as a vector."""
    wanted = torch.nn.functional.one_hot(target, output.shape[1]).float()
    return (output.mean(dim=2) - wanted).square().mean()


@pytest.mark.training
@pytest.mark.parametrize("task", ["classes", "steps", "trace"])
def test_arrays_of_every_task_are_learnt(task, tmp_path):
    x, y = dense(task, samples=32)
    config = dense_config(train={"epochs": 8, "learning_rate": 0.1})
    record = myelin.fit(config, (x, y), tmp_path / "run")
    run = read_run(tmp_path / "run").require_complete()
    rows = read_metrics(tmp_path / "run" / METRICS)
    assert (run.task, run.loss) == (task, {"classes": "sum", "steps": "steps", "trace": "mse"}[task])
    assert rows[-1].loss < rows[0].loss
    lines = "\n".join(summary(record, tmp_path / "run"))
    if task == "trace":
        assert run.best.validation_error == min(row.validation_error for row in rows) and run.best.validation_accuracy is None
        assert run.best.validation_error < 0.9 * rows[0].validation_error and "validation mean squared error 0." in lines
        assert "validation_accuracy" not in record["best"]
    else:
        assert run.best.validation_accuracy == max(row.validation_accuracy for row in rows) >= 0.75 and "validation " in lines
        assert "validation_error" not in json.loads((tmp_path / "run" / METRICS).read_text().splitlines()[0])
    network = network_from_checkpoint(read_checkpoint(tmp_path / "run"))
    assert network.input.shape == (6,) and network.layers[-1].output == "state"


@pytest.mark.training
def test_the_same_data_in_every_form_gives_the_same_run(tmp_path):
    x, y = dense("classes")
    dataset = SpikeDataset.from_dense(x, y)
    dataset.save(tmp_path / "data.npz")
    forms = {
        "arrays": (x, y),
        "tensors": (torch.from_numpy(x), torch.from_numpy(y)),
        "dataset": dataset,
        "npz": tmp_path / "data.npz",
        "torch": torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y)),
    }
    found = set()
    for name, data in forms.items():
        record = myelin.fit(dense_config(), data, tmp_path / name, time_axis=1 if name in ("tensors", "torch") else None)
        found.add((record["data"]["sha256"], (tmp_path / name / "model.safetensors").read_bytes()))
        assert record["data"]["train_samples"] + record["data"]["validation_samples"] == 16
    assert len(found) == 1
    with pytest.raises(ConfigError, match="was trained on other data"):
        myelin.fit(dense_config(), (x, 1 - y), tmp_path / "arrays", resume=True)


@pytest.mark.training
def test_targets_are_part_of_the_data(tmp_path):
    x, y = dense("trace")
    myelin.fit(dense_config(), (x, y), tmp_path / "run")
    with pytest.raises(ConfigError, match="was trained on other data"):
        myelin.fit(dense_config(), (x, y * 0.5), tmp_path / "run", resume=True)


@pytest.mark.training
def test_own_loss_optimiser_and_callbacks(tmp_path):
    made = []

    def sgd(groups):
        made.append(torch.optim.SGD(groups, momentum=0.9))
        return made[-1]

    record = myelin.fit(
        dense_config(),
        dense("classes"),
        tmp_path / "run",
        loss=own_loss,
        optimizer=sgd,
        callbacks=[myelin.EarlyStop(patience=1)],
    )
    assert record["loss"]["name"].endswith("test_fit.own_loss") and record["optimizer"] == "torch.optim.sgd.SGD"
    assert len(made) == 1 and record["best"]["validation_accuracy"] >= 0
    with pytest.raises(ConfigError, match=r"train.loss is 'rate' and readout.spiking is false"):
        myelin.fit(dense_config(), dense("classes"), tmp_path / "rate", loss="rate")
    assert not (tmp_path / "rate").exists()


@pytest.mark.training
def test_a_network_and_arrays_are_enough(tmp_path):
    """Without a configuration: structure and bits are the network's, steps are the data's."""
    myelin.fit(dense_config(train={"weight_bits": 4}), dense("classes"), tmp_path / "run")
    network = network_from_checkpoint(read_checkpoint(tmp_path / "run"))
    record = myelin.fit(None, dense("classes"), tmp_path / "next", init_from=network, overrides=["train.epochs=2"])
    config = record["config"]
    assert (config["data"]["steps"], config["data"]["step_ms"], config["data"]["channels"]) == (20, 1.0, 6)
    assert (config["train"]["weight_bits"], config["train"]["epochs"], config["layers"][0]["neurons"]) == (4, 2, 12)
    assert record["best"]["epoch"] in (0, 1) and config["delay"]["freeze_at"] == 0.0
    again = myelin.fit(None, dense("classes"), tmp_path / "next", resume=True, overrides=["train.epochs=3"])
    assert again["epochs_done"] == 3 and again["init_from"] == record["init_from"]


@pytest.mark.training
@pytest.mark.parametrize("kind", ["conv", "recurrent conv"])
def test_a_configuration_is_made_for_convolutions(kind, tmp_path):
    layer = {"kind": "conv", "channels": 2, "kernel": 3, "delay_per": "channel", "recurrent": "none"}
    if kind == "recurrent conv":
        layer = {"neurons": 8, "channels": 2, "recurrent": "conv", "taps": 3, "delay_per": "neuron"}
    config = dense_config(
        layers=[layer], delay={"harden_at": 0.0, "freeze_at": 0.0, "high": 4.0}, neuron={"learn_decays": True}
    )
    myelin.fit(config, dense("steps"), tmp_path / "run")
    network = network_from_checkpoint(read_checkpoint(tmp_path / "run"))
    still = [
        "train.epochs=1",
        "train.learning_rate=0.0",
        "train.weight_decay=0.0",
        "train.weight_bits=8",
        "data.validation=0.25",
    ]
    record = myelin.fit(None, dense("steps"), tmp_path / "next", init_from=network, overrides=still)
    after = network_from_checkpoint(read_checkpoint(tmp_path / "next"))
    for one, other in zip(network.layers, after.layers, strict=True):
        assert np.array_equal(one.synapse.weight, other.synapse.weight) and np.array_equal(one.delays, other.delays)
        assert np.array_equal(one.neuron.voltage_decay, other.neuron.voltage_decay)
        if one.recurrent is not None:
            assert np.array_equal(one.recurrent.synapse.weight, other.recurrent.synapse.weight)
    assert record["best"]["validation_accuracy"] == read_run(tmp_path / "run").best.validation_accuracy


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (3, "data is a int; a path, a SpikeDataset, arrays"),
        ((1, 2, 3), r"data is a tuple of 3; arrays \(x, y\) are a pair"),
        ((np.zeros((4, 21, 6), np.uint8), np.zeros((4, 21), int)), "has a target for each of 21 steps"),
    ],
)
def test_data_that_cannot_be_used(data, said, tmp_path):
    with pytest.raises(DataError, match=said):
        myelin.fit(dense_config(), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"config": {}}, "config is a dict; the name of an experiment, a TOML file, a Config or None is allowed"),
        ({"out": None}, "out is a NoneType; the path of a folder is allowed"),
        ({"loss": 3}, "loss is a int; a name, or a function of the output and the targets, is allowed"),
        ({"loss": torch.nn.CrossEntropyLoss}, "loss is the class CrossEntropyLoss; a name, or a function"),
        ({"optimizer": "adam"}, "optimizer is a str; a function of parameter groups is allowed, such as lambda groups"),
        ({"callbacks": 3}, "callbacks is a int; a list of callbacks is allowed"),
        ({"freeze": "layers.0"}, r"freeze is 'layers.0'; a list of names is allowed, such as \['layers.0'\]"),
        ({"freeze": [0]}, r"freeze is \[0\]; a list of names is allowed"),
    ],
)
def test_arguments_of_other_kinds_are_refused_by_name(arguments, said, tmp_path):
    given = {"config": dense_config(), "data": dense("classes"), "out": tmp_path / "run"} | arguments
    with pytest.raises(ConfigError, match=said):
        myelin.fit(**given)
    assert not (tmp_path / "run").exists()
