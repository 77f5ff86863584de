"""Sigma-delta neurons of a trained run, from its configuration and parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.neurons import Delta, SigmaDelta
from myelin.hw_configs.fixed_point import WEIGHT_SCALE


def trained_sigma_delta(section: dict[str, Any], layer: dict[str, Any], bias: npt.NDArray[Any]) -> SigmaDelta:
    """The neurons of a layer.

    Args:
        section: the section ``sigma_delta`` of the configuration.
        layer: the layer's own section, whose threshold takes the place of the shared one.
        bias: trained, in SLAYER's units.
    """
    own = layer.get("threshold")
    whole = np.rint(bias.astype(np.float32) * np.float32(WEIGHT_SCALE)).astype(np.int32)  # as the forward pass in training
    return SigmaDelta(
        int((section["threshold"] if own is None else own) * WEIGHT_SCALE),
        cumulative_error=section["cumulative_error"],
        bias=whole,
        activation=section["activation"],
    )


def trained_delta(section: dict[str, Any]) -> Delta:
    """The delta encoders of the input, from the section ``sigma_delta`` of the configuration."""
    return Delta(int(section["input_threshold"] * WEIGHT_SCALE), cumulative_error=section["cumulative_error"])
