"""The built-in targets as a list: what each holds, and how many of its limits are not public."""

from __future__ import annotations

from typing import NamedTuple

from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target, target_names


class ListedTarget(NamedTuple):
    """A built-in target.

    Attributes:
        name: for ``--target``.
        title: its full name.
        neuron_models: neurons it runs, as networks name them.
        chips: number of chips; None for what is no chip.
        delay_steps_max: longest delay in steps; None: no limit is known.
        weight_bits: bits of a weight; None: no limit is known.
        not_public: names of the limits that are not public, and so not checked.
    """

    name: str
    title: str
    neuron_models: tuple[str, ...]
    chips: int | None
    delay_steps_max: int | None
    weight_bits: int | None
    not_public: tuple[str, ...]


def targets() -> list[ListedTarget]:
    """The built-in targets by name."""
    return [_listed(load_target(name)) for name in target_names()]


def _listed(target: Target) -> ListedTarget:
    return ListedTarget(
        target.name,
        target.title,
        target.neuron_models or (),
        target.chips if target.has_cores else None,
        target.delay_steps_max,
        target.weight_bits,
        target.unknown if target.has_cores else (),
    )
