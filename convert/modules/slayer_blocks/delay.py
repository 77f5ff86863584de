"""The axonal delays of SLAYER's blocks, ``slayer.axon.Delay``."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.modules.known import known_class, numbers, require_unchanged
from myelin.convert.modules.reading import spread_values
from myelin.convert.modules.slayer_blocks.attributes import DELAY, require_considered
from myelin.hw_configs.errors import NetworkError

_DELAY = "lava.lib.dl.slayer.axon.delay.Delay"


def read_delays(delay: Any, shape: Shape, *, raw: bool) -> FloatArray:
    """Delays in steps of a population of ``shape``, clamped and floored as in the forward pass; ``raw``: not floored."""
    if delay is None:
        return np.zeros(())
    known = known_class(delay, (_DELAY,))
    if known is None:
        raise NetworkError(f"its delay is a {type(delay).__name__}; slayer.axon.Delay can be read")
    require_unchanged("its delay", delay, known)
    require_considered("its delay", delay, known, DELAY)
    values = numbers(delay.delay)
    if not np.isfinite(values).all():
        raise NetworkError("its delay is NaN or infinite: training diverged; train again with a smaller learning rate")
    if delay.init is False:
        if values.any():
            raise NetworkError(
                "its delay has not run yet, and its first forward pass replaces the values set; run the module once, "
                "then set them"
            )
        return np.zeros(())  # the first forward pass draws delays of 0..1, which it floors
    if values.size != shape[0]:
        raise NetworkError(f"its delay has {values.size} values; lava-dl takes one for each of the {shape[0]} channels")
    values = values.clip(0, delay.max_delay)
    return spread_values(values if raw else np.floor(values), shape, "delays")
