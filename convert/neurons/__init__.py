"""Integer neurons, one file each."""

from convert.neurons.cuba import Cuba

__all__ = ["Cuba"]
