"""What the trained network's layers emit, sample by sample: for the comparison with the integers, layer by layer."""

from __future__ import annotations

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.delay import shift_one_step
from myelin.train.kernels.layout import nct
from myelin.train.model import SpikingNetwork


@torch.no_grad()
def record(
    model: SpikingNetwork, frames: npt.NDArray[np.generic]
) -> tuple[dict[int, npt.NDArray[np.uint8]], npt.NDArray[np.int64]]:
    """Run ``model`` as it is set, without dropout, on ``frames`` (B, T, *input shape).

    Returns:
        by index of the layers that spike, their spikes before any axonal delay, a connection's step of latency counted as in
        ``myelin.convert.network``, (B, T, *layer shape); and the output (B, T, classes): spikes, delayed by the last layer's
        axonal delay, or states in 1/4096.
    """
    was_training = model.training
    model.eval()
    layers, x = {}, torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames.astype(np.float32), 1, -1)))
    for index, block in enumerate(model.blocks):
        emitted = block.emitted(x)  # (T, B, N)
        if block.neuron.spiking:
            layers[index] = _steps_second(nct(shift_one_step(emitted), block.shape)).astype(np.uint8)
        x = block.sent(emitted)
    model.train(was_training)
    unit = 1 if model.blocks[-1].neuron.spiking else STATE_SCALE
    return layers, (_steps_second(x).astype(np.float64) * unit).astype(np.int64)


def _steps_second(values: Tensor) -> npt.NDArray[np.float32]:
    """(B, ..., T) as (B, T, ...)."""
    return np.asarray(values.movedim(-1, 1).numpy())
