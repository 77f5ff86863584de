"""A matrix of synapses as C: rows of weights or lists of synapses, whichever takes less flash.

``DenseRows``: one delay for each source.  A spike adds the row of its source, dense or as a list.
``DenseProducts``: graded input that is rarely 0.  One sum of products for each target, which reads every weight once.
``DensePairs``: delays of synapses, or sums that are shifted with a floor for each delay: lists by delay and source.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.convert.c99.helpers import short
from myelin.convert.c99.layers.connection import (
    CONNECTIONS,
    CLink,
    ConnectionCode,
    Stored,
    defined,
    each_arrival,
    finish,
    scale_of,
    value_text,
)
from myelin.convert.c99.memory import Array, constant, type_for
from myelin.convert.c99.rings import Ring, uniform
from myelin.convert.layers import Dense

#: Share of graded sources that send in a step from which every product is computed: a spike then costs a test, a load of the
#: sum and a store more than a product does.
PRODUCTS_FROM = 0.5


class _Matrix(ConnectionCode):
    """What all forms share."""

    def __init__(self, link: CLink, synapse: Dense) -> None:
        self.link = link
        self.stored = Stored.of(synapse.weight)
        self.exponent = self.stored.exponent + synapse.weight_exp
        #: Bits to shift a sum right, with a floor.
        self.floor = max(0, -self.exponent)
        self.finishes = self.floor > 0
        if self.finishes:
            self.exponent = 0
        #: (sources, targets)
        self.weight: IntArray = np.ascontiguousarray(self.stored.values.T)
        self.constants: list[Array] = []

    def _arrivals(self) -> Ring:
        link = self.link
        return Ring(f"{link.name}_ring", link.sources, link.ctype, False, uniform(link.delays), part=link.part)

    def _scale(self, synapse_exponent: int, unit: int) -> int:
        """The factor of a stored weight for the sums that the function adds to."""
        if self.finishes:  # the parts are in units of the stored weights, times their sign
            return self.stored.factor & 0xFFFFFFFF
        return scale_of(self.stored, synapse_exponent, unit)

    def _named(self, operation: str) -> str:
        """An operation; of graded spikes the weights are multiplied."""
        return operation if self.link.ctype is None else f"scaled {operation}"

    @property
    def _sums(self) -> str:
        return "ram.part" if self.finishes else "sum"

    def _finish(self) -> list[str]:
        return finish(self.link, f"floor_shift(ram.part[i], {self.floor}u)")


class DenseRows(_Matrix):
    """One delay for each source: dense rows, or lists of synapses."""

    def __init__(self, link: CLink, synapse: Dense) -> None:
        super().__init__(link, synapse)
        self.ring = self._arrivals()
        dense = [constant(f"{link.name}_weight", self.weight, "weights (source, target)", link.part)]
        lists = _lists(link, self.weight, f"{link.name}_first")
        self.dense = sum(array.size for array in dense) <= sum(array.size for array in lists)
        self.constants = dense if self.dense else lists
        self.storage = f"{'dense rows' if self.dense else 'lists of synapses'}, {self.constants[0].ctype}"

    def function(self, unit: int) -> str:
        """See ``ConnectionCode.function``."""
        link = self.link
        value = value_text(link, self._scale(self.exponent, unit))
        scaled = "_scaled" if value else ""
        last = f", {value});" if value else ");"
        weight = self.constants[0]
        if self.dense:
            call = f"add_row{scaled}_{short(weight.ctype)}({self._sums}, &flash.{weight.name}[j * {link.targets}u]"
            inner = [f"{call}, {link.targets}u{last}"]
        else:
            inner = _list_call(self.constants, scaled, self._sums, "j", last)
        body = each_arrival(link, self.ring, inner)
        if self.finishes:
            body = ["uint32_t i;", *body, *self._finish()]
        return defined(link, f"{link.part}, {link.side}: {self.storage}.", body)

    def work(self, sent: npt.NDArray[np.float64]) -> dict[str, float]:
        """See ``ConnectionCode.work``."""
        spikes = float(sent.sum())
        if self.dense:
            return {"arriving spikes": spikes, self._named("row synapses"): spikes * self.link.targets}
        synapses = float(sent @ np.count_nonzero(self.weight, axis=1))
        return {"arriving spikes": spikes, self._named("list synapses"): synapses}


class DenseProducts(_Matrix):
    """Graded sources that send in most steps."""

    reads_all = True

    def __init__(self, link: CLink, synapse: Dense) -> None:
        super().__init__(link, synapse)
        self.ring = self._arrivals()
        name, note = f"{link.name}_weight", "weights (target, source)"
        self.constants = [constant(name, np.ascontiguousarray(self.weight.T), note, link.part)]
        self.storage = f"products, {self.constants[0].ctype}"

    def function(self, unit: int) -> str:
        """See ``ConnectionCode.function``; it reads the row of values and leaves it, since every value is written anew."""
        link, weight = self.link, self.constants[0]
        scale = self._scale(self.exponent, unit)
        total = "total" if scale == 1 else f"(total * {scale}u)"
        body = [
            f"const {link.ctype} *row = {self.ring.here};",
            f"const {weight.ctype} *weight = flash.{weight.name};",
            "uint32_t i;",
            "uint32_t j;",
            "",
            f"for (i = 0u; i < {link.targets}u; i++) {{",
            "    uint32_t total = 0u;",
            "",
            f"    for (j = 0u; j < {link.sources}u; j++) {{",
            "        total += word(weight[j]) * word(row[j]);",
            "    }",
            f"    weight = &weight[{link.sources}u];",
            f"    sum[i] += {f'floor_shift({total}, {self.floor}u)' if self.finishes else total};",
            "}",
        ]
        return defined(link, f"{link.part}, {link.side}: {self.storage}.", body)

    def work(self, sent: npt.NDArray[np.float64]) -> dict[str, float]:
        """See ``ConnectionCode.work``."""
        return {"products": float(self.link.sources * self.link.targets)}


class DensePairs(_Matrix):
    """Lists of synapses by delay and source, read from a ring of the past."""

    def __init__(self, link: CLink, synapse: Dense) -> None:
        super().__init__(link, synapse)
        delay = np.broadcast_to(link.delays[:, None], self.weight.shape)
        if synapse.delay_steps is not None:
            delay = delay + synapse.delay_steps.T
        self.occurring = np.unique(delay[self.weight != 0])
        self.ring = Ring(f"{link.name}_ring", link.sources, link.ctype, True, self.occurring[-1:], part=link.part)
        layers = np.stack([np.where(delay == steps, self.weight, 0) for steps in self.occurring])
        note = "delays that occur, in steps"
        self.delays = constant(f"{link.name}_delay", self.occurring, note, link.part)
        lists = _lists(link, layers.reshape(-1, link.targets), f"{link.name}_first")
        self.constants = [*lists, self.delays]
        self.rows_read = int(self.occurring.size)
        self.pairs = np.count_nonzero(layers, axis=2)
        self.storage = f"lists of synapses by delay, {lists[0].ctype}"

    def function(self, unit: int) -> str:
        """See ``ConnectionCode.function``."""
        link, ring = self.link, self.ring
        value = value_text(link, self._scale(self.exponent, unit))
        last = f", {value});" if value else ");"
        inner = _list_call(self.constants, "_scaled" if value else "", self._sums, f"(d * {link.sources}u) + j", last)
        at = f"row_ahead({ring.at}, {ring.length - 1}u - flash.{self.delays.name}[d], {ring.length}u)"
        if ring.length == 1:
            at = "0u"
        kind = "uint32_t" if link.ctype is None else link.ctype
        row = f"const {kind} *row = &ram.{ring.name}[{at}{f' * {ring.row}u' if ring.length > 1 else ''}];"
        loop = [line for line in each_arrival(link, ring, inner)[1:] if line.strip() not in ("row[w] = 0u;", "row[j] = 0;")]
        body = [
            "uint32_t d;",
            *(["uint32_t i;"] if self.finishes else []),
            "",
            f"for (d = 0u; d < {self.occurring.size}u; d++) {{",
            "    " + row,
            *("    " + line if line else "" for line in loop),
            *("    " + line for line in (self._finish() if self.finishes else [])),
            "}",
        ]
        return defined(link, f"{link.part}, {link.side}: {self.storage}.", body)

    def work(self, sent: npt.NDArray[np.float64]) -> dict[str, float]:
        """See ``ConnectionCode.work``."""
        spikes = float(sent.sum()) * self.occurring.size
        return {"arriving spikes": spikes, self._named("list synapses"): float(self.pairs.sum(axis=0) @ sent)}


def _lists(link: CLink, rows: IntArray, first: str) -> list[Array]:
    """The nonzero weights of ``rows`` (lists, targets), their targets, and the first synapse of each list and of none."""
    at, target = np.nonzero(rows)
    starts = np.searchsorted(at, np.arange(len(rows) + 1))
    return [
        constant(f"{link.name}_weight", rows[at, target], "weight of each synapse, by source", link.part),
        constant(f"{link.name}_target", target, "its target", link.part, type_for(0, link.targets - 1)),
        constant(first, starts, "the first synapse of each source", link.part),
    ]


def _list_call(constants: list[Array], scaled: str, sums: str, index: str, last: str) -> list[str]:
    weight, target, first = constants[:3]
    return [
        f"const uint32_t start = flash.{first.name}[{index}];",
        f"const uint32_t count = (uint32_t)flash.{first.name}[{index} + 1u] - start;",
        "",
        f"add_list{scaled}_{short(weight.ctype)}_{short(target.ctype)}({sums}, &flash.{target.name}[start], "
        f"&flash.{weight.name}[start], count{last}",
    ]


@CONNECTIONS.register(Dense)
def dense_code(link: CLink) -> ConnectionCode | None:
    """The code of a matrix in the form that its delays and its input need."""
    synapse = link.synapse
    assert isinstance(synapse, Dense)
    if not synapse.weight.any():
        return None
    single = bool(np.all(link.delays == link.delays[0]))
    floor = _floors(synapse)
    if synapse.delay_steps is not None or (floor and not single):
        return DensePairs(link, synapse)
    rows = DenseRows(link, synapse)
    if link.ctype is not None and single and rows.dense and (link.density or 0.0) >= PRODUCTS_FROM:
        return DenseProducts(link, synapse)  # of the same size, so memory does not depend on activity
    return rows


def _floors(synapse: Dense) -> bool:
    return Stored.of(synapse.weight).exponent + synapse.weight_exp < 0
