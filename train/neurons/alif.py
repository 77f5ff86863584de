"""ALIF neuron for training: Lava's integers with adaptive threshold forward, a surrogate gradient backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from myelin.hw_configs.argument_checks import is_number
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SCALE, WEIGHT_SCALE
from myelin.train.kernels.alif import AlifNeurons
from myelin.train.kernels.constants_gradient import bias_gradient
from myelin.train.kernels.layout import array
from myelin.train.kernels.numba_loops import SURROGATES
from myelin.train.kernels.types import Gradients, Neurons, Trace
from myelin.train.neurons.checks import THRESHOLD_LIMIT, decay_range, spread_text
from myelin.train.neurons.cuba import Cuba
from myelin.train.neurons.on_grid import rounded

#: Names of the decays, in the order of the loops, with their fields in a netx file.
DECAYS = {"current_decay": "iDecay", "voltage_decay": "vDecay", "threshold_decay": "thDecay", "refractory_decay": "refDecay"}


class Alif(Cuba):
    """A population of leaky integrate-and-fire neurons with adaptive threshold and refractory state.

    Per time step, in SLAYER's units (internally integers of 1/4096, see ``myelin.train.kernels.alif``)::

        i[t]     = (1 - current_decay) i[t-1] + x[t]
        v[t]     = (1 - voltage_decay) v[t-1] + i[t] + b
        theta[t] = (1 - threshold_decay) (theta'[t-1] - threshold) + threshold
        r[t]     = (1 - refractory_decay) r'[t-1]
        s[t]     = v[t] - r[t] >= theta[t]
        theta'   = theta + threshold_step s,   r' = r + 2 theta s

    A spike does not reset the voltage: the refractory state holds it back, and the threshold rises.  With
    ``threshold_step=0`` the threshold is constant.

    Equals Lava's ``ATRLIF`` in fixed point, and lava-dl's ``slayer.neuron.alif.Neuron`` on the CPU for states below 2048 and
    without a bias.  ``myelin.convert.neurons.alif`` says where the two differ.

    Args:
        shape: shape of the population, (N,) or (C, H, W).
        threshold: the threshold at rest, in SLAYER's units; a multiple of 1/64.
        threshold_step: rise of the threshold at a spike, in SLAYER's units; a multiple of 1/64, 0 to below 64.
        threshold_decay, refractory_decay: fraction lost per step, 0..1, at the start of training.
        learn_threshold_step: whether the step is trained, one for the population; it stays on its grid in the forward pass.
        threshold_decay_min, threshold_decay_max, refractory_decay_min, refractory_decay_max: range of the decays, in 1/4096;
            None: 0 and 4096.
        constants: the other arguments of ``Cuba``; ``learn_decays`` is for all four decays.

    Raises:
        ConfigError: a value is outside its range; or ``spiking=False`` or ``learn_threshold=True``, which these neurons do not
            have.

    Source: lava-nc ``proc/atrlif/models.py``; the gradient is that of ``myelin.train.kernels.alif``.
    """

    threshold_decay: nn.Parameter
    refractory_decay: nn.Parameter

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        threshold_step: float = 0.5,
        threshold_decay: float = 0.02,
        refractory_decay: float = 0.2,
        learn_threshold_step: bool = False,
        threshold_decay_min: int | None = None,
        threshold_decay_max: int | None = None,
        refractory_decay_min: int | None = None,
        refractory_decay_max: int | None = None,
        **constants: Any,
    ) -> None:
        if not constants.get("spiking", True):
            raise ConfigError("spiking is False; Alif neurons spike, a readout of voltages has Cuba neurons")
        if constants.get("learn_threshold", False):
            raise ConfigError("learn_threshold is True; Alif neurons learn threshold_step, their threshold at rest is constant")
        super().__init__(shape, **constants)
        named = {"threshold_decay": threshold_decay, "refractory_decay": refractory_decay}
        for name, value in (named | {"threshold_step": threshold_step}).items():
            if not is_number(value):
                raise ConfigError(f"{name} is {value!r}; a number is allowed")
        for name, value in named.items():
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} is {value}; a fraction from 0 to 1 is allowed")
        if not 0 <= threshold_step < 64 or threshold_step * WEIGHT_SCALE != int(threshold_step * WEIGHT_SCALE):
            raise ConfigError(f"threshold_step is {threshold_step}; a multiple of 1/64 from 0 to below 64 is allowed")
        if not isinstance(learn_threshold_step, bool):
            raise ConfigError(f"learn_threshold_step is {learn_threshold_step!r}; True or False is allowed")
        ranges = (
            decay_range("threshold_decay", threshold_decay_min, threshold_decay_max),
            decay_range("refractory_decay", refractory_decay_min, refractory_decay_max),
        )
        self.decay_ranges = (*self.decay_ranges[:2], *ranges)  # type: ignore[assignment]
        size, spread = self.current_decay.numel(), float(constants.get("spread", 0.0))
        for (name, value), (low, high) in zip(named.items(), ranges, strict=True):
            start = torch.full((size,), value * DECAY_UNITY)
            if size > 1 and spread:
                start = start * (1 + spread * (2 * torch.rand(size) - 1))
            self.register_parameter(name, nn.Parameter(start.clamp(low, high), requires_grad=self.learn_decays))
        self._threshold_step = float(threshold_step)
        self.learnt_threshold_step = nn.Parameter(torch.tensor(float(threshold_step))) if learn_threshold_step else None

    @property
    def decays(self) -> tuple[nn.Parameter, ...]:  # type: ignore[override]
        """Decays of current, voltage, threshold and refractory state, in units of 1/4096."""
        return self.current_decay, self.voltage_decay, self.threshold_decay, self.refractory_decay

    @property
    def threshold_step(self) -> float:
        """Rise of the threshold at a spike in SLAYER's units: a multiple of 1/64, as the forward pass uses it."""
        if self.learnt_threshold_step is None:
            return self._threshold_step
        return float(_step_on_grid(self.learnt_threshold_step.detach()))

    @threshold_step.setter
    def threshold_step(self, value: float) -> None:
        self._threshold_step = float(value)
        if self.learnt_threshold_step is not None:
            self.learnt_threshold_step.data.fill_(value)

    def clamp(self) -> None:
        """Clamp learnt decays, biases and the step of the threshold to their ranges, in place."""
        super().clamp()
        if self.learnt_threshold_step is not None:
            with torch.no_grad():
                self.learnt_threshold_step.clamp_(0, THRESHOLD_LIMIT / WEIGHT_SCALE)

    def keep(self) -> tuple[np.ndarray, ...]:  # type: ignore[override]
        """(4096 - decay) / 4096 of every neuron for the four states, (N,) float64 each; see ``Cuba.keep``."""
        found = (self._in_range(*each) for each in zip(DECAYS, self.decays, self.decay_ranges, strict=True))
        shares = (1 - (np.rint(decay) if self.whole_decays else decay) / DECAY_UNITY for decay in found)
        return tuple(np.repeat(share, self.neurons // share.size) for share in shares)

    def extra_repr(self) -> str:
        """Shape and constants."""
        decays = (f"{name}={spread_text(array(getattr(self, name)) / DECAY_UNITY)}" for name in DECAYS)
        parts = [" x ".join(map(str, self.shape)), f"threshold={self.threshold:g}", f"threshold_step={self.threshold_step:g}"]
        learnt = {"decays": self.learns, "biases": self.has_bias, "threshold_step": self.learnt_threshold_step is not None}
        return ", ".join((*parts, *decays, *(f"learnt {name}" for name, there in learnt.items() if there)))

    @property
    def device_params(self) -> dict[str, Any]:
        """The chip's integer parameters by netx name, as in lava-dl."""
        found = (self._in_range(*each) for each in zip(DECAYS, self.decays, self.decay_ranges, strict=True))
        decays = {key: np.rint(values).astype(int) for key, values in zip(DECAYS.values(), found, strict=True)}
        levels = {
            "vThMant": int(self.threshold * WEIGHT_SCALE),
            "vThStep": int(self.threshold_step * WEIGHT_SCALE),
        }
        return {"type": "ALIF", **decays, **levels, "refDelay": 1, "gradedSpike": False}

    def learnt_by_loops(self, shift: Tensor | None = None) -> tuple[Tensor | None, ...]:
        """The four decays, effective bias and step of the threshold, see ``Neuron.learnt_by_loops``."""
        step = None if self.learnt_threshold_step is None else _step_on_grid(self.learnt_threshold_step)
        return *self.decays, self.effective_bias(shift), step

    def constants(self, *learnt: Tensor | None) -> Neurons:
        """Current constants of the population, for the loops over time."""
        code = SURROGATES[self.surrogate], self.width, self.scale_grad
        bias = (learnt or self.learnt_by_loops())[4]
        whole = None if bias is None else array(bias).astype(np.float64) * STATE_SCALE
        learns = self.learns or self._learns_step
        return AlifNeurons(self.keep(), self.threshold, code, learns, True, whole, self.threshold_step)

    @property
    def _learns_step(self) -> bool:
        return self.learnt_threshold_step is not None and self.learnt_threshold_step.requires_grad

    def loop_gradients(self, grads: Gradients, trace: Trace, constants: Neurons) -> tuple[Tensor | None, ...]:
        """Gradients of ``learnt_by_loops``; None for what is not learnt."""
        decays: tuple[Tensor | None, ...] = (None,) * len(DECAYS)
        if self.learns:
            total = grads.decay[: len(DECAYS)].sum(dim=1)
            decays = tuple(total.unflatten(1, (self.current_decay.numel(), -1)).sum(dim=2).float())
        bias = None if constants.bias is None else bias_gradient(grads.x, constants).float()
        step = grads.decay[len(DECAYS)].sum().float() if self._learns_step else None
        return *decays, bias, step


def _step_on_grid(value: Tensor) -> Tensor:
    """A threshold's step in SLAYER's units as a multiple of 1/64, 0 to below 64; raises MyelinError if it is NaN."""
    if not bool(torch.isfinite(value)):
        raise MyelinError("a threshold_step is NaN or infinite: training diverged; lower the learning rate")
    return rounded((value * WEIGHT_SCALE).clamp(0, THRESHOLD_LIMIT)) / WEIGHT_SCALE
