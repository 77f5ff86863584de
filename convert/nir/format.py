"""Reader and writer of networks as NIR files (HDF5), the exchange format of simulators and chips.

NIR stores differential equations.  Forward Euler with a time step dt updates first the synapse and then, with the new current,
the membrane.  The node CubaLIF is then::

    I <- I + dt / tau_syn (w_in x - I)
    v <- v + dt / tau_mem (v_leak - v + r I);   z = v > v_threshold;   v <- v_reset where z

With the decays du and dv as fractions per step (``current_decay / 4096``), this is exactly ::

    u <- (1 - du) u + x,   v <- (1 - dv) v + u + b,   s = v > threshold,   v <- 0 where s

when ``tau_syn = dt / du, w_in = 1 / du, tau_mem = dt / dv, r = 1 / dv, v_leak = b / dv, v_reset = 0``, and I is u.  Other
discretisations (exponential Euler, current and membrane at once) compute an approximation of it.  The rest of the file:

=================== ============================================================================================================
weights             Linear and Conv2d in SLAYER's unit: ``W 2^weight_exp / 64``; thresholds ``/ 64``, biases ``/ 4096``
decay 0             as 2^-32: NIR's leaky neurons have finite time constants, and in float32 1 - 2^-32 is 1
step of latency     spikes reach the next layer one step later, plus their axonal delay d: a Delay of ``(1 + d) dt`` before the
                    weights of each feed-forward connection.  ``step_latency=False`` omits the 1, for simulators without
                    Delay: layer l (from 0) then runs l + 1 steps earlier, which changes nothing else in a network without bias
recurrence          neurons -> Delay of ``d dt`` (none for 0) -> weights -> the neurons.  A time-stepped simulator feeds a cycle
                    the output of the previous step; this is the step of latency, so it is not written
last axonal delay   a Delay before Output
synaptic delays     for each delay that occurs, one Delay and one Linear with the synapses of that delay
readout of states   CubaLI
neurons of input    Input -> Scale -> LIF, without latency: what enters is part of their bias, and their synapse filter stays 0
rows of neurons     a convolution that reads a row of neurons (a layer with a dense connection) as an equivalent Linear, since
                    NIR cannot unflatten a row; a grid with a dense recurrence as a row of neurons after a Flatten
convolutions        groups as one group with zeros; a kernel whose sides are both odd or both even, padded with zeros to a
                    square.  Other kernels that are not square need ``nir.read(..., type_check=False)``: nir 1.0.8 checks them
                    incorrectly
metadata            ``network...``: every integer, shape, exponent, ``message_bits``, ``average_groups``; ``myelin_format``,
                    ``dt_s``; ``step_latency``: whether the delays include the step of latency
=================== ============================================================================================================

The floats do not contain the effects of integer arithmetic: states rounded toward zero, the floor of negative weight exponents,
24-bit ranges.  If the file has the metadata, ``read_nir`` checks that its integers still match the graph and returns exactly
those integers.

Without the metadata it reads Input, Output, Linear, Affine, Conv1d, Conv2d, SumPool2d, AvgPool2d, Scale, Delay, Flatten,
CubaLIF, CubaLI, LIF, LI, IF, I, Threshold and nested graphs, in a chain of layers, each of which may have a cycle through
itself.  ``myelin.convert.nir.timing`` finds the length of a step, ``read`` describes the conversion to a ``FloatNetwork``,
``folding`` that of pooling and scaling, and ``myelin.convert.quantise.rounding`` the rounding to integers.  Other nodes, and
attributes that NIR does not define, are rejected by name.

Sources: nir 1.0.8 ``ir/*.py`` (equations), norse 1.1.0 ``functional/lif_box.py`` (this order of steps).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from myelin.convert.floats.network import FloatNetwork
from myelin.convert.network import Network, check_writable
from myelin.convert.nir.conventions import EULER
from myelin.convert.nir.graph import NirGraph, read_graph, write_graph
from myelin.convert.nir.integers import integers, network_of
from myelin.convert.nir.mismatch import notes
from myelin.convert.nir.read import float_network
from myelin.convert.nir.timing import TimeStep, found_step, given_step
from myelin.convert.nir.write import graph_of
from myelin.convert.quantise.rounding import round_network
from myelin.hw_configs.argument_checks import above_zero, one_of, path_of, truth
from myelin.hw_configs.errors import NetworkError

#: Version of the metadata.
FORMAT = 1
#: Default length of a time step in milliseconds in files that are written, as in NIR's examples.
DT_MS = 1.0
#: Whether delays of feed-forward connections include the step of latency, or the step is added to them.
Latency = Literal["included", "added"]


def write_nir(network: Network, path: str | os.PathLike[str], *, dt_ms: float = DT_MS, step_latency: bool = True) -> None:
    """Write ``network`` as a NIR file; the file appears complete or not at all.

    Args:
        network: a network of CUBA neurons; its input takes spikes, or integers if it has message bits.
        path: the file, usually ``*.nir``.
        dt_ms: length of a time step in milliseconds; time constants and delays are in seconds in the file.
        step_latency: whether the Delay of a feed-forward connection includes its step of latency.

    Raises:
        MissingPartError: the package nir is not installed.
        NetworkError: NIR cannot hold the network (sigma-delta neurons, a readout of states that spikes; a bias without the
            latency), or the file cannot be written.
    """
    check_writable("write_nir", network, path)
    truth("step_latency", step_latency, error=NetworkError)
    dt_s = _seconds(dt_ms)
    graph = graph_of(network, dt_s, step_latency)
    graph.metadata = {"myelin_format": FORMAT, "dt_s": dt_s, "step_latency": int(step_latency), **integers(network)}
    write_graph(graph, path)


def read_nir(
    path: str | os.PathLike[str],
    *,
    dt_ms: float | None = None,
    latency: Latency | None = None,
    settled_bias: bool = False,
    ignore_integers: bool = False,
    message_bits: int | None = None,
) -> Network:
    """The network in a NIR file: the integers of its metadata, or else its floats, rounded by
    ``myelin.convert.quantise.rounding``.

    Args:
        path: the file.
        dt_ms: length of a time step in milliseconds; None for that of the file: its metadata, or what its nodes show.
        latency: whether delays of feed-forward connections include the step of latency; None for the file's setting, or
            "added" if it has none.
        settled_bias: treat a bias of the weights as constant from the first step, although a synapse filter lets it rise
            from zero.
        ignore_integers: round the floats even if the file has the integers.
        message_bits: as ``Input.message_bits``, which NIR does not store; None for the metadata's, or 0 if there is none.

    Raises:
        MissingPartError: the package nir is not installed.
        NetworkError: the file cannot be read, or holds something that a network cannot say; names the node.  Or the file does
            not show the length of a step, and it is not given.
    """
    return open_nir(
        path,
        dt_ms=dt_ms,
        latency=latency,
        settled_bias=settled_bias,
        ignore_integers=ignore_integers,
        message_bits=message_bits,
    ).network


class ReadNir(NamedTuple):
    """The network of a NIR file.

    Attributes:
        network: the integers.
        floats: what was rounded to them; None where the file has the integers.
        note: what was rounded or assumed, for the user; None where nothing was.
        dt_ms: length of a step in milliseconds.
    """

    network: Network
    floats: FloatNetwork | None
    note: str | None
    dt_ms: float


def open_nir(
    path: str | os.PathLike[str],
    *,
    dt_ms: float | None = None,
    latency: Latency | None = None,
    settled_bias: bool = False,
    ignore_integers: bool = False,
    message_bits: int | None = None,
) -> ReadNir:
    """``read_nir``, which says what the arguments and errors are, and how the network came about."""
    _check(path, latency)
    graph = read_graph(path)
    with _naming(path):
        network = None if ignore_integers else _integers(graph, dt_ms)
        if network is not None:
            source = network.input if message_bits is None else replace(network.input, message_bits=message_bits)
            return ReadNir(replace(network, input=source), None, None, _said(graph, "dt_s") * 1e3)
        step = _step(graph, dt_ms)
        floats = _floats(graph, step, latency, settled_bias, message_bits)
        network = round_network(floats)
        said = ["integers are rounded from the floats of the file", _told(step), *notes(floats, network)]
        return ReadNir(network, floats, "; ".join(filter(None, said)), step.dt_s * 1e3)


def read_nir_floats(
    path: str | os.PathLike[str],
    *,
    dt_ms: float | None = None,
    latency: Latency | None = None,
    settled_bias: bool = False,
    message_bits: int | None = None,
) -> FloatNetwork:
    """The floats of a NIR file, even if it also has integers; ``read_nir`` documents arguments and errors."""
    return open_nir_floats(path, dt_ms=dt_ms, latency=latency, settled_bias=settled_bias, message_bits=message_bits)[0]


def open_nir_floats(
    path: str | os.PathLike[str],
    *,
    dt_ms: float | None = None,
    latency: Latency | None = None,
    settled_bias: bool = False,
    message_bits: int | None = None,
) -> tuple[FloatNetwork, str | None]:
    """``read_nir_floats``, and how the length of a step was found; None if it is given or the file is one of Myelin."""
    _check(path, latency)
    graph = read_graph(path)
    with _naming(path):
        step = _step(graph, dt_ms)
        return _floats(graph, step, latency, settled_bias, message_bits), _told(step)


def _check(path: object, latency: object) -> None:
    """Raise NetworkError if the arguments of a reader are none."""
    path_of("path", path, NetworkError)
    if latency is not None:
        one_of("latency", latency, ("included", "added"), NetworkError)


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in errors; values that no check foresaw end in a NetworkError too."""
    try:
        yield
    except NetworkError as error:
        raise NetworkError(f"{os.fspath(path)}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, AssertionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NetworkError(f"{os.fspath(path)}: its values do not fit together: {reason[:200]}") from error


def _told(step: TimeStep) -> str | None:
    return None if step.told is None else f"a step is {step.dt_s * 1e3:g} ms, found from {step.told}"


def _step(graph: NirGraph, dt_ms: float | None) -> TimeStep:
    """The length of a step that is given, or the metadata's, or what the nodes show."""
    if dt_ms is not None:
        return given_step(graph, _seconds(dt_ms))
    if "myelin_format" in graph.metadata:
        return TimeStep(_seconds(_said(graph, "dt_s") * 1e3), EULER)
    if "dt" in graph.metadata:
        step = given_step(graph, _seconds(_said(graph, "dt") * 1e3))
        return replace(step, told="'dt' in its metadata, in seconds")
    return found_step(graph)


def _floats(
    graph: NirGraph, step: TimeStep, latency: Latency | None, settled_bias: bool, message_bits: int | None
) -> FloatNetwork:
    ours = "myelin_format" in graph.metadata
    included = (ours and bool(_said(graph, "step_latency"))) if latency is None else latency == "included"
    said_bits = int(_said(graph, "network.input.message_bits")) if ours else 0
    bits = said_bits if message_bits is None else message_bits
    groups = int(_said(graph, "network.average_groups")) if ours and "network.average_groups" in graph.metadata else None
    floats = float_network(graph, step, int(included), settled_bias)
    return replace(floats, message_bits=bits, average_groups=groups)


def _integers(graph: NirGraph, dt_ms: float | None) -> Network | None:
    """The network of the metadata, None if it has none; NetworkError if it does not match the nodes."""
    if "myelin_format" not in graph.metadata:
        return None
    if _said(graph, "myelin_format") != FORMAT:
        raise NetworkError(f"its metadata has format {_said(graph, 'myelin_format'):g}, this version reads {FORMAT}")
    network = network_of(graph.metadata)
    if network is None:
        return None
    dt_s = _said(graph, "dt_s")
    if dt_ms is not None and not np.isclose(dt_ms * 1e-3, dt_s):
        raise NetworkError(
            f"dt_ms is {dt_ms:g}, the file was written with {dt_s * 1e3:g}: leave it out, or ignore the integers"
        )
    changed = _difference(graph, graph_of(network, dt_s, bool(_said(graph, "step_latency"))))
    if changed is not None:
        raise NetworkError(
            f"the integers in its metadata are not those of the graph any more ({changed}): ignore them and the floats are "
            "rounded, with `myelin convert --ignore-integers` (ignore_integers=True of read_nir)"
        )
    return network


def _said(graph: NirGraph, key: str) -> float:
    """The number ``key`` of the metadata of ``write_nir``; NetworkError if it is missing or no number."""
    try:
        return float(graph.metadata[key])
    except (KeyError, TypeError, ValueError) as error:
        got = graph.metadata.get(key)
        said = f"an array of shape {got.shape}" if isinstance(got, np.ndarray) else repr(got)
        raise NetworkError(f"{key!r} in its metadata is {said[:100]}; a number is expected") from error


def _difference(graph: NirGraph, written: NirGraph) -> str | None:
    """The first difference between a graph and the graph as written, or None."""
    for name in sorted(graph.nodes.keys() | written.nodes.keys()):
        if name not in graph.nodes or name not in written.nodes:
            return f"node {name!r} was {'added' if name in graph.nodes else 'removed'}"
        if graph.nodes[name].kind != written.nodes[name].kind:
            return f"{graph.title(name)} was a {written.nodes[name].kind}"
        for key, value in written.nodes[name].fields.items():
            if key.endswith("_type"):  # shapes; the other fields determine them
                continue
            got = np.asarray(graph.nodes[name].fields[key])
            if got.shape != np.shape(value) or not np.allclose(got, value, rtol=1e-5, atol=0):
                return f"{key} of {graph.title(name)} was changed"
    if set(graph.edges) != set(written.edges):
        return "its edges were changed"
    return None


def _seconds(dt_ms: float) -> float:
    return above_zero("dt_ms", dt_ms, "a length of a step above 0 in milliseconds", NetworkError) * 1e-3
