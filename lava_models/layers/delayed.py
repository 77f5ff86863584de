"""Event-driven delayed connections, without a copy of the weights for each delay."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix


class DelayedProduct:
    """Event-driven product ``A_i[k] = sh( sum_{j: D_ij = k} W_ij s_j )`` for all delays k at once.

    Synapses are sorted by source.  A step gathers the synapses of the sources that spiked and adds each weight to its cell
    (target, delay).  The cost is the number of synaptic events, not the size of the weights times the number of delays.

    Args:
        weight: W (out, in), already clipped and truncated by Lava.
        delays: D (out, in) in steps.
        weight_exp: e of ``sh(x) = x << e`` (e > 0) or ``x >> -e``, which floors.
        bins: number of delay bins, the longest delay plus 1.
    """

    def __init__(self, weight: Any, delays: Any, weight_exp: int, bins: int) -> None:
        by_source = csr_matrix(weight).tocoo()
        steps = np.asarray(csr_matrix(delays)[by_source.row, by_source.col]).reshape(-1).astype(np.intp)
        if steps.size and (steps.min() < 0 or steps.max() >= bins):
            raise ValueError(f"delays lie in {steps.min()}..{steps.max()}, the buffer holds 0..{bins - 1}")
        order = np.argsort(by_source.col, kind="stable")
        self.cell = (by_source.row.astype(np.intp) * bins + steps)[order]
        self.weight = by_source.data.astype(np.float64)[order]  # sums below 2^53 are exact
        self.start = np.searchsorted(by_source.col[order], np.arange(weight.shape[1] + 1))
        self.shape = (weight.shape[0], bins)
        self.weight_exp = weight_exp

    def __call__(self, spikes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The activations A (out, bins) for the values ``spikes`` (in,)."""
        active = np.flatnonzero(spikes)
        count = self.start[active + 1] - self.start[active]
        ends = np.cumsum(count)
        total = int(ends[-1]) if active.size else 0
        # positions start..start+count of every active source, one run after the other
        index = np.arange(total) + np.repeat(self.start[active] - (ends - count), count)
        values = self.weight[index] * np.repeat(spikes[active].astype(np.float64), count)
        sums = np.bincount(self.cell[index], weights=values, minlength=self.shape[0] * self.shape[1])
        result = sums.astype(np.int64).reshape(self.shape)
        return result << self.weight_exp if self.weight_exp > 0 else result >> -self.weight_exp
