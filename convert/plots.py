"""Figures as PNG files: raster of a sample, histogram of delays, map of where two runs diverge, profile of the layers.

Every function writes its file completely or not at all.  Figures do not use pyplot, so they need no global state and no
display.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.figures import BLUE as _BLUE
from myelin.hw_configs.figures import GREEN as _GREEN
from myelin.hw_configs.figures import GREY as _GREY
from myelin.hw_configs.figures import INK as _INK
from myelin.hw_configs.figures import ORANGE as _ORANGE
from myelin.hw_configs.figures import figure as _figure
from myelin.hw_configs.figures import save as _save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from myelin.convert.compare.divergence import Divergence
    from myelin.convert.network import Layer, Network
    from myelin.convert.profile.profiler import Profile
    from myelin.convert.recording import Recording

Path = str | os.PathLike[str]


def raster(
    path: Path,
    network: Network,
    frames: npt.NDArray[Any],
    recording: Recording,
    *,
    sample: int = 0,
    step_ms: float | None = None,
    keys: Sequence[str] = (),
    label: int | None = None,
) -> None:
    """Plot one sample through all layers: input, spikes of every layer and voltages of the readout.

    Args:
        path: PNG to write.
        network: the network.
        frames: (batch, steps, ...) input spikes.
        recording: recording of a run with ``record={index: ("spikes",), ...}`` for every layer that spikes.
        sample: index of the sample in the batch.
        step_ms: length of a time step; None labels the axis in steps.
        keys: names of the classes.
        label: true class, shown in the title.

    Raises:
        DataError: the recording lacks the spikes of a layer.
    """
    source = np.asarray(frames)[sample].reshape(frames.shape[1], -1)  # (steps, inputs)
    populations: list[tuple[str, npt.NDArray[Any]]] = [("input", source)]
    for index, layer in enumerate(network.layers):
        if layer.output == "state":
            continue
        if "spikes" not in recording.layers.get(index, {}):
            raise DataError(f"the recording holds no spikes of layer {index}; run with record={{{index}: ('spikes',)}}")
        populations.append((_title(index, layer), recording.layers[index]["spikes"][sample].reshape(len(source), -1)))
    states = network.layers[-1].output == "state"

    figure = _figure(9.0, 1.0 + 2.0 * (len(populations) + states))
    axes = figure.subplots(len(populations) + states, 1, sharex=True, squeeze=False)[:, 0]
    scale = step_ms or 1.0
    for axis, (name, spikes) in zip(axes, populations):
        _dots(axis, spikes, scale)
        unit = "channel" if name == "input" else "neuron"
        axis.set_title(f"{name}: {int(spikes.sum())} spikes, {spikes.mean():.3f} per {unit} and step", fontsize=9, loc="left")
        axis.set_ylabel(unit)
    predicted = int(recording.prediction[sample])
    if states:
        _voltages(axes[-1], recording.output[sample], network, scale, keys, predicted, label)
    axes[-1].set_xlabel("time (ms)" if step_ms else "step")
    axes[-1].set_xlim(0, len(source) * scale)
    figure.suptitle(_verdict(predicted, label, keys), fontsize=11)
    _save(figure, path)


def delay_histogram(path: Path, network: Network, *, limit_steps: int | None = None, step_ms: float | None = None) -> None:
    """Write ``delays_figure`` to ``path``, a PNG."""
    _save(delays_figure(network, limit_steps=limit_steps, step_ms=step_ms), path)


def saved(figure: Figure, path: Path | None) -> Figure:
    """``figure``, written to ``path`` if there is one."""
    if path is not None:
        _save(figure, path)
    return figure


def delays_figure(network: Network, *, limit_steps: int | None = None, step_ms: float | None = None) -> Figure:
    """Histograms of the delays of every layer with delays, in bins of one step: axonal, recurrent and synaptic.

    Args:
        network: the network.
        limit_steps: longest delay of the target, drawn as a line.
        step_ms: length of a time step, for the axis; None if unknown.
    """
    panels: list[tuple[str, npt.NDArray[Any], str]] = []
    for index, layer in enumerate(network.layers):
        if layer.delay_steps.any():
            panels.append((f"{_title(index, layer)}, feed-forward", layer.delay_steps.ravel(), _BLUE))
        if layer.recurrent is not None:
            panels.append((f"{_title(index, layer)}, recurrent", layer.recurrent.delay_steps.ravel(), _ORANGE))
        for part, synapse in (("synapses", layer.synapse), ("recurrent synapses", getattr(layer.recurrent, "synapse", None))):
            if synapse is not None and synapse.delay_steps is not None and synapse.delay_steps.any():
                panels.append((f"{_title(index, layer)}, {part}", synapse.delay_steps.ravel(), _GREEN))
    figure = _figure(9.0, 0.8 + 2.1 * max(1, len(panels)))
    axes = figure.subplots(max(1, len(panels)), 1, sharex=True, squeeze=False)[:, 0]
    longest = max([network.max_delay_steps, limit_steps or 0])
    for axis, (name, delays, colour) in zip(axes, panels):
        axis.bar(np.arange(longest + 1), np.bincount(delays, minlength=longest + 1), width=0.9, color=colour)
        middle, top = np.median(delays), delays.max()
        unit = "synapses" if name.endswith("synapses") else "neurons"
        what = f"{delays.size} {'synaptic' if unit == 'synapses' else 'axonal'} delays, median {middle:g}, longest {top} steps"
        axis.set_title(f"{name}: {what}", fontsize=9, loc="left")
        axis.set_ylabel(unit)
        axis.yaxis.get_major_locator().set_params(integer=True)
        if limit_steps is not None:
            axis.axvline(limit_steps + 0.5, color=_INK, linestyle="--", linewidth=1)
            axis.annotate(
                f"limit {limit_steps}", (limit_steps + 0.5, 1), xycoords=("data", "axes fraction"), xytext=(-4, -10),
                textcoords="offset points", ha="right", fontsize=8,
            )  # fmt: skip
    if not panels:
        axes[0].text(0.5, 0.5, "no delays in this network", ha="center", va="center", transform=axes[0].transAxes)
    axes[-1].set_xlabel(f"delay (steps of {step_ms:g} ms)" if step_ms else "delay (steps)")
    axes[-1].set_xlim(-0.8, longest + 1.2)
    return figure


def recording_figure(recording: Recording, sample: int = 0, *, step_ms: float | None = None) -> Figure:
    """One sample of a recording: spikes as dots and states as lines, for every recorded array and the output.

    Args:
        recording: the recording.
        sample: index of the sample in the batch.
        step_ms: length of a time step; None labels the axis in steps.

    Raises:
        DataError: there is no such sample.
    """
    batch, steps = recording.output.shape[:2]
    if not 0 <= sample < batch:
        raise DataError(f"sample {sample} does not exist; this recording has samples 0..{batch - 1}")
    panels = [
        (recording.names.get(index, f"layer {index}"), name, array)
        for index, arrays in sorted(recording.layers.items())
        for name, array in arrays.items()
    ]
    spiking = recording.output_name == "spikes" or (not recording.output_name and recording.output.dtype == np.uint8)
    panels.append(("output", "spikes" if spiking else recording.output_name, recording.output))
    figure = _figure(9.0, 1.0 + 2.0 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    scale = step_ms or 1.0
    for axis, (where, name, array) in zip(axes, panels):
        values = array[sample].reshape(steps, -1)
        if name == "spikes":
            _dots(axis, values, scale)
            count, share = np.count_nonzero(values), np.count_nonzero(values) / max(1, values.size)
            axis.set_title(f"{where}: {count} spikes, {share:.3f} per neuron and step", fontsize=9, loc="left")
            axis.set_ylabel("neuron")
        else:
            shown = _traces(axis, values, scale)
            which = "" if shown == values.shape[1] else f", the {shown} of {values.shape[1]} neurons that change most"
            axis.set_title(f"{where}: {name or 'state'}{which}", fontsize=9, loc="left")
            axis.set_ylabel(name or "state")
    axes[-1].set_xlabel("time (ms)" if step_ms else "step")
    axes[-1].set_xlim(0, max(1, steps) * scale)
    return figure


def divergence_map(path: Path, divergence: Divergence) -> None:
    """Plot the fraction of neurons that differ, per population and step of the first sample that differs.

    Args:
        path: PNG to write.
        divergence: result for two runs that are not equal.
    """
    assert divergence.first is not None
    place, names = divergence.first.place, [population.name for population in divergence.populations]
    share = 100 * np.stack([spread.share for spread in divergence.spread])  # (populations, steps)
    figure = _figure(9.0, 1.6 + 0.45 * len(names))
    axis = figure.subplots()
    steps = np.arange(share.shape[1] + 1) - 0.5
    shown = axis.pcolormesh(steps, np.arange(len(names) + 1) - 0.5, np.ma.masked_equal(share, 0), cmap="viridis_r", vmin=0)
    axis.plot(place.step, place.layer, "o", markersize=8, markerfacecolor="none", markeredgecolor=_ORANGE, markeredgewidth=1.6)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set_xlabel("step")
    axis.set_title(
        f"Neurons that differ in sample {divergence.first.sample}; first (ring): step {place.step}, {names[place.layer]}, "
        f"neuron {place.neuron}",
        fontsize=9,
        loc="left",
    )
    figure.colorbar(shown, ax=axis, label="neurons that differ (%)")
    _save(figure, path)


def profile_bars(path: Path, profile: Profile) -> None:
    """Plot synaptic operations, density of spikes, and the used part of the 24-bit range of u and v, for every layer.

    Args:
        path: PNG to write.
        profile: profile to plot.
    """
    from matplotlib.ticker import MaxNLocator

    layers = profile.layers[1:]
    places = np.arange(len(layers))
    figure = _figure(11.0, 1.5 + 0.5 * len(layers))
    work, rate, reach = figure.subplots(1, 3, sharey=True, gridspec_kw={"wspace": 0.08})
    forward = np.array([layer.forward_operations for layer in layers]) / profile.samples
    recurrent = np.array([layer.recurrent_operations for layer in layers]) / profile.samples
    work.barh(places, forward, color=_BLUE, label="feed-forward")
    work.barh(places, recurrent, left=forward, color=_ORANGE, label="recurrent")
    work.set_xlabel("operations a sample")
    steps = profile.samples * profile.steps
    rate.barh(places, [100 * layer.spikes / (layer.neurons * steps) for layer in layers], color=_INK)
    rate.set_xlabel("neurons that fire in a step (%)")
    for offset, kind, colour in ((-0.2, "wraps", _GREEN), (0.2, "saturates", _GREY)):
        names = [next((name for name, found in layer.overflow.items() if found == kind), "") for layer in layers]
        percent = [layer.ranges[name].percent if name else 0.0 for name, layer in zip(names, layers, strict=True)]
        label = ", ".join(dict.fromkeys(name for name in names if name)) or kind
        reach.barh(places + offset, percent, height=0.4, color=colour, label=label)
    reach.axvline(100, color=_INK, linestyle="--", linewidth=1)
    reach.set_xlabel("largest state (% of 24 bit)")
    for axis in (work, reach):
        axis.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.1)
    work.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    work.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value == int(value) else f"{value:g}")
    reach.set_xticks(range(0, 101, 25))
    reach.set_xlim(0, max(105.0, reach.get_xlim()[1]))
    work.set_yticks(places, [layer.name for layer in layers])
    work.invert_yaxis()
    _save(figure, path)


def _dots(axis: Axes, spikes: npt.NDArray[Any], scale: float) -> None:
    """Draw a dot at the middle of the step for every spike; larger counts are darker, negative messages orange."""
    steps, neurons = np.nonzero(spikes)
    counts = np.abs(spikes[steps, neurons].astype(float))
    alpha = 0.35 + 0.65 * counts / counts.max() if counts.size and counts.max() > 1 else 1.0
    colour = np.where(spikes[steps, neurons] < 0, _ORANGE, _INK)
    size = float(np.clip(2000 / max(1, spikes.shape[1]), 1.5, 12))
    axis.scatter((steps + 0.5) * scale, neurons, s=size, marker="s", linewidths=0, c=colour, alpha=alpha)
    axis.set_ylim(-1, spikes.shape[1])


#: Colours of lines, in turn; and the number of lines that can still be told from each other.
_LINES, _MOST_LINES = (_BLUE, _ORANGE, _GREEN, _INK, _GREY), 10


def _traces(axis: Axes, values: npt.NDArray[Any], scale: float) -> int:
    """Draw a line for each of the neurons that change most; returns their number."""
    change = np.ptp(values.astype(np.int64), axis=0) if len(values) else np.zeros(values.shape[1])
    chosen = np.sort(np.argsort(-change, kind="stable")[:_MOST_LINES])
    time = (np.arange(len(values)) + 0.5) * scale
    for place, neuron in enumerate(chosen):
        axis.plot(time, values[:, neuron], color=_LINES[place % len(_LINES)], linewidth=1.0, label=str(neuron),
                  linestyle="-" if place < len(_LINES) else "--")  # fmt: skip
    axis.ticklabel_format(axis="y", style="plain")
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, title="neuron", title_fontsize=7)
    return len(chosen)


def _voltages(
    axis: Axes,
    output: npt.NDArray[Any],
    network: Network,
    scale: float,
    keys: Sequence[str],
    predicted: int,
    label: int | None,
) -> None:
    """Draw the voltage of every class, the predicted and the true class in colour."""
    from myelin.hw_configs.fixed_point import STATE_SCALE

    trace = output.reshape(len(output), -1) / STATE_SCALE
    time = (np.arange(len(trace)) + 0.5) * scale
    for neuron in range(trace.shape[1]):
        if neuron not in (predicted, label):
            axis.plot(time, trace[:, neuron], color=_GREY, linewidth=0.7, alpha=0.7)
    if label is not None and label != predicted:
        axis.plot(time, trace[:, label], color=_GREEN, linewidth=1.6, label=f"true: {_name(label, keys)}")
    axis.plot(time, trace[:, predicted], color=_ORANGE, linewidth=1.6, label=f"predicted: {_name(predicted, keys)}")
    axis.axhline(0, color=_INK, linewidth=0.5)
    axis.set_title(_title(len(network.layers) - 1, network.layers[-1]) + ": voltage of each class", fontsize=9, loc="left")
    axis.set_ylabel("voltage (state / 4096)")
    axis.legend(fontsize=8, loc="best", frameon=False)


def _title(index: int, layer: Layer) -> str:
    return f"layer {index} ({layer.kind})"


def _name(label: int, keys: Sequence[str]) -> str:
    return keys[label] if label < len(keys) else f"class {label}"


def _verdict(predicted: int, label: int | None, keys: Sequence[str]) -> str:
    if label is None:
        return f"predicted: {_name(predicted, keys)}"
    mark = "right" if predicted == label else "wrong"
    return f"true: {_name(label, keys)}, predicted: {_name(predicted, keys)} ({mark})"
