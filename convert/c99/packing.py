"""Inputs and outputs in the memory layout of the generated C."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.c99.program import Program


def packed_inputs(program: Program, frames: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``frames`` (..., *input shape) as an array (..., elements) of what ``<prefix>_input`` holds."""
    shape = program.network.input.shape
    flat = frames.reshape(*frames.shape[: frames.ndim - len(shape)], math.prod(shape))
    if program.input_type is not None:
        return np.ascontiguousarray(flat.astype(np.dtype(program.input_type.removesuffix("_t"))))
    return packed_bits(flat)


def packed_bits(flat: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Values of 0 or 1 (..., n) as words (..., ceil(n / 32)); value i is bit i % 32 of word i // 32."""
    count = flat.shape[-1]
    padded = np.zeros((*flat.shape[:-1], -(-count // 32) * 32), np.uint8)
    padded[..., :count] = flat != 0
    return np.packbits(padded, axis=-1, bitorder="little").view("<u4").astype(np.uint32)


def output_dtype(program: Program) -> np.dtype[Any]:
    """Type of the elements of ``<prefix>_output``."""
    return np.dtype(program.output_type.removesuffix("_t"))
