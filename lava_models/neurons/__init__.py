"""Neurons of a network as Lava neuron processes, one file each."""
