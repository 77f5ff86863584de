"""Collects facts of a network that the JSON of the stages lacks: delays, weights, origin, training, environment.

All of them are values for JSON with units in the names; ``myelin.report.page`` shows no other values.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Layer, Network
from myelin.hw_configs import parts

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.checkpoint import Checkpoint
    from myelin.convert.floats.network import FloatNetwork
    from myelin.hw_configs.target import Target
    from myelin.report.subject import Subject

#: Largest number of bars in a histogram of weights.
_BARS = 64
_PACKAGES = ("myelin-loihi", "numpy", "h5py", "numba", "torch", "lava-nc", "lava-dl")


def delays(
    network: Network, checkpoint: Checkpoint | None, floats: FloatNetwork | None, target: Target
) -> list[dict[str, Any]]:
    """Axonal delays of every layer that has some: before training, after training, and as whole steps.

    Torch draws the delays before training again; without torch, or without a checkpoint, they are None.  Delays after training
    are those of the checkpoint or of the float network, None without either.
    """
    began = _initial_tensors(checkpoint) if checkpoint is not None and parts.found("torch") else {}
    found = []
    for index, layer in enumerate(network.layers):
        recurrent = None if layer.recurrent is None else layer.recurrent.delay_steps
        twin = None if floats is None else floats.layers[index]
        of_floats = (
            None if twin is None else twin.delay_steps,
            None if twin is None or twin.recurrent is None else twin.recurrent.delay_steps,
        )
        for part, name, whole, fractional in (
            ("feed-forward", f"{index}.delay.delay", layer.delay_steps, of_floats[0]),
            ("recurrent", f"{index}.recurrence.delay.delay", recurrent, of_floats[1]),
        ):
            there = checkpoint is not None and name in checkpoint.tensors
            if whole is None or not (there or (checkpoint is None and np.any(whole))):
                continue
            if checkpoint is not None:
                fractional = checkpoint.tensors[name]
            trained = None if fractional is None else np.asarray(fractional, float).ravel()
            size = whole.size if trained is None else max(trained.size, whole.size)
            trained = None if trained is None else np.broadcast_to(trained, (size,))
            where = f"layer {index} ({layer.kind}), {part}"
            facts = _delay_facts(began.get(name), trained, np.broadcast_to(whole.ravel(), (size,)))
            found.append({"where": where, "limit_steps": target.delay_steps_max, **facts})
    return found


def _initial_tensors(checkpoint: Checkpoint) -> dict[str, npt.NDArray[Any]]:
    from myelin.train.config.files import config_from_dict
    from myelin.train.model import untrained

    model = untrained(config_from_dict(checkpoint.config), checkpoint.run.classes)
    return {name: value.detach().numpy().astype(float).ravel() for name, value in model.state_dict().items()}


def _delay_facts(
    initial: npt.NDArray[Any] | None, trained: npt.NDArray[Any] | None, whole: npt.NDArray[np.integer[Any]]
) -> dict[str, Any]:
    longest = int(max(whole.max(initial=0), 0.0 if initial is None else np.ceil(initial.max(initial=0)), 1))
    bins = np.arange(longest + 2) - 0.5
    known = trained is not None and initial is not None
    return {
        "delays": whole.size,
        "edges_steps": bins.tolist(),
        "initial_counts": None if initial is None else np.histogram(initial, bins=bins)[0].tolist(),
        "whole_counts": np.histogram(whole, bins=bins)[0].tolist(),
        "initial_mean_steps": None if initial is None else float(initial.mean()),
        "trained_mean_steps": None if trained is None else float(trained.mean()),
        "whole_mean_steps": float(whole.mean()),
        "whole_longest_steps": int(whole.max(initial=0)),
        "learned_move_mean_steps": float(np.abs(trained - initial).mean()) if known else None,  # type: ignore[operator]
        **_rounding_facts(trained, whole),
    }


def _rounding_facts(trained: npt.NDArray[Any] | None, whole: npt.NDArray[np.integer[Any]]) -> dict[str, Any]:
    if trained is None:
        names = ("rounding_edges_steps", "rounding_counts", "rounding_mean_steps", "rounding_longest_steps")
        return dict.fromkeys(names)
    moved = whole - trained
    reach = max(0.5, float(np.abs(moved).max(initial=0)))
    counts, edges = np.histogram(moved, bins=20, range=(-reach, reach))
    return {
        "rounding_edges_steps": edges.tolist(),
        "rounding_counts": counts.tolist(),
        "rounding_mean_steps": float(np.abs(moved).mean()),
        "rounding_longest_steps": float(np.abs(moved).max(initial=0)),
    }


def weights(network: Network, checkpoint: Checkpoint | None) -> list[dict[str, Any]]:
    """Weights of every connection on the integer grid; of a checkpoint also the errors of rounding to it."""
    from myelin.hw_configs.fixed_point import WEIGHT_SCALE

    found = []
    for index, layer in enumerate(network.layers):
        for part, name, weight in _connections(index, layer):
            floats = None if checkpoint is None else checkpoint.tensors.get(name)
            error = None
            if floats is not None and floats.size == weight.size:  # a pooled connection has fewer
                error = weight.ravel() - floats.astype(float).ravel() * WEIGHT_SCALE
            found.append({"where": f"layer {index} ({layer.kind}), {part}", **_weight_facts(weight.ravel(), error)})
    return found


def _connections(index: int, layer: Layer) -> Iterator[tuple[str, str, npt.NDArray[Any]]]:
    yield "feed-forward", f"{index}.synapse.weight", layer.synapse.weight
    if layer.recurrent is not None:
        yield "recurrent", f"{index}.recurrence.weight", layer.recurrent.synapse.weight


def _weight_facts(weight: npt.NDArray[Any], error: npt.NDArray[np.float64] | None) -> dict[str, Any]:
    unit = int(np.gcd.reduce(weight, initial=0)) or 1
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    width = unit * max(1, -(-(high - low + unit) // (unit * _BARS)))  # a multiple of the grid, to avoid artefacts
    edges = np.arange(low, high + width + 1, width) - 0.5 * unit
    ends = (-256, 256 - unit)
    size = max(1, weight.size)
    return {
        "weights": weight.size,
        "unit": unit,
        "low": low,
        "high": high,
        "different_values": len(np.unique(weight)),
        "zero_weights": int((weight == 0).sum()),
        "zero_percent": 100 * int((weight == 0).sum()) / size,
        "at_ends_weights": int(np.isin(weight, ends).sum()),
        "at_ends_percent": 100 * int(np.isin(weight, ends).sum()) / size,
        "edges": edges.tolist(),
        "counts": np.histogram(weight, bins=edges)[0].tolist(),
        "rounding_rms": None if error is None else float(np.sqrt(np.mean(error**2))),
        "weight_rms": float(np.sqrt(np.mean(weight.astype(float) ** 2))),
        "clipped_weights": None if error is None else int((np.abs(error) > unit / 2 + 1e-3).sum()),
    }


def training(checkpoint: Checkpoint) -> dict[str, Any]:
    """The record of the training run, and its configuration as a list of names and values."""
    record = {key: value for key, value in checkpoint.record.values.items() if key not in ("config", "keys", "target")}
    return {"record": record, "config": _listed(checkpoint.config)}


def origin(subject: Subject) -> dict[str, Any]:
    """Where the network comes from; facts of the user as a list of names and values."""
    found, opened = subject.origin, subject.opened
    facts = {} if opened.artifact is None else dict(opened.artifact.manifest["provenance"])
    return {
        "source": str(facts.get("source") or ("run" if found is not None and found.run is not None else opened.title)),
        "exported_for": opened.exported_for,
        "classes": opened.network.num_classes,
        "task": None if found is None else found.task,
        "note": opened.note,
        "user": _listed({} if found is None else found.user),
        "quantisation": _listed(facts.get("quantisation") or {}),
        "clipped": [str(line) for line in facts.get("clipped") or ()],
    }


def _listed(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "value": text} for name, text in _flat("", values)]


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), entry)
    elif isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(entry, Mapping) for entry in value):
        for number, entry in enumerate(value):
            yield from _flat(f"{prefix}[{number}]", entry)
    else:
        yield prefix, str(value)


def target_facts(target: Target) -> dict[str, Any]:
    """The limits of the target with their sources, and those that are not public."""
    limits = [{"name": name, "value": value, "source": target.sources.get(name)} for name, value in target.limits.items()]
    return {
        "name": target.name,
        "title": target.title,
        "limits": limits,
        "not_public": list(target.unknown),
        "energy_label": target.events_label,
        "memory_label": target.packing_label,
    }


def environment(artifact: Artifact | None) -> dict[str, Any]:
    """Versions of now, of the export and of the training; and the hash of every file of the artifact."""
    facts: Mapping[str, Any] = {"versions": {}, "provenance": {}, "format": None, "files": {}}
    if artifact is not None:
        facts = artifact.manifest
    here = {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    stages = {
        "report": here,
        "export": facts["versions"],
        "training": (facts["provenance"].get("run") or {}).get("versions", {}),
    }
    names = sorted({name for versions in stages.values() for name in versions})
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "versions": [{"name": name, **{stage: found.get(name) for stage, found in stages.items()}} for name in names],
        "artifact": None if artifact is None else artifact.folder.name,
        "artifact_format": facts["format"],
        "files": [{"name": name, "sha256": entry["sha256"]} for name, entry in sorted(facts["files"].items())],
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def learning_curve(run: Path) -> list[dict[str, Any]]:
    """Epochs in a run's metrics.jsonl; raises DataError if they cannot be read."""
    from myelin.train.run.files.metrics import METRICS, percent, read_metrics

    names = ("epoch", "loss", "delays_rounded", "exportable")
    return [
        {
            **{name: getattr(row, name) for name in names},
            "train_accuracy_percent": percent(row.train_accuracy),
            "validation_accuracy_percent": percent(row.validation_accuracy),
        }
        for row in read_metrics(run / METRICS)
    ]
