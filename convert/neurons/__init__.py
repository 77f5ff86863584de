"""Integer neurons, one file each."""

from myelin.convert.neurons.cuba import Cuba
from myelin.convert.neurons.sigma_delta import Delta, Sigma, SigmaDelta

__all__ = ["Cuba", "Delta", "Sigma", "SigmaDelta"]
