"""Records the output of every layer of a trained network, for the layer-by-layer comparison with the integers."""

from __future__ import annotations

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.model import SpikingNetwork


@torch.no_grad()
def record(
    model: SpikingNetwork, frames: npt.NDArray[np.generic]
) -> tuple[dict[int, npt.NDArray[np.uint8]], npt.NDArray[np.int64]]:
    """Outputs of all layers for ``frames`` (B, T, *input shape), without dropout.  Delays and weights are used as they are set.

    Returns:
        the spikes of each spiking layer (B, T, *layer shape), by layer index.  They are taken before any axonal delay; the
        connection's latency of one step is counted as in ``myelin.convert.network``.
        the output (B, T, classes): spikes after the last layer's axonal delay, or states in units of 1/4096.
    """
    was_training = model.training
    model.eval()
    layers, x = {}, torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames.astype(np.float32), 1, -1)))
    for index, block in enumerate(model.blocks):
        emitted = block.emitted(x)  # (T, B, N)
        if block.neuron.spiking:
            layers[index] = _steps_second(block.undelayed(emitted)).astype(np.uint8)
        x = block.sent(emitted)
    model.train(was_training)
    unit = 1 if model.blocks[-1].neuron.spiking else STATE_SCALE
    return layers, (_steps_second(x).astype(np.float64) * unit).astype(np.int64)


def _steps_second(values: Tensor) -> npt.NDArray[np.float32]:
    """(B, ..., T) as (B, T, ...)."""
    return np.asarray(values.movedim(-1, 1).numpy())
