"""Myelin's version, the only place for the number: ``pyproject.toml`` reads it here.

It is a constant, not read from the installed metadata, because every run and artifact records it: a checkout has no metadata,
and an editable install keeps the number from its installation.
"""

VERSION = "0.2.0"
