"""The loss that a validation allows unless it is told another."""

from __future__ import annotations

from typing import Any

from myelin.hw_configs.argument_checks import shown
from myelin.hw_configs.errors import DataError

#: Allowed loss of accuracy in percent points, or allowed increase of an error in percent, of ``validate``, ``report`` and
#: ``demo`` alike.  It is a convention that looks at no result: a few hundred samples can rule out a loss of 3 points (500 do in
#: nine of ten cases if the networks are equally good and differ on one sample in 25), while a loss of 1 point takes thousands.
MAX_DROP = 3.0


def require_drop(max_drop: Any) -> None:
    """Raise DataError unless ``max_drop`` is a number of 0 or more."""
    if isinstance(max_drop, bool) or not isinstance(max_drop, int | float) or not max_drop >= 0:
        raise DataError(f"max_drop is {shown(max_drop)}; 0 or more percent points are allowed")
