"""Validation: compares floats, integers, Lava and a board on the same samples."""
