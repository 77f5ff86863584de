"""What a network or a recording shows in a notebook: a few lines of text, or a table.

Networks of integers and of floats have the same parts.  This file asks for no class, since those classes use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from myelin.hw_configs.terminal.tables import html_table, text_table

NETWORK_HEADER = ("", "shape", "connection", "weights", "delays (steps)", "recurrent", "neurons", "output")


def size(shape: tuple[int, ...]) -> str:
    """A shape in words, such as 2 x 34 x 34."""
    return " x ".join(map(str, shape))


def span(values: Any) -> str:
    """The range of an array, such as -30..39; one number if all are equal, "none" without values."""
    array = np.asarray(values)
    if not array.size:
        return "none"
    low, high = array.min(), array.max()
    shown = ("{:g}" if array.dtype.kind == "f" else "{:d}").format
    return shown(low) if low == high else f"{shown(low)}..{shown(high)}"


def _delays(axonal: Any, synapse: Any) -> str:
    parts = [span(axonal)] if np.any(axonal) else []
    synaptic = getattr(synapse, "delay_steps", None)
    if synaptic is not None and np.any(synaptic):
        parts.append(f"{span(synaptic)} synaptic")
    return " and ".join(parts)


def _weights(synapse: Any) -> str:
    exponent = getattr(synapse, "weight_exp", 0)
    return span(synapse.weight) + (f", exponent {exponent}" if exponent else "")


def network_title(network: Any, source: Any) -> str:
    """The chain of populations in one line."""
    chain = " -> ".join(size(shape) for shape in (source.shape, *(layer.shape for layer in network.layers)))
    groups = f", average over {network.average_groups} groups" if network.average_groups else ""
    count = len(network.layers)
    return f"{type(network).__name__} of {count} layer{'s'[: count > 1]}: {chain}{groups}"


def network_rows(network: Any, source: Any) -> list[tuple[str, ...]]:
    """One row for the input ``source`` and for each layer, see ``NETWORK_HEADER``."""
    neurons = "" if source.neuron is None else type(source.neuron).__name__
    rows = [("input", size(source.shape), "", "", "", "", neurons, f"{source.min_value}..{source.max_value}")]
    return rows + [(f"layer {index}", *layer_cells(layer)) for index, layer in enumerate(network.layers)]


def layer_cells(layer: Any) -> tuple[str, ...]:
    """The values of one layer, see ``NETWORK_HEADER``."""
    back, recurrent = layer.recurrent, ""
    if back is not None:
        late = _delays(back.delay_steps, back.synapse)
        recurrent = f"{back.synapse.kind}, weights {_weights(back.synapse)}, delays {late or '0'}"
    delays = _delays(layer.delay_steps, layer.synapse)
    neurons = type(layer.neuron).__name__
    return size(layer.shape), layer.synapse.kind, _weights(layer.synapse), delays or "0", recurrent, neurons, layer.output


def network_text(network: Any, source: Any) -> str:
    """The network with its input ``source`` in a line for each layer."""
    (name, shape, *_, given), *layers = network_rows(network, source)
    rows = [[name, shape, f"values {given}"]]
    for name, shape, kind, weights, delays, recurrent, neurons, output in layers:
        words = [f"{kind}, weights {weights}", f"delays {delays}" if delays != "0" else ""]
        words += [f"recurrent {recurrent}" if recurrent else "", f"{neurons}, {output}"]
        rows.append([name, shape, "; ".join(filter(None, words))])
    return text_table(network_title(network, source), rows)


def network_html(network: Any, source: Any) -> str:
    """The network with its input ``source`` as a table."""
    return html_table(network_title(network, source), NETWORK_HEADER, network_rows(network, source))


def layer_text(layer: Any) -> str:
    """The layer in one line."""
    shape, kind, weights, delays, recurrent, neurons, output = layer_cells(layer)
    words = [f"{kind}, weights {weights}", f"delays {delays}", f"recurrent {recurrent}" if recurrent else ""]
    return f"{type(layer).__name__} of {shape}: {'; '.join(filter(None, words))}; {neurons}, {output}"


RECORDING_HEADER = ("", "array", "shape", "type", "range", "not zero (%)")


def recording_title(recording: Any) -> str:
    """The size of a recording in one line."""
    batch, steps = recording.output.shape[:2]
    return f"Recording of {batch} sample{'s'[: batch != 1]}, {steps} step{'s'[: steps != 1]}"


def recording_rows(recording: Any) -> list[tuple[str, ...]]:
    """One row for the output, the scores and each recorded array, see ``RECORDING_HEADER``."""
    arrays = [("output", recording.output_name, recording.output), ("readout", "class scores", recording.readout)]
    names: Mapping[int, str] = recording.names
    for index, entries in sorted(recording.layers.items()):
        where = names.get(index, f"layer {index}" if index >= 0 else "input")
        arrays += [(where, name, array) for name, array in entries.items()]
    rows: list[tuple[str, ...]] = []
    for where, name, array in arrays:
        share = f"{100 * np.count_nonzero(array) / array.size:.3g}" if array.size else ""
        rows.append((where, name, size(array.shape), str(array.dtype), span(array), share))
    return rows


def recording_text(recording: Any) -> str:
    """The recording in a line for each array."""
    rows = [
        [where, f"{name} {shape} {kind}".strip(), ranged] for where, name, shape, kind, ranged, _ in recording_rows(recording)
    ]
    return text_table(recording_title(recording), rows)


def recording_html(recording: Any) -> str:
    """The recording as a table."""
    return html_table(recording_title(recording), RECORDING_HEADER, recording_rows(recording))


def artifact_rows(artifact: Any) -> list[tuple[str, str]]:
    """Facts about an artifact, each with its name."""
    manifest, golden = artifact.manifest, artifact.golden.spikes
    rows = [
        ("folder", str(artifact.folder)),
        ("target", str(manifest["target"]["name"])),
        ("written by", f"Myelin {manifest['myelin']}"),
        ("golden inputs", f"{len(golden)} samples of {golden.shape[1]} steps"),
    ]
    return rows + [(name.replace("_", " "), str(value)) for name, value in sorted(manifest["metrics"].items())]


def artifact_text(artifact: Any) -> str:
    """The artifact and its network in a few lines."""
    return "\n".join([text_table("Artifact", artifact_rows(artifact)[:4]), repr(artifact.network)])


def artifact_html(artifact: Any) -> str:
    """The artifact and its network as two tables."""
    return html_table("Artifact", (), artifact_rows(artifact)) + network_html(artifact.network, artifact.network.input)
