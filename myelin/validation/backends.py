"""Lava, compiled C and a board as further backends of a validation, or the reason why they do not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from myelin.lava_models import compat

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.network import Network
    from myelin.convert.recording import Record, Recording
    from myelin.lava_models.runner import Worker
    from myelin.validation.equalities import Equality, IntegerBackend

#: Samples for Lava's own process models, which are slow: they rebuild every delayed connection in every step.
STOCK_SAMPLES = 1
#: Samples for the generated C: each class some times.
C_SAMPLES = 64
_TITLES = {False: "Lava with our process models", True: "Lava with its own process models"}
_BOARD = "Loihi 2 board = golden outputs"


def no_lava(samples: int) -> str | None:
    """The reason why Lava does not run; None if it does."""
    if not samples:
        return "--lava-samples 0"
    if (reason := compat.unsupported()) is not None:
        return reason
    if not compat.available():
        return f"{', '.join(compat.missing())} not installed; to include it: {compat.cure()}"
    return None


def lava(worker: Worker, samples: int) -> list[IntegerBackend]:
    """Lava's backends on ``samples`` samples."""
    from myelin.lava_models.runner import UNRECORDABLE
    from myelin.validation.equalities import IntegerBackend

    found = []
    for stock, title in _TITLES.items():

        def run(network: Network, frames: npt.NDArray[Any], record: Record, stock: bool = stock) -> Recording:
            return worker.run(network, frames, record=record, stock=stock)

        # convert must not import this package, so the function to run is passed in
        found.append(IntegerBackend(title, run, frozenset(UNRECORDABLE), min(STOCK_SAMPLES, samples) if stock else samples))
    return found


def compiled(network: Network, samples: int) -> list[IntegerBackend]:
    """The generated C, compiled for this machine, on up to ``C_SAMPLES`` of so many samples; raises if it cannot be made."""
    from myelin.convert.c99.compiled import compiled_run
    from myelin.validation.equalities import IntegerBackend

    return [IntegerBackend("C", *compiled_run(network), min(C_SAMPLES, samples))]


def left_out(skipped: str | None) -> list[Equality]:
    """Lava's comparisons that were skipped for that reason."""
    from myelin.validation.equalities import Equality

    return [Equality(f"{title} = simulator", None, skipped) for title in _TITLES.values()] if skipped else []


def on_board(artifact: Artifact | None, asked: bool) -> Equality:
    """Run the golden inputs on a board; raises the errors of ``myelin.lava_models.board``."""
    from myelin.convert.compare.difference import Parity
    from myelin.lava_models.board import MAX_LAG_STEPS, golden_alignment, require_rules
    from myelin.lava_models.runner import Worker
    from myelin.validation.equalities import Equality

    if not asked or artifact is None:
        return Equality(_BOARD, None, "--board not given")
    require_rules(artifact)
    with Worker() as worker:
        found = golden_alignment(artifact.network, artifact.golden, worker, MAX_LAG_STEPS)
    return Equality(_BOARD, Parity(_BOARD, len(artifact.golden.spikes), found.values, found.different_values, found.first))
