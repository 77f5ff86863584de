"""Lava: shims for today's Python, processes built from a network, runs on the CPU simulator or on Loihi 2.

Importing this package imports nothing of Lava; a run does so in a process of its own.
"""

from myelin.lava_models.compat import available
from myelin.lava_models.runner import run

__all__ = ["available", "run"]
