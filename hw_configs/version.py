"""Myelin's version, the one place for the number: ``pyproject.toml`` reads it here.

It is a constant and not looked up in the installed metadata, since every run and artifact records it: a checkout has none, and
an editable install keeps the number of the day it was made.
"""

VERSION = "0.1.0"
