"""Neurons for training, one file each."""

from myelin.train.neurons.cuba import Cuba

__all__ = ["Cuba"]
