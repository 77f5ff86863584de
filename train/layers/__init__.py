"""Layers for training: one file per layer."""

import myelin.train.needs_torch  # noqa: F401

from myelin.train.layers.block import Block, Synapse
from myelin.train.layers.conv import Conv, ConvSynapse
from myelin.train.layers.delayed_recurrent import DelayedRecurrent
from myelin.train.layers.dense import Dense, DenseSynapse
from myelin.train.layers.flatten import Flatten
from myelin.train.layers.norm import BatchNorm
from myelin.train.layers.pool import Pool, PoolSynapse
from myelin.train.layers.readout import PooledSynapse, Readout
from myelin.train.layers.recurrence import Recurrence
from myelin.train.layers.sigma_delta import Delta

__all__ = [
    "BatchNorm",
    "Block",
    "Conv",
    "ConvSynapse",
    "DelayedRecurrent",
    "Delta",
    "Dense",
    "DenseSynapse",
    "Flatten",
    "Pool",
    "PoolSynapse",
    "PooledSynapse",
    "Readout",
    "Recurrence",
    "Synapse",
]
