"""PyTorch blocks for training networks with learnable delays.

``myelin.convert`` has their integer counterparts under the same names.
"""

from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block, Conv, DelayedRecurrent, Dense, Readout, Recurrence
from myelin.train.neurons import Cuba

__all__ = ["AxonalDelay", "Block", "Conv", "Cuba", "DelayedRecurrent", "Dense", "Readout", "Recurrence"]
