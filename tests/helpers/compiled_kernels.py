"""Program that compiles Triton's kernels for a GPU that need not be there, and prints a line of JSON for each.

It is started as ``compiled_kernels.py CAPABILITY``, such as 80 for an A100, in a process without Triton's interpreter.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from myelin.train.kernels import triton_delay, triton_neurons, triton_recurrent

INTEGERS = {"T", "B", "N", "P", "size", "channels", "height", "width", "tall", "wide"}
POINTERS = {
    "*i32": {"lags", "words"},
    "*fp64": {
        "weights", "slopes", "keep_u", "keep_v", "bias", "numbers", "states", "sums", "grad_decay", "grad_delay",
    },
}  # fmt: skip
BLOCKS = {"BM": 16, "BN": 32, "BK": 16, "STAGES": 2, "PRECISION": "ieee"}


def kernels() -> list[tuple[Any, dict[str, Any]]]:
    """Every kernel with values of its constants; an absent array is None."""
    dense, conv = {"DENSE": True, "kernel": None}, {"DENSE": False, "matrix": None}
    forward, backward = triton_recurrent.forward_kernel, triton_recurrent.backward_kernel
    into = {**BLOCKS, "HAS_BIAS": True, "KEEP_CURRENT": True}
    back = {**BLOCKS, "SPIKING": True, "CODE": 0, "KEEP_CURRENT": True, "LEARN": True}
    flat = {"KEEP_CURRENT": True, "BLOCK": 128}
    return [
        (forward, {**dense, **into, "ORDER": 2}),
        (forward, {**conv, **into, "ORDER": 0, "KEEP_CURRENT": False, "HAS_BIAS": False, "bias": None, "current": None}),
        (backward, {**dense, **back, "ORDER": 0}),
        (backward, {**conv, **back, "ORDER": 2, "CODE": 2}),
        (triton_neurons.forward_kernel, {**flat, "HAS_BIAS": True}),
        (triton_neurons.backward_kernel, {**flat, "SPIKING": True, "CODE": 1}),
        (triton_delay.forward_kernel, {"ORDER": 2, "BLOCK": 128}),
        (triton_delay.backward_kernel, {"ORDER": 2, "LEARN": True, "BLOCK": 128}),
    ]


def compiled(kernel: Any, constants: dict[str, Any], capability: int) -> dict[str, Any]:
    """What the compiler made of ``kernel``."""
    names = kernel.arg_names
    kinds = {name: kind for kind, members in POINTERS.items() for name in members}
    types = {
        name: "constexpr" if name in constants else "i32" if name in INTEGERS else kinds.get(name, "*fp32") for name in names
    }
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if types[name].startswith("*") or name == "N"}
    source = ASTSource(kernel, types, {(names.index(name),): value for name, value in constants.items()}, aligned)
    options = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": True}
    found = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    text = found.asm["ptx"]
    return {
        "kernel": f"{kernel.__module__}.{kernel.__name__}",
        "shared": found.metadata.shared,
        "barriers": text.count("bar.sync"),
        "loads_past_the_cache_of_writes": text.count("ld.global.nc"),
        "binary": len(found.asm["cubin"]),
    }


if __name__ == "__main__":
    for kernel, constants in kernels():
        print(json.dumps(compiled(kernel, constants, int(sys.argv[1]))))
