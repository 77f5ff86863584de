"""How spikes become frames: the number and length of steps, the pooled channels, and the largest count."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.config.data import ImagesConfig

if TYPE_CHECKING:
    from myelin.convert.network import Network

#: Largest count in a frame: frames have 8 bits (``myelin.train.datasets``), whatever message bits an input has.
MAX_COUNT = 255


@dataclass(frozen=True)
class Binning:
    """Conversion of spikes to frames: ``steps`` of ``step_ms`` milliseconds, ``channels`` pooled, counts in ``message_bits``.

    ``intervals_ms``: edges of the intervals that split spikes into planes (``myelin.train.datasets.intervals``), none by
    default. ``images``: how the images of a folder become sequences, if the data is one. ``shape``: pooled (channels, height,
    width) of units on two axes; None for units on one axis.
    """

    steps: int
    step_ms: float
    channels: int
    message_bits: int
    shape: tuple[int, ...] | None = None
    intervals_ms: tuple[float, ...] = ()
    images: ImagesConfig | None = None

    @classmethod
    def from_dict(cls, values: Any, where: str) -> Binning:
        """Read a configuration's data section or a manifest's entry; raises DataError if a value is missing or wrong."""
        try:
            steps, step_ms, channels, bits = (values[name] for name in ("steps", "step_ms", "channels", "message_bits"))
            shape = values.get("shape")  # older files have neither shape nor intervals
            edges = tuple(float(edge) for edge in values.get("intervals_ms", ()))
            images = None if values.get("images") is None else ImagesConfig(**values["images"])
            if shape is None:
                return cls(int(steps), float(step_ms), int(channels), int(bits), None, edges, images)
            axes = tuple(int(size) for size in shape)
            return cls(int(steps), float(step_ms), math.prod(axes), int(bits), axes, edges, images)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, ConfigError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DataError(f"{where} does not say how spikes become frames ({reason}); export the run again") from error

    @property
    def max_count(self) -> int:
        """Largest count of a channel in a step; larger counts are clipped."""
        return min(MAX_COUNT, (1 << self.message_bits) - 1) if self.message_bits else 1

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {**asdict(self), "max_count": self.max_count}


def binning_of(network: Network, steps: int, step_ms: float) -> Binning:
    """The binning that gives frames for the input of ``network`` from data of the same units."""
    shape = network.input.shape
    return Binning(steps, step_ms, math.prod(shape), network.input.message_bits, shape if len(shape) == 3 else None)
