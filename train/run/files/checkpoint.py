"""Run folders: safetensors and JSON, never pickle; every file is written atomically.

run.json             configuration, classes, versions, data, progress, exported epoch (``myelin.train.run.files.run_record``)
model.safetensors    parameters of the exported epoch, the best on validation data
state.safetensors    parameters and optimiser of the last epoch, from which ``--resume`` continues
metrics.jsonl        one line per epoch (``myelin.train.run.files.metrics``)
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import safetensors
import torch
from safetensors.torch import load, load_file, save
from torch import Tensor

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.files import write_atomically
from myelin.hw_configs.reading.bounds import check_regular
from myelin.train.model import SpikingNetwork


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors as safetensors, atomically."""
    content = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    write_atomically(path, save(content, dict(metadata) if metadata else None))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, by name; raises ConfigError if it is damaged or missing."""
    check_regular(path, ConfigError)
    try:
        return dict(load_file(path) if _is_text(path) else load(path.read_bytes()))
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise ConfigError(f"{path}: cannot be read as safetensors ({error}); the run's file is missing or damaged") from error


def _is_text(path: Path) -> bool:
    """Whether the path is text in UTF-8, as safetensors needs it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def load_parameters(model: SpikingNetwork, path: Path) -> None:
    """Load the parameters of ``path`` into ``model``; raises ConfigError if names or shapes differ or a value is not finite."""
    tensors = read_tensors(path)
    own = model.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        if name not in tensors or name not in own:
            where = "the file" if name not in tensors else "the configured network"
            raise ConfigError(f"{path}: parameter {name} is missing in {where}; run.json and model do not belong together")
        if tensors[name].shape != own[name].shape:
            raise ConfigError(
                f"{path}: {name} has shape {tuple(tensors[name].shape)}, the network needs {tuple(own[name].shape)}"
            )
        if not torch.isfinite(tensors[name].float()).all():
            raise ConfigError(f"{path}: {name} holds NaN or infinite values; train again, with a smaller learning rate")
    model.load_state_dict(tensors)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """State of the optimiser as tensors, by name ``optimizer.<parameter>.<name>``; its base rates as ``optimizer.base``.

    Raises:
        ConfigError: the optimiser keeps something else than tensors and numbers.
    """
    result = {"optimizer.base": torch.tensor([float(group["base"]) for group in optimizer.param_groups], dtype=torch.float64)}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if value is None:
                continue  # such as a momentum before its first step
            if not isinstance(value, Tensor | int | float):
                raise ConfigError(
                    f"optimizer {type(optimizer).__name__} keeps a {type(value).__name__} {name!r}, which a run cannot save; "
                    "one that keeps tensors and numbers is allowed, such as Adam or SGD"
                )
            result[f"optimizer.{index}.{name}"] = value if isinstance(value, Tensor) else torch.tensor(float(value))
    return result


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Load the state from ``optimizer_tensors`` into ``optimizer``."""
    states: dict[int, dict[str, Tensor]] = {}
    base = tensors.get("optimizer.base")  # older runs do not change theirs
    if base is not None:
        for group, rate in zip(optimizer.param_groups, base.tolist(), strict=True):
            group["base"] = rate
    for key, value in tensors.items():
        if key == "optimizer.base":
            continue
        _, index, name = key.split(".", 2)
        states.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})


def versions() -> dict[str, str]:
    """Versions of Python, torch and numpy, on which a result depends."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
