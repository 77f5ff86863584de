"""The command line: one file a command, and ``arguments.py`` for the options that several take."""
