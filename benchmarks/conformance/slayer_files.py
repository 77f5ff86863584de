"""Networks like those of lava-dl's tutorials, from SLAYER blocks with random weights, and one of each block with each neuron.

Each is written by lava-dl's own ``export_hdf5``, read without options but the shape of its input, and simulated; the output is
compared with SLAYER's own evaluation, value by value.  Where lava-dl's export fails, the blocks themselves are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network

CUBA = {"threshold": 1.25, "current_decay": 0.25, "voltage_decay": 0.03}
_NEURONS: dict[str, dict[str, Any]] = {
    "cuba": CUBA,
    "alif": {
        "threshold": 1.0,
        "threshold_step": 0.1,
        "current_decay": 0.25,
        "voltage_decay": 0.03,
        "threshold_decay": 0.1,
        "refractory_decay": 0.1,
    },
    "rf": {"threshold": 1.0, "period": 10, "decay": 0.1},
    "rf_iz": {"threshold": 1.0, "period": 10, "decay": 0.1},
    "adrf": {
        "threshold": 1.0,
        "threshold_step": 0.1,
        "period": 10,
        "decay": 0.1,
        "threshold_decay": 0.1,
        "refractory_decay": 0.1,
    },
}


@dataclass(frozen=True)
class Outcome:
    """What became of a file: ``differ`` of ``values`` output values differ, or the reason that it was refused.

    ``module``: there is no file, since lava-dl's export fails; its blocks were read.
    """

    name: str
    differ: int = 0
    values: int = 0
    spikes: int = 0
    refused: str | None = None
    module: bool = False


def tutorials() -> dict[str, tuple[tuple[int, ...], Callable[[Any], list[Any]]]]:
    """Networks by name: the shape of the input, and a function of SLAYER's ``block.cuba`` that makes the blocks."""

    def neuron(**change: Any) -> dict[str, Any]:
        return {**CUBA, **change}

    return {
        "Oxford: Dense 200-256-200": (
            (200,),
            lambda cuba: [
                cuba.Dense(neuron(voltage_decay=0.1, current_decay=1.0, threshold=0.1), 200, 256, weight_scale=1),
                cuba.Dense(neuron(voltage_decay=0.1, current_decay=1.0, threshold=0.1), 256, 200, weight_scale=1),
            ],
        ),
        "XOR: Dense 100-256-50": (
            (100,),
            lambda cuba: [
                cuba.Dense(neuron(), 100, 256, weight_scale=2),
                cuba.Dense(neuron(), 256, 50, weight_scale=2),
            ],
        ),
        "NMNIST, dense with delays: 2312-512-512-10": (
            (2, 34, 34),
            lambda cuba: [
                cuba.Flatten(),
                cuba.Dense(neuron(), 2312, 512, weight_scale=4, delay=True),
                cuba.Dense(neuron(), 512, 512, weight_scale=4, delay=True),
                cuba.Dense(neuron(), 512, 10, weight_scale=4),
            ],
        ),
        "NMNIST, CNN with delays and pooling: 16c5-2a-32c3-2a-64c3-512-10": (
            (2, 34, 34),
            lambda cuba: [
                cuba.Conv(neuron(), 2, 16, 5, padding=1, weight_scale=4, delay=True),
                cuba.Pool(neuron(threshold=0.5), 2, weight_scale=2, delay=True),
                cuba.Conv(neuron(), 16, 32, 3, padding=1, weight_scale=4, delay=True),
                cuba.Pool(neuron(threshold=0.5), 2, weight_scale=2, delay=True),
                cuba.Conv(neuron(), 32, 64, 3, padding=1, weight_scale=4, delay=True),
                cuba.Flatten(),
                cuba.Dense(neuron(), 64 * 8 * 8, 512, weight_scale=4, delay=True),
                cuba.Dense(neuron(), 512, 10, weight_scale=4),
            ],
        ),
        "PilotNet SNN without its input block: 24c3-36c3-64c3-64c3-100-50-10-1": (
            (3, 33, 100),
            lambda cuba: [
                *(
                    cuba.Conv(neuron(current_decay=1.0), sources, targets, 3, stride=2, padding=pad, weight_scale=4)
                    for sources, targets, pad in ((3, 24, 0), (24, 36, 0), (36, 64, (1, 0)), (64, 64, 0))
                ),
                cuba.Flatten(),
                cuba.Dense(neuron(current_decay=1.0), 64 * 1 * 5, 100, weight_scale=6),
                cuba.Dense(neuron(current_decay=1.0), 100, 50, weight_scale=6),
                cuba.Dense(neuron(current_decay=1.0), 50, 10, weight_scale=6),
                cuba.Dense(neuron(current_decay=1.0), 10, 1, weight_scale=6),
            ],
        ),
        "Bootstrap MNIST as exported: 784-512-512-10": (
            (784,),
            lambda cuba: [
                cuba.Dense(neuron(voltage_decay=0.05, current_decay=1.0), 784, 512, weight_scale=3),
                cuba.Dense(neuron(voltage_decay=0.05, current_decay=1.0), 512, 512, weight_scale=3),
                cuba.Dense(neuron(voltage_decay=0.05, current_decay=1.0), 512, 10, weight_scale=3),
            ],
        ),
    }


def each_block() -> dict[str, tuple[tuple[int, ...], Callable[[Any], list[Any]]]]:
    """One block of each kind with each neuron: (input shape, function of ``slayer.block``)."""
    layers: dict[str, tuple[tuple[int, ...], Callable[[Any, dict[str, Any]], list[Any]]]] = {
        "Dense": ((12,), lambda block, neuron: [block.Dense(neuron, 12, 10, weight_scale=3, delay=True)]),
        "Conv": ((2, 6, 6), lambda block, neuron: [block.Conv(neuron, 2, 4, 3, weight_scale=3)]),
        "Pool": ((2, 6, 6), lambda block, neuron: [block.Pool(neuron, 2, weight_scale=2)]),
        "Recurrent": ((12,), lambda block, neuron: [block.Recurrent(neuron, 12, 10, weight_scale=2)]),
        "KWTA": ((12,), lambda block, neuron: [block.KWTA(neuron, 12, 10, 3, weight_scale=2)]),
        "ConvT": ((2, 6, 6), lambda block, neuron: [block.ConvT(neuron, 2, 4, 3, weight_scale=2)]),
        "Unpool": ((2, 6, 6), lambda block, neuron: [block.Unpool(neuron, 2, weight_scale=2)]),
    }

    def made(layer: Any, neuron: str) -> Callable[[Any], list[Any]]:
        return lambda blocks: layer(getattr(blocks, neuron), dict(_NEURONS[neuron]))

    return {
        f"{layer}, {neuron.upper()}": (shape, made(make, neuron))
        for neuron in _NEURONS
        for layer, (shape, make) in layers.items()
    }


def sigma_delta_outcome(path: Path, *, steps: int = 40) -> Outcome:
    """A sigma-delta network like PilotNet's, with values that change a little at a time; all sums of its readout are compared.

    SLAYER's sums are in units of 2^-18, and a layer of the simulator is a step later than one of SLAYER.
    """
    import torch
    from lava.lib.dl import slayer

    from myelin.convert import simulate

    block = slayer.block.sigma_delta
    neuron = {"threshold": 2 / 64, "activation": torch.nn.functional.relu}
    blocks = [
        block.Input(dict(neuron)),
        block.Conv(dict(neuron), 3, 24, 3, stride=2, weight_scale=2),
        block.Conv(dict(neuron), 24, 36, 3, stride=2, weight_scale=2),
        block.Flatten(),
        block.Dense(dict(neuron), 36 * 3 * 7, 50, weight_scale=2),
        block.Output(dict(neuron), 50, 1, weight_scale=2),
    ]
    rng = np.random.default_rng(0)
    values = 2 * np.cumsum(rng.integers(-6, 7, (steps, 3, 16, 32)), axis=0)
    values[0] = 0  # a bias or an input at the first step acts a step apart in the two
    now, network = _run_and_read(blocks, values, path)
    lag = len(network.layers)
    want = np.rint(np.moveaxis(now, -1, 0) * 2**18).astype(np.int64)[1 : steps - lag]
    got = simulate(network, values[None]).output[0][lag + 1 :].reshape(want.shape)
    return Outcome("PilotNet SDNN: 24c3-36c3-50-1", int(np.count_nonzero(got != want)), got.size, int(np.count_nonzero(want)))


def _run_and_read(blocks: list[Any], values: npt.NDArray[Any], path: Path) -> tuple[npt.NDArray[Any], Network]:
    """SLAYER's output (..., steps) for one sample of ``values`` (steps, ...) in 1/64, and the network of the file it writes."""
    import h5py
    import torch

    from myelin.convert import read_netx

    with torch.no_grad():
        now = torch.tensor(np.moveaxis(values, 0, -1)[None], dtype=torch.float32) / 64
        for one in blocks:
            now = one.eval()(now)
    with h5py.File(path, "w") as file:
        for index, one in enumerate(blocks):
            one.export_hdf5(file.create_group(f"layer/{index}"))
    return now[0].numpy(), read_netx(path)


def input_block_outcome(path: Path, *, steps: int = 40) -> Outcome:
    """A network like PilotNet's of spiking neurons, whose input block turns values into spikes.

    The values are multiples of 1/32, to which SLAYER rounds them; netx takes them in units of 1/64 with a weight of 1.
    SLAYER's input block is a step late, so the value of the first step is 0.
    """
    from lava.lib.dl import slayer

    from myelin.convert import simulate

    cuba = slayer.block.cuba
    neuron = {**CUBA, "current_decay": 1.0}
    blocks = [
        cuba.Input(dict(neuron), weight=1, bias=0),
        cuba.Conv(dict(neuron), 3, 24, 3, stride=2, weight_scale=4),
        cuba.Conv(dict(neuron), 24, 36, 3, stride=2, weight_scale=4),
        cuba.Flatten(),
        cuba.Dense(dict(neuron), 36 * 3 * 7, 50, weight_scale=6),
        cuba.Dense(dict(neuron), 50, 10, weight_scale=6),
    ]
    values = 2 * np.random.default_rng(0).integers(0, 32, (steps, 3, 16, 32))
    values[0] = 0
    now, network = _run_and_read(blocks, values, path)
    network = replace(network, input=replace(network.input, weight=1, message_bits=6))
    got = simulate(network, values[None].astype(np.uint8)).output[0, :-1]
    want = np.moveaxis(now, -1, 0)[1:].reshape(got.shape)
    name = "PilotNet SNN with its input block: 24c3-36c3-50-10"
    return Outcome(name, int(np.count_nonzero(got != want)), got.size, int(np.count_nonzero(want)))


def outcome(name: str, shape: tuple[int, ...], blocks: list[Any], path: Path, *, steps: int = 60, seed: int = 0) -> Outcome:
    """Run the blocks in SLAYER and their file in the simulator; the delays are drawn."""
    import h5py
    import torch

    from myelin.convert import read_netx, simulate
    from myelin.convert.modules.from_torch import from_torch
    from myelin.hw_configs.errors import NetworkError

    rng = np.random.default_rng(seed)
    frames = (rng.random((2, steps, *shape)) < 0.2).astype(np.uint8)
    with torch.no_grad():
        now = torch.zeros(2, *shape, 2)
        for block in blocks:  # fixes the shapes of the neurons, and leaves their states at rest
            now = block(now)
        for block in blocks:
            if getattr(block, "delay", None) is not None:
                drawn = rng.uniform(0, 20, tuple(block.delay.delay.shape))
                block.delay.delay.data = torch.from_numpy(drawn.astype(np.float32))
        now = torch.from_numpy(np.moveaxis(frames, 1, -1).astype(np.float32))
        for block in blocks:
            now = block(now)
    want = np.moveaxis(np.asarray(now), -1, 1)
    failed: AttributeError | None = None
    with h5py.File(path, "w") as file:
        try:
            for index, block in enumerate(blocks):
                block.export_hdf5(file.create_group(f"layer/{index}"))
        except AttributeError as error:  # complex convolutions lack what their export reads
            failed = error
    try:
        network = read_netx(path, input_shape=shape) if failed is None else from_torch(torch.nn.Sequential(*blocks), shape)
    except NetworkError as error:
        if failed is not None:
            raise failed from error
        return Outcome(name, refused=str(error).removeprefix(f"{path}: "))
    got = simulate(network, frames).output.reshape(want.shape)
    differ, sent = int(np.count_nonzero(got != want)), int(np.count_nonzero(want))
    return Outcome(name, differ, got.size, sent, module=failed is not None)
