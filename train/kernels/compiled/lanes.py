"""Vectors for compiled loops, which numba does not have: eight doubles, one per sample, and a register full of float32.

The compiler gets them as LLVM vectors and maps them to the registers of the processor.  Their arrays are flat and contiguous,
and have at least as many numbers from ``place`` on as a vector, which is not checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir  # comes with numba
from numba import types
from numba.extending import intrinsic, models, register_model

#: Samples side by side: one vector of doubles of 512 bits, two of 256.
LANES = 8
#: Numbers of float32 side by side: one register.  The number of samples in a block of rows is ``LANES`` on any machine.
WIDTH = 16 if binding.get_host_cpu_features().get("avx512f", False) else 8


class _LanesType(types.Type):
    """The type of vectors of doubles in compiled loops."""


class _WideType(types.Type):
    """The type of vectors of float32 in compiled loops."""


_LANES, _WIDE = _LanesType("Lanes"), _WideType("Wide")
_DOUBLES, _SINGLES = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(ir.FloatType(), LANES)
_REGISTER = ir.VectorType(ir.FloatType(), WIDTH)
_LONG = ir.IntType(64)


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _DOUBLES)


@register_model(_WideType)
class _WideModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _REGISTER)


def _at(context: Any, builder: Any, kind: Any, values: Any, place: Any) -> Any:
    """Pointer to number ``place`` of a flat array."""
    return builder.gep(context.make_array(kind)(context, builder, values).data, [place])


def _lanes_at(context: Any, builder: Any, kind: Any, values: Any, place: Any) -> Any:
    """Pointer to the lanes that begin at ``place`` in a flat array of float32 or float64."""
    vector = _SINGLES if kind.dtype == types.float32 else _DOUBLES
    return builder.bitcast(_at(context, builder, kind, values, place), vector.as_pointer())


def _wide_at(context: Any, builder: Any, kind: Any, values: Any, place: Any) -> Any:
    return builder.bitcast(_at(context, builder, kind, values, place), _REGISTER.as_pointer())


def _everywhere(builder: Any, number: Any, vector: Any = _DOUBLES) -> Any:
    """A vector with ``number`` in every entry."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count))


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


@intrinsic
def load_wide(typing: Any, source: Any, place: Any) -> Any:
    """A register read from float32 ``source[place]`` onwards."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_wide_at(context, builder, signature.args[0], *given), align=4)

    return _WIDE(source, types.int64), code


@intrinsic
def store_wide(typing: Any, target: Any, place: Any, value: Any) -> Any:
    """Write a register to float32 ``target[place]`` onwards."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        builder.store(given[2], _wide_at(context, builder, signature.args[0], *given[:2]), align=4)

    return types.void(target, types.int64, _WIDE), code


@intrinsic
def no_wide(typing: Any) -> Any:
    """A register of zero."""
    return _WIDE(), lambda context, builder, signature, given: ir.Constant(_REGISTER, [0.0] * WIDTH)


@intrinsic
def add_wide(typing: Any, first: Any, second: Any) -> Any:
    """The sum of two registers."""
    return _WIDE(_WIDE, _WIDE), lambda context, builder, signature, given: builder.fadd(*given)


@intrinsic
def add_scaled(typing: Any, total: Any, factors: Any, place: Any, value: Any) -> Any:
    """``total + factors[place] * value``, rounded once where the processor can; ``total`` and ``value`` are registers."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        total, factors, place, value = given
        factor = builder.load(_at(context, builder, signature.args[1], factors, place), align=4)
        product = builder.fmul(_everywhere(builder, factor, _REGISTER), value, flags=("contract",))
        return builder.fadd(total, product, flags=("contract",))

    return _WIDE(_WIDE, factors, types.int64, _WIDE), code


@intrinsic
def nonzero_bits(typing: Any, source: Any, place: Any) -> Any:
    """An integer whose bit i is set if float32 ``source[place + i]`` is not zero, for ``WIDTH`` numbers."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        found = builder.load(_wide_at(context, builder, signature.args[0], *given), align=4)
        there = builder.fcmp_unordered("!=", found, ir.Constant(_REGISTER, [0.0] * WIDTH))
        return builder.zext(builder.bitcast(there, ir.IntType(WIDTH)), _LONG)

    return types.int64(source, types.int64), code


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Number of the lowest set bit of ``bits``, which is not zero."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), code


@intrinsic
def count_bits(typing: Any, bits: Any) -> Any:
    """Number of set bits of ``bits``."""
    return types.int64(types.int64), lambda context, builder, signature, given: builder.ctpop(given[0])


@intrinsic
def transpose(typing: Any, source: Any, place: Any, apart: Any, target: Any, to: Any, there: Any) -> Any:
    """Transpose a block of ``LANES`` rows of ``LANES`` float32, which lie ``apart`` numbers apart and then ``there``."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        source, place, apart, target, to, there = given
        kinds = signature.args
        rows = []
        for row in range(LANES):
            at = builder.add(place, builder.mul(apart, ir.Constant(_LONG, row)))
            rows.append(builder.load(_lanes_at(context, builder, kinds[0], source, at), align=4))
        half = LANES // 2
        halves = [
            ir.Constant(ir.VectorType(ir.IntType(32), LANES), [start + i // 2 + (i % 2) * LANES for i in range(LANES)])
            for start in (0, half)
        ]
        for _ in range(LANES.bit_length() - 1):  # each round interleaves row i with row i + 4: a perfect shuffle
            rows = [builder.shuffle_vector(rows[i], rows[i + half], side) for i in range(half) for side in halves]
        for row, values in enumerate(rows):
            at = builder.add(to, builder.mul(there, ir.Constant(_LONG, row)))
            builder.store(values, _lanes_at(context, builder, kinds[3], target, at), align=4)

    long = types.int64
    return types.void(source, long, long, target, long, long), code


@intrinsic
def take_turn(typing: Any, counter: Any) -> Any:
    """The number that int64 ``counter[0]`` has, which goes up by one; no two threads get the same."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = _at(context, builder, signature.args[0], given[0], ir.Constant(_LONG, 0))
        return builder.atomic_rmw("add", place, ir.Constant(_LONG, 1), "seq_cst")

    return types.int64(counter), code
