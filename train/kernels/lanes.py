"""Vectors of eight doubles, one per sample, for compiled loops: numba does not vectorise short rows.

The compiler gets them as LLVM vectors and maps them to the registers of the processor.  Their arrays are flat, contiguous,
float32 or float64, and have at least ``LANES`` numbers from ``place`` on, which is not checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # comes with numba
from numba import types
from numba.extending import intrinsic, models, register_model

#: Samples side by side: one vector of doubles of 512 bits, two of 256.
LANES = 8


class _LanesType(types.Type):
    """The type of these vectors in compiled loops."""


_LANES = _LanesType("Lanes")
_DOUBLES, _SINGLES = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(ir.FloatType(), LANES)


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _DOUBLES)


def _lanes_at(context: Any, builder: Any, kind: Any, values: Any, place: Any) -> Any:
    """Pointer to the lanes that begin at ``place`` in a flat array of float32 or float64."""
    start = builder.gep(context.make_array(kind)(context, builder, values).data, [place])
    return builder.bitcast(start, (_SINGLES if kind.dtype == types.float32 else _DOUBLES).as_pointer())


def _everywhere(builder: Any, number: Any) -> Any:
    """Lanes with ``number`` in every entry."""
    first = builder.insert_element(ir.Constant(_DOUBLES, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


@intrinsic
def load(typing: Any, source: Any, place: Any) -> Any:
    """Lanes read from ``source[place]`` onwards."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = signature.args[0]
        found = builder.load(_lanes_at(context, builder, kind, *given), align=kind.dtype.bitwidth // 8)
        return builder.fpext(found, _DOUBLES) if kind.dtype == types.float32 else found

    return _LANES(source, types.int64), code


@intrinsic
def store(typing: Any, target: Any, place: Any, value: Any) -> Any:
    """Write lanes to ``target[place]`` onwards; rounds if ``target`` is float32."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, value = signature.args[0], given[2]
        if kind.dtype == types.float32:
            value = builder.fptrunc(value, _SINGLES)
        builder.store(value, _lanes_at(context, builder, kind, *given[:2]), align=kind.dtype.bitwidth // 8)

    return types.void(target, types.int64, _LANES), code


@intrinsic
def add_product(typing: Any, total: Any, factor: Any, value: Any) -> Any:
    """``total + factor * value``; ``total`` and ``value`` are lanes, ``factor`` is a number."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        total, factor, value = given
        return builder.fadd(total, builder.fmul(_everywhere(builder, factor), value))

    return _LANES(_LANES, types.float64, _LANES), code


@intrinsic
def no_lanes(typing: Any) -> Any:
    """Lanes of zero."""
    return _LANES(), lambda context, builder, signature, given: ir.Constant(_DOUBLES, [0.0] * LANES)
