"""What a network is run on where any input will do: samples of a data file, an artifact's golden inputs, or random spikes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.commands import arguments
from myelin.convert.artifact.artifact import Artifact, load_network, read_artifact
from myelin.convert.artifact.provenance import Origin
from myelin.convert.network import Input, Network
from myelin.convert.samples import MAX_COUNT, Binning, Samples, open_samples, spread_choice
from myelin.hw_configs.errors import DataError

#: Random input, unless the user says.
DENSITY, STEPS, SAMPLES = 0.1, 100, 4


@dataclass(frozen=True, eq=False)
class Opened:
    """A network and where it came from; ``artifact`` is None for a netx file."""

    path: Path
    network: Network
    artifact: Artifact | None


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Input of a run.

    Attributes:
        facts: where it comes from, for JSON, with units in the names.
        text: the same in a line.
        numbers: (samples,) numbers of the samples in their source, rising.
        steps: length of a sample.
        frames: (batch,) of these numbers -> (batch, steps, *input shape).
    """

    facts: dict[str, Any]
    text: str
    numbers: npt.NDArray[np.int64]
    steps: int
    frames: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]]

    def batches(self, size: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]]:
        """Numbers and frames of at most ``size`` samples at a time."""
        for start in range(0, len(self.numbers), size):
            part = self.numbers[start : start + size]
            yield part, self.frames(part)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that choose the input; ``choose`` reads them."""
    group = parser.add_argument_group(
        "input", "data if named; else the golden inputs of an artifact; else, or with --density, random spikes"
    )
    group.add_argument("--data", metavar="PATH", help="builtin, a folder, or a file of the SHD format")
    group.add_argument(
        "--split", choices=("train", "valid", "test"), help="part of the data (default: test, else valid, else all)"
    )
    group.add_argument("--samples", metavar="N", type=arguments.positive, help="how many, of as many classes as possible")
    group.add_argument("--steps", metavar="N", type=arguments.positive, help="length of a sample: netx file, or random spikes")
    group.add_argument("--step-ms", metavar="MS", type=float, help="netx file with data: length of a step in milliseconds")
    group.add_argument(
        "--density",
        metavar="P",
        type=arguments.density,
        help=f"random spikes: how many per input and step (default: {DENSITY})",
    )
    group.add_argument("--seed", metavar="N", type=arguments.count, help="random spikes: seed (default: 0)")


def open_network(path: Path) -> Opened:
    """A netx file, or an artifact, which is verified; raises NetworkError where it is neither."""
    if path.is_dir():
        artifact = read_artifact(path)
        return Opened(path, artifact.network, artifact)
    return Opened(path, load_network(path), None)


def open_data(opened: Opened, args: argparse.Namespace) -> tuple[Samples, Origin | None]:
    """The samples of ``args.data`` (with ``split``, ``steps`` and ``step_ms``) for a network; the artifact's origin, or None.

    Raises:
        DataError: see ``myelin.convert.samples.open_samples``; or a netx file without, or an artifact with, a binning.
    """
    given = [name for name in ("steps", "step_ms") if getattr(args, name) is not None]
    network = opened.network
    if opened.artifact is None:
        if len(given) < 2:
            raise DataError(
                f"{opened.path}: a netx file does not say how spikes become frames; give --steps and --step-ms, such as "
                "--steps 100 --step-ms 10"
            )
        shape = network.input.shape
        axes = shape if len(shape) == 3 else None
        binning = Binning(args.steps, args.step_ms, math.prod(shape), network.input.message_bits, axes)
        return open_samples(args.data, binning, split=args.split, classes=network.num_classes), None
    if given:
        raise DataError(f"--{given[0].replace('_', '-')} is for netx files; the artifact {opened.path} says how it is binned")
    origin = Origin.of(opened.artifact)
    samples = open_samples(args.data, origin.binning, split=args.split, classes=origin.classes, keys=origin.keys)
    return samples, origin


def choose(networks: Sequence[Opened], args: argparse.Namespace, most: int | None = None) -> Stimulus:
    """The input that ``args`` names, for networks of the same input shape.

    Args:
        networks: an artifact among them says how data is binned, and has golden inputs.
        args: with what ``add_arguments`` adds.
        most: how many samples of data or golden inputs to take unless the user says; None for all.

    Raises:
        DataError: options that exclude each other, or data that cannot be used.
    """
    opened = next((one for one in networks if one.artifact is not None), networks[0])
    random = [name for name in ("density", "seed") if getattr(args, name) is not None]
    if args.data is not None:
        if random:
            raise DataError(f"--{random[0]} is for random spikes and --data names a file; leave one of them out")
        return _data(opened, args, most)
    unused = next((name for name in ("split", "step_ms") if getattr(args, name) is not None), None)
    if unused is not None:
        raise DataError(f"--{unused.replace('_', '-')} says how data is read; name data with --data")
    if opened.artifact is not None and not random:
        if args.steps is not None:
            raise DataError(
                f"--steps is for netx files and random spikes; the golden inputs of {opened.path} have their length"
            )
        return _golden(opened, opened.artifact, args, most)
    return _random([one.network.input for one in networks], args)


def _data(opened: Opened, args: argparse.Namespace, most: int | None) -> Stimulus:
    samples, _ = open_data(opened, args)
    numbers = spread_choice(samples.labels, args.samples or most or len(samples))
    binning = samples.binning
    split = "whole file" if samples.split == "all" else f"{samples.split} split"
    length = f"{binning.steps} steps of {binning.step_ms:g} ms"
    text = f"{samples.dataset.name}: {split}, {_count(numbers)} of {len(samples)}, {length}"
    facts = {"kind": "data", "data": samples.dataset.name, "split": samples.split, "binning": binning.as_dict()}
    return Stimulus(facts, text, numbers, binning.steps, samples.frames)


def _golden(opened: Opened, artifact: Artifact, args: argparse.Namespace, most: int | None) -> Stimulus:
    spikes = artifact.golden.spikes
    numbers = np.arange(min(len(spikes), args.samples or most or len(spikes)))
    text = f"golden inputs of {opened.path}: {_count(numbers)} of {len(spikes)}, {spikes.shape[1]} steps"
    facts = {"kind": "golden", "artifact": str(opened.path), "steps": spikes.shape[1]}
    return Stimulus(facts, text, numbers, spikes.shape[1], lambda chosen: spikes[chosen])


def _random(inputs: Sequence[Input], args: argparse.Namespace) -> Stimulus:
    """Independent spikes; of graded ones each value that every input takes is as likely as the next.

    What drives neurons of an input stays 0 or 1: it becomes a bias, whose 13 bit it must not leave.
    """
    density = DENSITY if args.density is None else args.density
    seed, steps, shape = args.seed or 0, args.steps or STEPS, inputs[0].shape
    most = 1 if inputs[0].neuron is not None else min(MAX_COUNT, *(entry.max_value for entry in inputs))
    numbers = np.arange(args.samples or SAMPLES)

    def frames(chosen: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        made = []
        for number in chosen.tolist():  # a generator for each, so that a sample does not depend on how many are made
            rng = np.random.default_rng((seed, number))
            made.append(
                (rng.random((steps, *shape)) < density) * rng.integers(1, most, (steps, *shape), np.uint8, endpoint=True)
            )
        return np.stack(made)

    values = "spikes" if most == 1 else f"spikes of 1..{most}"
    text = f"random {values}, density {density:g}, seed {seed}: {_count(numbers)}, {steps} steps"
    facts = {"kind": "random", "density": density, "seed": seed, "largest_value": most, "steps": steps}
    return Stimulus(facts, text, numbers, steps, frames)


def _count(numbers: npt.NDArray[np.int64]) -> str:
    return f"{len(numbers)} sample{'' if len(numbers) == 1 else 's'}"
