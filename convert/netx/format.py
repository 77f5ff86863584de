"""Reader and writer of networks as netx files (HDF5), the exchange format of lava-dl.

Layout: ``/layer/0``, ``/layer/1``, ... are groups; each has ``type`` and ``shape``.  Fields that netx, lava-dl or ml_genn_netx
define:

========== ==================== ================================================================================================
layer      field                meaning here
========== ==================== ================================================================================================
input      shape                (neurons,) or (channels, height, width)
           neuron/, weight,     CUBA neurons whose bias mantissa is ``weight * x + bias`` (weight 64, bias 0 when absent), or
           bias                 delta encoders of the value ``weight * x + bias`` (weight 1 when absent: the integers in units
                                of 1/64 to which SLAYER quantises its input, and which netx's own tests use as input)
dense,     weight               (out, in); (out * in,) and (out, in, 1, 1, 1) are read too
dense_rec  weight_rec           (N, N), of ``dense_rec``; ``recWeight`` of the older type ``recurrent``
           bias                 mantissa per neuron; exponent 6, of sigma-delta neurons spike_exp + state_exp
           delay                vector of the layer's size, or one number: axonal delay of the spikes that its neurons send
                                (as in SLAYER); (out, in): synaptic delays; vector of the size of the previous layer: delay
                                per column
           delay_rec            the same for the recurrence (ml_genn_netx); without it the recurrence has no delay
conv       weight               (out, in / groups, height, width), a last axis of 1 is read too
           stride, padding,     (vertical, horizontal) or one number
           dilation, groups
           bias, decays         per channel, or per neuron as (width, height, channels)
           delay                per channel, or per neuron flattened in (channels, height, width) order
pool       weight               (1, 1, height, width): one kernel for each channel alone, a convolution with as many groups
           the rest             as of conv
flatten                         read and checked; the next connection flattens its input itself
average    shape                (groups, ...): class scores are means over equal groups of neurons
any of     weight/real,         in the place of ``weight``: complex weights, which resonate-and-fire neurons have
these      weight/imag
neuron/    type                 CUBA, or its older name LOIHI; SDNN: sigma-delta neurons, delta encoders in the input layer;
                                RF_PHASE, RF_IZHIKEVICH: resonate-and-fire neurons
           iDecay, vDecay       current and voltage decay of CUBA: number, per channel, or per neuron
           sinDecay, cosDecay   4096 (1 - decay) times sine and cosine of a step's angle, of resonate-and-fire neurons: number,
                                per channel, or per neuron
           vThMant              threshold mantissa
           activation           of SDNN: relu, or unit, which only Myelin reads (netx ignores the field and takes relu)
           sigma_output         of SDNN: the layer is a readout of sums
========== ==================== ================================================================================================

Other neurons have fields of their own, which their file beside this one describes: ``alif``.

Fields of Myelin, which netx does not define; stock netx ignores them or cannot load the layer:

=================== ============================================================================================================
message_bits        of the input: spikes carry integers below 2 ** message_bits
weight_exp,         exponent of the feed-forward and the recurrent weights; 0 when absent
weight_exp_rec
bias_exp            exponent of the bias of CUBA neurons; 6 when absent
spike_exp,          exponents of sigma-delta neurons; 6 when absent, as in netx (where spike_exp is an argument)
state_exp
cum_error           whether sigma-delta neurons compare the cumulative error with their threshold; netx never does
delay_synaptic,     synaptic delays, if ``delay`` or ``delay_rec`` holds axonal delays
delay_rec_synaptic
weight_rec 4-D,     recurrent convolution, in ``dense_rec`` or ``conv_rec`` layers
stride_rec, ...
output              "state": the layer's output is its voltage; "spikes"
=================== ============================================================================================================

The root attribute ``myelin_format`` marks Myelin's files: their shapes are literal (the attribute ``shape`` of a layer, if its
dataset has the form that netx needs).  In other files, populations of shape (N, 1, 1) or (1, 1, N) that no convolution reads
are rows of N neurons.  There the last layer is a readout of states if it has no neuron or its threshold marks it: at least
2^17 - 1 (lava-dl's Affine), or 2^16 (ml_genn_netx).

Rejected by name:

- other neurons: adaptive resonate-and-fire, graded ones, a refractory period above 1, thresholds that differ within a layer;
- sigma-delta neurons with an activation other than relu and unit, with ``messageBits``, with a bias of their readout or with a
  recurrence;
- other layers: unpool, convT, concat, and KWTA, of which SLAYER writes an empty group;
- a weight exponent of the neuron, and fields of a layer or neuron that ``known`` does not list.

Delays beyond 62 steps are read; SLAYER writes them, netx clips them, and the rules of a target judge them.

Sources: lava-dl 0.6.0 ``lib/dl/netx/hdf5.py``, ``utils.py``, ``slayer/block/base.py`` (export_hdf5); ml_genn_netx
``__init__.py``.
"""

from __future__ import annotations

import io
import os
import warnings
from typing import NamedTuple

import h5py

from myelin.convert.arrays import Shape
from myelin.convert.hdf5 import check_texts
from myelin.convert.network import Network, check_writable
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.read import read_network
from myelin.convert.netx.write import write_network
from myelin.hw_configs.argument_checks import path_of
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.files import check_not_pointer, write_atomically


def read_netx(
    path: str | os.PathLike[str],
    *,
    input_shape: Shape | None = None,
    input_message_bits: int | None = None,
    spike_exp: int | None = None,
) -> Network:
    """The network in a netx file.

    Args:
        path: the file.
        input_shape: shape of the input, for files that begin with a convolution and do not state it.
        input_message_bits: as ``Input.message_bits``; overrides the file's.
        spike_exp: of all sigma-delta neurons, as netx's argument of that name; overrides the file's and the default 6.

    Raises:
        NetworkError: the file cannot be read, or a ``Network`` cannot represent it; names the layer and the field.

    Warns:
        UserWarning: training computed something else than the file means, as ``ReadNetx.note``.
    """
    found = open_netx(path, input_shape=input_shape, input_message_bits=input_message_bits, spike_exp=spike_exp)
    if found.note is not None:
        warnings.warn(f"{os.fspath(path)}: {found.note}", stacklevel=2)
    return found.network


class ReadNetx(NamedTuple):
    """The network of a netx file.

    Attributes:
        network: the network.
        note: what training computes differently, and what of the file was left out, for the user; None if there is nothing.
    """

    network: Network
    note: str | None


def open_netx(
    path: str | os.PathLike[str],
    *,
    input_shape: Shape | None = None,
    input_message_bits: int | None = None,
    spike_exp: int | None = None,
) -> ReadNetx:
    """``read_netx``, which says what the arguments and errors are, with a note in place of its warning."""
    place = path_of("path", path, NetworkError)
    if not os.path.exists(place):
        raise NetworkError(f"{place}: no such file; a netx file (HDF5, usually *.net) is expected")
    if os.path.isdir(place):
        raise NetworkError(f"{place} is a folder; a netx file (HDF5, usually *.net) is expected")
    check_texts(place)
    check_not_pointer(place, NetworkError)
    try:
        with h5py.File(place, "r") as file:
            network = read_network(Fields(file, "file"), input_shape, input_message_bits, spike_exp)
            return ReadNetx(network, "; ".join(_notes(network, file)) or None)
    except NetworkError as error:
        raise NetworkError(f"{place}: {error}") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        reason = " ".join(str(error).strip("'\"").split()) or type(error).__name__
        raise NetworkError(f"{place} cannot be read as a netx file (HDF5): {reason}") from error


def _notes(network: Network, file: h5py.File) -> list[str]:
    found = []
    neuron = network.input.neuron
    ours = "myelin_format" in file.attrs
    if not ours and neuron is not None and neuron.input_note is not None:
        found.append(neuron.input_note)
    biased = [str(index) for index, layer in enumerate(network.layers) if layer.neuron.has_bias]
    if not ours and biased:
        found.append(
            f"{'layer' if len(biased) == 1 else 'layers'} {', '.join(biased)}: the bias acts from the first step on, as netx "
            "runs it; in lava-dl's training it begins with the first input, a step later, and the shift of a norm in a "
            "recurrent block enters the current's filter too, so the first spikes may differ"
        )
    others = sorted(set(file) - {"layer", "simulation"})
    if others:
        found.append(f"{', '.join(map(repr, others))} beside the layers is not read")
    return found


def write_netx(network: Network, path: str | os.PathLike[str]) -> None:
    """Write ``network`` as a netx file; the file appears complete or not at all.

    Stock netx loads a network that uses stock features only; ``myelin.convert.netx.stock`` names those that it lacks.

    Raises:
        NetworkError: a delay is beyond the 62 steps that a netx file holds, or the file cannot be written.
    """
    check_writable("write_netx", network, path)
    try:
        write_atomically(path, netx_content(network))
    except OSError as error:
        raise NetworkError(f"{os.fspath(path)} cannot be written: {error.strerror or error}") from error


def netx_content(network: Network) -> bytes:
    """The content of the file that ``write_netx`` writes; raises NetworkError as that does."""
    content = io.BytesIO()  # HDF5 on a full disk fails in ways that are no OSError
    with h5py.File(content, "w") as file:
        write_network(network, file)
    return content.getvalue()
