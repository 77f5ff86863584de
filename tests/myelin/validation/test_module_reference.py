"""Torch modules and runs as references: exact ones must give every value, others are compared by their answers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from small_network import answered

import myelin
from myelin.convert.artifact.artifact import read_artifact
from myelin.convert.layers import Dense
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.validation.measure import result


@pytest.fixture
def module():
    """Two of our blocks without delays, so that its values are integers as they stand."""
    torch.manual_seed(3)
    return torch.nn.Sequential(myelin.nn.Dense(6, 10), myelin.nn.Readout(10, 3))


@pytest.fixture
def network(module):
    return myelin.from_torch(module, input_shape=(6,))


@pytest.mark.parametrize("task", ["classes", "steps", "trace"])
def test_a_quantised_module_must_give_every_value(module, network, task):
    samples = answered(network)
    for x in (samples.x, torch.from_numpy(samples.x).movedim(1, -1)):
        before = copy.deepcopy(module.state_dict())
        y = getattr(samples, task)
        y = np.moveaxis(y, 1, -1) if task == "trace" and x is not samples.x else y
        found = myelin.validate(network, (x, y), reference=module, lava_samples=0, max_drop=100)
        assert found.gate.passed and found.stages[1].to_float.change[0] == pytest.approx(0, abs=1e-5)
        assert str(found.equalities[0]) == "simulator = the module's own evaluation: all 3,000 values of 40 samples are equal"
        assert module.training and all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_changed_network_is_no_longer_the_modules(module, network):
    """Its values may differ then: only the answers are compared."""
    from dataclasses import replace

    weight = -network.layers[1].synapse.weight
    other = replace(network, layers=(network.layers[0], replace(network.layers[1], synapse=Dense(weight))))
    samples = answered(network)
    found = myelin.validate(other, (samples.x, samples.classes), reference=module, lava_samples=0)
    assert all(equality.parity is None for equality in found.equalities)
    assert found.gate.outcome == "fails" and found.reference == {"kind": "module", "name": "Sequential"}


def test_a_module_that_computes_otherwise_than_its_constants_say(module, network, monkeypatch):
    """An evaluation that adds 1/4096 to a voltage: the first value that differs is named."""
    from myelin.train import evaluate

    real = evaluate.evaluated

    def other(*arguments):
        found = real(*arguments)
        output = found.output.copy()
        output[7, 2, 5] += 1 / 4096
        return found._replace(output=output)

    monkeypatch.setattr(evaluate, "evaluated", other)
    samples = answered(network)
    found = myelin.validate(network, (samples.x, samples.classes), reference=module, lava_samples=0, max_drop=100)
    (failure,) = found.failures
    assert "module's own evaluation: 1 of 3,000 values" in failure and "sample 7, step 5, neuron 2" in failure


class Rates(torch.nn.Module):
    """A module of no known package: scores from (batch, steps, inputs)."""

    def __init__(self):
        super().__init__()
        self.linear, self.drop = torch.nn.Linear(6, 3), torch.nn.Dropout(0.9)

    def forward(self, x):
        return self.drop(self.linear(x.mean(1)))


def test_any_other_module_gets_x_as_it_was_given(network):
    samples, rates = answered(network), Rates()
    found = myelin.validate(network, (samples.x, samples.classes), reference=rates, lava_samples=0, max_drop=100)
    with torch.no_grad():
        expected = rates.linear(torch.from_numpy(samples.x).float().mean(1)).argmax(1)
    assert found.outcomes["float"].predictions.tolist() == expected.tolist() and rates.training
    data = myelin.SpikeDataset.from_dense(samples.x, samples.classes)
    again = myelin.validate(network, data, reference=rates, lava_samples=0, max_drop=100)
    assert np.array_equal(again.outcomes["float"].predictions, found.outcomes["float"].predictions)
    with pytest.raises(DataError, match=r"reference Rates: the module's forward .* \(40, 6, 25\) .*movedim\(1, -1\)"):
        turned = np.moveaxis(samples.x, 1, -1)
        myelin.validate(network, (turned, samples.classes), reference=rates, lava_samples=0)


def test_a_run_has_all_stages_for_its_own_network(artifacts, runs, tiny, tmp_path):
    """A netx file that holds the run's integers, and one with a weight changed, which only the floats may be compared with."""
    from dataclasses import replace

    network = read_artifact(artifacts["dense"]).network
    myelin.write_netx(network, tmp_path / "n.net")
    options = {"steps": 30, "step_ms": 5.0, "lava_samples": 0, "max_drop": 100}
    found = myelin.validate(tmp_path / "n.net", str(tiny.data), reference=runs["dense"], **options)
    of_artifact = myelin.validate(artifacts["dense"], str(tiny.data), lava_samples=0, max_drop=100)
    assert result(found)["stages"] == result(of_artifact)["stages"] and len(found.stages) == 7
    assert found.equalities[0].parity.equal and found.gate.passed
    weight = network.layers[1].synapse.weight.copy()
    weight[0] = 0
    other = replace(network, layers=(network.layers[0], replace(network.layers[1], synapse=Dense(weight))))
    found = myelin.validate(other, str(tiny.data), reference=runs["dense"], **options)
    assert [stage.name for stage in found.stages] == ["float", "simulator"] and found.stages[0] == of_artifact.stages[0]
    assert myelin.validate(other, str(tiny.data), reference=artifacts["dense"], **options).stages == found.stages
    with pytest.raises(NetworkError, match=r"conv: its layers have shapes .*, the network to validate has"):
        myelin.validate(network, str(tiny.data), reference=runs["conv"], **options)


def test_a_run_folder_is_exported_first(runs, tiny):
    with pytest.raises(NetworkError, match=r"is a run folder; `myelin validate` takes .* export it first, with"):
        myelin.validate(runs["dense"], str(tiny.data))
