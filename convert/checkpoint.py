"""From a run folder to the integer network; the only file of ``myelin.convert`` that opens a run folder.

Weights become integers on the grid used in training (SLAYER's 8 bits: the even integers in -256..254), decays get 12 bits, and
delays become whole steps on their grid.  The rounding is the same as in the trained network's forward pass, so both give the
same spikes.  This file needs numpy, not torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors.numpy import load

from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.network import Layer, Network, naming_layer
from myelin.convert.neurons import Cuba
from myelin.convert.trained.layers import (
    TrainedLayer,
    TrainedSynapse,
    belonging_together,
    input_of,
    trained_layers,
)
from myelin.convert.trained.tensors import bias_integers
from myelin.hw_configs.errors import ConfigError, NetworkError
from myelin.hw_configs.fixed_point import THRESHOLD_MAX, WEIGHT_BITS, WEIGHT_SCALE
from myelin.hw_configs.reading.bounds import FILE_MB, TEXT_MB, check_regular, read_whole
from myelin.hw_configs.reading.text_files import parse_json
from myelin.hw_configs.weight_grid import on_grid
from myelin.train.run.files.run_record import MODEL, RUN, RunRecord, record_of

Tensors = dict[str, npt.NDArray[Any]]
#: A run replaces its two files one after the other; how often they are read until they fit, and the pause in between.
_READINGS, _PAUSE_S = 20, 0.05


@dataclass(frozen=True)
class Checkpoint:
    """A run folder's content, from one reading.

    Attributes:
        folder: the run folder.
        record: the record of the run (run.json).
        tensors: the parameters (model.safetensors).
        files: name -> content of the two files that record and tensors were read from.
    """

    folder: Path
    record: RunRecord
    tensors: Tensors
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration of the run."""
        return self.record.config

    @cached_property
    def run(self) -> RunRecord:
        """The checked record of the run; raises NetworkError if an entry is missing."""
        try:
            return self.record.require_complete()
        except ConfigError as error:
            raise NetworkError(str(error)) from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a run folder, also while the run trains: both files are of the same epoch.

    Raises:
        NetworkError: no such run, damaged files, or values that are not finite.
    """
    if not os.path.isdir(folder):
        raise NetworkError(f"{folder}: no such run folder; name one that `myelin train` wrote")
    for name in (RUN, MODEL):
        check_regular(folder / name, NetworkError)
    for reading in range(_READINGS):
        if reading:
            time.sleep(_PAUSE_S)
        files = {name: _content(folder, name) for name in (RUN, MODEL)}
        try:
            record = record_of(folder, files[RUN])
        except ConfigError as error:
            raise NetworkError(str(error)) from error
        tensors, epoch = _tensors(folder / MODEL, files[MODEL])
        if epoch is None or epoch == str(record.best_epoch):
            break
    else:
        raise NetworkError(
            f"{folder}: model.safetensors is of epoch {epoch}, run.json says {record.best_epoch}: the run is being written or "
            "was stopped in between; let it end, or continue it with `myelin train --resume`"
        )
    for name, values in tensors.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NetworkError(
                f"{folder / MODEL}: {name} holds NaN or infinite values; train again, with a smaller learning rate"
            )
    return Checkpoint(folder, record, tensors, files)


def _content(folder: Path, name: str) -> bytes:
    try:
        return read_whole(folder / name, TEXT_MB if name == RUN else FILE_MB)
    except FileNotFoundError as error:
        if name == MODEL:
            reason = "holds no model.safetensors yet; let the run end, or continue it with `myelin train --resume`"
            raise NetworkError(f"{folder}: {reason}") from error
        raise NetworkError(f"{folder}: {name} cannot be read ({error}); name a folder that `myelin train` wrote") from error
    except (OSError, ValueError) as error:
        raise NetworkError(f"{folder / name}: cannot be read ({error})") from error


def _tensors(path: Path, content: bytes) -> tuple[Tensors, str | None]:
    """The tensors of a safetensors file, and the epoch in its metadata, if there is one."""
    try:
        tensors = dict(load(content))
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return tensors, header.get("__metadata__", {}).get("epoch")
    except KeyError as error:
        kind = error.args[0]
        raise NetworkError(f"{path}: has tensors of the type {kind}, which numpy lacks; `myelin train` writes F32") from error
    except (ValueError, safetensors.SafetensorError) as error:
        raise NetworkError(f"{path}: cannot be read as safetensors ({error}); the file is damaged") from error


def network_from_checkpoint(checkpoint: Checkpoint) -> Network:
    """The integer network of a trained run.

    Raises:
        NetworkError: a tensor is missing or does not fit the configuration, or weights were trained as floats.
    """
    config = checkpoint.config
    with belonging_together(checkpoint.folder):
        bits = config["train"]["weight_bits"]
        if bits == 0:
            raise NetworkError(
                f"{checkpoint.folder}: trained with float weights; make integers of them with `myelin quantise`, or "
                "train with train.weight_bits=8"
            )
        grid = config["delay"].get("grid_steps", 1)  # older runs have no grid
        source, layers = input_of(config), []
        for index, trained in enumerate(trained_layers(checkpoint)):
            with naming_layer(index, trained.kind):
                layers.append(_layer(trained, WEIGHT_BITS if bits is None else bits, grid))
    return Network(source, tuple(layers))


def _layer(trained: TrainedLayer, bits: int, delay_grid: int) -> Layer:
    recurrent = None
    if trained.recurrent is not None:
        delay = _delays(trained.recurrent_delay_steps, delay_grid)
        recurrent = DelayedRecurrent(_synapse(trained.recurrent, bits), delay)
    # a readout that never spikes in training gets the highest threshold that fits 17 bits
    threshold = THRESHOLD_MAX if trained.threshold is None else int(trained.threshold * WEIGHT_SCALE)
    bias = bias_integers(trained.bias, trained.bias_exp, trained.shape)
    neuron = trained.neuron or Cuba(threshold, trained.current_decay, trained.voltage_decay, *bias)
    return Layer(
        trained.shape,
        _synapse(trained.synapse, bits),
        neuron,
        _delays(trained.delay_steps, delay_grid),
        recurrent,
        output=trained.output,
    )


def _synapse(trained: TrainedSynapse, bits: int) -> Dense | Conv:
    weight = on_grid(trained.weight.astype(np.float32) * WEIGHT_SCALE, bits)  # same arithmetic as the forward pass in training
    return Conv(weight, stride=trained.stride, padding=trained.padding) if trained.spatial else Dense(weight)


def _delays(steps: npt.NDArray[Any], grid: int) -> npt.NDArray[Any]:
    """Delays rounded to whole steps on the grid."""
    return grid * np.rint(steps / grid).astype(np.int64)
