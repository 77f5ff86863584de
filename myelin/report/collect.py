"""Collects facts of an artifact that the JSON of the stages lacks: golden samples, delays, weights, training, environment.

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
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.checkpoint import Checkpoint
    from myelin.hw_configs.target import Target
    from myelin.validation.trained import Trained

#: Largest number of golden samples to draw, and of neurons of a population in a raster; more would be too small to see.
DRAWN_SAMPLES, DRAWN_NEURONS = 3, 512
#: Largest number of bars in a histogram of weights.
_BARS = 64
_PACKAGES = ("myelin-loihi", "numpy", "h5py", "numba", "torch", "lava-nc", "lava-dl")


def golden_samples(artifact: Artifact, origin: Origin, trained: Trained) -> dict[str, Any]:
    """The spikes of some golden inputs, separated into those of both networks, of the floats only, and of the integers only."""
    from myelin.convert.recording import class_scores
    from myelin.convert.simulator.simulator import simulate
    from myelin.validation.trained import SETTINGS

    network, facts = artifact.network, artifact.manifest["provenance"]["golden"]
    frames = artifact.golden.spikes[:DRAWN_SAMPLES]
    spiking = [index for index, layer in enumerate(network.layers) if layer.output == "spikes"]
    recording = simulate(network, frames, record=dict.fromkeys(spiking, ("spikes",)))
    layers, output = trained.forward(frames, SETTINGS["float"])
    floats = np.argmax(class_scores(network, output.reshape(*output.shape[:2], *network.output_shape)), axis=1)
    drawn = []
    for place in range(len(frames)):
        populations = [_population("input", frames[place], frames[place])]
        for index in spiking:
            name = f"layer {index} ({network.layers[index].kind})"
            populations.append(_population(name, layers[index][place], recording.layers[index]["spikes"][place]))
        label = int(facts["labels"][place])
        drawn.append(
            {
                "sample": int(facts["samples"][place]),
                "label": _class_name(origin, label),
                "float_prediction": _class_name(origin, int(floats[place])),
                "integer_prediction": _class_name(origin, int(recording.prediction[place])),
                "populations": populations,
            }
        )
    where = {"data": facts["data"], "split": facts["split"], "steps": int(frames.shape[1]), "step_ms": origin.binning.step_ms}
    return {**where, "samples": drawn}


def _class_name(origin: Origin, label: int) -> str:
    return origin.keys[label] if label < len(origin.keys) else f"class {label}"


def _population(where: str, floats: npt.NDArray[Any], integers: npt.NDArray[Any]) -> dict[str, Any]:
    """Spikes (steps, ...) of one population in both networks."""
    one, two = (np.asarray(spikes).reshape(len(spikes), -1) != 0 for spikes in (floats, integers))
    kinds = {"both": one & two, "only_float": one & ~two, "only_integer": ~one & two}
    return {
        "where": where,
        "neurons": one.shape[1],
        "drawn_neurons": min(one.shape[1], DRAWN_NEURONS),
        **{f"{name}_spikes": int(mask.sum()) for name, mask in kinds.items()},
        **{name: np.argwhere(mask[:, :DRAWN_NEURONS]).tolist() for name, mask in kinds.items()},
    }


def delays(network: Network, checkpoint: Checkpoint, target: Target) -> list[dict[str, Any]]:
    """Axonal delays of every layer that has some: before training, after training, and as whole steps.

    Torch draws the delays before training again; without torch they are None.
    """
    began = _initial_tensors(checkpoint) if parts.found("torch") else {}
    found = []
    for index, layer in enumerate(network.layers):
        recurrent = None if layer.recurrent is None else layer.recurrent.delay_steps
        for part, name, whole in (
            ("feed-forward", f"{index}.delay.delay", layer.delay_steps),
            ("recurrent", f"{index}.recurrence.delay.delay", recurrent),
        ):
            if whole is not None and name in checkpoint.tensors:
                trained = checkpoint.tensors[name].astype(float).ravel()
                where = f"layer {index} ({layer.kind}), {part}"
                facts = _delay_facts(began.get(name), trained, np.broadcast_to(whole.ravel(), trained.shape))
                found.append({"where": where, "limit_steps": target.delay_steps_max, **facts})
    return found


def _initial_tensors(checkpoint: Checkpoint) -> dict[str, npt.NDArray[Any]]:
    from myelin.train.config.files import config_from_dict
    from myelin.train.model import untrained

    model = untrained(config_from_dict(checkpoint.config), checkpoint.run.classes)
    return {name: value.detach().numpy().astype(float).ravel() for name, value in model.state_dict().items()}


def _delay_facts(
    initial: npt.NDArray[Any] | None, trained: npt.NDArray[Any], whole: npt.NDArray[np.integer[Any]]
) -> dict[str, Any]:
    longest = int(max(whole.max(initial=0), 0.0 if initial is None else np.ceil(initial.max(initial=0)), 1))
    bins = np.arange(longest + 2) - 0.5
    moved = whole - trained
    reach = max(0.5, float(np.abs(moved).max(initial=0)))
    counts, edges = np.histogram(moved, bins=20, range=(-reach, reach))
    return {
        "delays": whole.size,
        "edges_steps": bins.tolist(),
        "initial_counts": None if initial is None else np.histogram(initial, bins=bins)[0].tolist(),
        "whole_counts": np.histogram(whole, bins=bins)[0].tolist(),
        "initial_mean_steps": None if initial is None else float(initial.mean()),
        "trained_mean_steps": float(trained.mean()),
        "whole_mean_steps": float(whole.mean()),
        "whole_longest_steps": int(whole.max(initial=0)),
        "learned_move_mean_steps": None if initial is None else float(np.abs(trained - initial).mean()),
        "rounding_edges_steps": edges.tolist(),
        "rounding_counts": counts.tolist(),
        "rounding_mean_steps": float(np.abs(moved).mean()),
        "rounding_longest_steps": float(np.abs(moved).max(initial=0)),
    }


def weights(network: Network, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Weights of every connection on the integer grid, and the errors of rounding to it."""
    from myelin.hw_configs.fixed_point import WEIGHT_SCALE

    found = []
    for index, layer in enumerate(network.layers):
        for part, name, weight in _connections(index, layer):
            floats = checkpoint.tensors.get(name)
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
    return {"record": record, "config": [{"name": name, "value": text} for name, text in _flat("", checkpoint.config)]}


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


def environment(artifact: Artifact) -> dict[str, Any]:
    """Versions of now, of the export and of the training; and the hash of every file of the artifact."""
    facts = artifact.manifest
    here = {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    stages = {"report": here, "export": facts["versions"], "training": facts["provenance"]["run"].get("versions", {})}
    names = sorted({name for versions in stages.values() for name in versions})
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "versions": [{"name": name, **{stage: found.get(name) for stage, found in stages.items()}} for name in names],
        "artifact": artifact.folder.name,
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
    from myelin.train.run.metrics import METRICS, read_metrics

    names = ("epoch", "loss", "delays_rounded", "exportable")
    return [
        {
            **{name: getattr(row, name) for name in names},
            "train_accuracy_percent": 100 * row.train_accuracy,
            "validation_accuracy_percent": 100 * row.validation_accuracy,
        }
        for row in read_metrics(run / METRICS)
    ]
