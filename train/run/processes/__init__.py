"""Processes and devices that share a run."""
