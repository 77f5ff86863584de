"""Runs the examples and draws a picture of each that has something to show, into docs/examples: `make pictures`.

``python docs/pictures/examples.py [NAME ...]``; minutes for all.  ``docs/hooks/reference.py`` puts them on the pages.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import myelin
from myelin.convert import plots
from myelin.convert.statistics.proportions import wilson_interval
from myelin.hw_configs.figures import BLUE, GREY, INTEGER_STAGE, figure, save, series
from myelin.validation.plot import stages_with_intervals

ROOT = Path(__file__).resolve().parents[2]
Found = dict[str, Any]


def closed_loop(found: Found, path: Path) -> None:
    """The direction of the sound, and that of the head."""
    drawn = figure(7.0, 2.6)
    axis = drawn.subplots()
    angles = found["angles_degrees"]
    axis.plot(angles[:, 0], color=GREY, linewidth=2.5, label="sound")
    axis.plot(angles[:, 1], color=BLUE, linewidth=1.5, label="head")
    axis.set_xlabel("step")
    axis.set_ylabel("degrees to the left")
    axis.legend(fontsize=8, frameon=False)
    save(drawn, path)


def event_camera(found: Found, path: Path) -> None:
    """One recording through every layer."""
    network = found["network"]
    frames = np.moveaxis(found["x_test"][:1].numpy(), -1, 1).astype(np.uint8)
    spiking = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
    recording = myelin.simulate(network, frames, record=spiking, time_axis=1)
    plots.raster(path, network, frames, recording, step_ms=10.0, keys=found["CLASSES"], label=int(found["y_test"][0]))


def lava_dl_network(found: Found, path: Path) -> None:
    """The learned delays."""
    plots.delay_histogram(path, found["network"], limit_steps=62)


def snntorch_to_integers(found: Found, path: Path) -> None:
    """Accuracy of snnTorch's forward pass, and of the integers."""
    stages_with_intervals(path, found["validation"])


def ecg_per_step_labels(found: Found, path: Path) -> None:
    """One trace: crossings of the two leads, the phases, and what the network says."""
    network, test = myelin.read(found["OUT"] / "artifact").network, found["test"]
    frames = test.bin(range(1), test.steps, test.step_ms, network.input.shape, "binary").frames
    said = myelin.simulate(network, frames, time_axis=1).output[0].argmax(axis=1)
    drawn = figure(7.0, 3.4)
    above, below = drawn.subplots(2, 1, sharex=True, height_ratios=[1, 1.4])
    for unit, spikes in enumerate(frames[0].reshape(test.steps, -1).T):
        above.vlines(np.flatnonzero(spikes), unit - 0.4, unit + 0.4, color=series(unit // 2), linewidth=1)
    above.set_ylabel("input unit")
    below.step(range(test.steps), test.targets[0], where="mid", color=GREY, linewidth=3, label="phase")
    below.step(range(test.steps), said, where="mid", color=INTEGER_STAGE, linewidth=1.2, label="the integers")
    below.set_yticks(range(len(found["PHASES"])), found["PHASES"])
    below.set_xlabel(f"step of {test.step_ms:g} ms")
    below.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.1)
    save(drawn, path)


def fine_tune_four_bits(found: Found, path: Path) -> None:
    """Accuracy of the three networks, with 95 % intervals."""
    drawn = figure(7.0, 2.0)
    axis = drawn.subplots()
    for row, right in enumerate(found["right"].values()):
        low, high = (100 * end for end in wilson_interval(int(right.sum()), len(right)))
        axis.plot([low, high], [row, row], color=INTEGER_STAGE, linewidth=1.5)
        axis.plot([100 * right.mean()], [row], "o", color=INTEGER_STAGE)
    axis.set_yticks(range(len(found["right"])), list(found["right"]))
    axis.set_ylim(len(found["right"]) - 0.5, -0.5)
    axis.set_xlabel("accuracy on voices never heard (%), 95 % interval")
    axis.grid(axis="x", alpha=0.3)
    save(drawn, path)


#: Name of an example -> what draws its picture from the names that the script leaves.
DRAWN: dict[str, Callable[[Found, Path], None]] = {
    drawing.__name__: drawing
    for drawing in (closed_loop, event_camera, lava_dl_network, snntorch_to_integers, ecg_per_step_labels, fine_tune_four_bits)
}


def main(names: list[str]) -> None:
    """Draw the pictures of the examples ``names``; of all, if there are none."""
    folder = ROOT / "docs" / "examples"
    folder.mkdir(exist_ok=True)
    sys.argv = sys.argv[:1]
    for name in names or DRAWN:
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            found = runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
            DRAWN[name](found, folder / f"{name}.png")
            os.chdir(ROOT)
        print(f"drawn: docs/examples/{name}.png", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
