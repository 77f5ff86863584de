"""What a reference answered, in whatever shape it came: one class or scores for a sample, classes of steps, or outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.axes import TimeAxis
from myelin.convert.network import Network
from myelin.convert.samples import Task
from myelin.hw_configs.errors import DataError, NetworkError


@dataclass(frozen=True, eq=False)
class Answer:
    """The answers to some samples, as exactly one of three.

    Attributes:
        output: (batch, steps, classes) output of every step; groups of an average are summed.
        scores: (batch, classes).
        predictions: (batch,) classes; or (batch, steps), one for each step.
    """

    output: npt.NDArray[Any] | None = None
    scores: npt.NDArray[Any] | None = None
    predictions: npt.NDArray[np.int64] | None = None


def grouped(network: Network, output: npt.NDArray[Any], task: Task) -> npt.NDArray[Any]:
    """``output`` (batch, steps, *output shape) as (batch, steps, classes): the sum over the members of each class.

    Integers stay integers.  The messages of sigma-delta neurons are changes, so for an answer of each step they are summed up
    over the steps before.
    """
    wide: type[Any] = np.float64 if output.dtype.kind == "f" else np.int64
    values = output.reshape(*output.shape[:2], network.num_classes, -1).sum(axis=3, dtype=wide)
    return np.cumsum(values, axis=1) if task != "classes" and sends_changes(network) else values


def sends_changes(network: Network) -> bool:
    """Whether the output consists of messages that are changes of an activation."""
    return network.layers[-1].output == "spikes" and network.output_dtype is not np.uint8


def trace_scale(network: Network) -> float:
    """The value of ``grouped`` output of the integers that means 1.0 in a trace: for voltages 4096 a member, for spikes 1."""
    return float(network.layers[-1].neurons // network.num_classes * network.output_scale)


def require_trace(network: Network) -> None:
    """Raise NetworkError if the output consists of messages, whose unit is not known, so that no trace can be compared."""
    if sends_changes(network):
        raise NetworkError(
            f"layer {len(network.layers) - 1} ({network.layers[-1].kind}): its neurons send messages, whose unit is not known, "
            "so they cannot be compared with traces; a readout of voltages or of spikes is allowed"
        )


@dataclass(frozen=True)
class Shapes:
    """What a reference may answer for a network.

    Attributes:
        task: kind of the answer.
        network: the network that is validated, which has the same classes or outputs.
        steps: length of a sample.
        time_axis: axis of time of outputs, 1 or -1; None recognises it by their shape.
    """

    task: Task
    network: Network
    steps: int
    time_axis: TimeAxis | None = None

    @property
    def allowed(self) -> str:
        """The allowed shapes, for messages."""
        classes, steps = self.network.num_classes, self.steps
        outputs = f"outputs of every step (samples, {steps}, {classes}) or (samples, {classes}, {steps})"
        if self.task == "trace":
            return outputs
        if self.task == "steps":
            return f"the class of every step (samples, {steps}), or {outputs}"
        return f"classes (samples,), scores (samples, {classes}), or {outputs}"

    def read(self, values: Any, batch: int, name: str) -> Answer:
        """What ``name`` answered to ``batch`` samples.

        Raises:
            DataError: the shape fits none of ``allowed``, or two of them; a value is not finite; or there is no such class.
        """
        array = as_numbers(values, name)
        if array.ndim < 1 or array.shape[0] != batch:
            raise DataError(f"{name} has shape {array.shape} for {batch} samples; allowed are {self.allowed}")
        classes, tail = self.network.num_classes, array.shape[1:]
        if self.task == "classes" and tail == ():
            return Answer(predictions=self._classes(array, name))
        if self.task == "classes" and tail == (classes,):
            return Answer(scores=array)
        if self.task == "steps" and tail == (self.steps,):
            return Answer(predictions=self._classes(array, name))
        if self.task == "trace" and tail == (self.steps,) and classes == 1:
            return Answer(output=array[..., None])
        return Answer(output=self._outputs(array, name))

    def _outputs(self, array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
        neurons, classes = self.network.layers[-1].neurons, self.network.num_classes
        fits: list[TimeAxis] = []
        if array.ndim >= 3:
            if array.shape[1] == self.steps and math.prod(array.shape[2:]) in (neurons, classes):
                fits.append(1)
            if array.shape[-1] == self.steps and math.prod(array.shape[1:-1]) in (neurons, classes):
                fits.append(-1)
        fits = [axis for axis in fits if self.time_axis in (None, axis)]
        if not fits:
            raise DataError(f"{name} has shape {array.shape}; allowed are {self.allowed}")
        if len(fits) == 2:
            raise DataError(
                f"{name} has shape {array.shape}, which is both (samples, steps, ...) and (samples, ..., steps); say which "
                "with time_axis=1 or time_axis=-1, which then holds for the data too"
                + ("; or give classes or scores" if self.task == "classes" else "")
            )
        array = array if fits[0] == 1 else np.moveaxis(array, -1, 1)
        array = array.reshape(*array.shape[:2], -1)
        if array.shape[2] == classes:
            return array
        return array.reshape(*array.shape[:2], classes, -1).mean(axis=3)

    def _classes(self, array: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
        found = array.astype(np.int64)
        wrong = (found != array) | (found < 0) | (found >= self.network.num_classes)
        if self.task == "steps" and array.dtype.kind in "iuf":
            wrong &= array != -1  # no answer in a step counts as wrong wherever the step has a label
        if wrong.any():
            raise DataError(
                f"{name} holds the class {array[wrong].flat[0]:g}; the network has the classes "
                f"0..{self.network.num_classes - 1}"
            )
        return found


def as_numbers(values: Any, name: str) -> npt.NDArray[Any]:
    """An array or a tensor on any device as a finite array; DataError for anything else."""
    if hasattr(values, "detach"):  # a torch tensor, without importing torch
        values = values.detach().cpu().numpy()
    if isinstance(values, tuple):
        raise DataError(
            f"{name} is a tuple of {len(values)} values; the answer alone is allowed, such as reference=lambda x: net(x)[0]"
        )
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is no array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} has dtype {array.dtype} ({type(values).__name__}); an array or a tensor of numbers is allowed")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{name} holds NaN or infinite values in {int((~np.isfinite(array)).sum())} of {array.size} places")
    return array.astype(np.float64) if array.dtype.kind == "f" else array
