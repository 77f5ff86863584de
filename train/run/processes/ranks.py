"""Processes of a torchrun launch that each do independent work, as in a sweep: their ranks, and a gather over all of them.

For processes that train one network together, see ``myelin.train.run.processes.parallel``.

``torchrun`` sets RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT; set them by hand to run without
a launcher.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from myelin.hw_configs.errors import BackendError, ConfigError

#: Time that a process waits for the slowest one: training may take days.
_PATIENCE = timedelta(days=60)


class Ranks:
    """The processes of a launch, connected over TCP (gloo).

    Attributes:
        rank: number of this process, 0..size - 1.
        size: number of processes.
        local_size: number of processes on this machine.

    Raises:
        ConfigError: an environment variable is missing or wrong.
        BackendError: the other processes cannot be reached, or one of them is gone.
    """

    def __init__(self) -> None:
        import torch.distributed as distributed

        self.rank, self.size = _number("RANK"), _number("WORLD_SIZE")
        self.local_size = _number("LOCAL_WORLD_SIZE") if "LOCAL_WORLD_SIZE" in os.environ else self.size
        if self.rank >= self.size or not 1 <= self.local_size <= self.size:
            raise ConfigError(f"RANK is {self.rank} and WORLD_SIZE {self.size}; start with torchrun, which sets them")
        for name in ("MASTER_ADDR", "MASTER_PORT"):
            if name not in os.environ:
                raise ConfigError(f"RANK and WORLD_SIZE are set, but not {name}; start with torchrun, which sets it")
        try:
            distributed.init_process_group("gloo", timeout=_PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise BackendError(f"rank {self.rank} of {self.size} cannot reach the others: {_first_line(error)}") from error

    def gather(self, mine: Any) -> list[Any]:
        """The value ``mine`` of every process, by rank; blocks until all have sent it.  Raises BackendError if one is gone."""
        import torch.distributed as distributed

        everyone = [None] * self.size
        try:
            distributed.all_gather_object(everyone, mine)
        except RuntimeError as error:
            raise BackendError(f"rank {self.rank} of {self.size} lost another one: {_first_line(error)}") from error
        return everyone

    def close(self) -> None:
        """Close the connection."""
        import torch.distributed as distributed

        distributed.destroy_process_group()


def launched() -> bool:
    """Whether a launcher started several processes; loads no torch."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdecimal():
        raise ConfigError(f"{name} is {text!r}; a whole number is needed: start with torchrun, which sets it")
    return int(text)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
