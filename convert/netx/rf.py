"""Reader and writer of netx's resonate-and-fire neurons, types RF_PHASE and RF_IZHIKEVICH."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.netx.constants import flat, threshold_of
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.values import spread
from myelin.convert.neurons import Rf, RfIz
from myelin.hw_configs.errors import NetworkError

#: Type in the file -> neuron.
TYPES: dict[str, type[Rf | RfIz]] = {"RF_PHASE": Rf, "RF_IZHIKEVICH": RfIz}
#: Fields of the subgroup ``neuron``.
FIELDS = {"type", "sinDecay", "cosDecay", "vThMant", "gradedSpike"}


def read_rf(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None, at_input: bool) -> Rf | RfIz:
    """The neuron in the subgroup ``neuron``; its decays are the file's integers."""
    if "bias" in group:
        raise NetworkError(
            f"{group.name}: 'bias' stands beside resonate-and-fire neurons, which have none in Lava: leave the field out"
        )
    if neuron.number("gradedSpike", 0):
        raise NetworkError(
            f"{group.name}: gradedSpike is set; Lava's RF and RF_IZ send spikes of 0 or 1: train with graded_spike=False"
        )
    decays = {}
    for key in ("sinDecay", "cosDecay"):
        values = neuron.numbers(key, int(np.prod(shape)))
        if values is None:
            raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
        decays[key] = spread(group, key, values, shape)
    return TYPES[neuron.text("type")](threshold_of(group, neuron, shape), decays["sinDecay"], decays["cosDecay"])


def write_rf(group: h5py.Group, neuron: Rf | RfIz, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron``; ``grid``: the layer has three axes in netx."""
    types: dict[Any, str] = {kind: name for name, kind in TYPES.items()}
    group["neuron/type"] = types[type(neuron)]
    group["neuron/sinDecay"] = flat(neuron.sin_decay, shape, grid)
    group["neuron/cosDecay"] = flat(neuron.cos_decay, shape, grid)
    group["neuron/vThMant"] = neuron.threshold
    group["neuron/gradedSpike"] = False
