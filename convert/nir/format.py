"""Networks as NIR files (HDF5), the exchange format of simulators and chips, read and written.

NIR says differential equations.  With a step of dt, stepping first the synapse and then, with its new current, the membrane by
forward Euler, the node CubaLIF is::

    I <- I + dt / tau_syn (w_in x - I)
    v <- v + dt / tau_mem (v_leak - v + r I);   z = v > v_threshold;   v <- v_reset where z

With the decays du and dv as fractions per step (``current_decay / 4096``), this is to the letter ::

    u <- (1 - du) u + x,   v <- (1 - dv) v + u + b,   s = v > threshold,   v <- 0 where s

when ``tau_syn = dt / du, w_in = 1 / du, tau_mem = dt / dv, r = 1 / dv, v_leak = b / dv, v_reset = 0``, and I is u.  Other
discretisations (exponential Euler, current and membrane at once) compute something near it.  What else is written:

=================== ============================================================================================================
weights             Linear and Conv2d in SLAYER's unit: ``W 2^weight_exp / 64``; thresholds ``/ 64``, biases ``/ 4096``
decay 0             as 2^-32: NIR's leaky neurons have finite time constants, and in float32 1 - 2^-32 is 1
step of latency     spikes reach the next layer one step later, plus their axonal delay d: a Delay of ``(1 + d) dt`` before the
                    weights of each feed-forward connection.  ``step_latency=False`` leaves the 1 out, for simulators without
                    Delay: layer l (from 0) then runs l + 1 steps earlier, which changes nothing else in a network without bias
recurrence          neurons -> Delay of ``d dt`` (none for 0) -> weights -> the neurons.  Every simulator that goes in steps
                    gives a cycle the output of the step before, which is our step of latency, so it is not written
last axonal delay   a Delay before Output
synaptic delays     one Delay and one Linear with the synapses of that delay, for each delay that occurs
readout of states   CubaLI
rows of neurons     a convolution of neurons in a row (a layer that a dense connection reaches) as the Linear that it is, since
                    NIR cannot unfold them; a dense recurrence of a grid as neurons in a row behind a Flatten
convolutions        groups as one group with zeros; a kernel whose sides are both odd or both even amid zeros that make it
                    square.  Others that are not square need ``nir.read(..., type_check=False)``: nir 1.0.8 checks them wrongly
metadata            ``network...``: every integer, shape, exponent, ``message_bits``, ``average_groups``; ``myelin_format``,
                    ``dt_s``, ``step_latency``: whether it is in the delays
=================== ============================================================================================================

What rounding and the ends of ranges do to integers is not in the floats: states that are cut toward zero, the floor of negative
weight exponents, 24 bit.  Where the metadata is there, ``read_nir`` returns the very integers, after checking that they
still say what the graph says.

Read without it: Input, Output, Linear, Affine, Conv1d, Conv2d, Delay, Flatten, CubaLIF, CubaLI, LIF, LI, IF and graphs within
the graph, in a chain of layers where each may have a cycle through itself.  ``myelin.convert.nir.read`` says how they become a
``FloatNetwork``, ``myelin.convert.quantise.rounding`` how that becomes integers.

Sources: nir 1.0.8 ``ir/*.py`` (equations), norse 1.1.0 ``functional/lif_box.py`` (this order of steps).
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from myelin.convert.floats.network import FloatNetwork
from myelin.convert.network import Network
from myelin.convert.nir.graph import NirGraph, read_graph, write_graph
from myelin.convert.nir.integers import integers, network_of
from myelin.convert.nir.read import float_network
from myelin.convert.nir.write import graph_of
from myelin.convert.quantise.rounding import round_network
from myelin.hw_configs.errors import NetworkError

#: Version of the metadata.
FORMAT = 1
#: Length of a step where neither file nor user says one, in milliseconds: what NIR's examples use.
DT_MS = 1.0
#: Whether delays of feed-forward connections include the step of latency, or it is added to them.
Latency = Literal["included", "added"]


def write_nir(network: Network, path: str | os.PathLike[str], *, dt_ms: float = DT_MS, step_latency: bool = True) -> None:
    """Write ``network`` as a NIR file; the file appears whole or not at all.

    Args:
        network: CUBA neurons throughout; its input takes spikes (of whole numbers with message bits).
        path: the file, usually ``*.nir``.
        dt_ms: length of a step in milliseconds; time constants and delays are in seconds in the file.
        step_latency: whether each feed-forward connection's step of latency is in its Delay.

    Raises:
        MissingPartError: the package nir is not installed.
        NetworkError: NIR cannot hold the network (sigma-delta neurons, neurons in the input, a readout of states that spikes; a
            bias without the latency), or the file cannot be written.
    """
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
    """The network in a NIR file: the integers of its metadata, or its floats rounded to the nearest
    (``myelin.convert.quantise.rounding``).

    Args:
        path: the file.
        dt_ms: length of a step in milliseconds; None for the file's, and 1 where it has none.
        latency: whether delays of feed-forward connections include the step of latency; None for what the file says, and
            "added" where it says nothing.
        settled_bias: take a bias of the weights as if it had been on forever, where a synapse filter would let it rise.
        ignore_integers: round the floats even where the file has the integers.
        message_bits: as ``Input.message_bits``, which NIR does not say; None for the metadata's, and 0 where there is none.

    Raises:
        MissingPartError: the package nir is not installed.
        NetworkError: the file cannot be read, or holds something that a network cannot say; names the node.
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
    """

    network: Network
    floats: FloatNetwork | None
    note: str | None


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
    graph = read_graph(path)
    try:
        network = None if ignore_integers else _integers(graph, dt_ms)
        if network is not None:
            source = network.input if message_bits is None else replace(network.input, message_bits=message_bits)
            return ReadNir(replace(network, input=source), None, None)
        floats = _floats(graph, dt_ms, latency, settled_bias, message_bits)
        assumed = dt_ms is None and "myelin_format" not in graph.metadata
        step = f", which do not say the length of a step: {DT_MS:g} ms is assumed, name another with --dt-ms" if assumed else ""
        return ReadNir(round_network(floats), floats, f"integers are rounded from the floats of the file{step}")
    except NetworkError as error:
        raise NetworkError(f"{os.fspath(path)}: {error}") from error


def read_nir_floats(
    path: str | os.PathLike[str],
    *,
    dt_ms: float | None = None,
    latency: Latency | None = None,
    settled_bias: bool = False,
    message_bits: int | None = None,
) -> FloatNetwork:
    """The floats of a NIR file, whatever integers it has beside them; ``read_nir`` says what the arguments and errors are."""
    graph = read_graph(path)
    try:
        return _floats(graph, dt_ms, latency, settled_bias, message_bits)
    except NetworkError as error:
        raise NetworkError(f"{os.fspath(path)}: {error}") from error


def _floats(
    graph: NirGraph, dt_ms: float | None, latency: Latency | None, settled_bias: bool, message_bits: int | None
) -> FloatNetwork:
    ours = "myelin_format" in graph.metadata
    dt_s = _seconds(_said(graph, "dt_s") * 1e3 if ours else DT_MS) if dt_ms is None else _seconds(dt_ms)
    included = (ours and bool(_said(graph, "step_latency"))) if latency is None else latency == "included"
    said_bits = int(_said(graph, "network.input.message_bits")) if ours else 0
    bits = said_bits if message_bits is None else message_bits
    groups = int(_said(graph, "network.average_groups")) if ours and "network.average_groups" in graph.metadata else None
    floats = float_network(graph, dt_s, int(included), settled_bias)
    return replace(floats, message_bits=bits, average_groups=groups)


def _integers(graph: NirGraph, dt_ms: float | None) -> Network | None:
    """The network of the metadata, provided that it says what the nodes say."""
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
            f"the integers in its metadata are not those of the graph any more ({changed}): ignore them "
            "(--ignore-integers) and the floats are rounded"
        )
    return network


def _said(graph: NirGraph, key: str) -> float:
    """A number of the metadata that ``write_nir`` wrote."""
    try:
        return float(graph.metadata[key])
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError(f"{key!r} in its metadata is {graph.metadata.get(key)!r}; a number is expected") from error


def _difference(graph: NirGraph, written: NirGraph) -> str | None:
    """The first thing in which a graph differs from what was written, None where there is none."""
    for name in sorted(graph.nodes.keys() | written.nodes.keys()):
        if name not in graph.nodes or name not in written.nodes:
            return f"node {name!r} was {'added' if name in graph.nodes else 'removed'}"
        if graph.nodes[name].kind != written.nodes[name].kind:
            return f"{graph.title(name)} was a {written.nodes[name].kind}"
        for key, value in written.nodes[name].fields.items():
            if key.endswith("_type"):  # shapes, which follow from the rest
                continue
            got = np.asarray(graph.nodes[name].fields[key])
            if got.shape != np.shape(value) or not np.allclose(got, value, rtol=1e-5, atol=0):
                return f"{key} of {graph.title(name)} was changed"
    if set(graph.edges) != set(written.edges):
        return "its edges were changed"
    return None


def _seconds(dt_ms: float) -> float:
    if not (np.isfinite(dt_ms) and dt_ms > 0):
        raise NetworkError(f"dt_ms is {dt_ms}; a length of a step above 0 in milliseconds is allowed")
    return float(dt_ms) * 1e-3
