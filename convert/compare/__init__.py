"""Comparison of two networks or two runs: where they first diverge, and why."""
