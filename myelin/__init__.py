"""From trained spiking networks with learned delays to Intel's Loihi 2.

The names below are loaded when they are first used: ``import myelin`` alone loads no torch, numba or Lava.

============================================ ===================================================================================
files                                        ``read`` opens a path of any kind; ``read_netx``, ``write_netx``, ``read_nir``,
                                             ``write_nir``, ``convert_file``; ``load_target``; ``load_data``
training                                     ``nn`` (blocks), ``fit`` with ``EarlyStop``, ``StopTraining``,
                                             ``TensorBoard``, ``WeightsAndBiases``; ``slayer`` (lava-dl, made importable)
from a torch module                          ``from_torch``, ``compare``; ``to_torch`` is the inverse
from floats to integers                      ``export``, ``quantise``, ``validate``, ``explore``
integers                                     ``simulate``, ``stream``, ``Simulator`` (step by step), ``check``, ``map_cores``,
                                             ``profile``, ``neurobench``, ``diff``
for people                                   ``write_report``
types                                        ``Network`` of ``Input`` and ``Layer``; ``FloatNetwork``; ``Recording``;
                                             ``SimulatorState``; ``Target``; ``Opened`` (what ``read`` returns);
                                             ``InputChoice``; ``Comparison``; ``SpikeDataset``
errors                                       ``MyelinError`` and its kinds
============================================ ===================================================================================
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if os.path.isfile(os.path.join(os.path.dirname(__file__), "train")):
    # a clone without symbolic links, as on Windows: git wrote text files instead, and the folders are beside this one
    __path__.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from myelin.hw_configs.version import VERSION as __version__

if TYPE_CHECKING:
    from types import ModuleType

    from myelin import nn
    from myelin.backends.diff import diff
    from myelin.backends.simulator import simulate, stream
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.artifact.export import Exported, export
    from myelin.convert.conversion import convert_file
    from myelin.convert.explore.measure import explored as explore
    from myelin.convert.floats.network import FloatNetwork
    from myelin.convert.mapping.measure import mapped as map_cores
    from myelin.convert.modules.compare import compare
    from myelin.convert.modules.comparison import Comparison
    from myelin.convert.modules.from_torch import from_torch
    from myelin.convert.modules.to_torch import to_torch
    from myelin.convert.network import Input, Layer, Network
    from myelin.convert.netx.format import read_netx, write_netx
    from myelin.convert.nir.format import read_nir, write_nir
    from myelin.convert.opened import Opened, read
    from myelin.convert.profile.measure import profiled as profile
    from myelin.convert.profile.neurobench import neurobench
    from myelin.convert.quantise.measure import QuantisedNetwork
    from myelin.convert.quantise.measure import quantised as quantise
    from myelin.convert.recording import Recording
    from myelin.convert.rules.measure import checked as check
    from myelin.convert.simulator.state import SimulatorState
    from myelin.convert.simulator.streams import Simulator
    from myelin.convert.stimulus import InputChoice
    from myelin.hw_configs.errors import (
        BackendError,
        ConfigError,
        DataError,
        GateError,
        MissingPartError,
        MyelinError,
        NetworkError,
        TargetError,
    )
    from myelin.hw_configs.target import Target
    from myelin.hw_configs.target_files import load_target
    from myelin.report.measure import Report, write_report
    from myelin.train.datasets.events import SpikeDataset
    from myelin.train.datasets.registry import load as load_data
    from myelin.train.run.callbacks import EarlyStop, StopTraining, TensorBoard, WeightsAndBiases
    from myelin.training.fit import fit
    from myelin.validation.measure import validate
    from myelin.validation.validate import Validation

    slayer: ModuleType

#: Module -> public names that it defines; ``name=other`` if the module calls it ``other``.
_HOMES = {
    "myelin.backends.diff": "diff",
    "myelin.backends.simulator": "simulate stream",
    "myelin.convert.artifact.artifact": "Artifact",
    "myelin.convert.artifact.export": "Exported export",
    "myelin.convert.conversion": "convert_file",
    "myelin.convert.explore.measure": "explore=explored",
    "myelin.convert.floats.network": "FloatNetwork",
    "myelin.convert.mapping.measure": "map_cores=mapped",
    "myelin.convert.modules.compare": "compare",
    "myelin.convert.modules.comparison": "Comparison",
    "myelin.convert.modules.from_torch": "from_torch",
    "myelin.convert.modules.to_torch": "to_torch",
    "myelin.convert.netx.format": "read_netx write_netx",
    "myelin.convert.network": "Input Layer Network",
    "myelin.convert.nir.format": "read_nir write_nir",
    "myelin.convert.opened": "Opened read",
    "myelin.convert.profile.measure": "profile=profiled",
    "myelin.convert.profile.neurobench": "neurobench",
    "myelin.convert.quantise.measure": "QuantisedNetwork quantise=quantised",
    "myelin.convert.recording": "Recording",
    "myelin.convert.rules.measure": "check=checked",
    "myelin.convert.simulator.state": "SimulatorState",
    "myelin.convert.simulator.streams": "Simulator",
    "myelin.convert.stimulus": "InputChoice",
    "myelin.hw_configs.errors": "BackendError ConfigError DataError GateError "
    "MissingPartError MyelinError NetworkError TargetError",
    "myelin.hw_configs.target": "Target",
    "myelin.hw_configs.target_files": "load_target",
    "myelin.report.measure": "Report write_report",
    "myelin.train.datasets.events": "SpikeDataset",
    "myelin.train.datasets.registry": "load_data=load",
    "myelin.train.run.callbacks": "EarlyStop StopTraining TensorBoard WeightsAndBiases",
    "myelin.training.fit": "fit",
    "myelin.validation.measure": "validate",
    "myelin.validation.validate": "Validation",
}
#: Public name -> module, and its name in that module.
_LAZY = {
    (parts := entry.partition("="))[0]: (module, parts[2] or parts[0])
    for module, entries in _HOMES.items()
    for entry in entries.split()
}

__all__ = [
    "Artifact",
    "BackendError",
    "Comparison",
    "ConfigError",
    "DataError",
    "EarlyStop",
    "Exported",
    "FloatNetwork",
    "GateError",
    "Input",
    "InputChoice",
    "Layer",
    "MissingPartError",
    "MyelinError",
    "Network",
    "NetworkError",
    "Opened",
    "QuantisedNetwork",
    "Recording",
    "Report",
    "Simulator",
    "SimulatorState",
    "SpikeDataset",
    "StopTraining",
    "Target",
    "TargetError",
    "TensorBoard",
    "Validation",
    "WeightsAndBiases",
    "__version__",
    "check",
    "compare",
    "convert_file",
    "diff",
    "explore",
    "export",
    "fit",
    "from_torch",
    "load_data",
    "load_target",
    "map_cores",
    "neurobench",
    "nn",
    "profile",
    "quantise",
    "read",
    "read_netx",
    "read_nir",
    "simulate",
    "slayer",
    "stream",
    "to_torch",
    "validate",
    "write_netx",
    "write_nir",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module, there = _LAZY[name]
        value = getattr(importlib.import_module(module), there)
    elif name == "nn":
        value = importlib.import_module("myelin.nn")
    elif name == "slayer":
        value = importlib.import_module("myelin.lava_models.compat").load_slayer()
    else:
        raise AttributeError(f"module 'myelin' has no attribute {name!r}")
    globals()[name] = value  # later look-ups find it without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
