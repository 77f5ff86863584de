"""The loops of training: ``dispatch.py`` chooses, ``numba_loops.py`` and ``torch_loops.py`` implement the same functions."""

import myelin.train.needs_torch  # noqa: F401
