"""A network in a shell pipe: frames from standard input, one step each, and its output on standard output."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network
from myelin.convert.opened import Source
from myelin.convert.simulator.streams import Simulator
from myelin.hw_configs.errors import DataError

LiveFormat = Literal["text", "bytes"]

#: Longest line of text: more than all units of the largest network with their counts; longer ones are no lines.
_LINE_BYTES = 1 << 24
_WORD = re.compile(rb"(\d{1,10})(?::([+-]?\d{1,10}))?")
_SEPARATORS = re.compile(rb"[\s,]+")


def run_live(
    network: Source, source: BinaryIO, sink: BinaryIO, *, form: LiveFormat = "text", dt_ms: float | None = None
) -> int:
    """Make one step for each frame of ``source``, and write its output to ``sink`` before the next is read.

    text: a line is a step.  It holds the units (flat indices of the input in C order) that spike, separated by blanks or
    commas; ``unit:count`` for values other than 1; a unit that occurs twice counts twice; an empty line is a step without
    spikes.  The output line holds the units of the last layer that spike, ``unit:value`` for graded messages, or all values of
    a readout of states.

    bytes: a frame is one uint8 per input unit, and the output one uint8 per unit of the last layer; int32 in little-endian
    byte order where a byte does not hold all values: inputs of more than 8 bits or of both signs, graded messages, states.

    Returns:
        The number of steps, when ``source`` has ended.

    Args:
        network: a ``Network``, the result of ``myelin.read``, or a path.
        source, sink: binary files, such as ``sys.stdin.buffer`` and ``sys.stdout.buffer``.
        form: "text" or "bytes".
        dt_ms: as in ``myelin.read``.

    Raises:
        DataError: a line or a frame cannot be read or does not fit the network; the message has its number.
        NetworkError: the network cannot be read.
        BrokenPipeError: the reader of ``sink`` has ended.
    """
    from myelin.convert.opened import opened_source

    found = opened_source(network, dt_ms=dt_ms).network
    simulator = Simulator(found)
    with contextlib.suppress(DataError):  # loads the compiled loop, so that the first frame need not wait for it
        simulator.step(np.zeros(found.input.shape, np.int32))
    simulator.reset()
    frames = _lines(found, source) if form == "text" else _frames(found, source)
    what, number = "line" if form == "text" else "frame", 0
    for number, frame in enumerate(frames, start=1):
        try:
            output = simulator.step(frame)
        except DataError as error:
            raise DataError(f"{what} {number}: {error}") from None
        sink.write(_line(found, output) if form == "text" else _packed(found, output))
        sink.flush()
    return number


def _lines(network: Network, source: BinaryIO) -> Iterator[npt.NDArray[np.int64]]:
    """A frame (inputs,) for each line."""
    units = math.prod(network.input.shape)
    number = 0
    while line := source.readline(_LINE_BYTES):
        number += 1
        if len(line) == _LINE_BYTES and not line.endswith(b"\n"):
            raise DataError(f"line {number} has {_LINE_BYTES} bytes or more: end each step with a newline")
        frame = np.zeros(units, np.int64)
        for word in _SEPARATORS.split(line.strip(b" \t\r\n,")):
            if not word:
                continue
            found = _WORD.fullmatch(word)
            if found is None:
                shown = word[:24].decode("ascii", "replace")
                raise DataError(f"line {number}: {shown!r} is no spike; a unit, or unit:count, is allowed, such as 3 or 3:2")
            unit = int(found[1])
            if unit >= units:
                raise DataError(f"line {number}: unit {unit} does not exist; 0..{units - 1} are allowed for this network")
            frame[unit] += int(found[2] or 1)
        yield frame


def _frames(network: Network, source: BinaryIO) -> Iterator[npt.NDArray[np.generic]]:
    """A frame (inputs,) for as many bytes as it has."""
    dtype = input_type(network)
    size, number = math.prod(network.input.shape) * dtype.itemsize, 0
    while data := source.read(size):
        number += 1
        if len(data) < size:
            raise DataError(f"frame {number}: the input ends after {len(data)} of its {size} bytes")
        yield np.frombuffer(data, dtype).astype(np.int32)


def input_type(network: Network) -> np.dtype[np.generic]:
    """Type of the values of a frame as bytes."""
    small = network.input.min_value >= 0 and network.input.max_value <= 255
    return np.dtype(np.uint8 if small else "<i4")


def _line(network: Network, output: npt.NDArray[np.generic]) -> bytes:
    values = output.reshape(-1)
    if network.layers[-1].output == "state":
        return " ".join(map(str, values.tolist())).encode() + b"\n"
    units = np.flatnonzero(values)
    if output.dtype == np.uint8:
        return " ".join(map(str, units.tolist())).encode() + b"\n"
    return " ".join(f"{unit}:{value}" for unit, value in zip(units.tolist(), values[units].tolist())).encode() + b"\n"


def _packed(network: Network, output: npt.NDArray[np.generic]) -> bytes:
    return output.astype("<i4" if output.dtype != np.uint8 else np.uint8).tobytes()
