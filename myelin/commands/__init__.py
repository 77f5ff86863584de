"""The command line: one file for each command, and ``arguments.py`` for shared options."""
