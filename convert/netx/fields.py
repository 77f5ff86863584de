"""Reader of single fields of a netx file; it checks every field before it reads a value.

A field is a dataset of one group, reached by a hard link and stored in the file itself.  Soft and external links, virtual and
externally stored datasets are rejected: a network file is one file.
"""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.convert.hdf5 import Budget, has_long_texts
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.reading.hdf5_types import is_sound


class Fields:
    """The fields of one group.

    Attributes:
        group: the group.
        name: name of the group in error messages, for example ``layer 2 (dense)``.
        other_names: names in the file of fields that it names differently from netx.
        budget: what may still be read of the file.
    """

    def __init__(self, group: h5py.Group, name: str, budget: Budget | None = None) -> None:
        self.budget = Budget() if budget is None else budget
        self.group = group
        self.name = name
        self.other_names: dict[str, str] = {}

    def __contains__(self, key: str) -> bool:
        return self._member(key) is not None

    def is_group(self, key: str) -> bool:
        """True if ``key`` is a group, False if it is a dataset or absent."""
        return isinstance(self._member(key), h5py.Group)

    def child(self, key: str) -> Fields | None:
        """The group ``key`` below this one, or None."""
        member = self._member(key)
        if member is None:
            return None
        if not isinstance(member, h5py.Group):
            raise NetworkError(f"{self.name}: {key!r} is a dataset; a group is expected")
        return Fields(member, self.name, self.budget)

    def numbers(self, key: str, most: int | None = None) -> npt.NDArray[Any] | None:
        """The numbers stored as ``key``, None if it is absent or has no data; NetworkError above ``most`` values."""
        dataset = self._dataset(key)
        if dataset is None:
            return None
        if dataset.dtype.kind not in "biuf":
            raise NetworkError(f"{self.name}: {key!r} has dtype {dataset.dtype}; numbers are expected")
        if most is not None and dataset.size > most:
            raise NetworkError(
                f"{self.name}: {key!r} has shape {dataset.shape}, {dataset.size} values; at most {most} are expected"
            )
        self.budget.spend(dataset, f"{self.group.name}/{key}", f"{self.name}: {key!r}")
        return np.asarray(dataset[()])

    def number(self, key: str, default: float | None = None) -> Any:
        """The single number stored as ``key``; ``default`` if it is absent."""
        shape = self.size_of(key)
        if shape is None:
            if default is None:
                raise NetworkError(f"{self.name}: {key!r} is missing; netx needs it")
            return default
        if math.prod(shape) != 1:
            raise NetworkError(f"{self.name}: {key!r} has shape {shape}; one number is expected")
        values = self.numbers(key)
        assert values is not None
        return values.reshape(())[()]

    def size_of(self, key: str) -> tuple[int, ...] | None:
        """Shape of the dataset ``key`` without reading it, None if it is absent or has no data."""
        dataset = self._dataset(key)
        return None if dataset is None else tuple(dataset.shape)

    def text(self, key: str, default: str | None = None) -> str:
        """The text stored as ``key``: a scalar or an array of one element, of fixed or variable length."""
        dataset = self._dataset(key)
        if dataset is None:
            if default is None:
                raise NetworkError(f"{self.name}: {key!r} is missing; netx needs it")
            return default
        if dataset.dtype.kind not in "SUO" or dataset.size != 1:
            raise NetworkError(
                f"{self.name}: {key!r} has dtype {dataset.dtype} and shape {dataset.shape}; one text is expected"
            )
        if has_long_texts(dataset):
            raise NetworkError(
                f"{self.name}: {key!r} is a text that is longer than the file: it is damaged; copy or download it again"
            )
        value = np.asarray(dataset[()]).reshape(())[()]
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        if not isinstance(value, str):
            raise NetworkError(f"{self.name}: {key!r} is {value!r}; text is expected")
        return value.rstrip("\x00")

    def _dataset(self, key: str) -> h5py.Dataset | None:
        member = self._member(key)
        if member is None:
            return None
        if not isinstance(member, h5py.Dataset):
            raise NetworkError(f"{self.name}: {key!r} is a group; a dataset is expected")
        if member.external or member.is_virtual:
            raise NetworkError(f"{self.name}: {key!r} is stored in another file; a network file is one file")
        if not is_sound(member):
            raise NetworkError(f"{self.name}: {key!r} has a damaged type; copy or download the file again")
        return None if member.shape is None else member

    def _member(self, key: str) -> Any:
        key = self.other_names.get(key, key)
        link = self.group.get(key, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise NetworkError(f"{self.name}: {key!r} is a link to elsewhere; a network file is one file")
        return self.group[key]
