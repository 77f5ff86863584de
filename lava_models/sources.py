"""Lava processes that send given values, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.layers.conv import as_chw

Array = npt.NDArray[Any]


def ring(values: Array, image: bool) -> Any:
    """A source that sends ``values`` (steps, *shape), one time step after the other.

    Args:
        values: integers.
        image: whether the source has shape (x, y, channel), as Lava's Conv expects, instead of a flat one.
    """
    from lava.proc import io

    chw = as_chw(values.shape[1:])
    data: Array = values.reshape(-1, *chw).transpose(3, 2, 1, 0) if image else values.reshape(len(values), -1).T
    return io.source.RingBuffer(data=np.ascontiguousarray(data, np.int32))
