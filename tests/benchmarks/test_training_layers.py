"""The baselines of the training step compute what the product's layers compute: spikes and gradients on tiny layers."""

from dataclasses import replace

import pytest
import torch

from benchmarks.training.published import PublishedLayer
from benchmarks.training.training_layers import NEURON, SIGMA, Point, compare, layer, problem, undelayed
from myelin.lava_models import compat
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Recurrence
from myelin.train.neurons import Cuba

TINY = {"neurons": 12, "lags": 9, "steps": 40, "batch": 3}


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize(("recurrence", "names"), [("dense", ("published", "rearranged")), ("conv", ("published",))])
def test_spikes_and_gradients_are_those_of_the_published_order(recurrence, names, hard):
    found = compare(Point(recurrence, hard=hard, **TINY), names)
    assert 0.03 < found["spikes"] < 0.3
    parts = 2 if hard else 3
    assert len(found["gradient_differences"]) == parts * len(names)
    assert max(found["gradient_differences"].values()) < 1e-5


def test_a_wrong_layer_is_found(monkeypatch):
    point = Point("dense", **TINY)
    straight = PublishedLayer.recur
    monkeypatch.setattr(PublishedLayer, "recur", lambda self, spikes: straight(self, spikes) * 1.25)
    with pytest.raises(AssertionError, match="published has other spikes"):
        compare(point, ("published",))


def test_spikes_arrive_after_up_to_as_many_steps_as_there_are_lags():
    for hard in (False, True):
        point = Point("dense", hard=hard, **TINY)
        given = problem(point)
        reach = given.delay + 1 + (0 if hard else SIGMA)
        assert reach.max() == point.lags and reach.min() >= 1
    kernel = PublishedLayer(torch.zeros(2, 2), torch.tensor([0.0, 3.0]), lags=4, sigma=0, **NEURON).kernel()
    assert kernel.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]
    with pytest.raises(AssertionError, match="after up to"):
        PublishedLayer(torch.zeros(1, 1), torch.tensor([4.0]), lags=4, sigma=0, **NEURON)


@pytest.fixture
def lava_dl():
    if compat.missing(slayer=True):
        pytest.skip("lava-dl is not installed")


@pytest.mark.lava
@pytest.mark.usefixtures("lava_dl")
def test_lava_dl_gives_our_spikes_without_recurrent_delays():
    point = Point("dense", **TINY)
    compare(point, ("lava-dl",))
    twin, same = undelayed(point, problem(point))
    plain, block = layer("ours", twin, same), layer("lava-dl", point, same)
    expected = plain.step(same.x.requires_grad_(), same.grad)
    assert not torch.equal(expected, layer("ours", point, problem(point)).step(same.x.clone(), same.grad))
    for _ in range(2):  # no state is carried over
        assert torch.equal(block.step(same.x.detach().clone().requires_grad_(), same.grad), expected)


@pytest.mark.lava
@pytest.mark.usefixtures("lava_dl")
def test_lava_dl_gives_our_gradients_where_states_hold_nothing(monkeypatch):
    """With decays of 1 nothing passes through the states, which lava-dl's gradient does not see."""
    forgetful = NEURON | {"current_decay": 1.0, "voltage_decay": 1.0}
    monkeypatch.setattr("benchmarks.training.training_layers.NEURON", forgetful)
    point = replace(Point("dense", **TINY), hard=True)
    _, given = undelayed(point, problem(point))
    x, x2 = (2 * given.x.clone().requires_grad_() for _ in range(2))
    x.retain_grad()
    x2.retain_grad()
    recurrence = Recurrence(given.weight.clone(), AxonalDelay(point.neurons, max_delay=1))
    recurrence.delay.hard.fill_(True)
    block = layer("lava-dl", point, given)
    block.clear()
    from lava.lib.dl.slayer.neuron import cuba

    surrogate = {"surrogate": "slayer", "width": cuba.TAU_RHO_MULT, "scale": cuba.SCALE_RHO_MULT}
    spikes = recurrence(x, Cuba((point.neurons,), **surrogate, **forgetful))
    spikes.backward(given.grad)
    theirs = block.forward(x2)
    assert torch.equal(theirs, spikes) and spikes.mean() > 0.01
    theirs.backward(given.grad)
    torch.testing.assert_close(recurrence.weight.grad, block.weight.grad.reshape(recurrence.weight.shape), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(x.grad, x2.grad, rtol=1e-4, atol=1e-5)
