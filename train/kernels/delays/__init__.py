"""Delays in training: kernels of soft and whole delays, the sums over their lags, and their loops."""
