"""One training run: its loop, its step, its batches, its checkpoints, its processes."""
