"""``myelin quantise``: turns a network trained in floats into integers, and measures the loss."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from myelin.convert.arrays import Shape
from myelin.convert.axes import TimeAxis
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.floats.sources import OpenedFloats, clipped_floats, open_floats
from myelin.convert.given import is_path
from myelin.convert.network import Network
from myelin.convert.quantise.calibrate import quantise
from myelin.convert.quantise.data import QuantisationData, quantisation_data
from myelin.convert.quantise.layer import Grid
from myelin.convert.quantise.report import as_dict, batches, choices, compare_networks
from myelin.convert.quantise.rounding import round_network
from myelin.convert.rules import calibrate, check
from myelin.convert.samples import Data
from myelin.hw_configs.argument_checks import one_of, path_of, whole
from myelin.hw_configs.errors import DataError, GateError, NetworkError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

if TYPE_CHECKING:
    from myelin.convert.artifact.export import Exported

#: Default number of calibration samples.
CALIBRATION_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class QuantisedNetwork:
    """An integer network that the target supports.

    Attributes:
        network: the integers.
        values: the choices and the measured loss, for JSON.
        artifact: the artifact that was written; None if none was asked for.
    """

    network: Network
    values: dict[str, Any]
    artifact: Exported | None = None

    def __repr__(self) -> str:
        written = [] if self.artifact is None else [f"  artifact {self.artifact.folder}"]
        return "\n".join(["Quantised, the integers:", *written, repr(self.network)])


def quantised(
    floats: FloatNetwork | str | os.PathLike[str],
    data: Data,
    *,
    target: Target | str | Path,
    method: Literal["calibrated", "plain"] = "calibrated",
    calibration_samples: int = CALIBRATION_SAMPLES,
    samples: int | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    dt_ms: float | None = None,
    input_shape: Shape | None = None,
    clip_delays: int | None = None,
    time_axis: TimeAxis | None = None,
    artifact: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> QuantisedNetwork:
    """Quantise a float network for a target, so that it spikes on data as before.

    Calibration uses spikes, never labels, of samples of the train split if there is one.  The loss is measured on samples that
    were not used for calibration.

    Args:
        floats: a float network, a NIR file, a netx file with floats, a run folder, or an artifact that holds its floats.
        data: ``builtin``, a folder or a file; a ``SpikeDataset``; a pair (x, y) of arrays; or a torch Dataset.
        target: a target, its name, or a TOML file that describes one.
        method: ``calibrated``, or ``plain`` rounding.
        calibration_samples: number of samples to calibrate on.
        samples: number of other samples to report on; None for all.
        steps, step_ms: length of a sample and of a step, if the floats do not define how spikes become frames.
        dt_ms: length of a step of a NIR file in milliseconds; None for that of the file.
        input_shape: shape of the input, for a netx file without an input layer; None for that of the file.
        clip_delays: shorten longer delays to this number of steps before anything is calibrated; ``note`` of ``values`` reports
            their number.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
        artifact: folder of an artifact to write; it holds the float network too, with which it validates.
        classes, provenance: of the artifact, as in ``export``.
        progress: whether to show a progress bar.

    Raises:
        NetworkError: the floats cannot be read, or cannot be represented in integers; or the artifact cannot be written.
        DataError: the data cannot be used, or too few samples are left to report on.
        GateError: the target does not support the result; the message lists every violation.
    """
    one_of("method", method, ("calibrated", "plain"), DataError)
    calibration_samples = whole("calibration_samples", calibration_samples, 1, error=DataError)
    if samples is not None:
        samples = whole("samples", samples, 1, error=DataError)
    out = None if artifact is None else path_of("artifact", artifact, NetworkError)
    if out is None and (classes is not None or provenance is not None):
        name = "classes" if classes is not None else "provenance"
        raise DataError(f"{name} is stored in an artifact, and none is written; give artifact= too, or leave {name} out")
    if not isinstance(floats, FloatNetwork):
        path_of("floats, which is no FloatNetwork,", floats, NetworkError)
    held = target if isinstance(target, Target) else load_target(target)
    opened = (
        OpenedFloats(floats) if isinstance(floats, FloatNetwork) else open_floats(floats, dt_ms=dt_ms, input_shape=input_shape)
    )
    if clip_delays is not None:
        opened = clipped_floats(opened, clip_delays)
    name_of_floats = "floats" if isinstance(floats, FloatNetwork) else os.fspath(floats)
    binning = {"samples": samples, "steps": steps, "step_ms": step_ms, "time_axis": time_axis}
    found = quantisation_data(opened, name_of_floats, data, calibration_samples, **binning)  # type: ignore[arg-type]
    grid = Grid.of(held)
    frames = found.calibration.frames(found.taken)
    networks = {f"plain, {grid.weight_bits} bits": round_network(opened.network, grid.weight_bits)}
    chosen = None
    if method == "calibrated":
        chosen = quantise(opened.network, frames, grid, progress=progress)
        networks[f"calibrated, {grid.weight_bits} bits"] = chosen.network
    name, network = list(networks.items())[-1]
    violations = check(network, held, calibrate(network, [frames]))
    if violations:
        listed = "; ".join(f"({number}) {violation.message}" for number, violation in enumerate(violations, 1))
        raise GateError(f"{held.name} does not hold {name_of_floats}, nothing was written: {listed}")
    report = found.report
    compared = compare_networks(opened.network, networks, batches(report.frames, found.labels, found.numbers))
    values = {
        "floats": name_of_floats,
        "note": opened.note,
        "target": held.name,
        "weight_bits": grid.weight_bits,
        "written": name,
        "calibration": {"split": found.calibration.split, "samples": len(found.taken)},
        "report": {
            "split": report.split,
            "data": report.dataset.name,
            "steps": report.binning.steps,
            "step_ms": report.binning.step_ms,
            **as_dict(opened.network, compared),
        },
        "choices": [] if chosen is None else choices(chosen),
    }
    if out is None:
        return QuantisedNetwork(network, values)
    known = os.fspath(data) if is_path(data) else None
    exported = _written(network, opened, found, values, held, out, known, classes, provenance)
    return QuantisedNetwork(network, {**values, "artifact": str(exported.folder)}, exported)


def _written(
    network: Network,
    opened: OpenedFloats,
    found: QuantisationData,
    values: Mapping[str, Any],
    target: Target,
    out: Path,
    data: str | None,
    classes: Sequence[str] | None,
    user: Mapping[str, Any] | None,
) -> Exported:
    """The artifact of a quantisation: golden inputs from the samples that are reported on, and the floats."""
    from myelin.convert.artifact.export import write_exportable
    from myelin.convert.artifact.exportable import Exportable
    from myelin.convert.artifact.golden_inputs import data_inputs, described
    from myelin.convert.artifact.provenance import FLOATS
    from myelin.convert.floats.file import floats_content

    name = opened.name or "floats"
    facts = {
        "name": name,
        "source": "quantisation",
        "quantisation": {
            "floats": Path(values["floats"]).name,
            "written": values["written"],
            "weight_bits": values["weight_bits"],
            "calibration": values["calibration"],
            "choices": values["choices"],
        },
    }
    source = Exportable(
        str(values["floats"]),
        network,
        f"{values['floats']}: {values['written']}",
        facts,
        network.num_classes,
        opened.keys,
        binning=opened.binning,
        attachments={FLOATS: floats_content(opened.network)},
        data=data,
    )
    golden = data_inputs(found.report, found.numbers, labelled=found.labels is not None)
    return write_exportable(described(source, golden, classes), golden, out, target, user=user)
