"""From checkpoint to integers: network, file, rules, simulation, validation.  Without torch and Lava.

Networks, rules and netx files need numpy and h5py; simulating needs numba too, a checkpoint safetensors, plots matplotlib.
What compares with SLAYER's own evaluation imports ``train``, and with it torch, inside the function.
"""

from convert.layers import Conv, DelayedRecurrent, Dense
from convert.network import Input, Layer, Network
from convert.netx import read_netx, write_netx
from convert.neurons import Cuba
from convert.recording import Recording
from convert.simulator import simulate

__all__ = [
    "Conv",
    "Cuba",
    "DelayedRecurrent",
    "Dense",
    "Input",
    "Layer",
    "Network",
    "Recording",
    "read_netx",
    "simulate",
    "write_netx",
]
