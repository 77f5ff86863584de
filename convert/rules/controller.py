"""Rules on the memory of a microcontroller: whether flash and RAM hold the network as C."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from myelin.convert.network import Network
from myelin.convert.rules.violation import Case, Violation
from myelin.hw_configs.target import Target

if TYPE_CHECKING:
    from myelin.convert.c99.footprint import Footprint


def flash(case: Case) -> Iterator[Violation]:
    """Yield a network whose constants and code exceed the flash."""
    limit = case.target.flash_bytes
    assert limit is not None
    held = _footprint(case.network, case.target)
    if held is None or held.flash_bytes <= limit:
        return
    rows = [(link["flash_bytes"], part["where"], link) for part in held.parts() for link in part.get("connections", ())]
    size, where, link = max(rows, key=lambda row: row[0])
    cure = "use a smaller layer or prune its weights"
    if link["connection"] == "recurrent" and "kernels" not in link["storage"]:
        cure = "use a convolutional recurrence, whose kernel takes a few bytes, or prune its weights"
    what = f"flash of the network (its {link['connection']} weights and delays take {size} of it)"
    yield Violation("flash", where, what, "bytes", held.flash_bytes, limit, case.target.name, cure)


def ram(case: Case) -> Iterator[Violation]:
    """Yield a network whose state and stack exceed the RAM."""
    limit = case.target.ram_bytes
    assert limit is not None
    held = _footprint(case.network, case.target)
    if held is None or held.ram_bytes <= limit:
        return
    parts = [part for part in held.parts() if part["where"] != "shared"]
    rows = [(link["ring_bytes"], part["where"], link) for part in parts for link in part["connections"]]
    rows += [(part["neuron_ram_bytes"], part["where"], None) for part in parts]
    size, where, link = max(rows, key=lambda row: row[0])
    if link is None:
        what, cure = f"RAM of the network (the states of this layer take {size} of it)", "make the layer smaller"
    else:
        what = f"RAM of the network (spikes under way to its {link['connection']} connection take {size} of it)"
        cure = (
            f"retrain with a max_delay_steps below {link['ring_steps'] - 1}, or shorten delays as the file is read, with "
            "myelin.read(path, clip_delays=STEPS)"
        )
    yield Violation("RAM", where, what, "bytes", held.ram_bytes, limit, case.target.name, cure)


@lru_cache(maxsize=4)
def _footprint(network: Network, target: Target) -> Footprint | None:
    """The memory of the network; None if it has a part without code, which other rules refuse."""
    from myelin.convert.c99.footprint import footprint
    from myelin.hw_configs.errors import NetworkError

    try:
        return footprint(network, target)
    except NetworkError:
        return None
