"""The mapping strategies, in a separate file so that the command line can name them without loading the mapping."""

from __future__ import annotations

#: "pack": as few cores as possible; layers share cores.  "layer": separate cores for each layer, as few as possible.
#: "balance": like "layer", with the fewest synaptic operations of the busiest core that this number of cores allows.
STRATEGIES = ("pack", "balance", "layer")
DEFAULT = "layer"
