"""The feed-forward product inside the loops: the spikes and gradients of a product of its own before them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import ConfigError, DataError, MyelinError
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels.compiled import pool
from myelin.train.kernels.types import Feed
from myelin.train.layers import DelayedRecurrent, Dense, Readout
from myelin.train.neurons import Alif, Cuba, Neuron

STEPS = 25
BLOCKS = {
    "dense": lambda: Dense(20, 11, bias=True, learn_decays=True),
    "alif": lambda: Dense(20, 11, neuron=Alif((11,), learn_decays=True)),
    "readout": lambda: Readout(20, 3),
    "normalised": lambda: DelayedRecurrent(20, 18, norm="batch", delay=True),
    "recurrent": lambda: DelayedRecurrent(20, 18, recurrent_dropout=0.5, dropout=0.4),
    "convolution": lambda: DelayedRecurrent(
        20, 18, recurrent="conv", channels=2, delay=True, dropout=0.5, learn_threshold=True
    ),
}


def results(block, share, batch, grad):
    draw = torch.Generator().manual_seed(5)
    x = torch.randint(0, 4, (batch, 20, STEPS), generator=draw) * (torch.rand(batch, 20, STEPS, generator=draw) < share)
    x = x.float().requires_grad_()
    torch.manual_seed(7)
    out = block(x)
    found = torch.autograd.grad((out * grad[: out.numel()].view_as(out)).sum(), [x, *trained(block)], allow_unused=True)
    return out.detach(), found


def trained(block):
    return [parameter for parameter in block.parameters() if parameter.requires_grad]


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize(("share", "batch"), [(0.1, 3), (0.1, 21), (0.9, 17)])
def test_it_is_the_product_before_the_loops(name, share, batch, monkeypatch):
    torch.manual_seed(3)
    block, grad = BLOCKS[name](), torch.randn(batch * 18 * STEPS)
    for module in block.modules():
        if isinstance(module, AxonalDelay):
            module.set(hard=True)  # whole numbers, whose sums are the same in any order
    out, found = results(block, share, batch, grad)
    monkeypatch.setattr(Cuba, "in_loops", False)
    monkeypatch.setattr(Alif, "in_loops", False)
    expected_out, expected = results(block, share, batch, grad)
    assert torch.equal(out, expected_out) and out.abs().sum() > 0
    for own, theirs in zip(found, expected, strict=True):
        assert (own is None) == (theirs is None)
        if own is not None:
            torch.testing.assert_close(own, theirs, rtol=1e-4, atol=1e-4)


def test_a_subclass_that_computes_its_steps_is_asked_for_them():
    class Twice(Cuba):
        def steps(self, x):
            return 2 * super().steps(x)

    class Same(Cuba):
        """Nothing of its own."""

    assert Cuba.in_loops and Same.in_loops and Alif.in_loops and not Twice.in_loops and not Neuron.in_loops
    x = (torch.rand(2, 4, STEPS, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    torch.manual_seed(0)
    plain = Dense(4, 5)
    torch.manual_seed(0)
    twice = Dense(4, 5, neuron=Twice((5,)))
    assert torch.equal(twice(x), 2 * plain(x)) and plain(x).sum() > 0


def test_weights_of_another_size_and_values_that_are_none():
    x = torch.ones(STEPS, 2, 4)
    with pytest.raises(ConfigError, match=r"the input has 4 values, the weights are \(8, 5\); \(N, 4\) is needed"):
        loops.forward(x, Cuba((8,)).constants(), None, Feed(torch.ones(8, 5)))
    block = Dense(4, 8)
    for value in (torch.nan, torch.inf):
        bad = torch.ones(2, 4, STEPS)
        bad[1, 2, 3] = value
        with pytest.raises(DataError, match="Dense: input holds 1 NaN or infinite values of 200; spikes are finite numbers"):
            block(bad)
    with torch.no_grad():
        block.synapse.weight[3, 1] = torch.nan
    with pytest.raises(MyelinError, match="Dense: a weight is NaN or infinite: training diverged; lower the learning rate"):
        block(torch.zeros(2, 4, STEPS))  # no spike reads that weight


@pytest.mark.parametrize("mask", [None, torch.tensor([[0.0, 2.0, 1.0]] * 9)])
@pytest.mark.parametrize("lead", [0, 1])
def test_delays_take_a_mask_and_leave_out_steps(mask, lead):
    delay = AxonalDelay(3, max_delay=6, high=6.0)
    spikes = (torch.rand(STEPS, 9, 3) < 0.4).float().requires_grad_()
    grad = torch.randn(STEPS - lead, 9, 3)
    found = delay(spikes, mask, lead)
    expected = delay(spikes if mask is None else spikes * mask)[lead:]
    assert torch.equal(found, expected)
    own, theirs = (torch.autograd.grad((out * grad).sum(), [spikes, delay.delay]) for out in (found, expected))
    for a, b in zip(own, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


def test_every_chunk_runs_once_whoever_takes_it(monkeypatch):
    """Also with more threads than cores, and when a helper comes late."""
    monkeypatch.setattr(pool, "threads", lambda: 5)
    spikes = (torch.rand(7, 200, 3) < 0.5).float()
    for _ in range(20):
        shifted = loops.shifted(spikes, 2, 9)
        assert torch.equal(shifted[2:], spikes) and not shifted[:2].any()


def test_an_error_of_a_helper_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(pool, "threads", lambda: 2)

    def loop(turn, started):
        started.append(turn)
        while len(started) < 2:
            pass
        turn[0] += 1
        if turn[0] == 2:
            raise ValueError("of the second")

    with pytest.raises(ValueError, match="of the second"):
        pool.run(loop, 2, [])


def test_the_names_of_compiled_loops_hold_all_their_files(tmp_path):
    from myelin.train.kernels import numba_loops
    from myelin.train.kernels.compiled import options as compiled

    folder = type(tmp_path)(compiled.__file__).parents[1]
    spread_over = {
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.py")
        if "@compiled" in path.read_text(encoding="utf-8")
    }
    assert "compiled/products" in spread_over
    assert spread_over - {"alif", "compiled/options"} <= set(compiled._FILES), "numba's cache would not notice a change in it"
    assert numba_loops.layer_forward.py_func.__qualname__.endswith(compiled.DIGEST)
    assert np.all([(folder / f"{name}.py").exists() for name in compiled._FILES])
