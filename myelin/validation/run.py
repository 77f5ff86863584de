"""Runs the samples through every stage of the reference and through the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.compare.difference import Parity, compare_trains
from myelin.convert.messages import sending
from myelin.convert.network import Network
from myelin.convert.profile.profiler import Profile, Profiler
from myelin.convert.recording import Passage
from myelin.convert.samples import Samples
from myelin.convert.simulator.batch import BatchRunner
from myelin.validation.answers import Answer, Shapes, grouped
from myelin.validation.reference import CHUNK, Chunk, Reference, StageRun
from myelin.validation.stages import EXAMPLES, INTEGER, Outcome
from myelin.validation.tasks import Kept, Task


def run_stages(
    network: Network,
    reference: Reference | None,
    samples: Samples,
    task: Task,
    *,
    shapes: Shapes,
    scale: float,
    given: Any = None,
    progress: bool = False,
) -> tuple[dict[str, Outcome], Parity | None, Profile]:
    """Run ``samples`` through every stage of the reference and through the simulator.

    Args:
        network: the integers.
        reference: the float side; None for the integers alone.
        samples: the data.
        task: what is kept of the answers.
        shapes: what the reference may answer.
        scale: integer output that means 1.0 in a trace, summed over the members of an output.
        given: array or tensor of the user from which the samples were made; None if they came otherwise.
        progress: whether to show a progress bar.

    Returns:
        Name of a stage -> result; the comparison of every output value of the simulator with the reference's own integers,
        None if it has none; and the profile of the integers, with the range of every state.
    """
    from tqdm import tqdm

    names = (*(() if reference is None else reference.stages), INTEGER)
    kept: dict[str, list[Kept]] = {name: [] for name in names}
    examples: dict[str, list[Kept]] = {name: [] for name in names}
    spiking = sending(network)
    spikes = {name: dict.fromkeys(spiking, 0) for name in names}
    parity, steps = None, 0
    simulator, profiler = BatchRunner(network), Profiler(network, timed=False)
    size = CHUNK if reference is None else reference.samples_at_a_time(shapes.steps)
    with tqdm(total=len(samples), unit="sample", desc="validate", disable=not progress) as bar:
        for part in samples.chunks(size):
            numbers = np.arange(part.start, part.stop)
            frames = samples.frames(numbers)
            steps = frames.shape[1]
            chunk = Chunk(numbers, frames, None if given is None else given[part])
            runs = {} if reference is None else reference.run(chunk, shapes)
            integer = simulator.run(frames, observe=_Counter(spikes[INTEGER], profiler), observed=profiler.observed)
            profiler.count(frames)
            for name, run in {
                **runs,
                INTEGER: StageRun(Answer(output=grouped(network, integer.output, task.NAME)), scale=scale),
            }.items():
                kept[name].append(task.kept(run.answer, numbers, run.scale))
                for index, count in run.spikes.items():
                    spikes[name][index] += count
                if task.NAME == "trace" and part.start < EXAMPLES and run.answer.output is not None:
                    examples[name].append(run.answer.output[: EXAMPLES - part.start] / run.scale)
                if run.exact is not None and reference is not None:
                    title = f"simulator = {reference.exact_name}"
                    found = compare_trains(title, [("output", run.exact)], [("output", integer.output)], numbers)
                    parity = found if parity is None else parity + found
            bar.update(len(numbers))
    seen = len(samples) * steps
    rates = {name: {index: total / (spiking[index] * seen) for index, total in sums.items()} for name, sums in spikes.items()}
    known = {INTEGER} | (set(names) if reference is not None and reference.sizes else set())
    return (
        {
            name: Outcome(
                np.concatenate(parts),
                rates[name] if name in known else {},
                np.concatenate(examples[name]) if examples[name] else None,
            )
            for name, parts in kept.items()
        },
        parity,
        profiler.result(),
    )


class _Counter:
    """Observer for the simulator that adds up the spikes of every layer in ``totals``, and tells the ``profiler``."""

    def __init__(self, totals: dict[int, int], profiler: Profiler) -> None:
        self.totals, self.profiler = totals, profiler

    def __call__(self, passage: Passage) -> None:
        self.profiler.observe(passage)
        if passage.layer in self.totals:
            self.totals[passage.layer] += int(np.count_nonzero(passage.arrays["spikes"]))
