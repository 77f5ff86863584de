"""Layers for training, one file each."""

from train.layers.block import Block, Synapse
from train.layers.conv import Conv, ConvSynapse
from train.layers.delayed_recurrent import DelayedRecurrent
from train.layers.dense import Dense, DenseSynapse
from train.layers.readout import Readout
from train.layers.recurrence import Recurrence

__all__ = ["Block", "Conv", "ConvSynapse", "DelayedRecurrent", "Dense", "DenseSynapse", "Readout", "Recurrence", "Synapse"]
