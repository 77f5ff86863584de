"""CUBA neurons as Lava's LIF."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.neurons import Cuba
from myelin.hw_configs.errors import NetworkError


def lif_arguments(neuron: Cuba, shape: Shape, *, image: bool) -> dict[str, Any]:
    """Arguments of Lava's LIF for these neurons.

    ``du = current_decay - 1`` cancels the 1 that Lava adds to it (lava-nc ``proc/lif/models.py:145``).  Lava documents du and
    dv as one number for the population.  Its fixed-point model also takes arrays, which serve decays per neuron: they are not
    rounded, cast or broadcast on the way (lava-nc ``compiler/builders/py_builder.py``, variables of type int).

    Args:
        neuron: the population's constants.
        shape: the population's shape, (neurons,) or (channels, height, width).
        image: whether the process has shape (x, y, channel), as Lava's Conv expects, instead of a flat one.
    """
    lava_shape = shape[::-1] if image else (int(np.prod(shape)),)

    def per_neuron(values: IntArray) -> npt.NDArray[np.int64]:
        full = np.broadcast_to(values, shape).astype(np.int64)
        return full.transpose(2, 1, 0).copy() if image else full.reshape(-1)

    def shared_or_per_neuron(values: IntArray, offset: int) -> int | npt.NDArray[np.int64]:
        if np.all(values == values.flat[0]):
            return int(values.flat[0]) + offset
        return per_neuron(values) + offset

    return {
        "shape": lava_shape,
        "du": shared_or_per_neuron(neuron.current_decay, -1),
        "dv": shared_or_per_neuron(neuron.voltage_decay, 0),
        "bias_mant": per_neuron(neuron.bias_mant),
        "bias_exp": neuron.bias_exp,
        "vth": neuron.threshold,
    }


def has_shared_decays(neuron: Cuba) -> bool:
    """True if the whole population shares one decay of each kind, as the chip's LIF requires."""
    return all(bool(np.all(values == values.flat[0])) for values in (neuron.current_decay, neuron.voltage_decay))


def check_lif_on_chip(neuron: Cuba) -> None:
    """Raise NetworkError if the chip's LIF cannot hold the constants."""
    if not has_shared_decays(neuron):
        raise NetworkError(
            "decays differ between neurons, the LIF of the chip holds one of each kind for a layer; retrain with "
            "shared decays, or run with --backend lava (backend='cpu' in Python)"
        )


def create_lif(neuron: Cuba, arguments: dict[str, Any]) -> Any:
    """A new LIF process; call ``compat.prepare()`` first."""
    from lava.proc.lif.process import LIF

    return LIF(**arguments)


def drive_lif(neuron: Cuba, arguments: dict[str, Any], values: npt.NDArray[Any], image: bool) -> Any:
    """A LIF whose bias mantissa follows ``values`` (steps, *shape); if it changes over time, it is loaded between steps."""
    from lava.proc import io

    mantissa = neuron.input_mantissa(values)
    mantissa = mantissa.transpose(0, 3, 2, 1) if image else mantissa.reshape(len(mantissa), -1)
    lif = create_lif(neuron, {**arguments, "bias_mant": mantissa[0].copy()})
    if np.any(mantissa != mantissa[0]):
        # a value loaded after a step takes effect in the next; Lava's loader expects (state, label) and restarts at the end
        loader = io.dataloader.StateDataloader(dataset=[(np.ascontiguousarray(step), 0) for step in mantissa[1:]])
        loader.connect_var(lif.bias_mant)
    return lif
