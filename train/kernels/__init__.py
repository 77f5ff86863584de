"""The loops of training: ``dispatch.py`` selects ``numba_loops.py``, ``triton_loops.py`` or ``torch_loops.py``."""

import myelin.train.needs_torch

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
