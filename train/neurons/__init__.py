"""Neurons for training, one file each; ``neuron.py`` is the contract."""

import myelin.train.needs_torch  # noqa: F401

from myelin.train.neurons.alif import Alif
from myelin.train.neurons.cuba import Cuba
from myelin.train.neurons.neuron import Neuron
from myelin.train.neurons.sigma_delta import Sigma, SigmaDelta

__all__ = ["Alif", "Cuba", "Neuron", "Sigma", "SigmaDelta"]
