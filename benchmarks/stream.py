"""A million samples in bounded memory: ``python -m benchmarks.stream [--samples N] [--artifact FOLDER]``.

Samples are generated on the fly from a pool, shifted by random numbers of channels and steps.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import networks
from benchmarks.measure import RESULTS, digits, machine, save, say
from myelin.convert import stream
from myelin.convert.artifact.artifact import read_artifact
from myelin.convert.network import Network

_POOL = 1024


class Shifted:
    """Batches of ever new samples at little cost: each is a part of the pool, shifted along channels and steps.

    Attributes:
        seconds: time spent on generating them.
    """

    def __init__(self, pool: npt.NDArray[np.uint8], samples: int, batch: int, seed: int = 3) -> None:
        self.pool, self.samples, self.batch, self.seed = pool, samples, batch, seed
        self.seconds = 0.0

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        rng = np.random.default_rng(self.seed)
        for start in range(0, self.samples, self.batch):
            began = time.perf_counter()
            chosen = rng.integers(0, len(self.pool), min(self.batch, self.samples - start))
            shifts = rng.integers(0, self.pool.shape[1]), rng.integers(0, self.pool.shape[2])
            made = np.roll(self.pool[chosen], shifts, axis=(1, 2))
            self.seconds += time.perf_counter() - began
            yield made


def run(network: Network, pool: npt.NDArray[np.uint8], samples: int, batch: int) -> dict[str, Any]:
    """Stream ``samples`` through ``network``; memory is measured after the third batch and at the end."""
    batches, done, settled = Shifted(pool, samples, batch), 0, 0.0
    predicted = np.zeros(network.num_classes, np.int64)
    next(stream(network, [pool[:batch]]))  # compiles
    began = shown = time.perf_counter()
    for index, recording in enumerate(stream(network, batches)):
        done += len(recording.output)
        predicted += np.bincount(recording.readout.argmax(axis=1), minlength=network.num_classes)
        if index <= 2:
            settled = peak_mb()
        if time.perf_counter() - shown > 10:
            shown = time.perf_counter()
            say(f"  {done} of {samples} samples, {done / (shown - began):.0f} a second, peak {peak_mb():.0f} MB")
    seconds = time.perf_counter() - began
    assert done == samples == predicted.sum()
    return {
        "samples": samples,
        "batch": batch,
        "steps": pool.shape[1],
        "seconds": digits(seconds),
        "seconds_making_samples": digits(batches.seconds),
        "samples_per_s": digits(samples / seconds),
        "samples_per_s_without_making_them": digits(samples / (seconds - batches.seconds)),
        "peak_rss_mb_after_three_batches": round(settled),
        "peak_rss_mb": round(peak_mb()),
        "input_of_all_samples_mb": round(samples * pool[0].nbytes / 1e6),
        "output_of_all_samples_mb": round(samples * recording.output[0].nbytes / 1e6),
        "predicted_per_class": predicted.tolist(),
    }


def peak_mb() -> float:
    """Peak memory of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few thousand samples: shows that it runs, measures nothing")
    parser.add_argument("--samples", type=int, help="how many; a million unless --quick")
    parser.add_argument("--batch", type=int, default=512, help="how many at a time")
    parser.add_argument("--recurrence", choices=("dense", "conv"), default="conv", help="of the built-in network")
    parser.add_argument("--artifact", type=Path, help="a folder that `myelin export` wrote: its network and its golden inputs")
    parser.add_argument("--json", type=Path, help="where to write; results/stream.json unless --quick")
    given = parser.parse_args(arguments)
    if given.artifact is not None:
        artifact = read_artifact(given.artifact)
        network, golden = artifact.network, artifact.golden.spikes
        pool = np.resize(golden.reshape(*golden.shape[:2], -1), (_POOL, golden.shape[1], int(np.prod(golden.shape[2:]))))
        source = "golden inputs of an artifact"
    else:
        pool = networks.samples(_POOL)
        network, source = networks.network(pool, recurrence=given.recurrence), "random"
    samples = given.samples or (4_000 if given.quick else 1_000_000)
    say(f"{samples} samples through {networks.describe(network)}")
    found = run(network, pool.astype(np.uint8), samples, given.batch)
    results = {
        "benchmark": "stream",
        "quick": given.quick,
        "machine": machine(),
        "network": networks.describe(network),
        "pool": f"{source}, shifted by random numbers of channels and steps",
        "densities": networks.densities(network, pool[:64]),
        **found,
    }
    path = given.json or (None if given.quick else RESULTS / "stream.json")
    if path is not None:
        save(path, results)
    print(", ".join(f"{name} {results[name]}" for name in ("samples_per_s", "seconds_making_samples", "peak_rss_mb")))


if __name__ == "__main__":
    main()
