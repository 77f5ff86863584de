"""Connections of a network as Lava connection processes, one file each."""
