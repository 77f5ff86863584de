"""A training run: loop, optimisation step, batches, checkpoints and processes."""
