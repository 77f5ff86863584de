"""Resonate-and-fire neurons as Lava's RF and RF_IZ; ``Rf.lava_arguments`` says how their decays stay exact."""

from __future__ import annotations

from typing import Any

from myelin.convert.arrays import Shape
from myelin.convert.neurons import Rf, RfIz
from myelin.lava_models.neurons.named import create_named, named_arguments

#: The input ports of Lava's processes, in the order of ``Rf.INPUTS``.
PORTS = ("a_real_in", "a_imag_in")


def rf_arguments(neuron: Rf | RfIz, shape: Shape, *, image: bool) -> dict[str, Any]:
    """Arguments of Lava's RF or RF_IZ; decays that differ between neurons are arrays, which its fixed-point models take too."""
    return named_arguments(neuron, shape, image=image)


#: A new RF or RF_IZ; call ``compat.prepare()`` first.
create_rf = create_named
