"""Denoising: spoken words as frames of bands with noise, and as targets the clean envelopes of the bands.

From spikes c[t, b] that fall into step t and band b, frames x and targets y::

    x[t, b] = Binomial(c[t, b], KEPT) + Poisson(SPURIOUS)
    y[t, b] = sum_k g[k] c[t - LAG_STEPS - k, b] / FULL       g: a Gaussian of SMOOTHED_STEPS steps, of sum 1

There are ``STEPS`` steps of ``STEP_MS`` and ``BANDS`` bands.  The targets lag by the latency of a network of three connections,
so without any delay its output at a step belongs to the frame of the same time.  The noise is that of one generator per split,
``numpy.random.default_rng([NOISE_SEED, number of the split])``: the same in every epoch and on every machine.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.events import SpikeDataset

#: What follows a path, as in ``builtin:denoise``.
OPTION = "denoise"
STEPS, STEP_MS, BANDS = 80, 10.0, 20
#: Share of the spikes that is kept, and mean number of spurious ones in a step and band.
KEPT, SPURIOUS = 0.5, 1.0
#: Latency of three connections; standard deviation of the envelope's window; the count that is 1 in a target.
LAG_STEPS, SMOOTHED_STEPS, FULL = 3, 2.0, 16.0
NOISE_SEED = 20260715


def denoising(clean: SpikeDataset, split: int) -> SpikeDataset:
    """The samples of ``clean`` as frames with noise, with their envelopes as traces; ``split`` chooses the noise.

    Raises:
        DataError: the data has traces or units on two axes, or its channels do not pool to ``BANDS``.
    """
    if clean.targets is not None or clean.shape is not None or clean.channels % BANDS:
        what = "answers of their own for every step" if clean.targets is not None else "another arrangement of its units"
        raise DataError(
            f"{clean.name}: has {what}; ':{OPTION}' takes words, with one class each, of units in a row that pool to {BANDS} "
            "bands"
        )
    counts = clean.bin(np.arange(len(clean)), STEPS, STEP_MS, BANDS).frames
    rng = np.random.default_rng([NOISE_SEED, split])
    noisy = rng.binomial(counts, KEPT) + rng.poisson(SPURIOUS, counts.shape)
    reach = int(3 * SMOOTHED_STEPS)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTHED_STEPS) ** 2)
    padded = np.pad(counts.astype(np.float64), ((0, 0), (reach + LAG_STEPS, reach), (0, 0)))[:, : STEPS + 2 * reach]
    shifted = (weight * padded[:, k : k + STEPS] for k, weight in enumerate(window / window.sum()))
    envelopes = sum(shifted, np.zeros(counts.shape)) / FULL
    made = SpikeDataset.from_dense(
        noisy.clip(0, 255).astype(np.uint8), envelopes.astype(np.float32), step_ms=STEP_MS, name=f"{clean.name}:{OPTION}"
    )
    return replace(made, labels=clean.labels, speakers=clean.speakers)
