"""Reader and writer of complex weights in a netx file: ``weight`` is a group with the members ``real`` and ``imag``."""

from __future__ import annotations

from collections.abc import Callable

import h5py

from myelin.convert.layers.complex import PARTS, complex_synapse
from myelin.convert.layers.synapse import Synapse
from myelin.convert.netx.fields import Fields
from myelin.hw_configs.errors import NetworkError


def is_complex(group: Fields) -> bool:
    """True if the layer's ``weight`` is a group, which has the members ``real`` and ``imag`` and no other.

    Raises:
        NetworkError: it has other members, or one of these is missing.
    """
    if not group.is_group("weight"):
        return False
    weight = group.child("weight")
    assert weight is not None
    if set(weight.group) != set(PARTS):
        found = ", ".join(map(repr, sorted(weight.group)[:10])) or "nothing"
        raise NetworkError(f"{group.name}: group 'weight' holds {found}; 'real' and 'imag' are expected")
    return True


def read_complex(group: Fields, read: Callable[[Fields], Synapse]) -> Synapse:
    """The connection whose two parts ``read`` reads, each from the layer's fields with its own ``weight``."""
    parts = []
    for name in PARTS:
        part = Fields(group.group, f"{group.name}, {name} weights")
        part.other_names = {**group.other_names, "weight": f"weight/{name}"}
        parts.append(read(part))
    return complex_synapse(*parts)


def write_complex(group: h5py.Group, synapse: Synapse, write: Callable[[h5py.Group, Synapse], None]) -> None:
    """Write a connection with complex weights; ``write`` writes one with real weights."""
    write(group, synapse.parts[0])
    del group["weight"]
    for name, part in zip(PARTS, synapse.parts, strict=True):
        group.create_dataset(f"weight/{name}", data=part.weight, compression="gzip", shuffle=True)
