"""Integer connections, one file each; ``synapse.py`` is the contract."""

from myelin.convert.layers.complex import ComplexConv, ComplexDense
from myelin.convert.layers.conv import Conv
from myelin.convert.layers.delayed_recurrent import DelayedRecurrent
from myelin.convert.layers.dense import Dense
from myelin.convert.layers.synapse import Synapse

__all__ = ["ComplexConv", "ComplexDense", "Conv", "DelayedRecurrent", "Dense", "Synapse"]
