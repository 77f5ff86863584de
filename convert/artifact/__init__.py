"""Artifacts: the folder of network, manifest and golden outputs that goes to the other machine."""
