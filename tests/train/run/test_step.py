"""The gradient of a joint batch: that of its mean loss, whatever the slices; worked out by autograd on the whole batch."""

from __future__ import annotations

from itertools import pairwise

import parallel_driver
import pytest
import torch

from myelin.train.layers.dropout import keep_mask, slice_of_batch
from myelin.train.model import build_model, class_logits
from myelin.train.run.batches import Batches
from myelin.train.run.objective import mean_loss
from myelin.train.run.processes.parallel import ALONE
from myelin.train.run.step import accumulate_gradient, rate_excess


def gradients(model):
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.requires_grad}


def network(**train_values):
    config = parallel_driver.plan(0, **train_values)
    torch.manual_seed(1)
    model = build_model(config, 2)
    model.set_delays(hard=False, sigma=2.0)
    return model, config, next(Batches(parallel_driver.sweeps(), config.data, 7).in_order())


@pytest.mark.parametrize("penalty", [0.0, 10.0])
@pytest.mark.parametrize("loss", ["sum", "softmax"])
def test_any_slices_give_the_gradient_of_the_mean_loss(penalty, loss):
    values = {"rate_penalty": penalty, "rate_target": 0.01, "loss": loss, "dropout": 0.0, "recurrent_dropout": 0.0}
    model, config, batch = network(**values)
    logits = class_logits(model(batch.spikes), loss, 1.0)
    whole = mean_loss(logits, batch.labels, loss)
    for block in model.blocks[:-1]:
        whole = whole + penalty * (block.spike_rate - 0.01).clamp(min=0) ** 2
    whole = whole + 1e-3 * model.mean_square_delay()
    whole.backward()
    expected, right = gradients(model), int((logits.argmax(dim=1) == batch.labels).sum())
    for slices in (1, 3, 7, 9):  # 9: more slices than samples, some are empty
        _, config, _ = network(slices=slices, **values)
        step = accumulate_gradient(model, batch, config, 0, 0, ALONE)
        assert step.loss == pytest.approx(whole.item(), rel=1e-6) and step.judged == right
        for name, gradient in gradients(model).items():
            torch.testing.assert_close(
                gradient, expected[name], rtol=2e-4, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
            )
    assert (expected["0.synapse.weight"] != 0).any()


def test_dropout_is_drawn_for_the_joint_batch():
    torch.manual_seed(5)
    joint = keep_mask((7, 4), 0.5)
    for first, last in pairwise((0, 2, 3, 7)):
        torch.manual_seed(5)
        with slice_of_batch(first, 7):
            assert torch.equal(keep_mask((last - first, 4), 0.5), joint[first:last])
    torch.manual_seed(5)
    assert torch.equal(keep_mask((7, 4), 0.5), joint)  # outside, a batch is whole again


def test_masks_change_with_the_batch_and_the_epoch_alone():
    model, config, batch = network(dropout=0.5)

    def loss(epoch, index):
        torch.manual_seed(epoch * 100 + index)  # what was drawn before does not matter
        return accumulate_gradient(model, batch, config, epoch, index, ALONE).loss

    assert loss(0, 0) == loss(0, 0)
    assert len({loss(0, 0), loss(0, 1), loss(1, 0)}) == 3


def test_rates_outside_their_range_cost_their_squared_distance_from_it():
    rates = torch.tensor([0.30, 0.05, 0.01], requires_grad=True)  # above the target, within, below the floor
    cost = rate_excess(list(rates), 0.03, 0.1)
    assert cost.item() == pytest.approx(0.2**2 + 0.02**2)
    cost.backward()
    assert rates.grad.tolist() == pytest.approx([2 * 0.2, 0.0, -2 * 0.02])
    assert rate_excess([], 0.03, 0.1).item() == 0
