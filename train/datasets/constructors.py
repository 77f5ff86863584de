"""Constructors of a data set from what a user has: dense arrays, lists of events, or a torch Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from myelin.train.datasets.dense import dense_parts
from myelin.train.datasets.event_lists import event_parts
from myelin.train.datasets.items import item_parts
from myelin.train.datasets.targets import speaker_numbers
from myelin.train.datasets.time_units import TimeUnit


class Constructors:
    """The class methods of ``SpikeDataset`` that make one."""

    if TYPE_CHECKING:

        def __init__(self, **parts: Any) -> None: ...

    @classmethod
    def from_dense(
        cls,
        x: Any,
        y: Any,
        *,
        step_ms: float = 1.0,
        time_axis: Literal[1, -1] | None = None,
        shape: tuple[int, ...] | None = None,
        signed: bool = False,
        keys: Sequence[str] = (),
        speakers: Any = None,
        name: str = "dense data",
    ) -> Self:
        """The spikes of an array: a count in a step becomes an event in the middle of that step.

        Args:
            x: (samples, steps, channels) or (samples, steps, C, H, W) counts, or these with time last; bool, integers
                0..255, or floats that are such integers; an array, nested lists, or a torch tensor.
            y: (samples,) classes, as numbers or names; (samples, steps) classes of the steps, -1 for none; or traces of
                floats, (samples, steps, outputs), or (samples, outputs, steps) if time is last in ``x`` too.
            step_ms: length of a step in milliseconds.
            time_axis: 1 for (samples, steps, ...), -1 for (samples, ..., steps).  None: what ``shape`` fits; without a shape
                1 for numpy arrays and lists, and refused for tensors, where both orders are usual.
            shape: (channels,) or (C, H, W) of a step.
            signed: take values of -255..255: the units of channel c are then channel 2 c, the value of positive entries,
                and channel 2 c + 1, the magnitude of negative ones.
            keys: names of the classes, or of the outputs of traces.
            speakers: (samples,) numbers or names, or None.
            name: origin of the data, for messages.

        Raises:
            DataError: shapes that do not fit, an order of axes that cannot be told, fractions, negative values without
                ``signed``, or counts above 255.
        """
        parts = dense_parts(x, y, step_ms=step_ms, time_axis=time_axis, shape=shape, signed=signed, keys=keys, name=name)
        return cls(**parts, speakers=speaker_numbers(speakers), name=name)

    @classmethod
    def from_events(
        cls,
        times: Sequence[Any],
        units: Sequence[Any] | None,
        labels: Any,
        *,
        channels: int | None = None,
        shape: tuple[int, int, int] | None = None,
        time_unit: TimeUnit | None = None,
        steps: int | None = None,
        step_ms: float | None = None,
        keys: Sequence[str] = (),
        speakers: Any = None,
        name: str = "events",
    ) -> Self:
        """The events of lists, one of times and one of units for every sample.

        Args:
            times: times of each sample's events; or, with ``units`` None, the events of each sample as a structured array
                or a mapping with the fields t, x and, if there are any, y and p: unit = (p H + y) W + x.
            units: units of each sample's events, 0..channels - 1.
            labels: classes, classes of the steps, or traces, as ``y`` of ``from_dense``.
            channels: number of units in a row; needed unless ``shape`` is given.
            shape: (C, H, W) of units on two axes, such as (2, 260, 346) for an event camera of 346 x 260 pixels.
            time_unit: "s", "ms" or "us".  None: seconds, which integers and recordings of minutes are refused as.
            steps, step_ms: number and length of the steps, where labels are those of steps, or traces.
            keys, speakers, name: as for ``from_dense``.

        Raises:
            DataError: lists of different lengths, units out of range, or times whose unit is not what it is said to be.
        """
        parts = event_parts(
            times,
            units,
            labels,
            channels=channels,
            shape=shape,
            time_unit=time_unit,
            steps=steps,
            step_ms=step_ms,
            keys=keys,
            name=name,
        )
        return cls(**parts, speakers=speaker_numbers(speakers), name=name)

    @classmethod
    def from_torch(
        cls,
        dataset: Iterable[tuple[Any, Any]],
        *,
        shape: tuple[int, ...] | None = None,
        time_unit: TimeUnit | None = None,
        step_ms: float | None = None,
        time_axis: Literal[1, -1] | None = None,
        signed: bool = False,
        keys: Sequence[str] | None = None,
        speakers: Any = None,
        name: str | None = None,
    ) -> Self:
        """The samples of a torch Dataset, or of any sequence or iterable of pairs (x, y); torch is not imported for it.

        Args:
            dataset: pairs of x, which is structured events (t, x, y, p, as those of the package tonic) or a dense array or
                tensor of one sample, and y, its class, classes of its steps, or trace.
            shape: (C, H, W) or (channels,) of a step.  None: from ``dataset.sensor_size`` (W, H, C), as tonic has it, or
                from dense samples.
            time_unit: of structured events: "s", "ms" or "us"; None: microseconds for data sets of tonic itself, else as for
                ``from_events``.
            step_ms: length of a step of dense samples (None: 1 ms), or of the steps that labels of events belong to.
            time_axis: of dense samples and their traces, counted as in ``from_dense``: 1 for (steps, ...), -1 for (..., steps).
            signed, speakers: as for ``from_dense``.
            keys: names of the classes; None: ``dataset.classes``, if it is a list of names.
            name: origin of the data; None: the name of the data set's class.

        Raises:
            DataError: as ``from_dense`` and ``from_events``; a DataLoader, whose batches are no samples; or no samples.
        """
        name = type(dataset).__name__ if name is None else name
        parts = item_parts(
            dataset,
            shape=shape,
            time_unit=time_unit,
            step_ms=step_ms,
            time_axis=time_axis,
            signed=signed,
            keys=keys,
            name=name,
        )
        return cls(**parts, speakers=speaker_numbers(speakers), name=name)
