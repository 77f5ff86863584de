"""Training in PyTorch: data sets, SLAYER-style blocks with learnable delays, losses, loop and checkpoint."""
