"""Accuracy per step as published scripts for QTDB-ECG count it: a step without a label is class 0, the first ones are left out.

The figure is for comparison with theirs alone.  A network that is not trained to answer class 0 there is wrong in these steps.

Source: github.com/byin-cwi/Efficient-spiking-networks, ECG.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

#: Steps at the beginning of a sample that are left out.
LEFT_OUT_STEPS = 10
#: What the figure is, for people.
EXPLAINED = f"steps without a label as class 0, the first {LEFT_OUT_STEPS} steps left out"


def published_percent(predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> float | None:
    """Accuracy in percent of ``predictions`` (samples, steps); None if every step of ``targets`` has a label.

    Args:
        predictions: classes.
        targets: true classes, -1 where there is no label.
    """
    if not (targets < 0).any():
        return None
    right = predictions == targets.clip(min=0)
    return 100.0 * float(np.mean(right[:, LEFT_OUT_STEPS:]))
