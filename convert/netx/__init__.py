"""netx HDF5 files, read and written; ``format.py`` is the page that documents every field."""

from myelin.convert.netx.format import read_netx, write_netx

__all__ = ["read_netx", "write_netx"]
