"""Integer connections, one file each."""

from myelin.convert.layers.conv import Conv
from myelin.convert.layers.delayed_recurrent import DelayedRecurrent
from myelin.convert.layers.dense import Dense

__all__ = ["Conv", "DelayedRecurrent", "Dense"]
