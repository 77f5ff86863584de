"""Time per sample against neurons, steps, batch, activity and delays, for each engine: ``python -m benchmarks.scaling``.

Every point is a dense recurrent network with two hidden layers from ``benchmarks.networks``; all parameters except the swept
one are those of the judged network.  Engines take turns at every point, after a comparison of their outputs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks import networks
from benchmarks.measure import RESULTS, best_of, digits, fitted_exponent, machine, save, say
from myelin.convert.simulator.batch import BatchRunner
from myelin.convert.simulator.stage import Engine
from myelin.hw_configs.files import atomic_file

ENGINES: tuple[Engine, ...] = ("events", "dense", "auto")


@dataclass(frozen=True)
class Point:
    """One network and its samples; ``density`` is that of the input and of both layers, None for those of trained networks."""

    neurons: int = networks.NEURONS[0]
    steps: int = networks.STEPS
    batch: int = 256
    density: float | None = None
    delay_steps: int = networks.DELAY_STEPS


#: Values of each sweep.
SWEEPS: dict[str, tuple[float, ...]] = {
    "neurons": (64, 128, 256, 512, 1024, 2048),
    "steps": (25, 50, 100, 200, 400),
    "batch": (1, 4, 16, 64, 256, 1024, 4096),
    "density": (0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0),
    "delay_steps": (0, 10, 30, 62),
}
QUICK: dict[str, tuple[float, ...]] = {
    "neurons": (32, 64),
    "steps": (20, 40),
    "batch": (1, 4, 16),
    "density": (0.05, 0.5),
    "delay_steps": (0, 10),
}
#: Smallest values for the fit of exponents: from here on all cores are busy, and the fixed cost of a call is negligible.
FIT_FROM = {"batch": 256, "steps": 25}
_LABELS = {
    "neurons": "neurons in each hidden layer",
    "steps": "steps",
    "batch": "samples in a call",
    "density": "share of nonzero input and of spikes",
    "delay_steps": "longest delay in steps",
}


def measure(point: Point, repeats: int) -> dict[str, Any]:
    """Seconds per sample for each engine, best of ``repeats``."""
    density = point.density
    kind: dict[str, Any] = {} if density is None else {"density": density, "mean": None}
    shares = networks.LAYER_DENSITIES if density is None else (density, density)
    spikes = networks.samples(point.batch, steps=point.steps, **kind)
    few = networks.samples(networks.CALIBRATION_SAMPLES, steps=point.steps, **kind)
    network = networks.network(few, neurons=(point.neurons,) * 2, densities=shares, delay_steps=point.delay_steps)
    simulators = {engine: BatchRunner(network, engine) for engine in ENGINES}
    outputs = [simulator.run(few).output for simulator in simulators.values()]  # compiles, prepares, measures densities
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])
    seconds: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(repeats):
        for engine, simulator in simulators.items():
            seconds[engine].append(best_of(lambda simulator=simulator: simulator.run(spikes), 1) / point.batch)
    return {
        "densities": networks.densities(network, few),
        "seconds_per_sample": {engine: digits(min(values)) for engine, values in seconds.items()},
    }


def sweep(name: str, values: Sequence[float], base: Point, repeats: int) -> dict[str, Any]:
    """All points of a sweep and, if the time should be linear, the fitted exponents of the time of a whole call."""
    points = []
    for value in values:
        point = replace(base, **cast("dict[str, Any]", {name: value}))
        slow = name == "neurons" and value > 512
        points.append({name: value} | measure(point, min(2, repeats) if slow else repeats))
        times = points[-1]["seconds_per_sample"]
        say(f"  {name} {value:g}: " + ", ".join(f"{engine} {1e3 * times[engine]:.3g} ms" for engine in ENGINES))
    result: dict[str, Any] = {"points": points}
    if name in FIT_FROM:
        fitted = [point for point in points if point[name] >= FIT_FROM[name]]
        if len(fitted) > 1:
            result["exponent_of_total_time"] = {
                engine: fitted_exponent(
                    [point[name] for point in fitted],
                    [point["seconds_per_sample"][engine] * (point["batch"] if name == "batch" else 1) for point in fitted],
                )
                for engine in ENGINES
            }
            result["fitted_from"] = FIT_FROM[name]
            say(f"  exponents: {result['exponent_of_total_time']}")
    return result


def plot(path: Path, results: dict[str, Any]) -> None:
    """Plot one panel per sweep."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Okabe & Ito 2008: distinguishable for colour-blind readers
    styles = {
        "events": {"color": "#0072B2", "marker": "o"},
        "dense": {"color": "#D55E00", "marker": "s"},
        "auto": {"color": "#222222", "marker": "x", "linestyle": "--"},
    }
    sweeps = results["sweeps"]
    figure = Figure(figsize=(3.6 * len(sweeps), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, found) in zip(figure.subplots(1, len(sweeps), squeeze=False)[0], sweeps.items(), strict=True):
        values = [point[name] for point in found["points"]]
        for engine, style in styles.items():
            times = [1e3 * point["seconds_per_sample"][engine] for point in found["points"]]
            axes.plot(values, times, label=engine, markersize=5, **style)
        if name != "delay_steps":
            axes.set_xscale("log")
            axes.set_xticks(values, [f"{value:g}" for value in values], rotation=60)
            axes.minorticks_off()
        axes.set_yscale("log")
        axes.set_xlabel(_LABELS[name])
        axes.set_ylabel("ms a sample")
        axes.grid(alpha=0.3)
        exponents = found.get("exponent_of_total_time")
        if exponents:
            text = "\n".join(f"{engine}: time ~ {name}^{exponents[engine]:.2f}" for engine in ENGINES)
            axes.text(0.97, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=7)
    figure.axes[0].legend()
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--json", type=Path, help="where to write, with a PNG beside it; results/scaling.json unless --quick")
    given = parser.parse_args(arguments)
    base = Point(neurons=32, steps=20, batch=8) if given.quick else Point()
    sweeps = {}
    for name, values in (QUICK if given.quick else SWEEPS).items():
        say(name)
        sweeps[name] = sweep(name, values, base, 2 if given.quick else 3)
    results = {"benchmark": "scaling", "quick": given.quick, "machine": machine(), "base": asdict(base), "sweeps": sweeps}
    path = given.json or (None if given.quick else RESULTS / "scaling.json")
    if path is not None:
        save(path, results)
        plot(path.with_suffix(".png"), results)


if __name__ == "__main__":
    main()
