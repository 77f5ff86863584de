"""The loss from quantisation: compares the float network, plain rounding and calibrated integers on the same samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert import statistics
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.network import Network
from myelin.convert.quantise.calibrate import Quantised
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.terminal import screen
from myelin.hw_configs.written import counted

#: Samples in a batch.
CHUNK = 128


class RoundingComparison(NamedTuple):
    """Differing spikes and predicted classes of each network beside the float network.

    Attributes:
        mismatch: network name -> for each spiking layer the number of differing spikes, divided by the float network's spikes.
        prediction: network name, or ``float`` -> predicted classes, (samples,).
        labels: true classes, (samples,); None if there are none.
    """

    mismatch: dict[str, list[float]]
    prediction: dict[str, npt.NDArray[np.int64]]
    labels: npt.NDArray[np.int64] | None


def compare_networks(
    floats: FloatNetwork,
    networks: Mapping[str, Network],
    batches: Iterable[tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]],
) -> RoundingComparison:
    """Run the float network and all ``networks`` on batches of (frames, labels); fractional float delays are interpolated."""
    spiking = [index for index, layer in enumerate(floats.layers) if layer.output == "spikes"]
    different = {name: np.zeros(len(spiking)) for name in networks}
    sent = np.zeros(len(spiking))
    predictions: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in ("float", *networks)}
    truth: list[npt.NDArray[np.int64]] = []
    for frames, labels in batches:
        reference = simulate_floats(floats, frames, interpolate=True)
        truth += [] if labels is None else [labels]
        predictions["float"].append(_classes(floats, reference.output))
        wanted = [reference.layers[index]["spikes"] != 0 for index in spiking]
        sent += [spikes.sum() for spikes in wanted]
        for name, network in networks.items():
            got = simulate(network, frames, record=dict.fromkeys(spiking, ("spikes",)))
            predictions[name].append(got.prediction)
            pairs = zip(spiking, wanted, strict=True)
            different[name] += [np.count_nonzero((got.layers[index]["spikes"] != 0) != spikes) for index, spikes in pairs]
    return RoundingComparison(
        {name: (values / np.maximum(sent, 1)).tolist() for name, values in different.items()},
        {name: np.concatenate(parts) for name, parts in predictions.items()},
        np.concatenate(truth) if truth else None,
    )


def _classes(floats: FloatNetwork, output: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """As ``Recording.prediction``."""
    scores = output.sum(axis=1).reshape(len(output), -1)
    if floats.average_groups:
        scores = scores.reshape(len(output), floats.average_groups, -1).sum(axis=2)
    return np.argmax(scores, axis=1)


def as_dict(floats: FloatNetwork, comparison: RoundingComparison) -> dict[str, Any]:
    """Values for JSON, with units in the names: every network compared with the float network on the same samples."""
    reference, labels = comparison.prediction["float"], comparison.labels
    rows = []
    for name, mismatch in comparison.mismatch.items():
        row: dict[str, Any] = {"name": name, "spike_mismatch_percent": [100 * value for value in mismatch]}
        if labels is not None:
            paired = statistics.compare(reference, comparison.prediction[name], labels)
            row |= {
                "accuracy_percent": 100 * paired.accuracy,
                "difference_points": 100 * paired.difference,
                "difference_low_points": 100 * paired.difference_interval[0],
                "difference_high_points": 100 * paired.difference_interval[1],
                "only_float_right_samples": paired.only_reference,
                "only_this_right_samples": paired.only_candidate,
                "agreement_percent": 100 * paired.agreement,
                "mcnemar_p": paired.mcnemar_p,
            }
        rows.append(row)
    spiking = [f"layer {index} ({layer.kind})" for index, layer in enumerate(floats.layers) if layer.output == "spikes"]
    return {
        "samples": len(reference),
        "float_accuracy_percent": None if labels is None else 100 * float((reference == labels).mean()),
        "layers": spiking,
        "networks": rows,
    }


def choices(quantised: Quantised) -> list[dict[str, Any]]:
    """The choices for each layer, for JSON."""
    found = zip(quantised.network.layers, quantised.layers, strict=True)
    return [
        {
            "layer": f"layer {index} ({layer.kind})",
            "weight_1_is_threshold_units": report.choice.scale,
            "weight_step_exponents": list(report.choice.steps),
            "compensated": report.choice.compensated,
            "threshold_factor": report.choice.threshold,
            "bias_shift_thresholds": report.choice.bias,
            "delays": report.delays,
            "calibration_error_percent": 100 * report.error,
        }
        for index, (layer, report) in enumerate(found)
    ]


def table(result: Mapping[str, Any]) -> list[str]:
    """The result of ``as_dict`` as lines for the screen."""
    names, networks = result["layers"], result["networks"]
    samples = counted(result["samples"], "sample")
    title = f"{samples} that no choice was made on; spikes that differ from the float network's, of its spikes"
    rows: list[tuple[str, ...]]
    if result["float_accuracy_percent"] is None:
        rows = [(row["name"], *_mismatches(row)) for row in networks]
        return [title, *screen.table(("", *names), rows, "<" + ">" * len(names), indent=2)]
    rows = [("float", f"{result['float_accuracy_percent']:.2f} %", *[""] * (2 + len(names)))]
    for row in networks:
        interval = f"{row['difference_low_points']:+.2f} to {row['difference_high_points']:+.2f}"
        difference = f"{row['difference_points']:+.2f} points ({interval})"
        rows.append((row["name"], f"{row['accuracy_percent']:.2f} %", difference, f"{row['mcnemar_p']:.4f}", *_mismatches(row)))
    heads = ("", "accuracy", "to the float network (95 %)", "p", *names)
    return [title, *screen.table(heads, rows, "<" + ">" * (3 + len(names)), indent=2)]


def _mismatches(row: Mapping[str, Any]) -> list[str]:
    return [f"{value:.2f} %" for value in row["spike_mismatch_percent"]]


def batches(
    frames: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]],
    labels: npt.NDArray[np.int64] | None,
    numbers: Sequence[int] | npt.NDArray[np.int64],
) -> Iterable[tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]]:
    """Yield (frames, labels) of the samples ``numbers``, CHUNK samples at a time."""
    for start in range(0, len(numbers), CHUNK):
        part = np.asarray(numbers[start : start + CHUNK])
        yield frames(part), None if labels is None else labels[part]
