"""A check of HDF5 data sets before they are read, for files of any kind."""

from __future__ import annotations

import h5py

#: DEFLATE makes data at most 1032 times smaller; what declares more than it stores is mostly fill values.
_RATIO = 1100
#: Data sets of fewer bytes are read whatever they store.
_SMALL = 1 << 20


def is_hollow(dataset: h5py.Dataset) -> bool:
    """Whether a data set declares far more bytes than the file stores for it, so that reading makes them up."""
    size = (dataset.size or 0) * dataset.dtype.itemsize
    return size > _SMALL and dataset.id.get_storage_size() * _RATIO < size
