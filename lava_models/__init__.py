"""Lava: shims for current Python versions, processes built from a network, runs on the CPU simulator or on Loihi 2.

Importing this package does not import Lava.  A run imports it in a child process.
"""

from myelin.lava_models.compat import available
from myelin.lava_models.runner import run

__all__ = ["available", "run"]
