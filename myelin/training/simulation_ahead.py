"""Compiles the simulator's loops for a run's network while it trains, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from myelin.train.config.config import Config
    from myelin.train.run.compiling.ahead import Compilation

#: Lower priority of the process: training goes first.
_NICE = 5


def simulation_ahead(config: Config) -> Compilation:
    """The started compilation of what simulating the exported network of ``config`` calls; to be waited for, or stopped."""
    from myelin.train.run.compiling.ahead import Compilation, start_workers, workers

    return Compilation((), start_workers(__name__, config, min(workers(), 1)))


def main() -> None:
    """The program of the process: simulates the network of the configuration on its standard input, untrained, for a step."""
    config = json.load(sys.stdin)["config"]
    if hasattr(os, "nice"):
        os.nice(_NICE)
    import numpy as np

    from myelin.convert.modules.from_torch import from_torch
    from myelin.convert.simulator.simulator import simulate
    from myelin.hw_configs.compiling.compilation import share_compilation
    from myelin.train.config.files import config_from_dict
    from myelin.train.model import untrained

    share_compilation()
    plan = config_from_dict(config)
    model = untrained(plan, 2)
    model.set_delays(hard=True)
    shape = plan.data.input_shape
    network = from_torch(model, shape, message_bits=plan.data.message_bits)
    simulate(network, np.zeros((1, 1, *shape), np.uint8))
    os._exit(0)  # Python would take a second to take down what it loaded
