"""The bit-exact simulator: `simulate` for a batch, `stream` for data that does not fit into memory.

``prepare.py`` prepares a network as stages and ``simulator.py`` runs them.  ``stage.py`` chooses between loops over events
(``events.py``) and matrix products (``dense.py``).
"""

from myelin.convert.simulator.simulator import simulate, stream

__all__ = ["simulate", "stream"]
