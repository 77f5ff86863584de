"""Reads the CUBA neurons of lava-dl's SLAYER blocks, with the values of their forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatArray
from myelin.convert.modules.known import full_name, known_class, numbers, require_unchanged
from myelin.convert.modules.reading import spread_values
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY

_CUBA = "lava.lib.dl.slayer.neuron.cuba.Neuron"
#: Modules that do nothing in evaluation.
DROPOUTS = {
    "lava.lib.dl.slayer.neuron.dropout.Dropout",
    *(
        f"torch.nn.modules.dropout.{name}"
        for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
    ),
}


def require_plain_neuron(neuron: Any) -> None:
    """Raise NetworkError unless ``neuron`` is lava-dl's CUBA neuron without anything that changes its equations."""
    known = known_class(neuron, (_CUBA,))
    if known is None:
        kind = type(neuron).__module__.removeprefix("lava.lib.dl.slayer.")
        raise NetworkError(f"it has {kind}.{type(neuron).__name__} neurons; CUBA neurons (slayer.neuron.cuba) can be read")
    require_unchanged("its neuron", neuron, known)
    if neuron.norm is not None:
        raise NetworkError(
            f"its neuron has norm={type(neuron.norm).__name__}, which shifts or scales the current in every step; train "
            "without, "
            "or fold it into the weights first"
        )
    if neuron.drop is not None and full_name(type(neuron.drop)) not in DROPOUTS:
        raise NetworkError(
            f"its neuron has dropout={neuron.drop!r}; slayer.neuron.Dropout, which does nothing in evaluation, is read"
        )
    if neuron.graded_spike:
        raise NetworkError("its neuron has graded_spike=True, and sends its voltage as the spike; spikes of 0 or 1 can be read")
    if neuron.p_scale != DECAY_UNITY or neuron.s_scale != neuron.w_scale << 6:
        raise NetworkError(
            f"its neuron has p_scale={neuron.p_scale}, w_scale={neuron.w_scale}, s_scale={neuron.s_scale}; those of its class, "
            "4096 and s_scale = 64 w_scale, can be read"
        )


def read_neuron(neuron: Any, shape: Shape, *, spiking: bool = True, dynamics: bool = True) -> FloatCuba:
    """The neurons of a population of ``shape``.

    Args:
        neuron: lava-dl's CUBA neuron, see ``require_plain_neuron``.
        shape: shape of its population.
        spiking: False for a readout of states.
        dynamics: False for a readout of the weighted sum alone.

    Raises:
        NetworkError: decays are not drawn yet, or a value is outside its range.
    """
    if not dynamics:
        return FloatCuba(None, np.ones(()), np.ones(()))
    current, voltage = (_decays(neuron, name, shape) for name in ("current_decay", "voltage_decay"))
    return FloatCuba(_threshold(neuron) if spiking else None, current, voltage)


def _threshold(neuron: Any) -> float:
    threshold = np.asarray(neuron.threshold, np.float64)
    if threshold.size != 1:
        raise NetworkError(f"its neuron has {threshold.size} thresholds; one for all is allowed")
    value, margin = float(threshold.reshape(())), float(neuron.threshold_eps)
    if not 0 < margin < 1 / neuron.s_scale or np.float32(value + margin) <= np.float32(value):
        raise NetworkError(
            f"its threshold is {value:g}: SLAYER then also spikes at the threshold itself, since its margin of "
            f"{margin:g} is lost "
            "in float32, and the chip spikes above it; a threshold below 64 is allowed"
        )
    return value


def _decays(neuron: Any, name: str, shape: Shape) -> FloatArray:
    if hasattr(neuron, f"{name}_min"):
        raise NetworkError(
            f"its neuron has not run yet, and draws its {name} in the first forward pass; run the module once on an input"
        )
    values = np.rint(numbers(getattr(neuron, name)))
    if neuron.requires_grad:
        values = values.clip(0, neuron.p_scale)  # as its forward pass does
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= neuron.p_scale):
        raise NetworkError(f"its {name} lies in {values.min():g}..{values.max():g}; 0..{neuron.p_scale} is allowed")
    if values.size > 1 and len(shape) == 3 and np.prod(shape[1:]) > 1 and values.size == shape[2] and np.ptp(values):
        raise NetworkError(
            f"its {name} has {values.size} values for an image of {shape}: lava-dl takes them per column on the CPU and "
            "per channel "
            "on CUDA; build the neuron with shared_param=True"
        )
    return spread_values(values / neuron.p_scale, shape, name)
