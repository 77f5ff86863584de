"""Losses by task: the right values, the right weights of slices, and what contradicts the data is refused by name."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_runs import dense, dense_config
from torch.nn.functional import cross_entropy

from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.config.task import resolve_for_data
from myelin.train.datasets import SpikeDataset
from myelin.train.model import build_model
from myelin.train.run.batches import Batches
from myelin.train.run.evaluate import evaluate
from myelin.train.run.loop import TrainingRun
from myelin.train.run.objective import importable, judged, name_of, objective_of
from myelin.train.run.processes.parallel import ALONE
from myelin.train.run.step import accumulate_gradient


def own_loss(output, target):
    return (output.mean(dim=2) - target[:, None]).square().mean()


def data(task, **options):
    return SpikeDataset.from_dense(*dense(task, **options), name="made up")


def test_a_label_per_step_is_a_cross_entropy_at_that_step():
    output = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([[0, 1, 2, 3, -1], [-1] * 5, [3, 3, -1, 0, 0]])
    config = dense_config(train={"loss": "steps"}, neuron={"threshold": 2.0})
    loss, right = objective_of(config, "steps")(output, target)
    by_hand = [
        -torch.log_softmax(output[b, :, t] / 2, dim=0)[target[b, t]] for b in range(3) for t in range(5) if target[b, t] >= 0
    ]
    assert loss.item() == pytest.approx(float(torch.stack(by_hand).mean()), rel=1e-6) and len(by_hand) == 8
    assert right == sum(output[b, :, t].argmax() == target[b, t] for b in range(3) for t in range(5))
    total, number = judged("steps", output.numpy(), target.numpy()).sum(axis=0)
    assert (total, number) == (int(right), 8)


def test_a_trace_has_the_mean_squared_error():
    output, target = torch.randn(3, 2, 5), torch.randn(3, 2, 5)
    loss, total = objective_of(dense_config(train={"loss": "mse"}), "trace")(output, target)
    assert loss.item() == pytest.approx(float(((output - target) ** 2).mean()), rel=1e-6)
    assert total.item() / 3 == pytest.approx(loss.item(), rel=1e-6)
    assert judged("trace", output.numpy(), target.numpy())[:, 0].mean() == pytest.approx(loss.item(), rel=1e-6)


def test_a_rate_is_not_in_units_of_the_threshold():
    output, target = (torch.rand(3, 4, 5) < 0.5).float(), torch.tensor([0, 1, 2])
    config = dense_config(train={"loss": "rate", "logit_scale": 10.0}, neuron={"threshold": 8.0}, readout={"spiking": True})
    assert objective_of(config, "classes")(output, target)[0] == cross_entropy(output.mean(dim=2) * 10, target)
    with pytest.raises(ConfigError, match="readout of voltages has no rate; train with loss 'sum'"):
        objective_of(replace(config, readout=dense_config().readout), "classes")


@pytest.mark.parametrize("task", ["steps", "trace"])
@pytest.mark.parametrize("penalty", [0.0, 5.0])
def test_any_slices_give_the_gradient_of_the_mean(task, penalty):
    """Slices with unequal numbers of labels, and one without any."""
    x, y = dense(task, samples=7)
    if task == "steps":
        y[:2] = -1
        y[5, 3:] = -1
    dataset = SpikeDataset.from_dense(x, y)
    found = []
    for slices in (1, 3, 7):
        config = dense_config(train={"slices": slices, "rate_penalty": penalty, "rate_target": 0.01})
        config = resolve_for_data(config, dataset)
        torch.manual_seed(0)
        model = build_model(config, dataset.classes)
        (batch,) = Batches(dataset, config.data, 7).in_order()
        step = accumulate_gradient(model, batch, config, 0, 0, ALONE, objective_of(config, task))
        found.append((step.loss, step.judged, [p.grad for p in model.parameters() if p.requires_grad]))
        assert batch.counted == (int((y >= 0).sum()) if task == "steps" else 7)
    for loss, right, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5) and right == pytest.approx(found[0][1])
        assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(gradients, found[0][2]))
    assert sum(float(g.abs().sum()) for g in found[0][2]) > 0


def test_targets_follow_their_samples():
    for task in ("steps", "trace"):
        dataset = data(task)
        batches = Batches(dataset, dense_config().data, 4, np.array([5, 2, 9, 0, 7]))
        given = np.concatenate([batch.labels.numpy() for batch in batches.in_order()])
        wanted = dataset.targets[[5, 2, 9, 0, 7]]
        assert np.array_equal(given, wanted if task == "steps" else np.moveaxis(wanted, 1, 2))


@pytest.mark.parametrize("task", ["classes", "steps", "trace"])
def test_an_evaluation_is_judged_by_the_task(task):
    dataset = data(task)
    config = resolve_for_data(dense_config(), dataset)
    torch.manual_seed(0)
    model = build_model(config, dataset.classes)
    found = evaluate(model, Batches(dataset, config.data, 5), keep_outputs=True)
    output = found.outputs / 4096  # (samples, steps, classes)
    if task == "trace":
        assert found.accuracy is None
        assert found.error == pytest.approx(np.square(output - dataset.targets).mean(), rel=1e-6)
    else:
        wanted = dataset.labels if task == "classes" else dataset.targets
        predicted = output.sum(axis=1).argmax(axis=1) if task == "classes" else output.argmax(axis=2)
        assert found.error is None and found.accuracy == (predicted == wanted)[wanted >= 0].mean()


@pytest.mark.parametrize(
    ("task", "changes", "said"),
    [
        ("steps", {"train": {"loss": "sum"}}, "train.loss is 'sum', for data with one class per sample; made up has a label "
         "per step, for which steps is allowed: leave train.loss out"),
        ("classes", {"train": {"loss": "mse"}}, "for data with a trace; made up has one class per sample, for which sum, "
         "rate, softmax is allowed"),
        ("trace", {"augment": {"time_shift_ms": 5.0}}, "augment.time_shift_ms is 5; with a trace, 0 is allowed, since targets "
         "do not move with the spikes"),
        ("steps", {"augment": {"time_stretch": 0.1}}, "augment.time_stretch is 0.1; with a label per step, 0 is allowed"),
        ("steps", {"augment": {"blend": 0.5}}, "augment.blend is 0.5; with a label per step, 0 is allowed"),
        ("trace", {"train": {"label_smoothing": 0.1}}, "train.label_smoothing is 0.1; with loss = 'mse', 0 is allowed"),
    ],
)  # fmt: skip
def test_what_contradicts_the_task_is_refused(task, changes, said):
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        resolve_for_data(dense_config(**changes), data(task))


def test_a_loss_by_name_and_as_a_function_is_refused():
    with pytest.raises(ConfigError, match=r"train.loss is 'sum' and a loss is given as a function too; leave one of them out"):
        resolve_for_data(dense_config(train={"loss": "sum"}), data("classes"), own_loss=True)


def test_an_own_loss_that_is_no_number_is_refused():
    def each(output, target):
        return output.mean(dim=2)

    objective = objective_of(dense_config(), "classes", each)
    with pytest.raises(ConfigError, match=r"each returns a tensor of shape \(3, 2\); a tensor with one number, their mean"):
        objective(torch.zeros(3, 2, 5), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ConfigError, match="returns a float; a tensor with one number"):
        objective_of(dense_config(), "classes", lambda *_: 1.0)(torch.zeros(3, 2, 5), torch.zeros(3, dtype=torch.int64))


def test_an_own_loss_has_a_name():
    assert (name_of(cross_entropy), importable(cross_entropy)) == ("torch.nn.functional.cross_entropy", True)
    assert name_of(torch.nn.MSELoss()) == "torch.nn.modules.loss.MSELoss" and importable(torch.nn.MSELoss())
    assert not importable(lambda *_: None) and "<lambda>" in name_of(lambda *_: None)


def test_data_without_any_label_is_refused(tmp_path):
    x, y = dense("steps")
    y[:] = -1
    y[0] = 0
    with pytest.raises(DataError, match=r"no step of the samples (held out|to train on) has a label; at least one is needed"):
        TrainingRun(dense_config(), SpikeDataset.from_dense(x, y, name="bare"), tmp_path / "run")


def test_settings_of_a_loss_are_checked():
    for changes, said in [
        ({"loss": "hinge"}, "train.loss is hinge; sum, rate, softmax, steps, mse is allowed"),
        ({"loss": "mse", "logit_scale": 2.0}, "train.logit_scale is 2.0; with loss = 'mse', 1 is allowed"),
        ({"loss": "mse", "label_smoothing": 0.1}, "with loss = 'mse', 0 is allowed"),
    ]:
        with pytest.raises(ConfigError, match=said):
            dense_config(train=changes)


def test_the_loss_of_an_older_run_is_what_its_configuration_says():
    from myelin.train.run.files.run_record import RunRecord

    values = {"config": {"train": {"loss": "softmax"}}}
    assert RunRecord(SimpleNamespace(), values).loss == "softmax" and RunRecord(SimpleNamespace(), values).task == "classes"


def test_an_own_loss_without_a_gradient_is_refused():
    objective = objective_of(dense_config(), "classes", lambda output, target: output.argmax(dim=1).float().mean())
    with pytest.raises(
        ConfigError, match="does not depend on the output; compute it with torch alone, without detach or argmax"
    ):
        objective(torch.zeros(2, 3, 4, requires_grad=True), torch.tensor([0, 1]))
    assert objective(torch.zeros(2, 3, 4), torch.tensor([0, 1]))[0] == 0  # an evaluation has no gradient


def test_what_an_own_loss_was_called_with_is_said():
    objective = objective_of(dense_config(), "classes", torch.nn.CrossEntropyLoss())
    with pytest.raises(RuntimeError) as caught:
        objective(torch.zeros(2, 3, 4), torch.tensor([0, 1]))
    assert caught.value.__notes__ == [
        "loss torch.nn.modules.loss.CrossEntropyLoss was called with an output of shape (2, 3, 4), (batch, classes, steps), "
        "and targets of shape (2,) (classes)"
    ]
