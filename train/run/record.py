"""Records the output of every layer of a trained network, for the layer-by-layer comparison with the integers."""

from __future__ import annotations

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from myelin.train.model import SpikingNetwork


@torch.no_grad()
def record(
    model: SpikingNetwork, frames: npt.NDArray[np.generic]
) -> tuple[dict[int, npt.NDArray[np.uint8 | np.int32]], npt.NDArray[np.int64]]:
    """Outputs of all layers for ``frames`` (B, T, *input shape), without dropout.  Delays and weights are used as they are set.

    Returns:
        the spikes of each spiking layer (B, T, *layer shape), by layer index; graded messages are integers, and those of delta
        encoders at the input have the index -1.  They are taken before any axonal delay; the connection's latency of one step
        is counted as in ``myelin.convert.network``.
        the output (B, T, classes): spikes after the last layer's axonal delay, or states as integers.
    """
    was_training = model.training
    model.eval()
    layers, x = {}, torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames.astype(np.float32), 1, -1)))
    if model.encoder is not None:
        x = model.encoder(x)
        layers[-1] = _integers(x, model.encoder.spike_scale)
    for index, block in enumerate(model.blocks):
        emitted = block.emitted(x)  # (T, B, N)
        if block.neuron.spiking:
            layers[index] = _integers(block.undelayed(emitted), block.neuron.spike_scale)
        x = block.sent(emitted)
    model.train(was_training)
    return layers, (_steps_second(x).astype(np.float64) * model.blocks[-1].neuron.output_scale).astype(np.int64)


def _integers(spikes: Tensor, scale: int) -> npt.NDArray[np.uint8 | np.int32]:
    """``spikes`` (B, ..., T) as integers (B, T, ...)."""
    values = _steps_second(spikes)
    return values.astype(np.uint8) if scale == 1 else (values * np.float64(scale)).astype(np.int32)


def _steps_second(values: Tensor) -> npt.NDArray[np.float32]:
    """(B, ..., T) as (B, T, ...)."""
    return np.asarray(values.movedim(-1, 1).numpy())
