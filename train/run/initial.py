"""The parameters that a run starts from, instead of random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.model import SpikingNetwork
from myelin.train.run.files.fingerprint import digest


@dataclass(frozen=True, eq=False)
class Initial:
    """Parameters by name, as in ``SpikingNetwork.state_dict``, and where they come from.

    Attributes:
        source: name of the source, for people.
        parameters: name -> values, with the running statistics of norms.
    """

    source: str
    parameters: Mapping[str, npt.NDArray[np.floating]] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """SHA-256 over names and values; tells whether a resumed run was started from the same."""
        names = np.frombuffer("\n".join(self.parameters).encode(), np.uint8)
        return digest([names, *(np.asarray(values, np.float32) for values in self.parameters.values())])

    def load_into(self, model: SpikingNetwork) -> None:
        """Set the parameters of ``model``, in place; raises ConfigError if names or shapes differ."""
        norms = {name: buffer for name, buffer in model.named_buffers() if ".norm." in name}
        own = {**dict(model.named_parameters()), **norms}
        for name in sorted(own.keys() | self.parameters.keys()):
            if name not in own or name not in self.parameters:
                where = "the configured network" if name in self.parameters else self.source
                raise ConfigError(f"{self.source}: parameter {name} is missing in {where}; name a configuration that fits")
            values = self.parameters[name]
            if tuple(values.shape) != tuple(own[name].shape):
                raise ConfigError(
                    f"{self.source}: {name} has shape {tuple(values.shape)}, the network needs {tuple(own[name].shape)}"
                )
        with torch.no_grad():
            for name, values in self.parameters.items():
                own[name].copy_(torch.from_numpy(np.array(values, np.float32)))
