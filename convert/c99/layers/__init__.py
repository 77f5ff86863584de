"""Connections as C, one file each; ``connection.py`` is the contract and the registry."""

from myelin.convert.c99.layers import complex, conv, dense
from myelin.convert.c99.layers.connection import CONNECTIONS, CLink, ConnectionCode, connection_code

__all__ = ["CONNECTIONS", "CLink", "ConnectionCode", "complex", "connection_code", "conv", "dense"]
