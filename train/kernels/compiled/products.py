"""Products with a weight matrix inside the compiled loops, for a few rows at a time, dense or of what is not zero.

A matrix W (N, K) lies in panels (P, K, WIDTH): ``panels[p, k, i] = W[p WIDTH + i, k]``, with zeros beyond N.  So a product
``W x`` of one step reads every panel once, from front to back, and keeps its sums in registers.  Of an input with few entries
that are not zero, only their columns are read.  Gradients of W are summed in rows, as dL/dW^T (K, P WIDTH).

BLAS takes as long for eight rows as its packing of the matrix allows, and half the speed if it does not know the processor; and
its threads would be one more pool.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myelin.train.kernels.compiled.lanes import (
    LANES,
    WIDTH,
    add_scaled,
    add_wide,
    count_bits,
    load_wide,
    lowest_bit,
    no_wide,
    nonzero_bits,
    store_wide,
)
from myelin.train.kernels.compiled.options import compiled

#: Above this share of entries that are not zero, the dense product is faster.
DENSE = 0.25
NO_PANELS = np.zeros((0, 0, WIDTH), np.float32)


def in_panels(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``matrix`` (N, K) in panels (P, K, WIDTH)."""
    rows, columns = matrix.shape
    count = -(-rows // WIDTH)
    if rows % WIDTH:
        matrix = np.concatenate((matrix, np.zeros((count * WIDTH - rows, columns), np.float32)))
    return np.ascontiguousarray(matrix.reshape(count, WIDTH, columns).transpose(0, 2, 1))


@compiled
def count_nonzero(values, start, count):
    """Number of entries of ``values[start : start + count]`` that are not zero."""
    found = 0
    for at in range(0, count - WIDTH + 1, WIDTH):
        found += count_bits(nonzero_bits(values, start + at))
    for at in range(count - count % WIDTH, count):
        found += values[start + at] != 0.0
    return found


@compiled
def list_nonzero(values, start, count, places):
    """Write the indices of ``values[start : start + count]`` that are not zero to ``places``, and return their number."""
    found, at = 0, 0
    while at + WIDTH <= count:
        bits = nonzero_bits(values, start + at)
        while bits != 0:
            places[found] = at + lowest_bit(bits)
            found += 1
            bits &= bits - 1
        at += WIDTH
    while at < count:
        if values[start + at] != 0.0:
            places[found] = at
            found += 1
        at += 1
    return found


@compiled
def add_columns(values, start, places, found, panels, size, result, to):
    """Add W x to ``result[to :]``, with x = ``values[start :]``, of which ``found`` entries, at ``places``, are not zero.

    Args:
        panels: flat, of a matrix of ``size`` (P, K).
        result: flat, P WIDTH numbers from ``to`` on.
    """
    count, columns = size
    p = 0
    while p + 4 <= count:
        base, here = p * columns, to + p * WIDTH
        a, b, c, d = no_wide(), no_wide(), no_wide(), no_wide()
        e, f, g, h = (
            load_wide(result, here),
            load_wide(result, here + WIDTH),
            load_wide(result, here + 2 * WIDTH),
            load_wide(result, here + 3 * WIDTH),
        )
        for i in range(0, found - 1, 2):
            x, y = start + places[i], start + places[i + 1]
            at, after = (base + places[i]) * WIDTH, (base + places[i + 1]) * WIDTH
            a = add_scaled(a, values, x, load_wide(panels, at))
            b = add_scaled(b, values, x, load_wide(panels, at + columns * WIDTH))
            c = add_scaled(c, values, x, load_wide(panels, at + 2 * columns * WIDTH))
            d = add_scaled(d, values, x, load_wide(panels, at + 3 * columns * WIDTH))
            e = add_scaled(e, values, y, load_wide(panels, after))
            f = add_scaled(f, values, y, load_wide(panels, after + columns * WIDTH))
            g = add_scaled(g, values, y, load_wide(panels, after + 2 * columns * WIDTH))
            h = add_scaled(h, values, y, load_wide(panels, after + 3 * columns * WIDTH))
        if found % 2:
            x, at = start + places[found - 1], (base + places[found - 1]) * WIDTH
            a = add_scaled(a, values, x, load_wide(panels, at))
            b = add_scaled(b, values, x, load_wide(panels, at + columns * WIDTH))
            c = add_scaled(c, values, x, load_wide(panels, at + 2 * columns * WIDTH))
            d = add_scaled(d, values, x, load_wide(panels, at + 3 * columns * WIDTH))
        store_wide(result, here, add_wide(a, e))
        store_wide(result, here + WIDTH, add_wide(b, f))
        store_wide(result, here + 2 * WIDTH, add_wide(c, g))
        store_wide(result, here + 3 * WIDTH, add_wide(d, h))
        p += 4
    while p < count:
        a = load_wide(result, to + p * WIDTH)
        for i in range(found):
            a = add_scaled(a, values, start + places[i], load_wide(panels, (p * columns + places[i]) * WIDTH))
        store_wide(result, to + p * WIDTH, a)
        p += 1


@compiled
def add_product_of_rows(values, start, by_row, by_entry, by_group, panels, size, result):
    """Add x W^T to ``result`` (groups LANES, P WIDTH), for groups of ``LANES`` rows of x.

    Args:
        values: flat; entry k of row b of group g is at ``start + g by_group + b by_row + k by_entry``.
        panels: flat, of a matrix of ``size`` (P, K).
    """
    count, columns = size
    wide, result = count * WIDTH, result.reshape(-1)
    groups = result.shape[0] // (LANES * wide)
    for p in range(count):
        for group in range(groups):
            to = group * LANES * wide + p * WIDTH
            a, b, c, d = (
                load_wide(result, to),
                load_wide(result, to + wide),
                load_wide(result, to + 2 * wide),
                load_wide(result, to + 3 * wide),
            )
            e, f, g, h = (
                load_wide(result, to + 4 * wide),
                load_wide(result, to + 5 * wide),
                load_wide(result, to + 6 * wide),
                load_wide(result, to + 7 * wide),
            )
            at = start + group * by_group
            for k in range(columns):
                weights = load_wide(panels, (p * columns + k) * WIDTH)
                a = add_scaled(a, values, at, weights)
                b = add_scaled(b, values, at + by_row, weights)
                c = add_scaled(c, values, at + 2 * by_row, weights)
                d = add_scaled(d, values, at + 3 * by_row, weights)
                e = add_scaled(e, values, at + 4 * by_row, weights)
                f = add_scaled(f, values, at + 5 * by_row, weights)
                g = add_scaled(g, values, at + 6 * by_row, weights)
                h = add_scaled(h, values, at + 7 * by_row, weights)
                at += by_entry
            store_wide(result, to, a)
            store_wide(result, to + wide, b)
            store_wide(result, to + 2 * wide, c)
            store_wide(result, to + 3 * wide, d)
            store_wide(result, to + 4 * wide, e)
            store_wide(result, to + 5 * wide, f)
            store_wide(result, to + 6 * wide, g)
            store_wide(result, to + 7 * wide, h)


@compiled
def add_outer_listed(values, start, places, found, row, at, sums, wide):
    """Add ``x row^T`` to ``sums``, flat (K, wide); ``row`` is ``wide`` numbers from ``at`` on, x as above."""
    for i in range(found):
        x, to = start + places[i], places[i] * wide
        for n in range(0, wide, WIDTH):
            store_wide(sums, to + n, add_scaled(load_wide(sums, to + n), values, x, load_wide(row, at + n)))


@compiled
def add_outer(values, start, by_row, rows, columns, grads, sums, wide):
    """Add the sum over ``rows`` rows of ``x grad^T`` to ``sums``, flat (columns, wide).

    Args:
        values: flat; entry k of row b of x is at ``start + b by_row + k``.
        grads: flat (rows, wide).
    """
    for k in range(0, columns - 7, 8):
        for n in range(0, wide, WIDTH):
            to = k * wide + n
            a, b, c, d = (
                load_wide(sums, to),
                load_wide(sums, to + wide),
                load_wide(sums, to + 2 * wide),
                load_wide(sums, to + 3 * wide),
            )
            e, f, g, h = (
                load_wide(sums, to + 4 * wide),
                load_wide(sums, to + 5 * wide),
                load_wide(sums, to + 6 * wide),
                load_wide(sums, to + 7 * wide),
            )
            for row in range(rows):
                grad, at = load_wide(grads, row * wide + n), start + row * by_row + k
                a = add_scaled(a, values, at, grad)
                b = add_scaled(b, values, at + 1, grad)
                c = add_scaled(c, values, at + 2, grad)
                d = add_scaled(d, values, at + 3, grad)
                e = add_scaled(e, values, at + 4, grad)
                f = add_scaled(f, values, at + 5, grad)
                g = add_scaled(g, values, at + 6, grad)
                h = add_scaled(h, values, at + 7, grad)
            store_wide(sums, to, a)
            store_wide(sums, to + wide, b)
            store_wide(sums, to + 2 * wide, c)
            store_wide(sums, to + 3 * wide, d)
            store_wide(sums, to + 4 * wide, e)
            store_wide(sums, to + 5 * wide, f)
            store_wide(sums, to + 6 * wide, g)
            store_wide(sums, to + 7 * wide, h)
    for k in range(columns - columns % 8, columns):
        for n in range(0, wide, WIDTH):
            a = load_wide(sums, k * wide + n)
            for row in range(rows):
                a = add_scaled(a, values, start + row * by_row + k, load_wide(grads, row * wide + n))
            store_wide(sums, k * wide + n, a)


@compiled
def few_in_rows(values, start, by_row, rows, columns):
    """Whether so few of the entries of ``rows`` rows are not zero that sums over their columns are faster."""
    found = 0
    for b in range(rows):
        found += count_nonzero(values, start + b * by_row, columns)
    return found <= DENSE * rows * columns


@compiled
def add_product(values, start, by_row, rows, panels, size, padded, places, total):
    """Add W x to the first ``rows`` rows of ``total`` (groups LANES, P WIDTH), dense or by columns, whichever is faster.

    Args:
        values: flat; x of row b is from ``start + b by_row`` on.
        panels, size: of W, see ``add_columns``.
        padded: (groups LANES, K) float32, for a copy; ``places`` (K,) int64, for a list.
    """
    columns, wide, flat = size[1], total.shape[1], total.reshape(-1)
    if few_in_rows(values, start, by_row, rows, columns):
        for b in range(rows):
            found = list_nonzero(values, start + b * by_row, columns, places)
            add_columns(values, start + b * by_row, places, found, panels, size, flat, b * wide)
        return
    for b in range(rows):
        for k in range(columns):
            padded[b, k] = values[start + b * by_row + k]
    add_product_of_rows(padded.reshape(-1), 0, columns, 1, LANES * columns, panels, size, total)


@compiled
def add_gradient(values, start, by_row, rows, columns, grads, sums, places):
    """Add the sum over ``rows`` rows of ``x grad^T`` to ``sums`` (K, wide), as ``add_product`` does; ``grads`` (rows, wide)."""
    wide, grads, sums = grads.shape[1], grads.reshape(-1), sums.reshape(-1)
    if few_in_rows(values, start, by_row, rows, columns):
        for b in range(rows):
            found = list_nonzero(values, start + b * by_row, columns, places)
            add_outer_listed(values, start + b * by_row, places, found, grads, b * wide, sums, wide)
    else:
        add_outer(values, start, by_row, rows, columns, grads, sums, wide)
