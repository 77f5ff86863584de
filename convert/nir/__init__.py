"""Reader and writer of NIR files; ``format.py`` documents the equations."""

from myelin.convert.nir.format import read_nir, write_nir

__all__ = ["read_nir", "write_nir"]
