"""A convolution as C: its kernels, and a loop over the places that a spike reaches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
from myelin.convert.c99.memory import constant
from myelin.convert.c99.rings import Ring, uniform
from myelin.convert.layers import Conv
from myelin.convert.layers.conv import as_chw
from myelin.hw_configs.fixed_point import CONV_SUM_BITS


class ConvCode(ConnectionCode):
    """A convolution kept as kernels (in channel, height, width, out channel of the group)."""

    def __init__(self, link: CLink, synapse: Conv) -> None:
        self.link, self.synapse = link, synapse
        self.stored = Stored.of(synapse.weight)
        self.exponent = self.stored.exponent
        out, depth, height, width = synapse.weight.shape
        kernel = self.stored.values.reshape(synapse.groups, out // synapse.groups, depth, height, width)
        kernel = kernel.transpose(0, 2, 3, 4, 1)
        part = link.part
        self.kernel = constant(f"{link.name}_kernel", kernel, "weights (in channel, height, width, out channel)", part)
        self.constants = [self.kernel]
        self.ring = Ring(f"{link.name}_ring", link.sources, link.ctype, False, uniform(link.delays), part=part)
        self.storage = f"kernels, {self.kernel.ctype}"
        self.finishes = self._wraps()
        if self.finishes:
            self.exponent = 0

    def _wraps(self) -> bool:
        """Whether a sum may leave the 24 bit to which a convolution without delays wraps."""
        link = self.link
        if link.recurrent or link.axonal.any():
            return False
        return link.highest is None or link.highest * self.synapse.absolute_input_sum() >= 1 << (CONV_SUM_BITS - 1)

    def function(self, unit: int) -> str:
        """See ``ConnectionCode.function``."""
        link, synapse = self.link, self.synapse
        out, _, height, width = synapse.weight.shape
        sums = "ram.part" if self.finishes else "sum"
        scale = scale_of(self.stored, self.stored.exponent, 0 if self.finishes else unit)
        inner = self._reach(sums, value_text(link, scale) or "1u")
        body = each_arrival(link, self.ring, inner)
        if self.finishes:
            body = ["uint32_t i;", *body, *finish(link, "wrap24(ram.part[i])")]
        return defined(link, f"{link.part}, {link.side}: a convolution with {out} kernels of {height} x {width}.", body)

    def _reach(self, sums: str, value: str) -> list[str]:
        """Statements for a spike of source ``j``; its place is taken with the padding, so it is no negative number."""
        synapse, name = self.synapse, self.kernel.name
        channels, rows, columns = as_chw(self.link.shape)
        _, out_rows, out_columns = synapse.output_shape(as_chw(self.link.shape))
        out, _, height, width = synapse.weight.shape
        group_out, group_in = out // synapse.groups, channels // synapse.groups
        places = out_rows * out_columns
        tall = max(rows, out_rows, height) > 1
        place = f"(j % {rows * columns}u)" if channels > 1 else "j"
        lines = [f"const uint32_t channel = j / {rows * columns}u;"] if channels > 1 else []
        if tall:
            lines.append(f"const uint32_t down = ({place} / {columns}u) + {synapse.padding[0]}u;")
            place = f"({place} % {columns}u)"
        lines += [f"const uint32_t along = {place} + {synapse.padding[1]}u;", ""]
        tap = f"((ky * {width}u) + kx)" if height > 1 else "kx"
        size = height * width * group_out
        kernel = [f"(channel * {size}u)" if size > 1 else "channel"] if channels > 1 else []
        weight = " + ".join([*kernel, f"({tap} * {group_out}u)" if group_out > 1 else tap])
        group = [f"((channel / {group_in}u) * {group_out * places}u)"] if synapse.groups > 1 else []
        at = " + ".join([*group, *([f"(top * {out_columns}u)"] if tall else []), "left"])
        if group_out > 1:
            call = f"add_kernel_{short(self.kernel.ctype)}(&{sums}[{at}], &flash.{name}[{weight}]"
            inner = [f"{call}, {group_out}u, {places}u, {value});"]
        else:
            times = "" if value == "1u" else f" * {value}"
            inner = [f"{sums}[{at}] += word(flash.{name}[{weight}]){times};"]
        inner = _axis("left", "along", "kx", width, synapse.dilation[1], synapse.stride[1], out_columns, inner)
        if tall:
            inner = _axis("top", "down", "ky", height, synapse.dilation[0], synapse.stride[0], out_rows, inner)
        return [*lines, *inner]

    def work(self, sent: npt.NDArray[np.float64]) -> dict[str, float]:
        """See ``ConnectionCode.work``."""
        synapse, shape = self.synapse, as_chw(self.link.shape)
        out = synapse.output_shape(shape)
        hits = [_hits(shape[1 + n], out[1 + n], synapse.weight.shape[2 + n], synapse, n) for n in range(2)]
        reached = float((sent.reshape(shape) * hits[0][:, None] * hits[1]).sum())
        spikes, taps = float(sent.sum()), synapse.weight.shape[2] * synapse.weight.shape[3]
        group_out = synapse.weight.shape[0] // synapse.groups
        found = {"arriving spikes": spikes, "kernel taps": spikes * taps, "kernel places": reached}
        return found | ({"kernel synapses": reached * group_out} if group_out > 1 else {})


def _hits(size: int, out: int, taps: int, synapse: Conv, axis: int) -> npt.NDArray[np.int64]:
    """(size,) the number of taps with which each source place of an axis reaches an output place."""
    back = np.arange(taps) * synapse.dilation[axis]
    first = np.arange(size)[:, None] + synapse.padding[axis] - back
    stride = synapse.stride[axis]
    return np.count_nonzero((first % stride == 0) & (first >= 0) & (first // stride < out), axis=1)


def _axis(name: str, place: str, tap: str, taps: int, dilation: int, stride: int, limit: int, inner: list[str]) -> list[str]:
    """A loop over the taps of one axis; ``name`` is the output place that a tap reaches, if there is one.

    Places are unsigned: one before the first is a huge number, and so beyond the last.
    """
    reached = f"{place} - {tap}" if dilation == 1 else f"{place} - ({tap} * {dilation}u)"
    if stride == 1:
        lines, test = [f"const uint32_t {name} = {reached};"], f"{name} < {limit}u"
    else:
        lines = [f"const uint32_t {name}_input = {reached};", f"const uint32_t {name} = {name}_input / {stride}u;"]
        test = f"(({name}_input % {stride}u) == 0u) && ({name} < {limit}u)"
    return [
        f"uint32_t {tap};",
        "",
        f"for ({tap} = 0u; {tap} < {taps}u; {tap}++) {{",
        *("    " + line for line in lines),
        "",
        f"    if ({test}) {{",
        *("        " + line if line else "" for line in inner),
        "    }",
        "}",
    ]


@CONNECTIONS.register(Conv)
def conv_code(link: CLink) -> ConnectionCode | None:
    """The code of a convolution."""
    assert isinstance(link.synapse, Conv)
    return ConvCode(link, link.synapse) if link.synapse.weight.any() else None
