"""Integer networks from checkpoints and files: conversion, files, rules, simulation, validation; without torch and Lava.

Networks, rules and netx files need numpy and h5py; the simulator also needs numba, checkpoints safetensors, plots matplotlib
and NIR files the package nir.  The comparison with SLAYER's own evaluation imports ``myelin.train``, and with it torch, inside
the function.
"""

from myelin.convert.layers import ComplexConv, ComplexDense, Conv, DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network
from myelin.convert.netx.format import read_netx, write_netx
from myelin.convert.neurons import Alif, Cuba, Delta, Rf, RfIz, Sigma, SigmaDelta
from myelin.convert.nir.format import read_nir, write_nir
from myelin.convert.recording import Recording
from myelin.convert.simulator.simulator import simulate, stream

__all__ = [
    "Alif",
    "ComplexConv",
    "ComplexDense",
    "Conv",
    "Cuba",
    "DelayedRecurrent",
    "Delta",
    "Dense",
    "Input",
    "Layer",
    "Network",
    "Recording",
    "Rf",
    "RfIz",
    "Sigma",
    "SigmaDelta",
    "read_netx",
    "read_nir",
    "simulate",
    "stream",
    "write_netx",
    "write_nir",
]
