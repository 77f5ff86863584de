"""Program of every process of test_processors: it simulates, evaluates and trains a step, and writes what came out.

It is started as ``processor_driver.py CHECKPOINT OUT``.  OUT is an npz file; arrays whose name begins with "float" are
gradients and weights after a step, all others are integers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import myelin
from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network

#: Steps and inputs: no multiples of a vector's width, and more inputs than a loop looks at together.
STEPS, INPUTS = 21, 75
Found = Iterator[tuple[str, np.ndarray[Any, Any]]]


def module() -> torch.nn.Sequential:
    """Blocks with delays and both kinds of recurrence; the same checkpoint fits in every process."""
    torch.manual_seed(5)
    blocks = (
        myelin.nn.DelayedRecurrent(INPUTS, 37, recurrent="conv", delay=True, max_delay=5, threshold=0.5),
        myelin.nn.DelayedRecurrent(37, 70, recurrent="dense", delay=True, max_delay=5, threshold=0.5),
        myelin.nn.Readout(70, 4),
    )
    for block in blocks[:2]:
        block.delay.set(hard=True)
        block.recurrence.delay.set(hard=True)
    return torch.nn.Sequential(*blocks)


def networks() -> Iterator[tuple[str, Network]]:
    """A network for each kind of connection that the simulator has a loop for."""
    rng = np.random.default_rng(3)

    def weights(*shape: int) -> np.ndarray[Any, Any]:
        return 2 * rng.integers(-40, 60, shape)

    def delays(*shape: int) -> np.ndarray[Any, Any]:
        return rng.integers(0, 6, shape)

    cuba = Cuba(1200, rng.integers(1000, 4000, 70), rng.integers(1000, 4000, 70))
    image = Cuba(300, 1234, 567)
    line, square = Input((INPUTS,), message_bits=2), Input((1, 5, INPUTS // 5), message_bits=2)
    own = DelayedRecurrent(Dense(2 * rng.integers(-20, 18, (70, 70))), delays(70))
    kernel = DelayedRecurrent(Conv(weights(1, 1, 1, 3), padding=(0, 1)), delays(*square.shape))
    yield "rows", Network(line, [Layer((70,), Dense(weights(70, INPUTS)), cuba, delays(70), own)])
    yield "synapses", Network(line, [Layer((70,), Dense(weights(70, INPUTS), 0, delays(70, INPUTS)), cuba)])
    yield "bins", Network(line, [Layer((70,), Dense(weights(70, INPUTS) + 1, -1, delays(70, INPUTS)), cuba)])
    stencil = Layer(square.shape, Conv(weights(1, 1, 3, 3), padding=(1, 1)), image, recurrent=kernel)
    yield "stencil", Network(square, [stencil])
    yield "conv", Network(square, [Layer((5, 3, 8), Conv(weights(5, 1, 3, 3), (2, 2), (1, 1)), image)])


def simulated() -> Found:
    """Every state of the networks by both engines, and the output in single steps."""
    rng = np.random.default_rng(4)
    for name, network in networks():
        x = rng.integers(0, 4, (5, STEPS, *network.input.shape)) * (rng.random((5, STEPS, *network.input.shape)) < 0.3)
        for engine in ("events", "dense"):
            if name != "bins" or engine == "events":
                found = myelin.simulate(network, x, record={0: ("spikes", "a", "u", "v")}, engine=engine, time_axis=1)
                yield from ((f"{name}, {engine}, {state}", array) for state, array in found.layers[0].items())
        simulator = myelin.Simulator(network)
        yield f"{name}, steps", np.stack([simulator.step(frame) for frame in x[0]])


def trained(checkpoint: str) -> Found:
    """The integers of a checkpoint: its network, what this sends, and the spikes of training; then a step of training."""
    net = module()
    net.load_state_dict(torch.load(checkpoint, weights_only=True))
    x = (np.random.default_rng(6).random((6, INPUTS, STEPS)) < 0.3).astype(np.float32)
    network = myelin.from_torch(net, INPUTS)
    for index, layer in enumerate(network.layers):
        yield f"layer {index}, weights", layer.synapse.weight
        yield f"layer {index}, delays", layer.delay_steps
        if layer.recurrent is not None:
            yield f"layer {index}, recurrent weights", layer.recurrent.synapse.weight
            yield f"layer {index}, recurrent delays", layer.recurrent.delay_steps
    yield "exported", myelin.simulate(network, x, time_axis=-1).output
    with torch.no_grad():
        evaluated = network.output_scale * net.eval()(torch.from_numpy(x)).numpy()
    yield "evaluated", evaluated.astype(np.int32).swapaxes(1, 2)
    optimiser = torch.optim.SGD(net.train().parameters(), lr=0.01)
    torch.manual_seed(7)
    torch.nn.functional.cross_entropy(net(torch.from_numpy(x)).sum(-1), torch.arange(6) % 4).backward()
    optimiser.step()
    for name, value in net.named_parameters():
        if value.grad is not None:
            yield f"float gradient of {name}", value.grad.numpy()
        yield f"float {name}", value.detach().numpy()


def main() -> None:
    """The command."""
    checkpoint, out = sys.argv[1:]
    np.savez(out, **{name: array for found in (simulated(), trained(checkpoint)) for name, array in found})


if __name__ == "__main__":
    main()
