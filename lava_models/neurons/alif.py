"""ALIF neurons as Lava's ATRLIF, in its model of tag ``fixed_pt``."""

from __future__ import annotations

from typing import Any

from myelin.convert.arrays import Shape
from myelin.convert.neurons import Alif
from myelin.lava_models.neurons.named import create_named, named_arguments


def atrlif_arguments(neuron: Alif, shape: Shape, *, image: bool) -> dict[str, Any]:
    """Arguments of Lava's ATRLIF for these neurons; see ``myelin.convert.neurons.alif`` for its peculiarities.

    Lava documents one decay of each kind and one threshold for the population.  Its fixed-point model also takes arrays, which
    serve decays per neuron.
    """
    return named_arguments(neuron, shape, image=image)


#: A new ATRLIF; call ``compat.prepare()`` first.
create_atrlif = create_named
