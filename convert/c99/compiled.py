"""The generated C compiled for this machine, as a backend that gives outputs and the spikes of every layer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.c99.helpers import template
from myelin.convert.c99.packing import output_dtype, packed_inputs
from myelin.convert.c99.program import program
from myelin.convert.c99.source import MARK, source
from myelin.convert.c99.toolchain import STRICT, host_compiler, run
from myelin.convert.inputs import checked_record, checked_spikes
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording
from myelin.hw_configs.temporaries import scratch_folder


def compiled_run(network: Network) -> tuple[Callable[[Network, npt.NDArray[Any], Record], Recording], frozenset[str]]:
    """C as a backend for comparisons: the function that runs ``network``, or another one, and what it cannot record.

    Raises:
        MissingPartError, NetworkError, BackendError: as ``CompiledNetwork``.
    """
    made = CompiledNetwork(network)

    def run(other: Network, frames: npt.NDArray[Any], record: Record) -> Recording:
        return (made if other is network else CompiledNetwork(other)).run(frames, record)

    return run, made.without


class CompiledNetwork:
    """A network as C on this machine.

    Args:
        network: the network.

    Raises:
        MissingPartError: no C compiler is installed.
        NetworkError: a population or a connection has no code.
        BackendError: the compiler fails.
    """

    def __init__(self, network: Network) -> None:
        compiler = host_compiler()
        self.network, self.program = network, program(network)
        stages = self.program.stages
        self._first: dict[int, int] = {}
        self._neurons = 0
        for stage in stages:
            self._first[stage.index] = self._neurons
            self._neurons += stage.own.neurons
        text = source(self.program)
        firsts = [self._first.get(index, 0) for index in range(-1, len(network.layers))]
        host = Template(template("host.c")).substitute(
            mark=MARK, populations=len(firsts), firsts=", ".join(map(str, firsts)), neurons=self._neurons
        )
        options = ["-O2", "-fPIC", "-shared", "-DNETWORK_TRACE", *STRICT]
        with scratch_folder("c") as place:
            for name, content in (("network.h", text.header), ("network.c", text.code), ("host.c", host)):
                (place / name).write_text(content, encoding="utf-8")
            run([compiler, *options, "-o", "network.so", "network.c", "host.c"], place)
            self._library = ctypes.CDLL(str(place / "network.so"))  # stays loaded without its file

    @property
    def without(self) -> frozenset[str]:
        """Names of arrays that cannot be recorded: all but the spikes."""
        neurons = (self.network.neuron(index) for index in self._first)
        return frozenset(name for neuron in neurons if neuron is not None for name in neuron.NAMES) - {"spikes"}

    def run(self, frames: npt.ArrayLike, record: Record | None = None) -> Recording:
        """The recording of ``frames`` (batch, steps, *input shape) from rest; ``record`` may name "spikes" alone.

        Raises:
            DataError: the frames do not fit the network, or ``record`` names something else.
        """
        spikes = checked_spikes(self.network, frames)
        wanted = checked_record(self.network, record or {}, tuple(self.without))
        inputs, steps = packed_inputs(self.program, spikes), spikes.shape[1]
        kind = output_dtype(self.program)
        output = np.zeros((len(inputs), steps, *self.network.output_shape), kind)
        sent = np.zeros((len(inputs), steps, self._neurons), np.int32) if wanted else None
        for sample, frame in enumerate(inputs):
            row = None if sent is None else sent[sample].ctypes.data_as(ctypes.c_void_p)
            self._library.network_run(
                frame.ctypes.data_as(ctypes.c_void_p), output[sample].ctypes.data_as(ctypes.c_void_p), steps, row
            )
        layers = {index: {"spikes": self._sent(sent, index)} for index, names in wanted.items() if names}
        return Recording.of(self.network, output.astype(self.network.output_dtype), layers)

    def _sent(self, sent: npt.NDArray[Any] | None, index: int) -> npt.NDArray[Any]:
        assert sent is not None
        shape = self.network.input.shape if index < 0 else self.network.layers[index].shape
        first = self._first[index]
        values = sent[:, :, first : first + int(np.prod(shape))].reshape(*sent.shape[:2], *shape)
        return values.astype(self.network.spike_dtype(index))
