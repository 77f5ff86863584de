"""Blocks for training, in PyTorch: what a network with learnable delays is built of.

The integers that they become stand in ``myelin.convert``, under the same names.
"""

from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block, Conv, DelayedRecurrent, Dense, Readout, Recurrence
from myelin.train.neurons import Cuba

__all__ = ["AxonalDelay", "Block", "Conv", "Cuba", "DelayedRecurrent", "Dense", "Readout", "Recurrence"]
