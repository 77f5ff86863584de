"""The section ``alif`` of a configuration: constants that ALIF neurons have beside those of ``neuron``."""

from __future__ import annotations

from dataclasses import dataclass

from myelin.hw_configs.fixed_point import WEIGHT_SCALE
from myelin.train.config.checks import require


@dataclass(frozen=True)
class AlifConfig:
    """Arguments of ``myelin.train.neurons.Alif``, documented there; the others come from the section ``neuron``.

    ``neuron.learn_decays``, ``per_neuron`` and ``spread`` hold for these decays too.

    Attributes:
        threshold_step: rise of the threshold at a spike, in SLAYER's units.
        threshold_decay: fraction of the threshold's rise lost per step, at the start of training.
        refractory_decay: fraction of the refractory state lost per step, at the start of training.
        learn_threshold_step: whether the step is trained, one for a layer.
        threshold_decay_min: smallest decay of the threshold, in 1/4096; None: 0.
        threshold_decay_max: largest decay of the threshold, in 1/4096; None: 4096.
        refractory_decay_min: smallest decay of the refractory state, in 1/4096; None: 0.
        refractory_decay_max: largest decay of the refractory state, in 1/4096; None: 4096.
    """

    threshold_step: float = 0.5
    threshold_decay: float = 0.02
    refractory_decay: float = 0.2
    learn_threshold_step: bool = False
    threshold_decay_min: int | None = None
    threshold_decay_max: int | None = None
    refractory_decay_min: int | None = None
    refractory_decay_max: int | None = None

    def __post_init__(self) -> None:
        step = self.threshold_step
        whole = 0 <= step < 64 and step * WEIGHT_SCALE == int(step * WEIGHT_SCALE)
        require("alif.threshold_step", step, whole, "a multiple of 1/64 from 0 to below 64")
        for name in ("threshold_decay", "refractory_decay"):
            require(f"alif.{name}", getattr(self, name), 0 <= getattr(self, name) <= 1, "a fraction from 0 to 1")
