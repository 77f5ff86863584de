"""The lag of each backend's output behind the simulator."""

from __future__ import annotations

from collections.abc import Sequence

from myelin.convert.opened import Opened
from myelin.hw_configs.errors import DataError


def board_lags(networks: Sequence[Opened], backends: Sequence[str], given: int | None) -> list[int]:
    """For each network the lag of its backend's output in steps; 0 except on a board.

    Raises:
        DataError: a lag is given, but no board runs.
        BackendError: as ``myelin.lava_models.board.lag_of``.
    """
    if "loihi2" not in backends:
        if given is not None:
            raise DataError("--board-lag (board_lag_steps= in Python) is for the backend loihi2; leave it out")
        return [0] * len(networks)
    from myelin.lava_models.board import lag_of

    return [lag_of(one.artifact, one.name, given) if backend == "loihi2" else 0 for one, backend in zip(networks, backends)]
