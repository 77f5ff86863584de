"""Which compiled loops a run needs, from its configuration alone."""

from __future__ import annotations

import myelin.train.needs_torch  # noqa: F401

import torch

from myelin.hw_configs.compiling.compilation import Needed
from myelin.train.config.config import Config
from myelin.train.kernels.compiled.listen import listening
from myelin.train.model import untrained
from myelin.train.run.freeze import freeze
from myelin.train.run.processes.device import device_named

#: Steps and outputs of the network that is listened to; its loops are the same for any number of them.
_STEPS, _CLASSES = 2, 2


def needed_loops(config: Config) -> list[Needed]:
    """The loops that training and evaluating the network of ``config`` calls, found by a step in which none of them runs.

    The state of torch's random numbers stays as it is.  None on another device than the CPU.
    """
    if device_named(config.train.device).type != "cpu":
        return []
    with torch.random.fork_rng(devices=[]), listening() as found:
        model = untrained(config, _CLASSES)
        model.recompute = config.train.recompute
        freeze(model, config.train.freeze)
        model.train()
        model.schedule_delays(config, 0.0)
        frames = torch.zeros(1, *config.data.input_shape, _STEPS)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        output = model(frames)
        if output.requires_grad:
            torch.autograd.grad(output.sum(), trained, allow_unused=True)
        model.eval()
        model.set_delays(hard=True)
        with torch.no_grad():
            model(frames)
    return found
