"""An artifact on a board: by how many steps its output is late, and whether every value of it is the golden one.

Nothing but the artifact is needed: neither torch nor the data set.
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
from myelin.lava_models import loihi2

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.artifact.golden import Golden
    from myelin.convert.network import Network
    from myelin.lava_models.runner import Worker

TARGET = "loihi2"
#: Lags that are looked for, in steps, unless the user says: lava-dl's own test of a 3-layer network on a board allows for one
#: step (``tests/lava/lib/dl/netx/test_hdf5_nx.py``); no public text states more.
MAX_LAG_STEPS = 16


@dataclass(frozen=True)
class Alignment:
    """How the output of a board lies beside the golden one.

    Attributes:
        lags: all shifts in steps that make every value of every sample equal; the first is the one to use.
        closest: the shift at which the fewest values differ, the smallest of these.
        values: how many were compared.
        different_values: how many differ at ``closest``.
        first: the first of these, None if none differs.
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
        DataError: ``expected`` is zero everywhere, so every shift fits an output that is silent.
    """
    steps = expected.shape[1]
    if not expected.any():
        raise DataError(
            "the golden outputs hold no spike, so they tell neither a lag nor a working board from a dead one; export again "
            "with inputs that make the last layer fire (--data)"
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
    """Run golden inputs on the board, longer by the longest lag, and align what comes; errors are those of both."""
    if not golden.output.any():
        align(golden.output, golden.output)  # refuses before a board is asked
    spikes = loihi2.padded(network, golden.spikes, max_lag_steps)
    return align(golden.output, worker.run(network, spikes, backend="loihi2", progress=progress).output)


def lag_of(artifact: Artifact | None, name: str, given: int | None) -> int:
    """By how many steps the board's output is late for this network: ``given``, or found with the golden inputs.

    Raises:
        BackendError: lava-loihi is missing, the board failed, or no lag makes its output the golden one.
        DataError: there are no golden inputs.
    """
    from myelin.lava_models.runner import Worker

    loihi2.require()
    if given is not None:
        return given
    if artifact is None:
        raise DataError(
            f"{name}: a netx file has no golden inputs that tell by how many steps a board's output is late; give an artifact, "
            "or --board-lag"
        )
    with Worker() as worker:
        alignment = golden_alignment(artifact.network, artifact.golden, worker, MAX_LAG_STEPS)
    if not alignment.lags:
        raise BackendError(f"{name}: {_no_parity(alignment, MAX_LAG_STEPS)}; or give --board-lag")
    return alignment.lags[0]


def run_board(
    artifact: Artifact, *, samples: int | None = None, max_lag_steps: int = MAX_LAG_STEPS, timeout_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Run an artifact's golden inputs on the board and compare every output value.

    Args:
        artifact: what to run.
        samples: how many of its golden inputs; None for all.
        max_lag_steps: longest lag that is looked for.
        timeout_s: longest silence, see ``myelin.lava_models.run``.
        progress: called with the number of samples finished and the number of all.

    Returns:
        Values for JSON, with units in the names; ``equal`` says whether the board gives the golden outputs.

    Raises:
        GateError: the rules of the chip are broken; the message holds every violation.
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
    """Raise GateError where the chip cannot hold the network, BackendError where there is no board."""
    from myelin.convert.rules import calibrate, check
    from myelin.hw_configs.target_files import load_target

    loihi2.require()
    violations = check(artifact.network, load_target(TARGET), calibrate(artifact.network, [artifact.golden.spikes]))
    if violations:
        listed = "; ".join(violation.message for violation in violations)
        raise GateError(f"{TARGET} does not hold {artifact.folder}, it was not sent to a board: {listed}")


def lines(result: dict[str, Any]) -> list[str]:
    """A result of ``run_board`` with ``artifact``, for the screen."""
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
    values = f"{result['different_values']} of {result['values']} output values differ"
    if not result["equal"]:
        values += f" even at the closest lag, {result['closest_lag_steps']} steps"
    return [*shown, f"parity        {verdict}: {values}", f"time          {result['seconds']:.1f} s"]


def require_parity(result: dict[str, Any]) -> None:
    """Raise GateError unless the board gave the golden outputs."""
    if not result["equal"]:
        raise GateError(f"{result['artifact']}: {result['message']}")


def _no_parity(found: Alignment, max_lag_steps: int) -> str:
    return (
        f"the board's output is the golden one at no lag of 0..{max_lag_steps} steps; closest is {found.closest}, where "
        f"{found.different_values} of {found.values} values differ, {found.first}; look for a longer lag with `myelin board "
        "--max-lag`, or at the difference with `myelin diff ART --backends fast loihi2 --board-lag STEPS`"
    )
