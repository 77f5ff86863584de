"""Says once when a layer becomes nearly silent or saturated, and when it recovers."""

from __future__ import annotations

from typing import Any

from myelin.train.run.files.metrics import SATURATED, SILENT, EpochMetrics


def layers_outside(rates: list[float], spiking: list[bool]) -> dict[str, Any]:
    """Indices of the layers whose rate is below ``SILENT`` or above ``SATURATED``, in spikes per neuron and step."""
    own = [(index, rate) for index, (rate, spikes) in enumerate(zip(rates, spiking, strict=True)) if spikes]
    return {
        "silent_layers": tuple(index for index, rate in own if rate < SILENT),
        "saturated_layers": tuple(index for index, rate in own if rate > SATURATED),
    }


def changes(before: EpochMetrics | None, now: EpochMetrics) -> list[str]:
    """A line for every layer whose state is another one than in the epoch before."""
    lines = []
    old, new = _states(before), _states(now)
    for index in sorted(old.keys() | new.keys()):
        state = new.get(index)
        if state == old.get(index):
            continue
        rate = f"{now.rates_per_step[index]:.2g} spikes per neuron and step"
        where = f"activity      epoch {now.epoch}: layer {index}"
        if state == "silent":
            lines.append(f"{where} is nearly silent, {rate} (below {SILENT:g}); lower its threshold or raise its gain")
        elif state == "saturated":
            lines.append(
                f"{where} is saturated, {rate} (above {SATURATED:g}); raise its threshold, lower its gain, or set "
                "train.rate_penalty"
            )
        else:
            lines.append(f"{where} is no longer {old[index]}, {rate}")
    return lines


def _states(metrics: EpochMetrics | None) -> dict[int, str]:
    if metrics is None:
        return {}
    return {
        **dict.fromkeys(metrics.silent_layers, "silent"),
        **dict.fromkeys(metrics.saturated_layers, "saturated"),
    }
