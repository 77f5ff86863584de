"""Ways to lay a network on cores; a file of its own, since the command line names them without loading what maps."""

from __future__ import annotations

#: "pack": as few cores as possible, layers share cores.  "layer": cores of its own for each layer, as few as possible.
#: "balance": as "layer", and the synaptic operations of the busiest core as few as so many cores allow.
STRATEGIES = ("pack", "balance", "layer")
DEFAULT = "layer"
