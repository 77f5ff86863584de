"""Sweeps whose tables stand in the README: one TOML each for ``myelin sweep``."""
