"""Neurons as C, one file each; ``neuron.py`` is the contract and the registry."""

from myelin.convert.c99.neurons import alif, cuba, rf, sigma_delta
from myelin.convert.c99.neurons.neuron import NEURONS, CPopulation, NeuronCode

__all__ = ["NEURONS", "CPopulation", "NeuronCode", "alif", "cuba", "rf", "sigma_delta"]
