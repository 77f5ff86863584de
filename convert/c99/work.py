"""The work of one step of the generated C: operations from measured activity, their instructions, and an estimate of time.

The number of operations follows from the network and its activity.  The instructions of an operation were counted in the
loops that GCC 12 makes of the templates for Thumb-2 with -O2; the sum is compared with the instructions that an emulator counts
(``tests/convert/c99/test_emulated.py``).  Cycles of an instruction are the published ones of the target, without wait states of
the flash and without caches, so the time is an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myelin.convert.c99.instructions import Instructions
from myelin.convert.c99.program import CStage, Program
from myelin.convert.mapping.activity import Activity
from myelin.hw_configs.controller import Controller

#: Instructions of each operation; those of a neuron's step stand with its code.
OPERATIONS: Mapping[str, Instructions] = {
    "row synapses": Instructions(load=2, store=1, branch=0.25, other=1.5),
    "scaled row synapses": Instructions(load=2, store=1, multiply=1, branch=0.25, other=0.75),
    "list synapses": Instructions(load=3, store=1, branch=1, other=2),
    "scaled list synapses": Instructions(load=3, store=1, multiply=1, branch=1, other=1),
    "kernel taps": Instructions(branch=1, other=4),
    "kernel places": Instructions(load=1, branch=1, other=4),
    "kernel synapses": Instructions(load=2, store=1, multiply=1, branch=1, other=3),
    "products": Instructions(load=2, multiply=1, branch=1, other=1),
    "arriving spikes": Instructions(load=3, multiply=2, branch=3, other=14),
    "words of spikes": Instructions(load=1, store=1, branch=1, other=3),
    "values": Instructions(load=1, branch=1, other=2),
    "sent spikes": Instructions(load=2, store=1, other=6),
    "outputs": Instructions(store=1, other=1),
    "steps": Instructions(load=10, store=10, branch=8, other=40),
}


@dataclass(frozen=True)
class Work:
    """The mean work of a step.

    Attributes:
        parts: name of the layer -> operation -> mean number in a step.
        instructions: of a step.
    """

    parts: dict[str, dict[str, float]]
    instructions: Instructions

    def step_us(self, controller: Controller) -> float | None:
        """Estimated time of a step in microseconds; None if clock or cycles are not known."""
        if controller.cycles is None or controller.clock_hz is None:
            return None
        return 1e6 * self.instructions.cycles(controller.cycles) / controller.clock_hz


def work_of(program: Program, activity: Activity) -> Work:
    """The mean work of a step of ``program`` with ``activity``."""
    steps = activity.samples * activity.steps
    parts: dict[str, dict[str, float]] = {}
    total = OPERATIONS["steps"]
    for stage in program.stages:
        found = _stage(stage, program, activity, steps)
        parts[stage.own.part] = found
        for name, number in found.items():
            one = stage.code.work if name == "neurons" else OPERATIONS[name]
            total = total.plus(one.times(number))
    return Work(parts, total)


def _stage(stage: CStage, program: Program, activity: Activity, steps: int) -> dict[str, float]:
    found: dict[str, float] = {"neurons": float(stage.own.neurons)}

    def add(name: str, number: float) -> None:
        found[name] = found.get(name, 0.0) + number

    for code in stage.incoming:
        sent: npt.NDArray[np.float64] = activity.into(stage.index, recurrent=code.link.recurrent) / steps
        if code.reads_all:
            pass
        elif code.link.ctype is None:
            add("words of spikes", float(code.ring.row * code.rows_read))
        else:
            add("values", float(code.ring.row * code.rows_read))
        for name, number in code.work(sent).items():
            add(name, number)
    rate = float(activity.sent[stage.index].sum()) / steps if stage.index in activity.sent else 0.0
    rings = len(stage.sends) + (stage is program.stages[-1] and program.output_ring is not None)
    if rings:
        add("sent spikes", rate * rings)
    if stage is program.stages[-1]:
        add("outputs", float(stage.own.neurons))
    return found
