"""Exploration: what other bits, delays and decays do to size and accuracy."""
