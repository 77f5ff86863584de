"""The integer output that means 1.0 in a trace.

It is 4096 in SLAYER's unit, for voltages of a readout, and 1 for spikes.  A calibrated quantisation scales each layer as its
grid asks, also the readout, whose voltages then have a unit of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from myelin.convert.floats.network import dequantised_synapse
from myelin.convert.network import Network
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import STATE_SHIFT, WEIGHT_SCALE
from myelin.validation.answers import trace_scale

if TYPE_CHECKING:
    from myelin.convert.opened import Opened
    from myelin.validation.reference import Reference

#: Relative difference of weights that rounding does not explain.
_ROUNDING = 0.03


class OutputUnit(NamedTuple):
    """The integer output of one neuron that means 1.0, and where that is known from."""

    scale: float
    source: str


def output_unit(given: float | None, opened: Opened, reference: Reference | None) -> OutputUnit:
    """The unit of the integers' output.

    Args:
        given: as the user says; None for what the network's origin says, else the reference.
        opened: the network.
        reference: the float side; its readout weights tell the unit if no other source does.

    Raises:
        DataError: ``given`` is not above 0.
    """
    network = opened.network
    last = network.layers[-1]
    if given is not None:
        if not (np.isfinite(given) and given > 0):
            raise DataError(f"output_scale is {given}; the integer output that means 1.0 is allowed, above 0")
        return OutputUnit(float(given), "as given")
    members = last.neurons // network.num_classes
    slayer = OutputUnit(trace_scale(network) / members, "SLAYER's unit")
    if last.output != "state":
        return slayer
    chosen = _chosen(opened)
    if chosen is not None:
        return OutputUnit(chosen * (1 << STATE_SHIFT), "as the artifact's quantisation chose it")
    if reference is None:
        return slayer
    if reference.integer_scale is not None:
        return OutputUnit(reference.integer_scale, "the module's unit")
    fitted = _fitted(network, reference)
    if fitted is None or abs(fitted / WEIGHT_SCALE - 1) < _ROUNDING:
        return slayer
    return OutputUnit(slayer.scale * fitted / WEIGHT_SCALE, "fitted to the readout weights of the reference")


def _chosen(opened: Opened) -> float | None:
    """The integer weight that means 1 in the readout, from the manifest of an artifact."""
    if opened.artifact is None:
        return None
    facts: Any = opened.artifact.manifest.get("provenance", {}).get("quantisation") or {}
    choices = facts.get("choices") or []
    return float(choices[-1]["weight_1_is_threshold_units"]) if choices else None


def _fitted(network: Network, reference: Reference) -> float | None:
    """The factor from the readout weights of the reference to the integers, by least squares; None if they are unknown."""
    floats = reference.readout_weights()
    shape = network.layers[-2].shape if len(network.layers) > 1 else network.input.shape
    integers = dequantised_synapse(network.layers[-1].synapse, shape).weight * WEIGHT_SCALE
    if floats is None or floats.shape != integers.shape or not np.any(floats):
        return None
    factor = float((integers * floats).sum() / (floats * floats).sum())
    return factor if factor > 0 else None
