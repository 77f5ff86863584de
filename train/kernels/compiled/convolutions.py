"""Same-padded convolutions of one row of neurons (channels H W,) for the compiled loops."""

from __future__ import annotations

from myelin.train.kernels.compiled.options import compiled


@compiled
def _add_scaled(target, to, source, back, count, weight):
    """Add ``weight * source[back + x]`` to ``target[to + x]`` for ``count`` numbers."""
    target, source = target[to : to + count], source[back : back + count]
    for x in range(target.shape[0]):
        target[x] += weight * source[x]


@compiled
def convolve(source, kernel, size, target):
    """Add the same-padded convolution of ``source`` with ``kernel`` (out, in, kh, kw) to ``target``; both (channels H W,)."""
    channels, _, tall, wide = kernel.shape
    height, width = size
    for o in range(channels):
        for i in range(channels):
            for a in range(tall):
                for k in range(wide):
                    down, shift = a - tall // 2, k - wide // 2
                    left, count = max(0, -shift), max(0, width - abs(shift))
                    for y in range(max(0, -down), min(height, height - down)):
                        to, back = (o * height + y) * width + left, (i * height + y + down) * width + left + shift
                        _add_scaled(target, to, source, back, count, kernel[o, i, a, k])


@compiled
def convolve_transposed(grad, kernel, size, target):
    """Write the gradient with respect to the source of ``convolve`` to ``target``."""
    channels, _, tall, wide = kernel.shape
    height, width = size
    target[:] = 0.0
    for i in range(channels):
        for o in range(channels):
            for a in range(tall):
                for k in range(wide):
                    down, shift = a - tall // 2, k - wide // 2
                    left, count = max(0, -shift), max(0, width - abs(shift))
                    for y in range(max(0, -down), min(height, height - down)):
                        back, to = (o * height + y) * width + left, (i * height + y + down) * width + left + shift
                        _add_scaled(target, to, grad, back, count, kernel[o, i, a, k])


@compiled
def add_kernel_gradient(grad, source, size, sums):
    """Add dL/dkernel of ``convolve`` to ``sums`` (out, in, kh, kw, W), which are still to be summed over the last axis."""
    channels, _, tall, wide, _ = sums.shape
    height, width = size
    for o in range(channels):
        for i in range(channels):
            for a in range(tall):
                for k in range(wide):
                    down, shift = a - tall // 2, k - wide // 2
                    left, count = max(0, -shift), max(0, width - abs(shift))
                    total = sums[o, i, a, k, :count]
                    for y in range(max(0, -down), min(height, height - down)):
                        to, back = (o * height + y) * width + left, (i * height + y + down) * width + left + shift
                        here, there = grad[to : to + count], source[back : back + count]
                        for x in range(total.shape[0]):
                            total[x] += here[x] * there[x]
