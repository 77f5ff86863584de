"""Sigma-delta neurons, their readout and delta encoders as Lava's SigmaDelta, Sigma and Delta."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.neurons import Delta, Sigma, SigmaDelta

#: Lava's ``ActivationMode`` (lava-nc ``proc/sdn/process.py``).
_ACTIVATIONS = {"unit": 0, "relu": 1}
#: Names of our constants -> arguments of Lava's processes; Sigma has none.
_SCALARS = {"threshold": "vth", "cumulative_error": "cum_error", "spike_exp": "spike_exp", "state_exp": "state_exp"}


def sigma_delta_arguments(neuron: SigmaDelta | Sigma | Delta, shape: Shape, *, image: bool) -> dict[str, Any]:
    """Arguments of Lava's process for these neurons; Lava itself shifts threshold and bias by the exponents.

    Args:
        neuron: the population's constants.
        shape: the population's shape, (neurons,) or (channels, height, width).
        image: whether the process has shape (x, y, channel), as Lava's Conv expects, instead of a flat one.
    """
    arguments: dict[str, Any] = {"shape": shape[::-1] if image else (int(np.prod(shape)),)}
    constants = neuron.fields()
    arguments |= {lava: constants[name] for name, lava in _SCALARS.items() if name in constants}
    if "bias" in constants:
        bias = np.broadcast_to(constants["bias"], shape)
        arguments["bias"] = bias.transpose(2, 1, 0).copy() if image else bias.reshape(-1).copy()
    if "activation" in constants:
        arguments["act_mode"] = _ACTIVATIONS[constants["activation"]]
    return arguments


def create_sigma_delta(neuron: SigmaDelta | Sigma | Delta, arguments: dict[str, Any]) -> Any:
    """A new process, named by ``arguments["name"]``; call ``compat.prepare()`` first."""
    from lava.proc.sdn import process

    options = {key: value for key, value in arguments.items() if key != "name"}
    made = getattr(process, type(neuron).__name__)(**options)
    made.name = arguments["name"]  # the constructors of Sigma and Delta take no name (lava-nc ``proc/sdn/process.py:24``)
    return made


def drive_delta(neuron: Delta, arguments: dict[str, Any], values: npt.NDArray[Any], image: bool) -> Any:
    """Delta encoders driven by ``values`` (steps, *shape)."""
    from myelin.lava_models.sources import ring

    encoders = create_sigma_delta(neuron, arguments)
    ring(values, image).s_out.connect(encoders.a_in)
    return encoders
