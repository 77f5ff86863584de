"""Integer neurons, one file each; ``neuron.py`` is the contract, ``registry.py`` lists them by name."""

from myelin.convert.neurons.alif import Alif
from myelin.convert.neurons.cuba import Cuba
from myelin.convert.neurons.neuron import Constant, Neuron
from myelin.convert.neurons.registry import NEURONS, register
from myelin.convert.neurons.rf import Rf, RfIz
from myelin.convert.neurons.sigma_delta import Delta, Sigma, SigmaDelta

__all__ = ["NEURONS", "Alif", "Constant", "Cuba", "Delta", "Neuron", "Rf", "RfIz", "Sigma", "SigmaDelta", "register"]
