"""Bounds on what a file may make a reader take: memory, time and disk follow from a file's declared sizes, not from its own.

Every reader checks what a file declares against these before it reads values.  Each bound is set by an environment variable of
its name, and the message of a refusal names it.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from myelin.hw_configs.errors import ConfigError, MyelinError

MB = 1_000_000
_BLOCK_BYTES = 2**24
#: Seconds to wait for a pipe, such as that of ``<(command)`` in a shell.
PIPE_S = 10


@dataclass(frozen=True)
class FileBound:
    """A bound.

    Attributes:
        variable: environment variable that sets it.
        default: its value otherwise.
        what: what it bounds, in words.
    """

    variable: str
    default: int
    what: str

    @property
    def value(self) -> int:
        """The bound that holds now; raises ConfigError if the variable is no whole number above 0."""
        text = os.environ.get(self.variable)
        if text is None:
            return self.default
        if not text.isascii() or not text.isdigit() or not 0 < len(text) < 16 or int(text) < 1:
            raise ConfigError(f"{self.variable} is {text!r}; a whole number above 0 is allowed ({self.what})")
        return int(text)

    @property
    def bytes(self) -> int:
        """The bound in bytes, of a bound in MB."""
        return self.value * MB

    def cure(self, needed: int) -> str:
        """What to do where ``needed`` is more: the end of a message."""
        return f"if the file is what it should be, allow more with {self.variable}={needed}"


#: Values of a network's file; they take up to eight bytes each while they are read.  A Loihi 2 chip has 24 MB of synapses.
NETWORK_VALUES = FileBound("MYELIN_MAX_NETWORK_VALUES", 2**25, "values in the file of a network")
#: Members of an HDF5 file of a network: groups, data sets, and each again by every other name that it has.
MEMBERS = FileBound("MYELIN_MAX_MEMBERS", 20_000, "groups and data sets in an HDF5 file")
#: Unpacked data.  SSC's training file unpacks to under 5 GB.
DATA_MB = FileBound("MYELIN_MAX_DATA_MB", 16_000, "MB that a file of data or arrays unpacks to")
#: Unpacked by packed size; spikes have 3 to 30.  Files that unpack to less than ``ALWAYS_BYTES`` may have any ratio.
RATIO = FileBound("MYELIN_MAX_RATIO", 100, "size of a compressed file unpacked, divided by its own size")
ALWAYS_BYTES = 32 * MB
#: Samples, or entries of a list with one each.
SAMPLES = FileBound("MYELIN_MAX_SAMPLES", 10_000_000, "samples of a data set")
#: Files of a run or an artifact, which are read whole or hashed.
FILE_MB = FileBound("MYELIN_MAX_FILE_MB", 4_000, "MB of a file of a run or an artifact")
#: JSON, CSV and lists of metrics; parsed text takes up to thirty times its size.
TEXT_MB = FileBound("MYELIN_MAX_TEXT_MB", 24, "MB of a text file")
#: TOML, written by hand.
CONFIG_KB = FileBound("MYELIN_MAX_CONFIG_KB", 1000, "kB of a TOML file")
#: Frames that spikes are binned to at a time, by the steps and channels that a configuration or an artifact says.
FRAMES_MB = FileBound("MYELIN_MAX_FRAMES_MB", 16_000, "MB of frames of the samples that are binned together")
BOUNDS = (NETWORK_VALUES, MEMBERS, DATA_MB, RATIO, SAMPLES, FILE_MB, TEXT_MB, CONFIG_KB, FRAMES_MB)


def most_unpacked(packed_bytes: int) -> int:
    """Bytes that a compressed file of ``packed_bytes`` may unpack to."""
    return min(DATA_MB.bytes, max(ALWAYS_BYTES, RATIO.value * packed_bytes))


def too_large(packed_bytes: int, needed: int | None = None) -> str:
    """Why something that unpacks to ``needed`` bytes (None: unknown, but too many) is refused, and the cure."""
    most = most_unpacked(packed_bytes)
    said = f"more than {-(-most // MB)} MB" if needed is None else f"{-(-needed // MB)} MB"
    if most == DATA_MB.bytes:
        return f"unpacks to {said}, {most // MB} MB are allowed; {DATA_MB.cure(2 * DATA_MB.value)}"
    ratio = 10 * RATIO.value if needed is None else -(-needed // max(packed_bytes, 1))
    cure = RATIO.cure(max(ratio, RATIO.value))
    return f"has {packed_bytes} bytes and unpacks to {said}, beyond {RATIO.value} times its size; {cure}"


def check_regular(path: str | os.PathLike[str], error: type[MyelinError]) -> None:
    """Raise ``error`` if ``path`` is a device, a pipe or a socket, from which no such file can be read: it may have no end."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # its reader reports that
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kinds: tuple[tuple[Callable[[int], bool], str], ...] = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
        kind = next((name for test, name in kinds if test(mode)), "a device")
        raise error(f"{os.fspath(path)} is {kind}; a regular file is needed: save what it holds to one")


def read_whole(path: str | os.PathLike[str], bound: FileBound, unit: int = MB) -> bytes:
    """The content of a file, or of a pipe; at most ``bound`` times ``unit`` bytes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is longer; the message says what is allowed, and how to allow more.
    """
    most = bound.value * unit
    with open(path, "rb", opener=_without_waiting) as file:
        about = os.fstat(file.fileno())
        size = about.st_size
        if stat.S_ISFIFO(about.st_mode):
            content = _piped(file.fileno(), most)
        else:
            content = b"" if size > most else read_at_most(file, most + 1)
    if size > most or len(content) > most:
        needed = max(size, 2 * most)
        name = {MB: "MB", 1000: "kB"}[unit]
        raise ValueError(f"it has more than {bound.value} {name}; {bound.cure(-(-needed // unit))}")
    return content


def read_at_most(file: IO[bytes], most: int) -> bytes:
    """What is left of a file, up to ``most`` bytes; a single read would take as much memory at once, whatever is there."""
    blocks, left = [], most
    while left and (block := file.read(min(left, _BLOCK_BYTES))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; one for a pipe that nobody writes to would wait for ever."""
    if not hasattr(os, "O_NONBLOCK"):  # Windows, whose folders hold no pipes
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.set_blocking(descriptor, True)
    return descriptor


def _piped(descriptor: int, most: int) -> bytes:
    """What comes out of a pipe, up to a byte more than ``most``; ValueError if nothing comes for ``PIPE_S``."""
    content = bytearray()
    ready = select.poll() if hasattr(select, "poll") else None  # on Windows a pipe is waited for
    if ready is not None:
        ready.register(descriptor, select.POLLIN)
    while len(content) <= most:
        if ready is not None and not ready.poll(1000 * PIPE_S):
            raise ValueError(f"it is a pipe, and nothing came out of it for {PIPE_S} s; save what it holds to a file")
        block = os.read(descriptor, 2**16)
        if not block:
            break
        content += block
    return bytes(content)


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file in UTF-8, at most ``TEXT_MB``; raises OSError or ValueError as ``read_whole``."""
    return read_whole(Path(path), TEXT_MB).decode("utf-8")
