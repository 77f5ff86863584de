"""What a network takes on loihi2, and its delays: from its run, by the project's own mapping and profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import myelin
from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.stimulus import InputChoice

TARGET = "loihi2"
#: Samples of which the activity is the mean.
SAMPLES = 20


def costs_of(run: Path, data: str, split: str) -> dict[str, Any]:
    """Cores and synapse memory of the run's network, and operations and spikes of a mean sample."""
    found = myelin.map_cores(run, TARGET, inputs=InputChoice(data=data, split=split, samples=SAMPLES))
    layers = found["estimate"]["layers"]

    def total(*names: str) -> float:
        return round(sum(layer[name] for layer in layers for name in names), 1)

    return {
        "target": TARGET,
        "fits": found["fits"],
        "cores": found["cores"],
        "synapse_memory_kib": round(sum(layer["synapse_memory_bits"] for layer in found["layers"]) / 8192, 2),
        "synaptic_operations_per_sample": total("forward_operations_per_sample", "recurrent_operations_per_sample"),
        "neuron_updates_per_sample": total("active_updates_per_sample", "inactive_updates_per_sample"),
        "spikes_per_sample": total("spikes_per_sample"),
    }


def delays_of(run: Path) -> dict[str, list[int]]:
    """Number of neurons with each delay of 0, 1, 2, ... steps, by layer and kind of delay."""
    checkpoint = read_checkpoint(run)
    network, layers = network_from_checkpoint(checkpoint), checkpoint.config["layers"]
    found: dict[str, list[int]] = {}
    for index, (layer, plan) in enumerate(zip(network.layers, layers)):
        if plan["delay_per"] != "none":
            found[f"layer {index}, feed-forward"] = _counts(layer.delay_steps, layer.shape)
        if layer.recurrent is not None:
            found[f"layer {index}, recurrent"] = _counts(layer.recurrent.delay_steps, layer.shape)
    return found


def _counts(delays: Any, shape: tuple[int, ...]) -> list[int]:
    counts: list[int] = np.bincount(np.broadcast_to(delays, shape).ravel()).tolist()
    return counts
