"""Integer connections, one file each."""

from convert.layers.conv import Conv
from convert.layers.delayed_recurrent import DelayedRecurrent
from convert.layers.dense import Dense

__all__ = ["Conv", "DelayedRecurrent", "Dense"]
