"""Integer neurons, one file each."""

from convert.neurons.cuba import Cuba
from convert.neurons.sigma_delta import Delta, Sigma, SigmaDelta

__all__ = ["Cuba", "Delta", "Sigma", "SigmaDelta"]
