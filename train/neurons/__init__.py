"""Neurons for training, one file each."""

from train.neurons.cuba import Cuba

__all__ = ["Cuba"]
