"""An artifact on a board: the lag of its output in steps, and the comparison of every value with the golden output.

Only the artifact is needed, neither torch nor the data set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.difference import Difference, compare_trains
from myelin.hw_configs.errors import BackendError, DataError, GateError
from myelin.hw_configs.terminal.screen import judged
from myelin.hw_configs.written import thousands
from myelin.lava_models import loihi2

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.artifact.golden import Golden
    from myelin.convert.network import Network
    from myelin.lava_models.runner import Worker

TARGET = "loihi2"
#: Default for the longest lag searched, in steps.  lava-dl's own test of a 3-layer network on a board allows for one step
#: (``tests/lava/lib/dl/netx/test_hdf5_nx.py``); no public text states more.
MAX_LAG_STEPS = 16


@dataclass(frozen=True)
class Alignment:
    """The time shift between a board's output and the golden output.

    Attributes:
        lags: all shifts in steps that make every value of every sample equal; use the first.
        closest: the smallest shift with the fewest different values, in steps.
        values: the number of values compared.
        different_values: the number of different values at ``closest``.
        first: the first difference at ``closest``; None if no value differs.
    """

    lags: tuple[int, ...]
    closest: int
    values: int
    different_values: int
    first: Difference | None


def align(expected: npt.NDArray[Any], got: npt.NDArray[Any]) -> Alignment:
    """Find the shift k with ``got[:, k + t] = expected[:, t]`` for all t.

    Args:
        expected: (samples, steps, *output shape).
        got: (samples, steps + longest shift, *output shape).

    Raises:
        DataError: ``expected`` is zero everywhere, so a silent output fits at every shift.
    """
    steps = expected.shape[1]
    if not expected.any():
        raise DataError(
            "the golden outputs hold no spike, so they show neither the lag nor whether the board works; export again with "
            "inputs that make the last layer fire (--data)"
        )
    differing = [int(np.count_nonzero(got[:, k : k + steps] != expected)) for k in range(got.shape[1] - steps + 1)]
    closest = int(np.argmin(differing))
    parity = compare_trains(
        "board = golden outputs",
        [("the output", expected)],
        [("the output", got[:, closest : closest + steps])],
        np.arange(len(expected)),
    )
    lags = tuple(k for k, count in enumerate(differing) if not count)
    return Alignment(lags, closest, parity.values, parity.different_values, parity.first)


def golden_alignment(
    network: Network, golden: Golden, worker: Worker, max_lag_steps: int, progress: Callable[[int, int], None] | None = None
) -> Alignment:
    """Run the golden inputs on the board for ``max_lag_steps`` extra steps and align the output.

    Raises:
        MyelinError: see ``align`` and ``myelin.lava_models.run``.
    """
    if not golden.output.any():
        align(golden.output, golden.output)  # raises before a board is used
    spikes = loihi2.padded(network, golden.spikes, max_lag_steps)
    return align(golden.output, worker.run(network, spikes, backend="loihi2", progress=progress).output)


def lag_of(artifact: Artifact | None, name: str, given: int | None) -> int:
    """The lag in steps of the board's output for this network: ``given``, or found with the golden inputs.

    Raises:
        BackendError: lava-loihi is missing, the board failed, or its output equals the golden output at no lag.
        DataError: there are no golden inputs, or their output has no spike.
    """
    from myelin.lava_models.runner import Worker

    loihi2.require()
    if given is not None:
        return given
    if artifact is None:
        raise DataError(
            f"{name}: a netx file has no golden inputs that tell by how many steps a board's output is late; give an artifact, "
            "or --board-lag (board_lag_steps= in Python)"
        )
    with Worker() as worker:
        alignment = golden_alignment(artifact.network, artifact.golden, worker, MAX_LAG_STEPS)
    if not alignment.lags:
        raise BackendError(f"{name}: {_no_parity(alignment, MAX_LAG_STEPS)}; or give --board-lag (board_lag_steps= in Python)")
    return alignment.lags[0]


def run_board(
    artifact: Artifact, *, samples: int | None = None, max_lag_steps: int = MAX_LAG_STEPS, timeout_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Run an artifact's golden inputs on the board and compare every output value.

    Args:
        artifact: the artifact to run.
        samples: the number of golden inputs to use; None for all.
        max_lag_steps: the longest lag searched.
        timeout_s: the longest time without progress, see ``myelin.lava_models.run``.
        progress: called with the number of finished samples and the total number.

    Returns:
        Values for JSON, with units in their names.  ``equal`` is true if the board reproduces the golden outputs.

    Raises:
        GateError: the network breaks rules of the chip; the message lists every violation.
        MyelinError: see ``myelin.lava_models.run`` and ``align``.
    """
    from myelin.convert.artifact.golden import Golden
    from myelin.lava_models.runner import Worker

    require_rules(artifact)
    golden = artifact.golden
    golden = Golden(golden.spikes[:samples], golden.output[:samples], golden.scores[:samples])
    started = time.perf_counter()
    with Worker(timeout_s) as worker:
        found = golden_alignment(artifact.network, golden, worker, max_lag_steps, progress)
    return {
        "samples": len(golden.spikes),
        "steps": golden.spikes.shape[1],
        "board": loihi2.named(),
        "max_lag_steps": max_lag_steps,
        "lag_steps": found.lags[0] if found.lags else None,
        "lags_that_fit_steps": list(found.lags),
        "closest_lag_steps": found.closest,
        "values": found.values,
        "different_values": found.different_values,
        "first_difference": None if found.first is None else str(found.first),
        "equal": bool(found.lags),
        "message": "every value equal" if found.lags else _no_parity(found, max_lag_steps),
        "seconds": time.perf_counter() - started,
    }


def require_rules(artifact: Artifact) -> None:
    """Raise GateError if the chip cannot hold the network, BackendError if no board is available."""
    from myelin.convert.rules import calibrate, check
    from myelin.hw_configs.target_files import load_target

    loihi2.require()
    violations = check(artifact.network, load_target(TARGET), calibrate(artifact.network, [artifact.golden.spikes]))
    if violations:
        listed = "; ".join(violation.message for violation in violations)
        raise GateError(f"{TARGET} does not hold {artifact.folder}, it was not sent to a board: {listed}")


def lines(result: dict[str, Any]) -> list[str]:
    """Screen lines for a result of ``run_board``, to which the caller has added ``artifact``, its name."""
    lag, fits = result["lag_steps"], result["lags_that_fit_steps"]
    shown = [
        f"artifact      {result['artifact']}",
        f"board         {result['board']}",
        f"golden        {result['samples']} samples of {result['steps']} steps, each from a graph built anew",
    ]
    if lag is not None:
        also = f"; {', '.join(map(str, fits[1:]))} fit as well" if fits[1:] else ""
        shown.append(f"lag           {lag} steps later than simulated (0..{result['max_lag_steps']} were looked at){also}")
    verdict = "PASS" if result["equal"] else "FAIL"
    values = f"{thousands(result['different_values'])} of {thousands(result['values'])} output values differ"
    if not result["equal"]:
        values += f" even at the closest lag, {result['closest_lag_steps']} steps"
    parity = judged(f"parity        {verdict}: {values}", result["equal"])
    return [*shown, parity, f"time          {result['seconds']:.1f} s"]


def require_parity(result: dict[str, Any]) -> None:
    """Raise GateError unless the board reproduced the golden outputs."""
    if not result["equal"]:
        raise GateError(f"{result['artifact']}: {result['message']}")


def _no_parity(found: Alignment, max_lag_steps: int) -> str:
    return (
        f"the board's output equals the golden output at no lag of 0..{max_lag_steps} steps; closest is {found.closest}, where "
        f"{found.different_values} of {found.values} values differ, {found.first}; look for a longer lag with `myelin board "
        "--max-lag`, or show the difference with `myelin diff ART --backends fast loihi2 --board-lag STEPS`"
    )
