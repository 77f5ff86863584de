"""Neurons for training, one file each."""

import myelin.train.needs_torch  # noqa: F401

from myelin.train.neurons.cuba import Cuba

__all__ = ["Cuba"]
