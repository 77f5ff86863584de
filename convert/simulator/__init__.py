"""The bit-exact simulator: `simulate` for a batch, `stream` for many batches, `Simulator` (``streams.py``) for single steps.

``prepare.py`` prepares a network as stages, of the neurons in ``neurons/``; ``kept.py`` keeps them.  ``batch.py`` runs them one
after the other, several chunks at a time (``threads.py``); ``stage.py`` chooses between loops over events (``events.py``) and
matrix products (``dense.py``).  ``stepper.py`` makes single steps of all stages at once, in the loop of ``step_loops.py``, for
which ``step_plan.py`` lays the network out.
"""

from myelin.convert.simulator.simulator import simulate, stream

__all__ = ["simulate", "stream"]
