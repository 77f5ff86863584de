"""Torch's threads while a network trains."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import myelin.train.needs_torch  # noqa: F401

import torch

from myelin.train.kernels.devices import on_host
from myelin.train.model import SpikingNetwork

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class _HasModel(Protocol):
    model: SpikingNetwork


_Owner = TypeVar("_Owner", bound=_HasModel)


def few_threads_of_torch(
    method: Callable[Concatenate[_Owner, _Given], _Result],
) -> Callable[Concatenate[_Owner, _Given], _Result]:
    """``method``, in which torch uses one thread if the loops over time do all that is large in the owner's ``model``.

    What is left to torch, such as the optimiser, is small.  Its threads would spin between these operations, and take the time
    that those of the loops need (``myelin.train.kernels.compiled.pool``).  A convolution keeps torch's threads.
    """

    @functools.wraps(method)
    def called(owner: _Owner, *given: _Given.args, **named: _Given.kwargs) -> _Result:
        if not _all_in_loops(owner.model):
            return method(owner, *given, **named)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return method(owner, *given, **named)
        finally:
            torch.set_num_threads(before)

    return called


def _all_in_loops(model: Any) -> bool:
    here = on_host(next(model.parameters()))
    return here and all(block.synapse.in_loops and block.neuron.in_loops for block in model.blocks)
