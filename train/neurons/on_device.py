"""Constants of a population that lies on a device other than the CPU, computed there: the host does not wait for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SCALE
from myelin.train.kernels.late_checks import check_later, require_finite
from myelin.train.neurons.checks import spread_text

_CURE = "lower the learning rate of decays (train.decay_rate)"


def kept_there(neuron: Any) -> tuple[Tensor, ...]:
    """(4096 - decay) / 4096 of current and voltage of every CUBA neuron, (N,) float64 each; as ``Cuba.keep`` on the CPU.

    A learnt decay that has left its range is brought back, as by ``Cuba.clamp``.

    Raises:
        ConfigError: the number of decays does not fit; a little later, one that is not learnt is out of range.
        MyelinError: a little later, a decay is NaN or infinite.
    """
    found, channels = [], neuron.shape[0]
    names, decays = ("current_decay", "voltage_decay"), (neuron.current_decay, neuron.voltage_decay)
    for name, decay, (low, high) in zip(names, decays, neuron.decay_ranges):
        if decay.dim() != 1 or decay.numel() not in (1, channels):
            raise ConfigError(f"{name} has shape {tuple(decay.shape)}; (1,) or ({channels},) is allowed")
        values = decay.detach()
        if decay.requires_grad:
            require_finite(values, f"a {name}", _CURE)
            decay.data.clamp_(low, high)  # .data: a loss may hold the parameter already
        else:
            check_later(((values >= 0) & (values <= DECAY_UNITY)).all(), partial(_out_of_range, name, values))
        exact = values.double()
        kept = 1 - (torch.round(exact) if neuron.whole_decays else exact) / DECAY_UNITY
        found.append(kept.repeat_interleave(neuron.neurons // kept.numel()))
    return tuple(found)


def constants_there(
    neuron: Any, bias: Tensor | None, threshold: Tensor | None
) -> tuple[tuple[Tensor, ...], Tensor | float, Tensor | None]:
    """``kept_there``, the threshold in SLAYER's units (``threshold`` if it is learnt), and ``bias`` in 1/4096 or None."""
    at = neuron.threshold if threshold is None else threshold.detach()
    return kept_there(neuron), at, None if bias is None else bias.detach().double() * STATE_SCALE


def _out_of_range(name: str, values: Tensor) -> ConfigError:
    text = spread_text(values.cpu().numpy())
    return ConfigError(f"{name} is {text}; 0..{DECAY_UNITY} (in 1/4096) is allowed")
