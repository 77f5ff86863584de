"""Networks as netx files (HDF5), the exchange format of lava-dl, read and written.

Layout: ``/layer/0``, ``/layer/1``, ... are groups; each has ``type`` and ``shape``.  Fields that netx, lava-dl or ml_genn_netx
name:

========== ==================== ================================================================================================
layer      field                meaning here
========== ==================== ================================================================================================
input      shape                (neurons,) or (channels, height, width)
           neuron/, weight,     CUBA neurons whose bias mantissa is ``weight * x + bias`` (weight 64, bias 0 when absent), or
           bias                 delta encoders of the value ``weight * x + bias`` (weight 1 when absent: the whole numbers of
                                1/64 that SLAYER quantises its input to, and which netx' own tests feed in)
dense,     weight               (out, in); (out * in,) and (out, in, 1, 1, 1) are read too
dense_rec  weight_rec           (N, N), of ``dense_rec``
           bias                 mantissa per neuron; exponent 6, of sigma-delta neurons spike_exp + state_exp
           delay                vector of the layer's size, or one number: axonal delay of its neurons' spikes on their way
                                out (SLAYER's meaning); (out, in): synaptic delays; vector of the size of the layer before:
                                delay of its columns
           delay_rec            likewise for the recurrence (ml_genn_netx); the recurrence has no delay without it
conv       weight               (out, in / groups, height, width), a last axis of 1 is read too
           stride, padding,     (vertical, horizontal) or one number
           dilation, groups
           bias, decays         per channel, or per neuron as (width, height, channels)
           delay                per channel, or per neuron flattened in (channels, height, width) order
flatten                         read and checked; the connection that follows flattens by itself
average    shape                (groups, ...): class scores are means over equal groups of neurons
neuron/    type                 CUBA, or its older name LOIHI; SDNN: sigma-delta neurons, delta encoders in the input layer
           iDecay, vDecay       current and voltage decay of CUBA: number, per channel, or per neuron
           vThMant              threshold mantissa
           activation           of SDNN: relu, or unit, which only we read (netx takes relu whatever stands there)
           sigma_output         of SDNN: the layer is a readout of sums
========== ==================== ================================================================================================

Fields of ours, where netx has no name; stock netx ignores them or cannot load the layer:

=================== ============================================================================================================
message_bits        of the input: spikes carry whole numbers below 2 ** message_bits
weight_exp,         exponent of the feed-forward and the recurrent weights; 0 when absent
weight_exp_rec
bias_exp            exponent of the bias of CUBA neurons; 6 when absent
spike_exp,          exponents of sigma-delta neurons; 6 when absent, as netx has it (there spike_exp is an argument)
state_exp
cum_error           whether sigma-delta neurons compare the cumulative error with their threshold; netx never does
delay_synaptic,     synaptic delays where ``delay`` or ``delay_rec`` is taken by axonal ones
delay_rec_synaptic
weight_rec 4-D,     recurrent convolution, in ``dense_rec`` or ``conv_rec`` layers
stride_rec, ...
output              "state": the layer's output is its voltage; "spikes"
=================== ============================================================================================================

The root attribute ``myelin_format`` marks our files: their shapes are literal (attribute ``shape`` of a layer where its
dataset has the form that netx needs).  Elsewhere (N, 1, 1) and (1, 1, N) populations that no convolution reads are rows of N
neurons, and a last layer is a readout of states when it has no neuron or its threshold marks it: at least 2^17 - 1 (lava-dl's
Affine), or 2^16 (ml_genn_netx).

Refused by name: other neurons (resonate-and-fire, graded CUBA, a refractory period above 1, thresholds that differ within a
layer), other activations of sigma-delta neurons than relu and unit, their ``messageBits``, a bias of their readout, and a
recurrence among them; other layers (pool, unpool, convT, concat, complex dense), a weight exponent of the neuron, delays beyond
62 steps.

Sources: lava-dl 0.6.0 ``lib/dl/netx/hdf5.py``, ``utils.py``, ``slayer/block/base.py`` (export_hdf5); ml_genn_netx
``__init__.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import h5py

from myelin.convert.arrays import Shape
from myelin.convert.network import Network
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.read import read_network
from myelin.convert.netx.write import write_network
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.files import atomic_file


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
        spike_exp: of all sigma-delta neurons, as netx's argument of that name; overrides the file's, and 6, its default.

    Raises:
        NetworkError: the file cannot be read, or holds something that a ``Network`` cannot say; names the layer and the field.
    """
    place = Path(path)
    if not place.exists():
        raise NetworkError(f"{place}: no such file; a netx file (HDF5, usually *.net) is expected")
    if place.is_dir():
        raise NetworkError(f"{place} is a folder; a netx file (HDF5, usually *.net) is expected")
    try:
        with h5py.File(place, "r") as file:
            return read_network(Fields(file, "file"), input_shape, input_message_bits, spike_exp)
    except NetworkError as error:
        raise NetworkError(f"{place}: {error}") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        reason = str(error).strip("'\"") or type(error).__name__
        raise NetworkError(f"{place} cannot be read as a netx file (HDF5): {reason}") from error


def write_netx(network: Network, path: str | os.PathLike[str]) -> None:
    """Write ``network`` as a netx file; the file appears whole or not at all.

    A network of stock features only (no exponents, recurrent delays, message bits or bias exponents; sigma-delta neurons with
    relu and without cumulative error) loads in stock netx.

    Raises:
        NetworkError: a delay is beyond the 62 steps that a netx file holds, or the file cannot be written.
    """
    try:
        with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
            write_network(network, file)
    except OSError as error:
        raise NetworkError(f"{path} cannot be written: {error}") from error
