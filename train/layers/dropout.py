"""Dropout of whole spike trains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

#: Position of the current samples in a joint batch: (index of the first one, size of the joint batch); None: the whole batch.
_place: tuple[int, int] | None = None


@contextlib.contextmanager
def slice_of_batch(first: int, joint: int) -> Iterator[None]:
    """Within this context, masks are those of the samples from ``first`` on in a batch of ``joint`` samples."""
    global _place
    before, _place = _place, (first, joint)
    try:
        yield
    finally:
        _place = before


def same_slice() -> contextlib.AbstractContextManager[None]:
    """The current ``slice_of_batch`` as a context to enter again later, when a forward pass is repeated."""
    return contextlib.nullcontext() if _place is None else slice_of_batch(*_place)


def keep_mask(shape: Sequence[int], probability: float) -> Tensor:
    """Mask of ``shape`` (batch, neurons): 0 with ``probability``, else ``1 / (1 - probability)``.

    One draw is used for all steps of a sequence, so a dropped neuron is silent rather than noisy (Gal & Ghahramani 2016).
    """
    first, joint = (0, shape[0]) if _place is None else _place
    drawn = torch.rand(joint, *shape[1:])[first : first + shape[0]]
    return (drawn >= probability).to(torch.float32) / (1.0 - probability)
