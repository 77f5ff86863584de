"""Connections as C, one file each; ``connection.py`` is the contract and the registry."""

from myelin.convert.c99.layers import conv, dense
from myelin.convert.c99.layers.connection import CONNECTIONS, ConnectionCode, Link, connection_code

__all__ = ["CONNECTIONS", "ConnectionCode", "Link", "connection_code", "conv", "dense"]
