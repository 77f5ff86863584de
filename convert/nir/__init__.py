"""NIR files, read and written; ``format.py`` is the page that documents the equations."""

from myelin.convert.nir.format import read_nir, write_nir

__all__ = ["read_nir", "write_nir"]
