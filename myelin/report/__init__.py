"""The report: one HTML file that says whether a network may go to the chip, and why, made from one JSON.

``collect`` is what an artifact says of itself, ``verdict`` what follows from all stages, ``page`` the HTML: a list of sections,
each a small function of the values.  ``markup`` and ``svg`` build elements and figures and escape every text.
"""
