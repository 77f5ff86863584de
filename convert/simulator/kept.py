"""Networks prepared once: the stages of the last few networks, for as long as these exist and stay what they are.

A network cannot change: its dataclasses are frozen, and its arrays constant (``myelin.convert.arrays.frozen_int``).  There is
a way around that (``object.__setattr__``), so each use compares the identities of all that the network consists of.  Stages of
values that may change are not kept: a network that came through ``pickle`` or ``copy.deepcopy`` has writeable arrays.
"""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import numpy as np

from myelin.convert.arrays import is_constant
from myelin.convert.network import Network
from myelin.convert.simulator import prepare
from myelin.convert.simulator.stage import Engine, Prepared

#: Number of networks whose stages are kept; each takes about as much memory as its network.
KEPT = 8
#: Types whose values cannot change.
_CONSTANT = (int, float, complex, str, bytes, type(None), np.generic)


class _Kept(NamedTuple):
    """Stages, and what they were made from: the attributes of each object, and its values then."""

    stages: list[Prepared]
    origin: list[tuple[dict[str, Any], tuple[Any, ...]]]
    makers: list[Any]


_kept: WeakKeyDictionary[Network, dict[Engine, _Kept]] = WeakKeyDictionary()


def prepared_once(network: Network, engine: Engine) -> list[Prepared]:
    """``prepare.prepare(network, engine)``, made at the first call for this network.

    Raises:
        DataError: the engine is unknown.
    """
    prepare.require_engine(engine)
    found = _kept.get(network, {}).get(engine)
    makers = prepare.makers(network)
    if found is not None and found.makers == makers and all(_is_same(*part) for part in found.origin):
        return found.stages
    stages = prepare.prepare(network, engine)
    origin: list[tuple[dict[str, Any], tuple[Any, ...]]] = []
    if _is_kept(network, origin):
        if network not in _kept and len(_kept) >= KEPT:
            _kept.pop(next(_kept.keys()), None)
        _kept.setdefault(network, {})[engine] = _Kept(stages, origin, makers)
    return stages


def _is_same(attributes: dict[str, Any], then: tuple[Any, ...]) -> bool:
    """Whether an object still has the values that it had ``then``."""
    return len(attributes) == len(then) and all(map(operator.is_, attributes.values(), then))


def _is_kept(thing: object, origin: list[tuple[dict[str, Any], tuple[Any, ...]]]) -> bool:
    """Whether ``thing`` is constant but for its attributes, and those of what it consists of, which go to ``origin``."""
    if isinstance(thing, np.ndarray):
        return is_constant(thing)
    if isinstance(thing, tuple):
        return all(_is_kept(one, origin) for one in thing)
    if not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return isinstance(thing, _CONSTANT)
    attributes, kind = vars(thing), cast(Any, type(thing))
    origin.append((attributes, tuple(attributes.values())))
    return kind.__dataclass_params__.frozen and all(_is_kept(one, origin) for one in origin[-1][1])
