"""Published measurements of whole networks, from ``published/networks.toml``, with their sources."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple


class Measurement(NamedTuple):
    """One network on one piece of hardware.

    Attributes:
        network, task, hardware, condition: subject of the measurement.
        time_ms, energy_mj: time and energy per inference.
        source: publication.
    """

    network: str
    task: str
    hardware: str
    condition: str
    time_ms: float
    energy_mj: float
    source: str


def measurements() -> tuple[Measurement, ...]:
    """All published measurements."""
    path = Path(__file__).parent / "published" / "networks.toml"
    return tuple(Measurement(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["measurement"])
