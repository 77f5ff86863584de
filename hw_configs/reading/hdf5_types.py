"""Types of HDF5 data sets that the library takes as they stand in the file, and crashes on when they are damaged."""

from __future__ import annotations

import h5py

#: Byte of an encoded type of variable length whose low half says what it is; 0 and 1, lists and texts, are all that there are.
#: Source: HDF5 File Format Specification 3.0, IV.A.2.d "Datatype Message"; two bytes of the encoding come before it.
_KIND, _KINDS = 3, (0, 1)


def is_sound(dataset: h5py.Dataset) -> bool:
    """Whether every type of variable length in the type of a data set is one that exists; HDF5 reads others into a crash."""
    return _is_sound(dataset.id.get_type())


def _is_sound(kind: h5py.h5t.TypeID) -> bool:
    if isinstance(kind, h5py.h5t.TypeVlenID):
        return kind.encode()[_KIND] & 15 in _KINDS and _is_sound(kind.get_super())
    if isinstance(kind, h5py.h5t.TypeArrayID):
        return _is_sound(kind.get_super())
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        return all(_is_sound(kind.get_member_type(number)) for number in range(kind.get_nmembers()))
    return True
