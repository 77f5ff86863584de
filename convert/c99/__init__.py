"""The network as portable C99 for microcontrollers: source text, memory to the byte, golden outputs and a self-test.

``program.py`` decides how each population and connection is stored and run; ``neurons/`` and ``layers/`` hold one file for each
kind, with the stems of ``myelin.convert``; ``source.py`` writes the text with the C of ``templates/``.
"""
