"""A torch module as the reference, evaluated from rest and left as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.constants import constant_differences, require_same_structure
from myelin.convert.network import Network
from myelin.hw_configs import parts
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.validation.answers import Shapes
from myelin.validation.reference import FLOAT, Chunk, Reference, StageRun

#: Packages whose modules take (batch, ..., steps).
_TIME_LAST = ("myelin.train.", "lava.")


class ModuleReference(Reference):
    """A torch module in evaluation mode.

    If its own values are exactly the integers of the network, every output value must be equal.

    A module with blocks of ``myelin.nn`` or of lava-dl gets floats (batch, *input shape, steps) and gives outputs with time
    last.  Any other module gets the user's own x as a float tensor, or frames (batch, steps, *input shape) if the data is no
    pair (x, y).
    """

    KIND = "module"
    exact_name = "the module's own evaluation"

    def __init__(self, module: Any, network: Network) -> None:
        parts.require("torch")
        super().__init__(type(module).__name__)
        self.module = module
        self.time_last = any(cls.__module__.startswith(_TIME_LAST) for part in module.modules() for cls in type(part).__mro__)
        self.integer_scale = _integer_scale(module, network) if self.time_last else None
        self._shape, self._bits = network.input.shape, network.input.message_bits

    def run(self, chunk: Chunk, shapes: Shapes) -> dict[str, StageRun]:
        """See ``Reference``."""
        name = f"the output of the module {self.name}"
        if self.time_last:
            from myelin.train.evaluate import evaluated

            output = evaluated(self.module, chunk.frames).output
            answer = replace(shapes, time_axis=-1).read(output, len(chunk.numbers), name)
            return {FLOAT: StageRun(answer, exact=self._exact(output, shapes.network))}
        return {FLOAT: StageRun(shapes.read(self._output(chunk), len(chunk.numbers), name))}

    def readout_weights(self) -> npt.NDArray[np.float64] | None:
        """See ``Reference``."""
        if not self.time_last:
            return None
        from myelin.convert.modules.from_torch import read_module

        try:
            return read_module(self.module, self._shape, self._bits).blocks[-1].floats.synapse.weight
        except NetworkError:
            return None

    def _exact(self, output: npt.NDArray[np.float64], network: Network) -> npt.NDArray[Any] | None:
        """The output in the network's integers, (batch, steps, *output shape)."""
        if self.integer_scale is None or output.ndim < 3:
            return None
        values = np.moveaxis(output, -1, 1) * self.integer_scale
        return values.reshape(*values.shape[:2], *network.output_shape)

    def _output(self, chunk: Chunk) -> Any:
        from myelin.train.evaluate import evaluated_on

        x = chunk.frames if chunk.given is None else chunk.given
        try:
            return evaluated_on(self.module, x)
        except NetworkError as error:
            raise DataError(
                f"reference {self.name}: {error}; give x in the order that it takes, or a callable that brings it there: "
                "reference=lambda x: net(x.movedim(1, -1))"
            ) from error


def _integer_scale(module: Any, network: Network) -> float | None:
    """The integer that the value 1.0 of the module's output is, if the module computes exactly ``network``; else None."""
    from myelin.convert.modules.from_torch import from_torch, read_module

    shape, bits = network.input.shape, network.input.message_bits
    try:
        read = read_module(module, shape, bits)
        own = from_torch(module, shape, message_bits=bits)
        require_same_structure(own, network)
    except NetworkError:
        return None
    if constant_differences(own, network) or read.lag or network.average_groups is not None:
        return None
    return float(read.blocks[-1].output_scale)
