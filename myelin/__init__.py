"""From trained spiking networks with learned delays to Intel's Loihi 2.

The names below are loaded when they are first used: ``import myelin`` alone loads no torch, numba or Lava.
"""
