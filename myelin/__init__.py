"""From trained spiking networks with learned delays to Intel's Loihi 2.

The names below are loaded when they are first used: ``import myelin`` alone loads no torch, numba or Lava.
"""

import os as _os

if _os.path.isfile(_os.path.join(_os.path.dirname(__file__), "train")):
    # a clone without symbolic links, as on Windows: git left texts in their place, and the folders lie beside this one
    __path__.append(_os.path.dirname(_os.path.dirname(_os.path.abspath(__file__))))
