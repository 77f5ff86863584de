"""Lava: shims for today's Python, processes built from a network, runs on the CPU simulator or on Loihi 2."""
