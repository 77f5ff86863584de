"""Registers the classes of SLAYER's neurons that can be read: one line for each."""

from __future__ import annotations

from myelin.convert.modules.slayer_neurons.alif import ALIF
from myelin.convert.modules.slayer_neurons.contract import SlayerNeuron
from myelin.convert.modules.slayer_neurons.cuba import CUBA
from myelin.convert.modules.slayer_neurons.rf import RF, RF_IZ
from myelin.convert.modules.slayer_neurons.sigma_delta import SIGMA_DELTA

#: Package of blocks and neurons -> how they are read.
SLAYER_NEURONS: dict[str, SlayerNeuron] = {entry.package: entry for entry in (CUBA, ALIF, SIGMA_DELTA, RF, RF_IZ)}
