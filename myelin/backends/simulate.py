"""Runs samples in one backend and measures accuracy, spikes and time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from tqdm import tqdm

from myelin.backends.lag import board_lags
from myelin.backends.names import BACKENDS, DEFAULT_LAVA_SAMPLES
from myelin.convert.network import Network
from myelin.convert.opened import Opened, Source, note_lines, opened_source
from myelin.convert.recording import Recording
from myelin.convert.samples import Samples, events_line, spread_choice
from myelin.convert.simulator.simulator import simulate
from myelin.convert.stimulus import InputChoice, open_data
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.written import thousands
from myelin.lava_models.runner import run

#: Samples in a batch; limits memory.
_CHUNK = 256


def simulated(
    network: Source,
    choice: InputChoice,
    *,
    backend: str = "fast",
    stock: bool = False,
    board_lag_steps: int | None = None,
    progress: bool = False,
    dt_ms: float | None = None,
) -> dict[str, Any]:
    """Accuracy, spikes and time of a network on data, as values for JSON, with units in the names.

    Args:
        network: a network, its path, or a result of ``myelin.read``.
        choice: the data and the number of samples; ``steps`` and ``step_ms`` if the network does not define the binning.
        backend: ``fast`` (the simulator), ``lava`` or ``loihi2``.
        stock: use Lava's own process models in backend ``lava``.
        board_lag_steps: lag of a board's output behind the simulator in steps; None to measure it with golden inputs.
        progress: whether to show a progress bar.
        dt_ms: as in ``myelin.read``.

    Raises:
        NetworkError: the network cannot be read.
        DataError: the data cannot be used, or ``stock`` is set for another backend.
        BackendError: the backend is not installed, or failed.
    """
    opened = opened_source(network, dt_ms=dt_ms)
    samples = open_data(opened, choice)
    place = BACKENDS[backend]
    if stock and place != "cpu":
        raise DataError(f"--stock chooses between Lava's process models; use it with --backend lava, not {backend}")
    number = choice.samples or (len(samples) if place is None else DEFAULT_LAVA_SAMPLES)
    (lag,) = board_lags([opened], [backend], board_lag_steps)
    result = simulate_samples(opened, samples, number, backend=place, stock=stock, lag_steps=lag, progress=progress)
    head = {"network": opened.name, "note": opened.note, "exported_for": opened.exported_for, "backend": backend}
    return head | result | ({"board_lag_steps": lag} if place == "loihi2" else {})


def simulate_samples(
    opened: Opened, samples: Samples, count: int, *, backend: str | None, stock: bool = False, lag_steps: int = 0,
    progress: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Run ``count`` samples from as many classes as possible.

    Args:
        opened: network to run.
        samples: the data.
        count: number of samples; all if there are fewer.
        backend: backend of ``myelin.lava_models.run``; None for the simulator.
        stock: use Lava's own process models.
        lag_steps: lag of a board's output in steps.
        progress: whether to show a progress bar.

    Returns:
        Values for JSON, with units in the names.

    Raises:
        MyelinError: see ``myelin.convert.simulate`` and ``myelin.lava_models.run``.
    """
    from myelin.validation.answers import Answer, grouped, require_trace
    from myelin.validation.output_unit import output_unit
    from myelin.validation.tasks import task_of

    network = opened.network
    numbers = spread_choice(samples.labels, count)
    task = task_of(samples, network.num_classes).of(numbers)
    if task.NAME == "trace":
        require_trace(network)
    scale = output_unit(None, opened, None).scale * network.layers[-1].neurons / network.num_classes
    kept: list[Any] = []
    output_sum = 0
    seconds = 0.0
    with tqdm(total=len(numbers), unit="sample", disable=not progress) as bar:
        for start in range(0, len(numbers), _CHUNK):
            part = numbers[start : start + _CHUNK]
            frames = samples.frames(part)
            started = time.perf_counter()
            result = _run(network, frames, backend, stock, lag_steps, bar)
            seconds += time.perf_counter() - started
            output = None if task.NAME == "classes" else grouped(network, result.output, task.NAME)
            answer = Answer(output, predictions=result.prediction if output is None else None)
            kept.append(task.kept(answer, np.arange(start, start + len(part)), scale))
            output_sum += int(result.output.sum(dtype="int64"))
    figures = task.figures(np.concatenate(kept))
    spiking = network.output_dtype is np.uint8  # messages of sigma-delta neurons are not spike counts
    return {
        "data": samples.dataset.name,
        "split": samples.split,
        "part": samples.part,
        "samples": len(numbers),
        "samples_in_split": len(samples),
        "binning": samples.binning.as_dict(),
        "events_not_in_frames": samples.events_not_in_frames(),
        "stock_process_models": stock,
        "task": task.NAME,
        **{name: value for name, value in figures.items() if name.startswith(("accuracy", "rmse"))},
        "output_spikes": output_sum if spiking else None,
        "seconds": seconds,
        "ms_per_sample": 1000 * seconds / len(numbers),
    }


def lines(result: dict[str, Any]) -> list[str]:
    """A result of ``simulate_samples`` with ``network`` and ``backend``, as lines for the screen."""
    binning = result["binning"]
    part = "" if result["samples"] == result["samples_in_split"] else f" of {thousands(result['samples_in_split'])}"
    samples = f"{thousands(result['samples'])}{part}"
    counts = "spikes of 0 or 1" if not binning["message_bits"] else f"counts up to {binning['max_count']}"
    exported = f", exported for {result['exported_for']}" if result["exported_for"] else ""
    shape = binning["shape"]
    inputs = f"{binning['channels']} channels" if shape is None else f"{' x '.join(map(str, shape))} inputs"
    models = " with its own process models" if result["stock_process_models"] else ""
    return [
        f"network       {result['network']}{exported}",
        *note_lines(result),
        f"data          {result['data']}: {result['part']}, {samples} samples, {binning['steps']} steps of "
        f"{binning['step_ms']:g} ms, {inputs}, {counts}",
        f"not in frames {events_line(result['events_not_in_frames'])}",
        _measured(result),
        *([f"output        {thousands(result['output_spikes'])} spikes"] if result["output_spikes"] is not None else []),
        f"backend       {result['backend']}{models}: {result['seconds']:.2f} s, {result['ms_per_sample']:.2f} ms a sample",
    ]


def _measured(result: dict[str, Any]) -> str:
    if result["task"] == "trace":
        interval = f"{result['rmse_low']:.4g} .. {result['rmse_high']:.4g}"
        return f"error         RMSE {result['rmse']:.4g} of the traces, 95 % interval {interval}"
    steps = " of the labelled steps" if result["task"] == "steps" else ""
    return (
        f"accuracy      {result['accuracy_percent']:.2f} %{steps}, 95 % interval {result['accuracy_low_percent']:.2f} .. "
        f"{result['accuracy_high_percent']:.2f} %"
    )


def _run(network: Network, frames: Any, backend: str | None, stock: bool, lag_steps: int, bar: Any) -> Recording:
    if backend is None:
        result = simulate(network, frames)
        bar.update(len(frames))
        return result
    return run(network, frames, backend=backend, stock=stock, lag_steps=lag_steps, progress=lambda done, all_: bar.update(1))
