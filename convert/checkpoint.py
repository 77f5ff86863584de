"""From a run folder to the integer network: the one file of ``myelin.convert`` that reads a checkpoint.

Weights become integers on the grid they were trained on (SLAYER's 8 bit: the even ones in -256..254), decays 12 bit, delays
whole steps on their grid; the arithmetic is that of the trained network's own forward pass, so both give the same spikes.  It
needs numpy, not torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors.numpy import load_file

from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.layers.conv import as_chw
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.convert.neurons import Cuba
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, THRESHOLD_MAX, WEIGHT_BITS, WEIGHT_SCALE
from myelin.train.config.axes import on_axes

Tensors = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A run folder's content: the record of the run (run.json) and its tensors."""

    folder: Path
    record: dict[str, Any]
    tensors: Tensors

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration of the run."""
        result: dict[str, Any] = self.record["config"]
        return result


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a run folder.

    Raises:
        NetworkError: no such run, damaged files, or values that are not finite.
    """
    if not folder.is_dir():
        raise NetworkError(f"{folder}: no such run folder; name one that `myelin train` wrote")
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not isinstance(record.get("config"), dict):
            raise ValueError("no configuration in it")
    except (OSError, ValueError) as error:
        raise NetworkError(f"{folder}: run.json cannot be read ({error}); name a folder that `myelin train` wrote") from error
    path = folder / "model.safetensors"
    if not path.is_file():
        raise NetworkError(f"{folder}: holds no model.safetensors yet; finish the run with `myelin train --resume`")
    try:
        tensors = dict(load_file(path))
        with safetensors.safe_open(path, framework="numpy") as file:
            epoch = (file.metadata() or {}).get("epoch")
    except (OSError, safetensors.SafetensorError) as error:
        raise NetworkError(f"{path}: cannot be read as safetensors ({error}); the file is damaged") from error
    best = record.get("best")
    said = best.get("epoch") if isinstance(best, dict) else None
    if epoch is not None and epoch != str(said):
        raise NetworkError(
            f"{folder}: model.safetensors is of epoch {epoch}, run.json says {said}: the run is being written or was stopped "
            "in between; let it end, or continue it with `myelin train --resume`"
        )
    for name, values in tensors.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NetworkError(f"{path}: {name} holds NaN or infinite values; train again, with a smaller learning rate")
    return Checkpoint(folder, record, tensors)


def network_from_checkpoint(checkpoint: Checkpoint) -> Network:
    """The integer network of a trained run.

    Raises:
        NetworkError: a tensor is missing or does not fit the configuration, or weights were trained as floats.
    """
    config = checkpoint.config
    try:
        bits = config["train"]["weight_bits"]
        if bits == 0:
            raise NetworkError(f"{checkpoint.folder}: trained with float weights; train with train.weight_bits=8 to export")
        grid = config["delay"].get("grid_steps", 1)  # runs of before there was a grid
        data = config["data"]
        source = Input(data.get("shape") or (data["channels"],), message_bits=data["message_bits"])
        shape: tuple[int, ...] = source.shape
        layers = []
        for index, layer in enumerate([*config["layers"], None]):
            with naming_layer(index, layer["kind"] if layer else "dense"):
                parts = _Parts(checkpoint.tensors, f"{index}.", WEIGHT_BITS if bits is None else bits, grid)
                layers.append(_hidden(parts, config, layer, shape) if layer else _readout(parts, config, shape))
            shape = layers[-1].shape
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise NetworkError(
            f"{checkpoint.folder}: run.json and model.safetensors do not belong together ({reason}); export a folder as "
            "`myelin train` left it"
        ) from error
    return Network(source, tuple(layers))


class _Parts:
    """Tensors of one layer."""

    def __init__(self, tensors: Tensors, prefix: str, weight_bits: int, delay_grid: int) -> None:
        self.tensors, self.prefix, self.weight_bits, self.delay_grid = tensors, prefix, weight_bits, delay_grid

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.tensors[self.prefix + name]

    def weight(self, name: str) -> npt.NDArray[Any]:
        """Multiples of 2^(9 - bits) in -256..255, as the training's forward pass uses them."""
        unit, half = 1 << (WEIGHT_BITS + 1 - self.weight_bits), 1 << (self.weight_bits - 1)
        steps = np.rint(np.clip(self[name].astype(np.float32) * (WEIGHT_SCALE / unit), -half, half - 1))
        return unit * steps.astype(np.int64)

    def delay(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Whole steps on the grid; one for each neuron, or one for each channel of a (C, H, W) population."""
        steps = self.delay_grid * np.rint(self[name] / self.delay_grid).astype(np.int64)
        return _per_neuron_or_channel(steps, shape)

    def cuba(self, threshold: float, shape: tuple[int, ...]) -> Cuba:
        """Constants of the neurons; the decays are clamped and rounded as in training."""
        decays = [np.rint(self[f"neuron.{name}_decay"]).astype(np.int64) for name in ("current", "voltage")]
        current, voltage = (_per_neuron_or_channel(decay, shape) for decay in decays)
        return Cuba(int(threshold * WEIGHT_SCALE), current.clip(0, DECAY_UNITY), voltage.clip(0, DECAY_UNITY))


def _per_neuron_or_channel(values: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if values.size == 1:
        return values.reshape(())
    if values.size == int(np.prod(shape)):
        return values.reshape(shape)
    return values.reshape(-1, *(1,) * (len(shape) - 1))


def _hidden(parts: _Parts, config: dict[str, Any], layer: dict[str, Any], input_shape: tuple[int, ...]) -> Layer:
    weight = parts.weight("synapse.weight")
    synapse: Dense | Conv
    if layer["kind"] == "conv":
        if weight.ndim != 4:
            raise ValueError(f"weight of shape {weight.shape} for a convolution")
        synapse = Conv(weight, stride=on_axes(layer["stride"], as_chw(input_shape)[1]), padding=_half(weight))
        shape = synapse.output_shape(input_shape)
    else:
        synapse = Dense(weight)
        shape = (layer["neurons"],) if layer["channels"] == 1 else (layer["channels"], 1, layer["neurons"] // layer["channels"])
    recurrent = None
    if layer["recurrent"] != "none":
        rec_weight = parts.weight("recurrence.weight")
        rec_synapse: Dense | Conv
        if layer["recurrent"] == "dense":
            rec_synapse = Dense(rec_weight)
        else:
            if rec_weight.ndim == 3:  # a row of taps
                rec_weight = rec_weight[:, :, None, :]
            if rec_weight.ndim != 4:
                raise ValueError(f"recurrent weight of shape {rec_weight.shape} for a convolution")
            rec_synapse = Conv(rec_weight, padding=_half(rec_weight))
        recurrent = DelayedRecurrent(rec_synapse, parts.delay("recurrence.delay.delay", shape))
    delay = np.zeros((), np.int32) if layer["delay_per"] == "none" else parts.delay("delay.delay", shape)
    return Layer(shape, synapse, parts.cuba(config["neuron"]["threshold"], shape), delay, recurrent)


def _half(weight: npt.NDArray[Any]) -> tuple[int, int]:
    """Half of a kernel (out, in, height, width), which training pads with at every edge."""
    return weight.shape[2] // 2, weight.shape[3] // 2


def _readout(parts: _Parts, config: dict[str, Any], input_shape: tuple[int, ...]) -> Layer:
    weight = parts.weight("synapse.weight")
    if config["readout"].get("pool", "none") == "average":  # one weight for all positions of a channel
        weight = weight.repeat(int(np.prod(input_shape[1:])), axis=1)
    shape = (weight.shape[0],)
    spiking = config["readout"]["spiking"]
    # a readout that never spikes in training gets the highest threshold that fits 17 bits
    threshold = config["readout"]["threshold"] if spiking else THRESHOLD_MAX / WEIGHT_SCALE
    return Layer(shape, Dense(weight), parts.cuba(threshold, shape), output="spikes" if spiking else "state")
