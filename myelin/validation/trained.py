"""The trained network with each of its quantisations on or off, run by the training code's forward pass.

Neurons compute with integer states of 1/4096 in every setting, as in training.  Three quantisations can be switched off: the
rounding of delays (fractions are interpolated between two steps), the weight grid, and the rounding of decays to 1/4096.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.checkpoint import read_checkpoint
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording, class_scores

if TYPE_CHECKING:
    from myelin.train.config.config import Config
    from myelin.train.model import SpikingNetwork


@dataclass(frozen=True)
class QuantisedParts:
    """The parts of the trained network that are quantised."""

    delays: bool = False
    weights: bool = False
    decays: bool = False

    @property
    def quantised(self) -> tuple[str, ...]:
        """Names of the quantised parts."""
        return tuple(name for name in ("delays", "weights", "decays") if getattr(self, name))


ALL = QuantisedParts(delays=True, weights=True, decays=True)


class Trained:
    """A trained network in any ``QuantisedParts``.

    Args:
        config, model: configuration and model of the run.
        clip_steps: limit to which delays were clipped at export; rounded delays are clipped to it here too.  None for no
            clipping.

    Attributes:
        spiking: index and number of neurons of every layer that spikes.
    """

    def __init__(self, config: Config, model: SpikingNetwork, clip_steps: int | None = None) -> None:
        self.config, self.model, self.clip_steps = config, model, clip_steps
        self._limits = [(delay, delay.max_delay) for delay in model.delays()]
        blocks = enumerate(model.blocks)
        self.spiking = [(index, block.neuron.neurons) for index, block in blocks if block.neuron.spiking]

    @classmethod
    def load(cls, checkpoint: Path, clip_steps: int | None = None) -> Trained:
        """Load a folder with run.json and model.safetensors.

        Raises:
            NetworkError: the checkpoint is damaged or missing.
            ConfigError: its files do not belong together.
        """
        return cls(*load_model(checkpoint), clip_steps)

    def apply(self, setting: QuantisedParts) -> None:
        """Switch the model to ``setting``."""
        self.model.set_delays(hard=setting.delays)
        self.model.quantise(setting.weights)
        self.model.round_decays(setting.decays)
        clip = self.clip_steps if setting.delays else None
        for delay, limit in self._limits:
            delay.max_delay = limit if clip is None else min(limit, clip)

    def forward(
        self, frames: npt.NDArray[Any], setting: QuantisedParts
    ) -> tuple[dict[int, npt.NDArray[np.uint8]], npt.NDArray[np.int64]]:
        """Run ``frames`` (batch, steps, *input shape); ``myelin.train.run.record`` describes the result."""
        from myelin.train.run.record import record

        self.apply(setting)
        return record(self.model, frames)

    def run(self, network: Network, frames: npt.NDArray[Any], record: Record) -> Recording:
        """Run the training code with all quantisations, as a backend of the exported ``network``; records only spikes."""
        layers, output = self.forward(np.asarray(frames).reshape(*frames.shape[:2], *network.input.shape), ALL)
        output = output.reshape(*output.shape[:2], *network.output_shape)
        kept: dict[int, dict[str, npt.NDArray[np.generic]]] = {}
        for index in record:
            shape = (*output.shape[:2], *network.layers[index].shape)
            spikes = layers.get(index)  # a readout of states sends no spikes
            kept[index] = {"spikes": np.zeros(shape, np.uint8) if spikes is None else spikes.reshape(shape)}
        return Recording(output, class_scores(network, output), kept)


def load_model(checkpoint: Path) -> tuple[Config, SpikingNetwork]:
    """Configuration and trained network of a checkpoint."""
    from myelin.train.config.files import config_from_dict
    from myelin.train.model import build_model
    from myelin.train.run.checkpoint import load_parameters  # torch: loaded when a network is validated, not with convert

    content = read_checkpoint(checkpoint)
    config = config_from_dict(content.config)
    model = build_model(config, content.run.classes)
    load_parameters(model, checkpoint / "model.safetensors")
    return config, model
