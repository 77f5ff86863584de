"""The loops of training: ``dispatch.py`` selects one of two implementations, ``numba_loops.py`` or ``torch_loops.py``."""

import myelin.train.needs_torch  # noqa: F401
