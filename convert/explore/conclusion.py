"""The conclusion of an exploration: the fewest bits that lose nothing beyond the interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from myelin.hw_configs.written import counted, thousands

#: Knobs whose values are numbers of bits -> what has them.
_BITS = {"weight_bits": "weights", "delay_bits": "delays"}


def loses_nothing(point: Mapping[str, Any]) -> bool:
    """Whether the target supports a point, and the 95 % interval of its difference does not rule out that nothing is lost."""
    return not point["broken_rules"] and point["difference_high_points"] >= 0


def fewest_bits(points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The point with the fewest bits from which on nothing is lost: neither there nor with more bits; None if there is none.

    A setting that loses nothing, though one with more bits does, is taken for chance.  Settings that the target does not
    support count nowhere.
    """
    found = None
    for point in sorted(points, key=lambda one: int(one["value"]), reverse=True):
        if point["broken_rules"]:
            continue
        if not loses_nothing(point):
            break
        found = point
    return found


def least_memory(pairs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The combination with the least core memory that loses nothing; None if there is none, or no memory is known."""
    held = [one for one in pairs if loses_nothing(one) and one["core_memory_bytes"] is not None]
    return min(held, key=lambda one: (one["core_memory_bytes"], one["weight_bits"], one["delay_bits"]), default=None)


def conclusions(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the conclusion from the result of ``myelin.convert.explore.report.as_dict``, in sentences."""
    knobs = {knob["name"]: knob["points"] for knob in result["knobs"]}
    for name, what in _BITS.items():
        if not knobs.get(name):
            continue
        found = fewest_bits(knobs[name])
        if found is None:
            yield f"{what}: no number of bits that was tried and that the target supports keeps within the interval"
        else:
            bits = counted(found["value"], "bit")
            yield f"{what}: {bits}, the fewest that lose nothing beyond the interval: {_change(found)}"
    both = least_memory(result["pareto"])
    if both is not None:
        yield (
            f"both: {both['weight_bits']}/{both['delay_bits']} bits of weights/delays lose nothing beyond the interval in the "
            f"least core memory, {thousands(both['core_memory_bytes'] / 1024, 1)} KiB: {_change(both)}"
        )
    part, samples = result["input"].get("part"), counted(result["samples"], "sample")
    where = "held out of training" if part in (None, "held out of the training data") else f"of the {part}"
    test = "" if part == "test split" else ", it says nothing about the test split"
    yield f"exploratory: chosen on {samples} {where}{test}; fewer samples make wider intervals, in which losses hide"


def _change(point: Mapping[str, Any]) -> str:
    low, high = point["difference_low_points"], point["difference_high_points"]
    return f"{point['difference_points']:+.2f} points, 95 % interval {low:+.2f} .. {high:+.2f}"
