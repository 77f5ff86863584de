"""Conversion of a network, of any kind of path or in memory, to a netx or a NIR file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from myelin.convert.arrays import Shape
from myelin.convert.netx import stock
from myelin.convert.netx.format import write_netx
from myelin.convert.nir.format import DT_MS, Latency, open_nir, write_nir
from myelin.convert.opened import TITLES, Opened, Source, check_options, clipped, opened_source, takes
from myelin.hw_configs.argument_checks import one_of, path_of
from myelin.hw_configs.errors import NetworkError

Written = Literal["netx", "nir"]
#: What is written, by the suffix of the file.
SUFFIXES: dict[str, Written] = {".net": "netx", ".h5": "netx", ".hdf5": "netx", ".nir": "nir"}


def convert_file(
    source: Source,
    out: str | os.PathLike[str],
    *,
    kind: Written | None = None,
    dt_ms: float | None = None,
    input_shape: Shape | None = None,
    clip_delays: int | None = None,
    latency: Latency | None = None,
    settled_bias: bool = False,
    ignore_integers: bool = False,
    message_bits: int | None = None,
    step_latency: bool = True,
) -> Opened:
    """The network of ``source`` after it was written to ``out``, with notes on how it was read and on what stock netx lacks.

    The integers survive: what is read from ``out`` equals what is read from ``source`` in every field.

    Args:
        source: a ``Network``, what ``myelin.read`` or ``myelin.export`` returned, or a path: a netx file, a NIR file, an
            artifact folder, or a run folder.
        out: the file to write; its suffix says what: .net, .h5 or .hdf5 a netx file, .nir a NIR file.
        kind: what to write whatever the suffix; None for what that says.
        dt_ms: length of a step in milliseconds in the NIR file that is read or written, or in both; None for that of the file
            read, and 1 for a file written from a network that does not say it.
        input_shape, clip_delays: as of ``myelin.read``.
        latency, settled_bias, ignore_integers, message_bits: as of ``myelin.read_nir``, for a path of a NIR file.
        step_latency: as of ``myelin.write_nir``, for a NIR file that is written.

    Raises:
        NetworkError: the source cannot be read, the file written cannot hold its network, or an option is for neither.
        MissingPartError: one of the two is a NIR file, and the package nir is not installed.
    """
    place = path_of("out", out, NetworkError)
    if kind is not None:
        one_of("kind", kind, dict.fromkeys(SUFFIXES.values()), NetworkError)
    written = SUFFIXES.get(place.suffix.lower()) if kind is None else kind
    if written is None:
        raise NetworkError(
            f"{place}: its suffix does not say what to write: .nir, which is a NIR file, and .net, .h5 and .hdf5, which are "
            "netx files, are allowed"
        )
    if not step_latency and written != "nir":
        raise NetworkError(
            f"{place}: step_latency=False (--no-latency) is for NIR files, and {TITLES[written]} is written; leave it out"
        )
    of_nir = {
        "latency": latency,
        "settled_bias": settled_bias,
        "ignore_integers": ignore_integers,
        "message_bits": message_bits,
    }
    given = {name: value for name, value in of_nir.items() if value is not None and value is not False}
    if takes(source, "dt_ms"):
        opened = _of_nir(Path(source), given, dt_ms=dt_ms, input_shape=input_shape, clip_delays=clip_delays)  # type: ignore[arg-type]
    elif given:
        name = next(iter(given))
        raise NetworkError(f"{name}= (--{name.replace('_', '-')}) says how a NIR file is read, and none is; leave it out")
    else:
        own = None if written == "nir" else dt_ms  # refused by reading
        opened = opened_source(source, dt_ms=own, input_shape=input_shape, clip_delays=clip_delays)
    if written == "netx":
        write_netx(opened.network, place)
        opened = replace(opened, note="; ".join(filter(None, (opened.note, stock.note(opened.network)))) or None)
        return replace(opened, path=place, kind=written, dt_ms=None, artifact=None, checkpoint=None)
    step_ms = next(value for value in (dt_ms, opened.dt_ms, DT_MS) if value is not None)
    write_nir(opened.network, place, dt_ms=step_ms, step_latency=step_latency)
    return replace(opened, path=place, kind=written, dt_ms=step_ms, artifact=None, checkpoint=None)


def _of_nir(
    path: Path, options: dict[str, Any], *, dt_ms: float | None, input_shape: Shape | None, clip_delays: int | None
) -> Opened:
    """``myelin.read`` of a NIR file, with the options of ``read_nir``."""
    check_options(path, "nir", input_shape=input_shape)
    found = open_nir(path, dt_ms=dt_ms, **options)
    opened = Opened(path, "nir", found.network, note=found.note, floats=found.floats, dt_ms=found.dt_ms)
    return opened if clip_delays is None else clipped(opened, clip_delays)
