"""Compiled loops of the training step, where Python would be called per time step; arrays are (steps, batch, neurons)."""
