"""The parts of a module in the order in which spikes pass them, each with its path.

``Sequential`` and ``ModuleList`` are nested chains.  Any other module with children is run once on random spikes: it is a chain
if every part gets the very tensor that the part before it returned, and the last output is the module's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from myelin.convert.arrays import Shape
from myelin.convert.modules import ours, slayer
from myelin.convert.modules.known import class_title, full_name, known_class, naming_module, replaced_methods, require_no_hooks
from myelin.hw_configs.errors import NetworkError

_CONTAINERS = "torch.nn.modules.container."
#: Modules whose forward pass is their children's, one after the other.
CHAINS = (_CONTAINERS + "Sequential", _CONTAINERS + "ModuleList")
#: Wrappers, and the attribute that holds the module.
_WRAPPERS = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
}
_OURS = "myelin.train.model.SpikingNetwork"


def unwrapped(module: Any) -> Any:
    """``module`` without torch.compile or data parallelism around it."""
    while (name := _WRAPPERS.get(full_name(type(module)))) is not None:
        module = getattr(module, name)
    return module


def parts_of(module: Any, shape: Callable[[], Shape], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, part) for every part of ``module`` that computes something itself, in order.

    Args:
        module: any torch module.
        shape: the shape that reaches the part about to be yielded, without batch and time, once those before it are read.
        path: path of ``module``.

    Raises:
        NetworkError: a module is no chain of its parts, or a hook on a container may change what it computes.
    """
    module = unwrapped(module)
    chain = known_class(module, (*CHAINS, _OURS))
    if chain is not None and not replaced_methods(module, chain):
        with naming_module(path, module):
            require_no_hooks("it", module, below=False)
        for name, child in module._modules.items():  # a child that stands twice is listed twice, unlike in named_children
            if child is not None:
                yield from parts_of(child, shape, f"{path}.{name}" if path else name)
    elif is_part(module):
        yield path, module
    else:
        with naming_module(path, module):
            yield from _called(module, shape(), path)


def is_part(module: Any) -> bool:
    """Whether ``module`` is read as a whole: a block, or a module without children."""
    return slayer.is_block(module) or ours.is_block(module) or not any(True for _ in module.children())


def _called(module: Any, shape: Shape, path: str) -> list[tuple[str, Any]]:
    """The parts of a module with a forward pass of its own, in the order in which it calls them."""
    from myelin.train.evaluate import calls_of

    cure = "hand over the blocks alone, as a torch.nn.Sequential in the order in which spikes pass them"
    require_no_hooks("it", module, below=False)
    parts: dict[str, Any] = {}
    for name, child in module._modules.items():
        if child is not None:
            _collect(child, name, parts)
    calls, ends = calls_of(module, shape, parts)
    if not calls:
        raise NetworkError(f"its forward pass calls none of its parts ({', '.join(parts) or 'it has none'}); {cure}")
    if not any(slayer.is_block(call.part) or ours.is_block(call.part) for call in calls):
        raise NetworkError(
            "its forward pass calls no block with neurons, so it computes them itself, where they cannot be seen; build a "
            "FloatNetwork of its weights and constants and quantise that (docs/your_network.md, neurons in plain PyTorch), or "
            "build the network with blocks of myelin.nn"
        )
    for call in calls:
        if not call.chained:
            raise NetworkError(
                f"its forward pass computes something before {call.path} ({class_title(call.part)}), which gets another "
                "tensor than "
                f"the part before it returns; {cure}"
            )
    if not ends:
        raise NetworkError(
            f"its forward pass returns something else than the output of {calls[-1].path}, its last part; {cure}"
        )
    return [(f"{path}.{call.path}" if path else call.path, call.part) for call in calls]


def _collect(module: Any, path: str, parts: dict[str, Any]) -> None:
    if is_part(module):
        parts[path] = module
        return
    require_no_hooks(path, module, below=False)
    for name, child in module._modules.items():
        if child is not None:
            _collect(child, f"{path}.{name}", parts)
