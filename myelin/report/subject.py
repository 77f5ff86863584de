"""What a report is about: a network with its origin, its target, and the samples to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.provenance import Origin
from myelin.convert.checkpoint import read_checkpoint
from myelin.hw_configs.target_files import load_target

if TYPE_CHECKING:
    from myelin.convert.checkpoint import Checkpoint
    from myelin.convert.opened import Opened
    from myelin.convert.stimulus import Stimulus
    from myelin.hw_configs.target import Target
    from myelin.validation.reference import Reference

#: Target of a network that was exported for none.
TARGET = "loihi2"
#: Largest number of samples to draw, and of neurons of a population in a raster; more would be too small to see.
DRAWN_SAMPLES, DRAWN_NEURONS = 3, 512


@dataclass(frozen=True, eq=False)
class Subject:
    """The network of a report.

    Attributes:
        opened: the network.
        target: the target that it is judged for.
        origin: origin of an artifact; None for other networks.
        checkpoint: the trained network in an artifact; None if there is none.
        stimulus: data, golden inputs or random spikes, for its rules and its samples.
    """

    opened: Opened
    target: Target
    origin: Origin | None
    checkpoint: Checkpoint | None
    stimulus: Stimulus

    @classmethod
    def of(cls, opened: Opened, stimulus: Stimulus, target: str | None = None) -> Subject:
        """The subject for a network that was read; ``target``: None for that of the artifact, else loihi2."""
        origin = None if opened.artifact is None else Origin.of(opened.artifact)
        checkpoint = None if origin is None or origin.checkpoint is None else read_checkpoint(origin.checkpoint)
        held = load_target(next(name for name in (target, opened.exported_for, TARGET) if name is not None))
        return cls(opened, held, origin, checkpoint, stimulus)

    @property
    def name(self) -> str:
        """Name of the experiment or of the file."""
        if self.origin is not None:
            return self.origin.name
        return self.opened.name if self.opened.path is None else self.opened.path.stem

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        keys = () if self.origin is None else self.origin.keys
        return list(keys or map(str, range(self.opened.network.num_classes)))


def drawn_samples(subject: Subject, reference: Reference | None) -> dict[str, Any]:
    """The spikes of some samples, separated into those of both networks, of the floats only, and of the integers only.

    Without floats whose spikes are known, all are those of the integers.
    """
    from myelin.convert.simulator.simulator import simulate

    opened, artifact = subject.opened, subject.opened.artifact
    network = opened.network
    if artifact is not None:
        facts: dict[str, Any] = dict(artifact.manifest["provenance"].get("golden") or {})
        frames = artifact.golden.spikes[:DRAWN_SAMPLES]
        numbers = list(facts.get("samples") or range(len(frames)))
    else:
        facts, chosen = dict(subject.stimulus.facts), subject.stimulus.numbers[:DRAWN_SAMPLES]
        frames, numbers = subject.stimulus.frames(chosen), chosen.tolist()
    spiking = [index for index, layer in enumerate(network.layers) if layer.output == "spikes"]
    recording = simulate(network, frames, record=dict.fromkeys(spiking, ("spikes",)))
    floats = None if reference is None else reference.spikes(frames, network)
    binning = facts.get("binning") or ({} if subject.origin is None or subject.origin.binning is None
                                       else subject.origin.binning.as_dict())  # fmt: skip
    labels, one_class = facts.get("labels"), subject.origin is None or subject.origin.task == "classes"
    drawn = []
    for place in range(len(frames)):
        populations = [_population("input", frames[place], frames[place])]
        for index in spiking:
            integers = recording.layers[index]["spikes"][place]
            name = f"layer {index} ({network.layers[index].kind})"
            populations.append(_population(name, integers if floats is None else floats.layers[index][place], integers))
        drawn.append(
            {
                "sample": int(numbers[place]),
                "label": None if labels is None or not one_class else _class_name(subject, int(labels[place])),
                "float_prediction": None if floats is None or not one_class
                else _class_name(subject, int(floats.predictions[place])),
                "integer_prediction": _class_name(subject, int(recording.prediction[place])) if one_class else None,
                "populations": populations,
            }
        )  # fmt: skip
    return {
        "data": str(facts.get("data") or facts.get("chosen") or facts.get("kind", "golden inputs")),
        "split": facts.get("split"),
        "steps": int(frames.shape[1]),
        "step_ms": binning.get("step_ms"),
        "floats": floats is not None,
        "samples": drawn,
    }


def _class_name(subject: Subject, label: int) -> str:
    keys = () if subject.origin is None else subject.origin.keys
    return keys[label] if label < len(keys) else f"class {label}"


def _population(where: str, floats: npt.NDArray[Any], integers: npt.NDArray[Any]) -> dict[str, Any]:
    """Spikes (steps, ...) of one population in both networks."""
    one, two = (np.asarray(spikes).reshape(len(spikes), -1) != 0 for spikes in (floats, integers))
    kinds = {"both": one & two, "only_float": one & ~two, "only_integer": ~one & two}
    return {
        "where": where,
        "neurons": one.shape[1],
        "drawn_neurons": min(one.shape[1], DRAWN_NEURONS),
        **{f"{name}_spikes": int(mask.sum()) for name, mask in kinds.items()},
        **{name: np.argwhere(mask[:, :DRAWN_NEURONS]).tolist() for name, mask in kinds.items()},
    }
