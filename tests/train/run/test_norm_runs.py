"""Runs with biases, norms and learnt thresholds: what is judged is what is exported, with any way of running."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_runs import sweeps, tiny_config

import myelin
from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.compare.constants import constant_differences
from myelin.convert.floats.checkpoint import floats_from_checkpoint
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.rules import check
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.target_files import load_target
from myelin.train.config.files import changed_config
from myelin.train.model import build_model
from myelin.train.run.files.checkpoint import load_parameters
from myelin.train.run.freeze import freeze
from myelin.train.run.loop import TrainingRun, train
from myelin.train.run.optimizer import build_optimizer
from myelin.train.run.processes.parallel import ALONE
from myelin.train.run.record import record
from myelin.train.run.step import accumulate_gradient

pytestmark = pytest.mark.training

#: ConvDelRec with everything: a norm with its bias, one threshold and decays that are learnt, a normalised readout.
CONFIG = tiny_config(
    neuron={"learn_decays": True, "per_neuron": True, "spread": 0.3},
    layers=[
        {"neurons": 12, "recurrent": "conv", "delay_per": "neuron", "norm": "batch", "learn_threshold": True},
        {"neurons": 12, "channels": 2, "recurrent": "conv", "delay_per": "channel", "norm": "batch", "bias": False},
        {"kind": "conv", "channels": 3, "kernel": 3, "stride": 2, "recurrent": "none", "bias": True},
    ],
    readout={"norm": "batch", "pool": "average"},
    train={"slices": 1, "norm_freeze_at": 0.75},
)


#: Variances of the first norm after every epoch of the run.
VARIANCES = []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("norm") / "run"
    one = TrainingRun(CONFIG, sweeps(), folder)
    go_on(one, range(one.start(), 4))
    one.finish()
    return folder


def go_on(one, epochs):
    """Run ``epochs`` as ``train`` does."""
    for epoch in epochs:
        metrics = one.epoch(epoch)
        VARIANCES.append(one.model.norms()[0].running_var.clone())
        one.judge(metrics)
        one.save(epoch, metrics)


def trained(folder, unused):
    """The model of a run's exported epoch."""
    model = TrainingRun(CONFIG, sweeps(), unused).model
    load_parameters(model, folder / "model.safetensors")
    model.set_delays(hard=True)
    return model


def test_the_evaluation_equals_the_integers_in_every_value(run, tmp_path):
    checkpoint = read_checkpoint(run)
    network, model = network_from_checkpoint(checkpoint), trained(run, tmp_path)
    assert constant_differences(network, from_torch(model, network.input.shape, message_bits=4)) == []
    assert [layer.neuron.has_bias for layer in network.layers] == [True] * 4
    assert network.layers[0].neuron.threshold != 64 and network.layers[1].neuron.threshold == 64
    x = (np.random.default_rng(0).random((6, 30, *network.input.shape)) < 0.3).astype(np.int32)
    layers, output = record(model, x)
    found = simulate(network, x, record=dict.fromkeys(layers, ("spikes",)))
    for index, values in layers.items():
        np.testing.assert_array_equal(values, found.layers[index]["spikes"])
        assert 0.01 < values.mean() < 0.9
    np.testing.assert_array_equal(output, found.output)
    assert not [rule for rule in check(network, load_target("loihi2")) if "bias" in rule.rule]
    floats = floats_from_checkpoint(checkpoint).layers
    for one, whole in zip(floats, network.layers, strict=True):
        bias = np.broadcast_to(whole.neuron.bias_mant * 2.0**whole.neuron.bias_exp / 4096, one.shape)
        assert np.abs(one.neuron.bias - bias).max() <= 1 / 128


def test_an_artifact_of_it_passes(run, tmp_path):
    inputs = np.random.default_rng(1).integers(0, 3, (2, 25, 20))
    artifact = myelin.export(run, tmp_path / "art", target="loihi2", inputs=inputs)
    opened = myelin.read(artifact.folder)
    assert constant_differences(opened.network, network_from_checkpoint(read_checkpoint(run))) == []


def test_statistics_stay_from_norm_freeze_at_on(run):
    """What the last epoch trains on are the integers of its evaluation."""
    *_, second, third, last = VARIANCES[:4]
    assert not torch.equal(second, third) and torch.equal(third, last)


def test_a_resumed_run_and_a_repeated_forward_pass_have_the_same_bits(run, tmp_path):
    parts = tmp_path / "parts"
    config = replace(CONFIG, train=replace(CONFIG.train, recompute=True))
    one = TrainingRun(config, sweeps(), parts)
    go_on(one, range(one.start(), 2))
    train(config, sweeps(), parts, resume=True, progress=False)
    for name in ("model.safetensors", "metrics.jsonl"):
        first, second = ((folder / name).read_bytes() for folder in (run, parts))
        if name == "metrics.jsonl":
            first, second = (
                [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in text.splitlines()]
                for text in (first, second)
            )
        assert first == second


def test_statistics_follow_the_mean_of_the_slices(tmp_path):
    config = replace(CONFIG, train=replace(CONFIG.train, slices=3, dropout=0.0, recurrent_dropout=0.0))
    one = TrainingRun(config, sweeps(), tmp_path)
    model = one.model.train()
    batch = next(iter(one.train_batches.in_order(range(1))))
    norm, raw = model.norms()[0], []
    with torch.no_grad():
        for part in batch.spikes.split(2):
            x = part.flatten(1, -2).permute(2, 0, 1)
            raw.append(model.blocks[0].synapse.steps(x, model.blocks[0].synapse.weight).flatten(0, 1))
    accumulate_gradient(model, batch, config, 0, 0, ALONE)
    mean, variance = torch.stack([x.mean(0) for x in raw]).mean(0), torch.stack([x.var(0) for x in raw]).mean(0)
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * variance)


def test_own_loop_trains_and_folds():
    """Without our training loop: forward, backward and an optimiser's step, then the export."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        myelin.nn.DelayedRecurrent(20, 16, recurrent="conv", max_delay=6, norm="batch", learn_threshold=True),
        myelin.nn.Readout(16, 2, norm="batch"),
    )
    x = (torch.rand(16, 20, 25) < 0.2).float()
    x[8:, :10] *= torch.rand(8, 10, 25) < 0.2
    y = torch.arange(16) // 8
    optimizer, losses = torch.optim.Adam(net.parameters(), 0.02), []
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(net(x).mean(2), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    for delay in (part for part in net.modules() if isinstance(part, myelin.nn.AxonalDelay)):
        delay.set(hard=True)
    network = from_torch(net, (20,))
    found = myelin.compare(net, network, x)
    assert found.equal and found.values == 16 * 25 * 20
    assert np.abs(network.layers[0].neuron.bias_mant).max() > 3 and network.layers[0].neuron.threshold != 64


def test_constants_have_a_group_without_weight_decay_and_can_be_frozen():
    model = build_model(CONFIG, 2)
    groups = {len(group["params"]): group for group in build_optimizer(model, CONFIG.train).param_groups}
    constants = groups[sum(n.endswith(("neuron.bias", "threshold", "norm.weight")) for n, _ in model.named_parameters())]
    assert constants["weight_decay"] == 0 and constants["base"] == CONFIG.train.learning_rate
    freeze(model, ["layers.0.norm", "layers.1", "layers.2.neuron"])
    names = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not [name for name in names if name.startswith(("0.norm", "1.", "2.neuron"))]
    assert "0.neuron.bias" in names and "3.norm.weight" in names
    assert [norm.frozen for norm in model.norms()] == [True, True, False]
    plain = build_model(tiny_config(), 2)
    assert len(build_optimizer(plain, CONFIG.train).param_groups) == 3
    assert not [name for name in plain.state_dict() if "bias" in name or "norm" in name or "threshold" in name]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("layers.0.norm=layer", "layers.norm is layer; none or batch is allowed"),
        ("readout.norm=layer", "readout.norm is layer; none or batch is allowed"),
        ("readout.learn_threshold=true", "readout.learn_threshold is True; with spiking = false, false is allowed"),
        ("train.norm_freeze_at=1.5", "train.norm_freeze_at is 1.5; 0 to 1 is allowed"),
        ("layers.0.bias=1", "layers.0.bias is 1; bool is needed"),
    ],
)
def test_wrong_keys_are_refused(change, text):
    with pytest.raises(ConfigError) as caught:
        changed_config(CONFIG, [change])
    assert text in str(caught.value)
