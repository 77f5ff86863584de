"""The bit-exact simulator: `simulate` for a batch, `stream` for data that does not fit into memory.

``simulator.py`` runs what ``prepare.py`` makes of a network; ``stage.py`` chooses between the loops over events
(``events.py``) and the products (``dense.py``).
"""

from myelin.convert.simulator.simulator import simulate, stream

__all__ = ["simulate", "stream"]
