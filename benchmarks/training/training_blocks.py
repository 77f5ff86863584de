"""A whole block in all implementations, for ``benchmarks.train_step``: feed-forward weights, recurrence, neurons; both passes.

Ours has recurrent delays that are learnt, quantised weights and the chip's integers; the others have no delays, float weights
and neurons of their own.  So outputs are not compared.  All read the same spikes and get the same gradient of their own; the
scale of the feed-forward weights is searched for until as many neurons spike as do of the input.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measure import digits, say, spread, timed, turns
from benchmarks.training.torch_settings import Settings, applied, fastest
from benchmarks.training.training_layers import NEURON, SIGMA, Point
from myelin.nn import DelayedRecurrent

#: Share of inputs, and roughly of neurons, that spike in a step.
ACTIVE = 0.07
#: Peers by name, and the package of each.
PEERS = {"snnTorch": "snntorch", "Norse": "norse", "SpikingJelly": "spikingjelly"}


@dataclass(frozen=True)
class Block:
    """An implementation: ``module``, its feed-forward weight, and a function from spikes to spikes, both (T, B, N)."""

    module: nn.Module
    feed: Tensor
    run: Callable[[Tensor], Tensor]

    def step(self, x: Tensor, grad: Tensor) -> float:
        """Run forward and backward with dL/dspikes ``grad``; returns the share of neurons that spike."""
        self.module.zero_grad(set_to_none=True)
        spikes = self.run(x)
        spikes.backward(grad)
        return float(spikes.detach().mean())


def ours(point: Point) -> Block:
    """A ``DelayedRecurrent`` with learnt recurrent delays, spread or rounded (``point.hard``)."""
    constants: dict[str, Any] = dict(NEURON, recurrent=point.recurrence, max_delay=point.lags)
    block = DelayedRecurrent(point.neurons, point.neurons, **constants)
    assert block.recurrence is not None
    with torch.no_grad():
        block.recurrence.delay.delay.uniform_(0, point.lags - 1 - SIGMA)
        block.recurrence.delay.set(hard=point.hard, sigma=SIGMA)
    return Block(block, block.synapse.weight, lambda x: block(x.permute(1, 2, 0)).permute(2, 0, 1))


def snntorch(point: Point) -> Block:
    """``Linear`` and ``RLeaky`` with a dense recurrence."""
    import snntorch

    feed = nn.Linear(point.neurons, point.neurons, bias=False)
    cell = snntorch.RLeaky(beta=0.875, all_to_all=True, linear_features=point.neurons)

    def run(x: Tensor) -> Tensor:
        currents, (spikes, state), sent = feed(x), cell.init_rleaky(), []
        for current in currents:
            spikes, state = cell(current, spikes, state)
            sent.append(spikes)
        return torch.stack(sent)

    return Block(nn.ModuleList((feed, cell)), feed.weight, run)


def norse(point: Point) -> Block:
    """``LIFRecurrentCell``, which has both products."""
    import norse.torch

    cell = norse.torch.LIFRecurrentCell(point.neurons, point.neurons)

    def run(x: Tensor) -> Tensor:
        state, sent = None, []
        for here in x:
            spikes, state = cell(here, state)
            sent.append(spikes)
        return torch.stack(sent)

    return Block(cell, cell.input_weights, run)


def spikingjelly(point: Point) -> Block:
    """``Linear`` and a ``LIFNode`` in a ``LinearRecurrentContainer``."""
    from spikingjelly.activation_based import functional, layer, neuron

    feed = nn.Linear(point.neurons, point.neurons, bias=False)
    cell = layer.LinearRecurrentContainer(neuron.LIFNode(detach_reset=True), point.neurons, point.neurons, step_mode="m")

    def run(x: Tensor) -> Tensor:
        functional.reset_net(cell)
        sent: Tensor = cell(feed(x))
        return sent

    return Block(nn.ModuleList((feed, cell)), feed.weight, run)


MAKERS = {"snnTorch": snntorch, "Norse": norse, "SpikingJelly": spikingjelly}


def balanced(block: Block, x: Tensor) -> float:
    """Scale the feed-forward weights until the share of neurons that spike is about ``ACTIVE``; returns it."""
    with torch.no_grad():
        start, low, high, found = block.feed.clone(), 0.0, 100.0, 0.0
        for _ in range(14):
            middle = (low + high) / 2
            block.feed.copy_(start * middle)
            found = float(block.run(x).mean())
            low, high = (middle, high) if found < ACTIVE else (low, middle)
    return found


def measure(point: Point, peers: Sequence[str], repeats: int) -> dict[str, Any]:
    """Seconds of a step of ours, with spread and with rounded delays, and in the same rounds of each of ``peers``."""
    torch.manual_seed(1)
    shape = (point.steps, point.batch, point.neurons)
    x, grad = (torch.rand(shape) < ACTIVE).float(), torch.randn(shape)

    def stepper(block: Block, settings: Settings) -> Callable[[], float]:
        def step() -> float:
            with applied(settings):
                return timed(lambda: block.step(x, grad))

        return step

    def few(block: Block) -> Callable[[], Any]:
        count = max(2, point.steps // 10)
        return lambda: block.step(x[:count], grad[:count])

    own, active = [], {}
    for hard in (False, True):
        block = ours(Point(**{**vars(point), "hard": hard}))
        active["ours, rounded" if hard else "ours"] = balanced(block, x)
        own.append(stepper(block, Settings()))
        own[-1]()
    rows: list[dict[str, Any]] = []
    taken_by_us: list[tuple[float, ...]] = []
    for name in peers:
        block = MAKERS[name](point)
        active[name] = balanced(block, x)
        settings = fastest(few(block), convolution=False)
        step = stepper(block, settings)
        step()
        taken = turns(own, step, repeats)
        taken_by_us += [both for both, _ in taken]
        rows.append(
            {
                "name": name,
                "seconds": spread([seconds for _, seconds in taken]),
                "settings": str(settings),
                "ours_is_faster": spread([seconds / both[0] for both, seconds in taken]),
                "ours_rounded_is_faster": spread([seconds / both[1] for both, seconds in taken]),
            }
        )
        found: dict[str, Any] = rows[-1]
        faster = ", ".join(f"{found[key]['median']:g}" for key in ("ours_is_faster", "ours_rounded_is_faster"))
        say(f"  {name}: {found['seconds']['median']} s, {settings}; ours, spread and rounded: {faster} times as fast")
    return {
        "recurrence": point.recurrence,
        "neurons": point.neurons,
        "lags": point.lags,
        "active": {name: digits(value, 3) for name, value in active.items()},
        "ours_seconds": spread([both[0] for both in taken_by_us]),
        "ours_rounded_seconds": spread([both[1] for both in taken_by_us]),
        "rows": rows,
    }


def found_peers() -> list[str]:
    """The peers that are installed; says which are not."""
    there = [name for name, package in PEERS.items() if importlib.util.find_spec(package)]
    for name in PEERS.keys() - set(there):
        say(f"  {name} is not installed and left out")
    return there


def table(blocks: Sequence[dict[str, Any]]) -> str:
    """The results as lines of text."""
    lines = []
    for found in blocks:
        ours_ms, rounded_ms = (1000 * found[key]["median"] for key in ("ours_seconds", "ours_rounded_seconds"))
        lines.append(f"{found['recurrence']}: {ours_ms:.0f} ms, {rounded_ms:.0f} with rounded delays; active {found['active']}")
        lines += [
            f"  {row['name']}: {1000 * row['seconds']['median']:.0f} ms; ours is {row['ours_is_faster']['median']:.2f} and "
            f"{row['ours_rounded_is_faster']['median']:.2f} times as fast"
            for row in found["rows"]
        ]
    return "\n".join(lines)
