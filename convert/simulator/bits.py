"""The nonzero values among 64, as the bits of one integer: two instructions on a processor with vector units.

The comparison is written with LLVM vectors, which LLVM translates for the processor.  Numba does not compile any loop to a
vector comparison with its results packed into bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # comes with numba
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401

#: Number of values per integer.
BITS = 64


@intrinsic
def nonzero_bits(typing_context: Any, values: Any, place: Any) -> Any:
    """A uint64 whose bit i is set if ``values[place + i]`` is not 0.

    ``values``: (n,) integers or bools, contiguous.  ``place``: unsigned, with ``place + 64 <= n``; this is not checked.
    """
    if not (isinstance(values, types.Array) and values.ndim == 1 and values.layout == "C"):
        raise TypingError(f"nonzero_bits of {values}: a contiguous array of one axis is needed")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, arguments[0]).data
        vector = ir.VectorType(context.get_data_type(kind.dtype), BITS)
        first = builder.bitcast(builder.gep(data, [arguments[1]]), vector.as_pointer())
        found = builder.icmp_unsigned("!=", builder.load(first, align=1), ir.Constant(vector, None))
        return builder.bitcast(found, ir.IntType(BITS))

    return types.uint64(values, types.uint64), generate


@intrinsic
def lowest_bit(typing_context: Any, bits: Any) -> Any:
    """Index of the lowest bit set in ``bits`` (uint64), which must not be 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate
