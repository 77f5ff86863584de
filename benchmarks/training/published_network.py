"""DelRec and ConvDelRec in their published order, as an integer network for inference, in torch without gradients.

The recurrence is that of ``benchmarks.training.published``: in every step the weights are applied once per lag, and the
results are added to a ring buffer.  The neurons are those of ``myelin.convert.neurons.cuba`` in float64, which is exact.
Products are in float32, which is exact here too: no sum reaches 2^24.  Two simplifications save work: there is no wrap and no
saturation, which no state here reaches, and feed-forward axonal delays are applied to all steps at once before one product.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from myelin.convert import Conv, Cuba, Dense, Layer, Network
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SHIFT


class PublishedNetwork:
    """A chain of dense layers of CUBA neurons and a readout of voltages, from ``benchmarks.networks``.

    Args:
        network: network to run.
        lags: L, the length of kernel and ring buffer; at least 1 + the longest recurrent delay.
    """

    def __init__(self, network: Network, lags: int) -> None:
        last = network.layers[-1]
        assert last.output == "state" and last.recurrent is None
        self.lags, self.layers = lags, []
        delay: npt.NDArray[np.signedinteger[Any]] = np.zeros(network.input.shape, np.int64)
        largest = network.input.max_value
        for layer in network.layers:
            neuron = cast(Cuba, layer.neuron)
            assert isinstance(layer.synapse, Dense) and layer.synapse.weight_exp == 0 and not neuron.has_bias
            assert largest * layer.synapse.absolute_input_sum() < 1 << 24
            recurrence = None if layer.recurrent is None else _weight_and_kernel(layer, lags)
            weight = torch.tensor(layer.synapse.weight, dtype=torch.float32)
            self.layers.append((weight, torch.tensor(delay), recurrence, neuron))
            largest, delay = 1, layer.delays.reshape(-1)

    def run(self, spikes: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """Voltages (batch, steps, outputs) of the readout for ``spikes`` (batch, steps, inputs)."""
        with torch.no_grad():
            train = torch.tensor(np.moveaxis(spikes, 1, 0), dtype=torch.float32)  # (T, B, N)
            for weight, delay, recurrence, neuron in self.layers:
                current = _later(train, delay) @ weight.t()
                if recurrence is None:
                    return np.moveaxis(_voltages(current, neuron).numpy(), 0, 1).astype(np.int32)
                train = self._recurrent(current, *recurrence, neuron)
        raise AssertionError("the last layer is a readout")

    def _recurrent(self, current: Tensor, weight: Tensor, kernel: Tensor, neuron: Cuba) -> Tensor:
        """Spikes (T, B, N) of a recurrent layer driven by ``current`` (T, B, N)."""
        steps, batch, neurons = current.shape
        keep_u, keep_v, threshold = _constants(neuron)
        future = torch.zeros(batch, neurons, self.lags)
        u, v = torch.zeros(2, batch, neurons, dtype=torch.float64)
        spikes, now = torch.empty_like(current), 0
        for t in range(steps):
            u.mul_(keep_u).trunc_().add_(current[t] + future[:, :, now], alpha=1 << STATE_SHIFT)
            v.mul_(keep_v).trunc_().add_(u)
            fired = v > threshold
            v.masked_fill_(fired, 0)
            spikes[t] = fired
            spread = spikes[t].unsqueeze(2) * kernel  # (B, N, L)
            arriving = torch.matmul(weight, spread) if weight.dim() == 2 else _convolve(weight, spread)
            future[:, :, now] = 0
            now = (now + 1) % self.lags
            ahead = self.lags - now
            future[:, :, now:].add_(arriving[:, :, :ahead])
            future[:, :, :now].add_(arriving[:, :, ahead:])
        return spikes


def _weight_and_kernel(layer: Layer, lags: int) -> tuple[Tensor, Tensor]:
    """Recurrent weights, (N, N) or (1, 1, taps, 1), and the (N, L) kernel over lags 1..L with one tap per neuron."""
    assert layer.recurrent is not None
    synapse, delay = layer.recurrent.synapse, np.broadcast_to(layer.recurrent.delay_steps, layer.shape).reshape(-1)
    assert delay.max(initial=0) < lags, f"recurrent delays reach {delay.max(initial=0)} steps, of {lags - 1}"
    kernel = torch.zeros(layer.neurons, lags)
    kernel[torch.arange(layer.neurons), torch.tensor(delay)] = 1
    if isinstance(synapse, Conv):
        assert synapse.weight.shape[:3] == (1, 1, 1) and synapse.padding == (0, synapse.weight.shape[3] // 2)
        return torch.tensor(synapse.weight.reshape(1, 1, -1, 1), dtype=torch.float32), kernel
    return torch.tensor(synapse.weight, dtype=torch.float32), kernel


def _convolve(weight: Tensor, spread: Tensor) -> Tensor:
    return conv2d(spread.unsqueeze(1), weight, padding=(weight.shape[2] // 2, 0)).squeeze(1)


def _later(train: Tensor, delay: Tensor) -> Tensor:
    """The spikes (T, B, N) delayed by 1 + ``delay`` (N,) steps."""
    steps = len(train)
    origin = torch.arange(steps)[:, None] - 1 - delay  # (T, N)
    arriving = train.gather(0, origin.clamp(min=0)[:, None].expand(train.shape))
    return arriving.mul_((origin >= 0)[:, None])


def _voltages(current: Tensor, neuron: Cuba) -> Tensor:
    """Voltages (T, B, N) of neurons without recurrence."""
    keep_u, keep_v, threshold = _constants(neuron)
    u, v = torch.zeros(2, *current.shape[1:], dtype=torch.float64)
    voltages = torch.empty(current.shape, dtype=torch.float64)
    for t in range(len(current)):
        u.mul_(keep_u).trunc_().add_(current[t], alpha=1 << STATE_SHIFT)
        v.mul_(keep_v).trunc_().add_(u)
        voltages[t] = v
        v.masked_fill_(v > threshold, 0)
    return voltages


def _constants(neuron: Cuba) -> tuple[float, float, int]:
    """Both decays as factors, the same for all neurons, and the threshold in units of the states."""
    keep_u, keep_v = ((DECAY_UNITY - int(decay)) / DECAY_UNITY for decay in (neuron.current_decay, neuron.voltage_decay))
    return keep_u, keep_v, int(neuron.threshold) << STATE_SHIFT
