"""The report: one HTML file, made from one JSON, that answers with reasons whether a network may go to the chip.

``collect`` reads the facts of an artifact.  ``verdict`` draws conclusions from all stages.  ``page`` makes the HTML: a list of
sections, each a small function of the values.  ``markup`` and ``svg`` build elements and figures and escape every text.
"""
