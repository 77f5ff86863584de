"""Backends that run a network: the simulator, Lava on the CPU, or a board."""
