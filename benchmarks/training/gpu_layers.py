"""One recurrent layer on a GPU, for ``benchmarks.gpu``: ours compared with the CPU, and timed beside other implementations."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import digits, spread
from benchmarks.networks import KERNEL
from benchmarks.training.published import PublishedLayer, RearrangedLayer
from benchmarks.training.training_layers import NEURON, SIGMA, Point, Problem, problem
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import devices
from myelin.train.layers import DelayedRecurrent


def layer(point: Point, given: Problem, device: torch.device) -> tuple[Any, tuple[Tensor, ...]]:
    """Our recurrent layer on ``device``: spikes of currents (T, B, N), and its parameters."""
    delay = AxonalDelay(point.neurons, max_delay=point.lags)
    block = DelayedRecurrent(1, point.neurons, neuron=NEURON, recurrent=point.recurrence, recurrent_delay=delay, taps=KERNEL)
    recurrence = block.recurrence
    assert recurrence is not None
    with torch.no_grad():
        recurrence.weight.copy_(given.weight)
        delay.delay.copy_(given.delay)
    delay.set(hard=point.hard, sigma=SIGMA)
    block.to(device)
    return lambda x: recurrence(x, block.neuron), (recurrence.weight, delay.delay)


def gradients(forward: Any, parameters: tuple[Tensor, ...], x: Tensor, grad: Tensor) -> list[Tensor]:
    """Spikes, and gradients of ``x`` and of the parameters."""
    x = x.detach().requires_grad_()
    spikes = forward(x)
    return [spikes.detach(), *torch.autograd.grad(spikes, (x, *parameters), grad)]


def parity(point: Point, device: torch.device) -> dict[str, Any]:
    """Number of different spikes, and the largest difference of each gradient relative to its largest value."""
    given = problem(point)
    with compiled_loops():
        expected = gradients(*layer(point, given, torch.device("cpu")), given.x, given.grad)
    found = gradients(*layer(point, given, device), given.x.to(device), given.grad.to(device))
    pairs = [(own.cpu(), theirs.cpu()) for own, theirs in zip(found, expected, strict=True)]
    differences = [digits(float((own - theirs).abs().max() / theirs.abs().max()), 2) for own, theirs in pairs[1:]]
    return {
        "point": vars(point),
        "spikes": int(expected[0].sum()),
        "different_spikes": int((pairs[0][0] != pairs[0][1]).sum()),
        "gradient_differences": dict(zip(("current", "weight", "delay"), differences, strict=True)),
    }


@contextlib.contextmanager
def compiled_loops() -> Iterator[None]:
    """Within this context the CPU runs layers by compiled loops, as it does in any case unless a test lets it be a GPU."""
    before, devices.HOST = devices.HOST, {"cpu"}
    try:
        yield
    finally:
        devices.HOST = before


@contextlib.contextmanager
def torch_operations() -> Iterator[None]:
    """Within this context layers run as torch's operations, without kernels."""
    before, devices.GPU = devices.GPU, set()
    try:
        yield
    finally:
        devices.GPU = before


def published(point: Point, given: Problem, device: torch.device, kind: type[PublishedLayer]) -> Callable[[], Any]:
    """A step of the published order of operations."""
    module = kind(given.weight, given.delay, lags=point.lags, sigma=0 if point.hard else SIGMA, **NEURON).to(device)
    x, grad = given.x.to(device), given.grad.to(device)
    return lambda: gradients(module, (module.weight, module.delay), x, grad)


def snntorch(point: Point, given: Problem, device: torch.device) -> Callable[[], Any]:
    """A step of snnTorch's ``RLeaky`` with a full matrix, from currents; it has no delays."""
    from snntorch import RLeaky

    neuron = RLeaky(beta=0.875, linear_features=point.neurons, threshold=NEURON["threshold"], reset_mechanism="zero").to(device)
    x, grad = given.x.to(device), given.grad.to(device)

    def forward(currents: Tensor) -> Tensor:
        spikes, voltage = neuron.init_rleaky()
        found = []
        for current in currents:
            spikes, voltage = neuron(current, spikes, voltage)
            found.append(spikes)
        return torch.stack(found)

    return lambda: gradients(forward, (neuron.recurrent.weight,), x, grad)


def steppers(point: Point, device: torch.device) -> dict[str, Callable[[], Any]]:
    """A step, forward and backward, of each implementation by name; ours comes first."""
    given = problem(point)
    own, x, grad = layer(point, given, device), given.x.to(device), given.grad.to(device)

    def by_torch() -> None:
        with torch_operations():
            gradients(*own, x, grad)

    found: dict[str, Callable[[], Any]] = {"kernels": lambda: gradients(*own, x, grad), "torch's operations": by_torch}
    if point.neurons <= 256 and point.batch <= 128 and not point.hard:
        found["published order"] = published(point, given, device, PublishedLayer)
        if point.recurrence == "dense":
            found["published order, rearranged"] = published(point, given, device, RearrangedLayer)
    if point.recurrence == "dense" and importlib.util.find_spec("snntorch"):
        found["snnTorch RLeaky, no delays"] = snntorch(point, given, device)
    return found


def settings(point: Point, device: torch.device, repeats: int) -> dict[str, Any]:
    """Seconds of a step of ours with other blocks of neurons and other products than the ones that are built in."""
    from myelin.train.kernels import triton_loops

    given = problem(point)
    x, grad, rows = given.x.to(device), given.grad.to(device), []
    built_in = triton_loops.COLUMNS, triton_loops.PRECISION
    expected = gradients(*layer(point, given, device), x, grad)
    try:
        for columns, precision in itertools.product((64, 128, 256), ("ieee", "tf32x3")):
            triton_loops.COLUMNS, triton_loops.PRECISION = columns, precision
            own = layer(point, given, device)
            found = gradients(*own, x, grad)
            differences = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(found[1:], expected[1:], strict=True)]
            taken = [seconds_of(partial(gradients, *own, x, grad), device) for _ in range(repeats)]
            rows.append(
                {
                    "columns": columns,
                    "precision": precision,
                    "seconds": spread(taken),
                    "different_spikes": int((found[0] != expected[0]).sum()),
                    "gradient_difference": digits(max(differences), 2),
                }
            )
    finally:
        triton_loops.COLUMNS, triton_loops.PRECISION = built_in
    return {"point": vars(point), "built_in": {"columns": built_in[0], "precision": built_in[1]}, "rows": rows}


def seconds_of(step: Callable[[], Any], device: torch.device) -> float:
    """Seconds of one call, until the device is done."""
    wait(device)
    began = time.perf_counter()
    step()
    wait(device)
    return time.perf_counter() - began


def wait(device: torch.device) -> None:
    """Wait until ``device`` has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(point: Point, device: torch.device, repeats: int) -> dict[str, Any]:
    """Seconds of a step of every implementation, in turns, after one that compiles; and how much faster ours is."""
    steps = steppers(point, device)
    for step in steps.values():
        step()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            taken[name].append(seconds_of(step, device))
    own = statistics.median(taken["kernels"])
    rows = [
        {"name": name, "seconds": spread(values), "kernels_are_faster": digits(statistics.median(values) / own, 3)}
        for name, values in taken.items()
    ]
    return {"point": vars(point), "rows": rows}
