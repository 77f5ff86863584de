"""Validation: floats against integers against Lava against a board, on the same samples."""
