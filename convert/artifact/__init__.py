"""Artifacts: folders with network, manifest and golden outputs, made to be copied to another machine."""
