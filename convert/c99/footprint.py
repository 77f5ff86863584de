"""Flash, RAM and stack of a network as C, before anything is flashed.

Constants and state are known to the byte: the C asserts their size.  The size of the code depends on the compiler: it is
compiled with the board's compiler if that is installed, and bounded by a table otherwise, which the result says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from myelin.convert.c99.memory import Array
from myelin.convert.c99.program import Program, program
from myelin.convert.c99.source import CSource, source
from myelin.convert.c99.toolchain import CompiledSize, compiled_size
from myelin.convert.network import Network
from myelin.hw_configs.target import Target

#: Upper bounds on bytes of code where no compiler tells: of every network, of a population, of a connection, and what a
#: convolution adds.  120 random networks compiled for Cortex-M4, Cortex-M7 and rv32imc stay below nine tenths of the sum.
_CODE_BOUND = (300, 250, 220, 110)
#: An upper bound on the stack of a step; the same networks need at most 80 bytes.
_STACK_BOUND = 128


@dataclass(frozen=True, eq=False)
class Footprint:
    """Memory of a network as C.

    Attributes:
        program, source: the network as C.
        compiled: sizes by the compiler of the board; None if it is not installed.
        wants: the compiler of the board; empty if the target has none.
    """

    program: Program
    source: CSource
    compiled: CompiledSize | None
    wants: str = ""

    @property
    def constant_bytes(self) -> int:
        """Constants in flash, to the byte."""
        return self.source.constant_bytes

    @property
    def state_bytes(self) -> int:
        """State in RAM, to the byte."""
        return self.source.ram_bytes

    @property
    def code_bytes(self) -> int:
        """Code in flash: compiled, or an upper bound."""
        if self.compiled is not None:
            return self.compiled.code_bytes
        fixed, population, connection, convolution = _CODE_BOUND
        codes = [code for stage in self.program.stages for code in stage.incoming]
        kernels = sum(code.link.synapse.SPATIAL for code in codes)
        return fixed + population * len(self.program.stages) + connection * len(codes) + convolution * kernels

    @property
    def stack_bytes(self) -> int:
        """Deepest stack of a step: of the compiled code, or an upper bound."""
        known = None if self.compiled is None else self.compiled.stack_bytes
        return _STACK_BOUND if known is None else known

    @property
    def flash_bytes(self) -> int:
        """Constants and code."""
        return self.constant_bytes + self.code_bytes

    @property
    def ram_bytes(self) -> int:
        """State and stack."""
        return self.state_bytes + self.stack_bytes

    @property
    def code_note(self) -> str:
        """How the size of the code is known."""
        if self.compiled is not None:
            return f"compiled with {self.compiled.compiler}"
        return f"an upper bound, not compiled with {self.wants}" if self.wants else "an upper bound, for 32-bit processors"

    def parts(self) -> list[dict[str, Any]]:
        """Bytes of flash and RAM of each layer and of what all share, by connection and neurons."""
        shared = [array for array in [*self.source.constants, *self.program.state] if array.part == "network"]
        found = []
        for stage in self.program.stages:
            rows = [
                {
                    "connection": code.link.side,
                    "storage": code.storage,
                    "flash_bytes": _bytes([*code.constants, *code.ring.constants]),
                    "ring_bytes": code.ring.state.size,
                    "ring_steps": code.ring.length,
                }
                for code in stage.incoming
            ]
            found.append(
                {
                    "where": stage.own.part,
                    "neurons": stage.own.neurons,
                    "connections": rows,
                    "neuron_flash_bytes": _bytes(stage.code.constants),
                    "neuron_ram_bytes": _bytes(stage.code.states),
                }
            )
        ring = self.program.output_ring
        if ring is not None:
            shared += [*ring.constants, ring.state]
        flash, ram = ([array for array in shared if (array.values is not None) == constant] for constant in (True, False))
        padding = self.constant_bytes - _bytes(self.source.constants), self.state_bytes - _bytes(self.program.state)
        return [*found, {"where": "shared", "flash_bytes": _bytes(flash) + padding[0], "ram_bytes": _bytes(ram) + padding[1]}]


def footprint(network: Network, target: Target, *, compile_it: bool = True) -> Footprint:
    """The memory of ``network`` as C for ``target``, which has a controller."""
    return footprint_of(program(network), target, compile_it=compile_it)


def footprint_of(laid: Program, target: Target, *, compile_it: bool = True) -> Footprint:
    """The memory of a network that is laid out."""
    text, controller = source(laid), target.controller
    assert controller is not None
    wants = "" if controller.compiler is None else controller.compiler[0]
    if controller.flash_bytes is not None and text.constant_bytes > controller.flash_bytes:
        compile_it = False  # it does not fit in any case
    return Footprint(laid, text, compiled_size(text, controller) if compile_it else None, wants)


def _bytes(arrays: list[Array]) -> int:
    return sum(array.size for array in arrays)
