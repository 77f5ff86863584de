"""What is explored: an integer network, its target, and its fractional delays rounded by each method, if it has any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from myelin.convert.artifact.provenance import Origin
from myelin.convert.explore.knobs import ROUNDINGS, Rounding, with_delay_rounding, with_float_delays
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.network import Network
from myelin.convert.opened import Opened, Source, opened_source
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    from myelin.convert.checkpoint import Checkpoint
    from myelin.hw_configs.target import Target

_NO_FLOATS = "no trained floats are known, so there are no fractional delays to round"


@dataclass(frozen=True, eq=False)
class ExploredSource:
    """The source of an exploration.

    Attributes:
        opened: the network and its origin.
        checkpoint: the run that it was exported from; None if there is none.
        roundings: the network for each method of rounding its delays, or the reason why there is none.
    """

    opened: Opened
    checkpoint: Checkpoint | None
    roundings: Mapping[str, Network] | str


def named_target(source: Source | FloatNetwork, dt_ms: float | None) -> tuple[Opened | FloatNetwork, str | None]:
    """``source``, opened, and the name of the target that it was trained or exported for; None if it names none."""
    if isinstance(source, FloatNetwork):
        return source, None
    opened = opened_source(source, dt_ms=dt_ms)
    if opened.checkpoint is not None:
        return opened, opened.checkpoint.run.target
    return opened, opened.exported_for


def explored_source(source: Opened | FloatNetwork, target: Target) -> ExploredSource:
    """What is explored of ``source``; a float network is rounded to the target's weights.

    Raises:
        NetworkError: the artifact's checkpoint or floats are damaged, or floats cannot be represented in integers.
    """
    from myelin.convert.checkpoint import read_checkpoint
    from myelin.convert.floats.file import read_floats
    from myelin.convert.quantise.layer import Grid
    from myelin.convert.quantise.rounding import round_network

    if isinstance(source, FloatNetwork):
        network = round_network(source, Grid.of(target).weight_bits)
        return ExploredSource(Opened(None, None, network), None, _of_floats(network, source, None))
    checkpoint, floats, limit = source.checkpoint, source.floats, None
    if source.artifact is not None:
        origin = Origin.of(source.artifact)
        limit = origin.clipped_to_steps
        checkpoint = None if origin.checkpoint is None else read_checkpoint(origin.checkpoint)
        floats = None if origin.floats is None else read_floats(origin.floats)
    if checkpoint is not None:
        return ExploredSource(source, checkpoint, _of_checkpoint(checkpoint, limit))
    return ExploredSource(source, None, _NO_FLOATS if floats is None else _of_floats(source.network, floats, limit))


def _of_checkpoint(checkpoint: Checkpoint, limit: int | None) -> Mapping[str, Network] | str:
    return _each(lambda mode: with_delay_rounding(checkpoint, mode, limit))


def _of_floats(network: Network, floats: FloatNetwork, limit: int | None) -> Mapping[str, Network] | str:
    return _each(lambda mode: with_float_delays(network, floats, mode, limit))


def _each(rounded: Callable[[Rounding], Network]) -> Mapping[str, Network] | str:
    try:
        return {mode: rounded(mode) for mode in ROUNDINGS}
    except NetworkError as error:
        return str(error)
