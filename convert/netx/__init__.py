"""Reader and writer of netx HDF5 files; ``format.py`` documents every field."""

from myelin.convert.netx.format import read_netx, write_netx

__all__ = ["read_netx", "write_netx"]
