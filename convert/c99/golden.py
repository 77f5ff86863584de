"""Golden inputs and outputs as C, as many steps as a board has room for."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.c99.helpers import template
from myelin.convert.c99.memory import literal
from myelin.convert.c99.packing import output_dtype, packed_inputs
from myelin.convert.c99.program import Program
from myelin.convert.c99.source import MARK
from myelin.convert.simulator.simulator import simulate

#: Most bytes of golden values: they are for a test, and text of them takes five times as much.
GOLDEN_BYTES = 65536


@dataclass(frozen=True)
class GoldenText:
    """``golden.h``.

    Attributes:
        text: the file.
        said: what it holds, as a line.
        samples, steps: number of samples, and of steps of each.
        size: bytes of its arrays.
    """

    text: str
    said: str
    samples: int
    steps: int
    size: int


def golden_text(program: Program, frames: npt.NDArray[Any], most_bytes: int = GOLDEN_BYTES) -> GoldenText:
    """``frames`` (samples, steps, *input shape) with their exact outputs, cut to ``most_bytes``, but one step at least."""
    inputs = packed_inputs(program, frames)
    outputs = simulate(program.network, frames).output
    outputs = outputs.reshape(*outputs.shape[:2], -1).astype(output_dtype(program))
    each = inputs.shape[2] * inputs.itemsize + outputs.shape[2] * outputs.itemsize
    fit = max(1, most_bytes // each)
    steps = min(frames.shape[1], fit)
    samples = min(len(frames), max(1, fit // steps))
    whole = (samples, steps) == frames.shape[:2]
    cut = "" if whole else f", cut from {len(frames)} samples of {frames.shape[1]} steps to fit"
    said = f"{samples} {'sample' if samples == 1 else 'samples'} of {steps} steps{cut}"
    count = samples * steps
    text = Template(template("golden.h")).substitute(
        mark=MARK,
        text=f"{said[0].upper()}{said[1:]}.",
        samples=samples,
        steps=steps,
        count=count,
        inputs=_rows(inputs[:samples, :steps]),
        outputs=_rows(outputs[:samples, :steps]),
    )
    return GoldenText(text, said, samples, steps, count * each)


def _rows(values: npt.NDArray[Any]) -> str:
    """Initialisers of structs, one for each row of the last axis."""
    flat = values.reshape(-1, values.shape[-1])
    words = (lambda value: f"{value}u") if flat.dtype == np.uint32 else literal
    return ",\n".join(f"    {{{{{', '.join(map(words, row))}}}}}" for row in flat.tolist())
