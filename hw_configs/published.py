"""Measurements of whole networks that others have published; ``published/networks.toml`` holds them with their sources."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple


class Measurement(NamedTuple):
    """One network on one piece of hardware.

    Attributes:
        network, task, hardware, condition: what was measured.
        time_ms, energy_mj: per inference.
        source: where it was published.
    """

    network: str
    task: str
    hardware: str
    condition: str
    time_ms: float
    energy_mj: float
    source: str


def measurements() -> tuple[Measurement, ...]:
    """All of them."""
    path = Path(__file__).parent / "published" / "networks.toml"
    return tuple(Measurement(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["measurement"])
