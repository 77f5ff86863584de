"""One recurrent layer in all implementations on the same problem, for ``benchmarks.train_step``.

Given currents drive the layer in place of a feed-forward connection, which is the same for all, and receive its gradient.  All
values are multiples of a power of two for which float32 sums are exact in any order, so spikes are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from benchmarks.networks import KERNEL, Recurrence
from benchmarks.training.published import PublishedLayer, RearrangedLayer
from myelin.lava_models import compat
from myelin.train.delay import AxonalDelay
from myelin.train.layers import DelayedRecurrent

Name = Literal["ours", "published", "rearranged", "lava-dl"]

#: Spread of the triangle while delays are learnt: the kernel then has 8 taps, which are multiples of 1/16.
SIGMA = 3
#: Constants of all neurons, in SLAYER's units.
NEURON: dict[str, Any] = {"threshold": 8.0, "current_decay": 0.5, "voltage_decay": 0.125}
#: Mean and standard deviation of the driving currents.  About one neuron in ten spikes in a step.
_MEAN, _SPREAD = 0.5, 2.0
#: Standard deviation of the recurrent input when all neurons spike.
_RECURRENT = 2.0
_GRID = 32


@dataclass(frozen=True)
class Point:
    """A layer and the size of its run; recurrent spikes arrive after 1 to ``lags`` steps."""

    recurrence: Recurrence
    neurons: int = 256
    lags: int = 30
    steps: int = 100
    batch: int = 128
    hard: bool = False

    def small(self, batch: int) -> Point:
        """The same layer on at most ``batch`` samples."""
        return replace(self, batch=min(batch, self.batch))


@dataclass(frozen=True)
class Problem:
    """Currents ``x`` (T, B, N), weights (N, N) or (1, 1, taps), delays (N,) in steps and dL/dspikes (T, B, N)."""

    x: Tensor
    weight: Tensor
    delay: Tensor
    grad: Tensor


@dataclass(frozen=True)
class Layer:
    """An implementation: spikes (T, B, N) of currents (T, B, N), its parameters, and a function to call before a new batch."""

    forward: Callable[[Tensor], Tensor]
    weight: nn.Parameter
    delay: Tensor | None
    clear: Callable[[], None] = lambda: None

    def step(self, x: Tensor, grad: Tensor) -> Tensor:
        """Run forward and backward; returns the spikes and sets the gradients of the parameters and of ``x``."""
        self.clear()
        self.weight.grad = x.grad = None
        if self.delay is not None:
            self.delay.grad = None
        spikes = self.forward(x)
        spikes.backward(grad)
        return spikes.detach()


def problem(point: Point, seed: int = 1) -> Problem:
    """A random problem, exact in float32.  With or without spread, the last spike arrives after ``lags`` steps."""
    draw = torch.Generator().manual_seed(seed)
    shape = (point.steps, point.batch, point.neurons)
    x = torch.round(_GRID * (_MEAN + _SPREAD * torch.randn(shape, generator=draw))) / _GRID
    size = (point.neurons, point.neurons) if point.recurrence == "dense" else (1, 1, KERNEL)
    weight = torch.randn(size, generator=draw) * (_RECURRENT / size[-1] ** 0.5)
    longest = point.lags - 1 if point.hard else point.lags - 1 - SIGMA
    parts = 1 if point.hard else 8  # learnt delays lie between the steps
    # not 0: at the end of the range ours takes the slope to the right, and the published order that of the corner
    least = 0 if point.hard else 1
    delay = torch.randint(least, longest * parts + 1, (point.neurons,), generator=draw) / parts
    delay[0] = longest
    return Problem(x, torch.round(_GRID * weight) / _GRID, delay, torch.randn(shape, generator=draw))


def layer(name: Name, point: Point, given: Problem) -> Layer:
    """The implementation ``name``; lava-dl's has no recurrent delays."""
    if name == "ours":
        return _ours(point, given)
    if name == "lava-dl":
        return _lava_dl(given)
    kind = PublishedLayer if name == "published" else RearrangedLayer
    module = kind(given.weight, given.delay, lags=point.lags, sigma=0 if point.hard else SIGMA, **NEURON)
    return Layer(module, module.weight, module.delay)


def _ours(point: Point, given: Problem) -> Layer:
    delay = AxonalDelay(point.neurons, max_delay=point.lags)
    block = DelayedRecurrent(1, point.neurons, neuron=NEURON, recurrent=point.recurrence, recurrent_delay=delay, taps=KERNEL)
    recurrence = block.recurrence
    assert recurrence is not None
    with torch.no_grad():
        recurrence.weight.copy_(given.weight)
        delay.delay.copy_(given.delay)
        delay.sigma.fill_(SIGMA)
        delay.hard.fill_(point.hard)
    return Layer(lambda x: recurrence(x, block.neuron), recurrence.weight, delay.delay)


def _lava_dl(given: Problem) -> Layer:
    """lava-dl's own block without its feed-forward connection; a spike arrives in the next step."""
    compat.prepare(slayer=True)
    from lava.lib.dl import slayer

    neurons = len(given.weight)
    block = slayer.block.cuba.Recurrent(dict(NEURON), 1, neurons, delay_shift=False)
    block.input_synapse = nn.Identity()
    weight = block.recurrent_synapse.weight
    weight.data = given.weight.reshape(weight.shape).clone()

    def clear() -> None:
        # the block continues from the final states of the previous batch
        block.neuron.current_state = block.neuron.voltage_state = torch.zeros(1)

    def forward(x: Tensor) -> Tensor:
        return block(x.permute(1, 2, 0)).permute(2, 0, 1)

    return Layer(forward, weight, None, clear)


def undelayed(point: Point, given: Problem) -> tuple[Point, Problem]:
    """The same layer without recurrent delays: recurrent spikes arrive in the next step, as in lava-dl."""
    return replace(point, hard=True), replace(given, delay=torch.zeros_like(given.delay))


def compare(point: Point, names: tuple[Name, ...]) -> dict[str, Any]:
    """Check that implementations give equal spikes and gradients on ``point``; returns activity and largest differences.

    Gradients of the weights and the currents are compared relative to the largest one, and those of the delays if they are
    spread (only Myelin has a gradient of rounded delays, the papers do not).  For lava-dl only the spikes without recurrent
    delays are compared, since its gradient does not reach back through the states.

    Raises:
        AssertionError: spikes or gradients differ.
    """
    given, found = problem(point), {}
    own, inputs = layer("ours", point, given), given.x.clone().requires_grad_()
    spikes = own.step(inputs, given.grad)
    for name in names:
        if name == "lava-dl":
            twin, same = undelayed(point, given)
            expected = layer("ours", twin, same).step(inputs.detach().clone().requires_grad_(), given.grad)
            got = layer(name, point, given).step(given.x.clone().requires_grad_(), given.grad)
            assert torch.equal(got, expected), f"{name} has other spikes"
            continue
        other, x = layer(name, point, given), given.x.clone().requires_grad_()
        assert torch.equal(other.step(x, given.grad), spikes), f"{name} has other spikes"
        pairs = {"weight": (other.weight.grad, own.weight.grad), "current": (x.grad, inputs.grad)}
        if not point.hard:
            assert other.delay is not None and own.delay is not None
            pairs["delay"] = (other.delay.grad, own.delay.grad)
        for part, (theirs, ours) in pairs.items():
            assert theirs is not None and ours is not None, f"{name}: no gradient of the {part}"
            difference = float((theirs - ours).abs().max() / theirs.abs().max())
            assert difference < 1e-3, f"{name}: gradient of the {part} differs by {difference:.2g} of the largest"
            found[f"{name}, {part}"] = difference
    return {"spikes": float(spikes.mean()), "gradient_differences": found}


def prepared(name: Name, **point: Any) -> Callable[[], Any]:
    """A function that runs one step of ``name``, for ``benchmarks.memory``."""
    at = Point(**point)
    for size in (replace(at, steps=2, batch=2), at):
        given = problem(size)
        one, x = layer(name, size, given), given.x.requires_grad_()
        if size is not at:
            one.step(x, given.grad)
    return lambda: one.step(x, given.grad)
