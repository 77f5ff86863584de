"""Forward and backward of one recurrent layer: ours, the published order, and lava-dl: ``python -m benchmarks.train_step``.

Whole blocks, feed-forward weights included, run beside those of snnTorch, Norse and SpikingJelly
(``benchmarks.training.training_blocks``).

All run the same problem (``benchmarks.training.training_layers``) and give the same spikes and gradients, which is checked at
every point.  Torch uses one thread or all, and oneDNN's convolutions or its own, whichever is faster.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import RESULTS, best_of, digits, machine, save, say, spread, timed, turns
from benchmarks.memory import growth_mb
from benchmarks.networks import Recurrence
from benchmarks.tables import table_baselines
from benchmarks.training import training_blocks
from benchmarks.training.torch_settings import Settings, applied, fastest
from benchmarks.training.training_layers import SIGMA, Name, Point, compare, layer, problem, undelayed
from myelin.hw_configs.figures import BLUE, GREEN, GREY, ORANGE, figure
from myelin.hw_configs.figures import save as save_picture
from myelin.lava_models import compat
from myelin.train.run.memory import keep_freed_memory


@dataclass(frozen=True)
class Sizes:
    """Points of the sweep, the judged point (its ``neurons`` and ``lags``), and the repeats at it and elsewhere."""

    judged: Point
    neurons: tuple[int, ...] = (128, 256, 512)
    lags: tuple[int, ...] = (10, 30, 62)
    repeats: int = 3
    sweep_repeats: int = 1
    checked_batch: int = 8
    product: int = 2048


FULL = Sizes(Point("dense"))
QUICK = Sizes(
    Point("dense", neurons=32, lags=10, steps=20, batch=4), (16, 32), (6, 10), repeats=2, checked_batch=2, product=256
)


def blas_gflop_per_s(size: int) -> float:
    """Speed of torch's float32 matrix product on all cores, in GFLOP/s."""
    a, b, out = torch.rand(size, size), torch.rand(size, size), torch.empty(size, size)
    torch.mm(a, b, out=out)
    return 2e-9 * size**3 / best_of(lambda: torch.mm(a, b, out=out), 5)


def stepper(name: Name, point: Point, expected: Tensor | None) -> tuple[Callable[[], float], Settings]:
    """A function that runs one step and returns its seconds, and torch's settings; comparing outputs is not timed."""
    given = problem(point)
    own, x = layer(name, point, given), given.x.requires_grad_()
    settings = Settings() if name == "ours" else best_settings(name, point)

    def step() -> float:
        spikes: list[Tensor] = []
        with applied(settings):
            seconds = timed(lambda: spikes.append(own.step(x, given.grad)))
        assert expected is None or torch.equal(spikes[0], expected), f"{name} has other spikes"
        return seconds

    return step, settings


def best_settings(name: Name, point: Point) -> Settings:
    """Torch's fastest settings, tried on a few steps."""
    few = replace(point, steps=max(2, point.steps // 25))
    given = problem(few)
    own, x = layer(name, few, given), given.x.requires_grad_()
    return fastest(lambda: own.step(x, given.grad), convolution=point.recurrence == "conv")


def measure(point: Point, names: Sequence[Name], repeats: int, sizes: Sizes, blas: float) -> dict[str, Any]:
    """Measure one point: ours with spread and with rounded delays and, in the same rounds, ``names`` with spread delays."""
    single = replace(point, hard=True)
    checked = {
        phase: compare(at.small(sizes.checked_batch), tuple(names)) for phase, at in (("spread", point), ("rounded", single))
    }
    given = problem(point)
    expected = layer("ours", point, given).step(given.x.requires_grad_(), given.grad)
    ours = [stepper("ours", at, found)[0] for at, found in ((point, expected), (single, None))]
    for step in ours:
        step()
    rows: list[dict[str, Any]] = []
    own = []
    for name in names:
        step, settings = stepper(name, point, None if name == "lava-dl" else expected)
        taken = turns(ours, step, repeats)
        own += [both for both, _ in taken]
        rows.append(
            {
                "name": name,
                "seconds": spread([seconds for _, seconds in taken]),
                "settings": str(settings),
                "ours_is_faster": spread([seconds / both[0] for both, seconds in taken]),
                "ours_rounded_is_faster": spread([seconds / both[1] for both, seconds in taken]),
                "repeats": repeats,
            }
        )
        faster = ", ".join(f"{rows[-1][key]['median']:g}" for key in ("ours_is_faster", "ours_rounded_is_faster"))
        say(f"  {name}: {rows[-1]['seconds']['median']} s, {settings}; ours, spread and rounded: {faster} times as fast")
    result: dict[str, Any] = {
        "recurrence": point.recurrence,
        "neurons": point.neurons,
        "lags": point.lags,
        "spikes": digits(float(expected.mean()), 3),
        "checked": checked,
        "ours_seconds": spread([both[0] for both in own]),
        "ours_rounded_seconds": spread([both[1] for both in own]),
        "rows": rows,
    }
    if point.recurrence == "dense":
        flop = 3 * 2 * point.batch * point.steps * point.neurons**2
        for kind in ("ours", "ours_rounded"):
            result[f"{kind}_share_of_blas"] = digits(1e-9 * flop / result[f"{kind}_seconds"]["median"] / blas, 3)
    return result


def peers(point: Point, judged: Point) -> list[Name]:
    """Implementations to compare with at a point."""
    if point.recurrence == "conv" or point.lags != judged.lags:
        return ["published"]
    return ["published", "rearranged", *(() if compat.missing(slayer=True) else ("lava-dl",))]


def points(sizes: Sizes, recurrence: Recurrence) -> list[Point]:
    """All points of one recurrence: every pair of neurons and lags."""
    return [
        replace(sizes.judged, recurrence=recurrence, neurons=neurons, lags=lags)
        for neurons in sizes.neurons
        for lags in sizes.lags
    ]


def memory(point: Point, names: Sequence[Name]) -> list[dict[str, Any]]:
    """MB that one step adds to a process, for each implementation."""
    found = []
    for name in names:
        at = undelayed(point, problem(point))[0] if name == "lava-dl" else point
        grown = growth_mb("training.training_layers", name=name, **vars(at))
        found.append({"recurrence": point.recurrence, "name": name, "mb": digits(grown, 3)})
        say(f"  {point.recurrence}, {name}: {grown:.0f} MB")
    return found


def plot(path: Path, results: dict[str, Any]) -> None:
    """Plot the time of a step over neurons at the judged lags, and over lags at the judged neurons."""
    colours = {"ours": BLUE, "published": ORANGE, "rearranged": GREY, "lava-dl": GREEN}
    picture = figure(10, 4)
    judged = results["judged_point"]
    for axes, (swept, fixed) in zip(picture.subplots(1, 2), (("neurons", "lags"), ("lags", "neurons")), strict=True):
        for recurrence, line in (("dense", "-"), ("conv", "--")):
            chosen = [p for p in results["points"] if p["recurrence"] == recurrence and p[fixed] == judged[fixed]]
            series: dict[str, list[tuple[float, float]]] = {}
            for found in chosen:
                series.setdefault("ours", []).append((found[swept], found["ours_seconds"]["median"]))
                for row in found["rows"]:
                    series.setdefault(row["name"], []).append((found[swept], row["seconds"]["median"]))
            for name, values in series.items():
                axes.plot(*zip(*values), line, marker="o", color=colours[name], label=f"{name}, {recurrence}", markersize=4)
        values = sorted({found[swept] for found in results["points"]})
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.set_xlabel(f"{swept}, at {judged[fixed]} {fixed}")
        axes.set_ylabel("seconds a step, forward and backward")
        axes.grid(alpha=0.3)
    picture.axes[0].legend(fontsize=7)
    save_picture(picture, path)


def blocks_beside(sizes: Sizes) -> list[dict[str, Any]]:
    """Whole blocks at the judged size beside those of other libraries."""
    peers, found = training_blocks.found_peers(), []
    for recurrence in ("dense", "conv"):
        say(f"whole block, {recurrence}")
        found.append(training_blocks.measure(replace(sizes.judged, recurrence=recurrence), peers, 2 * sizes.repeats))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--only", action="store_true", help="the judged neurons and lags alone; writes nothing without --json")
    parser.add_argument(
        "--blocks", action="store_true", help="whole blocks beside other libraries'; writes results/blocks.json"
    )
    parser.add_argument("--json", type=Path, help="where to write, with a PNG beside it; results/train_step.json by default")
    given = parser.parse_args(arguments)
    keep_freed_memory()  # as in training; it benefits all implementations
    sizes = QUICK if given.quick else FULL
    if given.only:
        sizes = replace(sizes, neurons=(sizes.judged.neurons,), lags=(sizes.judged.lags,))
    if given.blocks:
        found = {
            "benchmark": "blocks",
            "quick": given.quick,
            "machine": machine(),
            "point": {**vars(sizes.judged), "recurrence": None},
            "blocks": blocks_beside(sizes),
        }
        path = given.json or (None if given.quick else RESULTS / "blocks.json")
        if path is not None:
            save(path, found)
        print(training_blocks.table(found["blocks"]))
        return
    blas = blas_gflop_per_s(sizes.product)
    results: dict[str, Any] = {
        "benchmark": "train_step",
        "quick": given.quick,
        "machine": machine(),
        "blas_gflop_per_s": digits(blas),
        "sigma": SIGMA,
        "judged_point": vars(sizes.judged),
        "points": [],
    }
    say(f"BLAS: {blas:.0f} GFLOP/s")
    for recurrence in ("dense", "conv"):
        for point in points(sizes, recurrence):
            here = (point.neurons, point.lags) == (sizes.judged.neurons, sizes.judged.lags)
            say(f"{recurrence}, {point.neurons} neurons, {point.lags} lags")
            repeats = sizes.repeats if here else sizes.sweep_repeats
            results["points"].append(measure(point, peers(point, sizes.judged), repeats, sizes, blas))
    say("memory")
    results["memory"] = [
        row
        for recurrence in ("dense", "conv")
        for at in [replace(sizes.judged, recurrence=recurrence)]
        for row in memory(at, ["ours", *peers(at, sizes.judged)])
    ]
    path = given.json or (None if given.quick or given.only else RESULTS / "train_step.json")
    if path is not None:
        save(path, results)
        plot(path.with_suffix(".png"), results)
    print(table_baselines.train_step_table(results))


if __name__ == "__main__":
    main()
