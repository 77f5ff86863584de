"""Exploration: the effect of other bit widths, delays and decays on size and accuracy."""
