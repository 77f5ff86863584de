"""Neurons for training: one file per neuron model."""

import myelin.train.needs_torch  # noqa: F401

from myelin.train.neurons.cuba import Cuba

__all__ = ["Cuba"]
