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

from myelin.convert.checkpoint import Checkpoint, network_from_checkpoint, read_checkpoint
from myelin.convert.compare.constants import constant_differences, require_same_structure
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording, class_scores
from myelin.convert.trained.layers import input_of, trained_layers
from myelin.hw_configs.errors import NetworkError
from myelin.validation.answers import Answer, Shapes, grouped, trace_scale
from myelin.validation.reference import FLOAT, Chunk, FloatSpikes, Reference, StageRun

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


#: Settings of the trained network in the training code; the first is the reference, the last must equal the integer network.
SETTINGS = {
    FLOAT: QuantisedParts(),
    "delays": QuantisedParts(delays=True),
    "weights": QuantisedParts(weights=True),
    "decays": QuantisedParts(decays=True),
    "delays_weights": QuantisedParts(delays=True, weights=True),
    "training": ALL,
}


class Trained(Reference):
    """A trained network in any ``QuantisedParts``; as a reference it has a stage for each of ``SETTINGS``.

    Args:
        config, model: configuration and model of the run.
        clip_steps: limit to which delays were clipped at export; rounded delays are clipped to it here too.  None for no
            clipping.
        name: name for messages.

    Attributes:
        sizes: index of every layer that spikes -> its number of neurons.
    """

    KIND = "checkpoint"

    def __init__(self, config: Config, model: SpikingNetwork, clip_steps: int | None = None, name: str = "checkpoint") -> None:
        super().__init__(name)
        self.stages = tuple(SETTINGS)
        self.config, self.model, self.clip_steps = config, model, clip_steps
        self._limits = [(delay, delay.max_delay) for delay in model.delays()]
        blocks = enumerate(model.blocks)
        self.sizes = {index: int(block.neuron.neurons) for index, block in blocks if block.neuron.spiking}

    @classmethod
    def load(cls, checkpoint: Path, clip_steps: int | None = None) -> Trained:
        """Load a folder with run.json and model.safetensors.

        Raises:
            NetworkError: the checkpoint is damaged or missing.
            ConfigError: its files do not belong together.
        """
        return cls(*load_model(checkpoint), clip_steps, str(checkpoint))

    @classmethod
    def of_network(cls, run: Path, network: Network) -> Trained:
        """Load the run folder of a user as the reference of ``network``.

        If ``network`` is the run's own network, the result has all stages; if it was made otherwise, such as by another
        quantisation, only the float stage.

        Raises:
            NetworkError: the run is damaged, or its network has another structure.
        """
        checkpoint = read_checkpoint(run)
        source = input_of(checkpoint.config)
        ours, theirs = ([one.shape for one in layers] for layers in (network.layers, trained_layers(checkpoint)))
        if (network.input.shape, ours) != (source.shape, theirs):
            raise NetworkError(
                f"{run}: its layers have shapes {theirs} for an input of {source.shape}, the network to validate has "
                f"{ours} for {network.input.shape}; name the run that it was made from"
            )
        found = cls.load(run)
        if not is_network_of(checkpoint, network):
            found.stages = (FLOAT,)
        return found

    @property
    def description(self) -> str:
        """See ``Reference``."""
        return "float delays, weights, decays"

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
    ) -> tuple[dict[int, npt.NDArray[np.uint8 | np.int32]], npt.NDArray[np.int64]]:
        """Run ``frames`` (batch, steps, *input shape); ``myelin.train.run.record`` describes the result."""
        from myelin.train.run.record import record

        self.apply(setting)
        return record(self.model, frames)

    def run(self, chunk: Chunk, shapes: Shapes) -> dict[str, StageRun]:
        """See ``Reference``; the stage with all quantisations must give the simulator's integers."""
        found = {}
        for name in self.stages:
            layers, output = self.forward(chunk.frames, SETTINGS[name])
            output = output.reshape(*output.shape[:2], *shapes.network.output_shape)
            spikes = {index: int(np.count_nonzero(array)) for index, array in layers.items()}
            answer = Answer(output=grouped(shapes.network, output, shapes.task))
            found[name] = StageRun(answer, spikes, output if SETTINGS[name] == ALL else None, trace_scale(shapes.network))
        return found

    def readout_weights(self) -> npt.NDArray[np.float64]:
        """See ``Reference``."""
        return np.asarray(self.model.blocks[-1].synapse.weight.detach().cpu().numpy(), np.float64)

    def spikes(self, frames: npt.NDArray[Any], network: Network) -> FloatSpikes:
        """See ``Reference``."""
        layers, output = self.forward(frames, SETTINGS[FLOAT])
        scores = class_scores(network, output.reshape(*output.shape[:2], *network.output_shape))
        return FloatSpikes(layers, np.argmax(scores, axis=1))

    def run_network(self, network: Network, frames: npt.NDArray[Any], record: Record) -> Recording:
        """Run the training code with all quantisations, as a backend of the exported ``network``; records only spikes."""
        layers, output = self.forward(np.asarray(frames).reshape(*frames.shape[:2], *network.input.shape), ALL)
        output = output.reshape(*output.shape[:2], *network.output_shape)
        kept: dict[int, dict[str, npt.NDArray[np.generic]]] = {}
        for index in record:
            shape = (*output.shape[:2], *network.layers[index].shape)
            spikes = layers.get(index)  # a readout of states sends no spikes
            kept[index] = {"spikes": np.zeros(shape, np.uint8) if spikes is None else spikes.reshape(shape)}
        return Recording(output, class_scores(network, output), kept)


def is_network_of(checkpoint: Checkpoint, network: Network) -> bool:
    """Whether ``network`` has exactly the integers that the run trained with."""
    if checkpoint.config["train"]["weight_bits"] == 0:  # floats: any integers were made by a quantisation of their own
        return False
    own = network_from_checkpoint(checkpoint)
    try:
        require_same_structure(own, network)
    except NetworkError:
        return False
    return not constant_differences(own, network)


def load_model(checkpoint: Path) -> tuple[Config, SpikingNetwork]:
    """Configuration and trained network of a checkpoint."""
    from myelin.train.config.files import config_from_dict
    from myelin.train.model import build_model
    from myelin.train.run.files.checkpoint import load_parameters  # torch: loaded when a network is validated, not with convert

    content = read_checkpoint(checkpoint)
    config = config_from_dict(content.config)
    model = build_model(config, content.run.classes)
    load_parameters(model, checkpoint / "model.safetensors")
    return config, model
