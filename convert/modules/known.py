"""What a module is: the class whose computation is known, and everything on the object that would change that computation.

Nothing here imports torch or Lava: a module that exists has brought its own classes.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from myelin.convert.floats.neuron import FloatArray
from myelin.hw_configs.errors import ConfigError, NetworkError

#: Forward pre-hooks that compute the parameter ``weight`` before each forward pass, and nothing else.
_WEIGHT_HOOKS = ("torch.nn.utils.weight_norm.WeightNorm", "torch.nn.utils.spectral_norm.SpectralNorm")
_PRUNING = "torch.nn.utils.prune.BasePruningMethod"
#: Methods that a subclass may define without changing what is computed.
_HARMLESS = {
    *("__init__", "__repr__", "__str__", "extra_repr", "_get_name", "__dir__", "__getstate__", "__setstate__", "__deepcopy__"),
    *("__class_getitem__", "__init_subclass__", "__subclasshook__", "export_hdf5", "grad_norm"),
    *(
        "__module__",
        "__qualname__",
        "__doc__",
        "__dict__",
        "__weakref__",
        "__annotations__",
        "__parameters__",
        "__orig_bases__",
    ),
    *("__abstractmethods__", "_abc_impl", "__static_attributes__", "__firstlineno__", "__slots__", "__annotate_func__"),
    *("__annotations_cache__", "__match_args__", "__jit_unused_properties__"),
}
#: Shorter names of classes in messages, by the prefix of their module.
_SHORT = (
    ("lava.lib.dl.slayer.", "slayer."),
    ("myelin.train.layers.", "myelin.nn."),
    ("myelin.train.neurons.", "myelin.nn."),
    ("myelin.train.delay", "myelin.nn"),
    ("myelin.train.step_delay", "myelin.nn"),
    ("torch.nn.modules.", "torch.nn."),
)


def full_name(cls: type) -> str:
    """Module and name of a class, as ``torch.nn.modules.linear.Linear``."""
    return f"{cls.__module__}.{cls.__qualname__}"


def class_title(module: object) -> str:
    """Name of a module's class as users write it, as ``torch.nn.Linear``."""
    cls = written_class(module)
    for prefix, short in _SHORT:
        if cls.__module__.startswith(prefix):
            rest = cls.__module__.removeprefix(prefix) if prefix == "lava.lib.dl.slayer." else ""
            return ".".join(part for part in (short.rstrip("."), rest.strip("."), cls.__qualname__) if part)
    return full_name(cls).removeprefix("__main__.")


def title(path: str, module: object) -> str:
    """The module in messages: its path and its class, as ``module.2.0 (torch.nn.LSTM)``."""
    return f"{'.'.join(('module', path)) if path else 'module'} ({class_title(module)})"


@contextlib.contextmanager
def naming_module(path: str, module: object) -> Iterator[None]:
    """Prefix an error raised in the context with the module's ``title``, unless one names a module already."""
    try:
        yield
    except (NetworkError, ConfigError) as error:
        if str(error).startswith("module"):
            raise
        raise NetworkError(f"{title(path, module)}: {error}") from error


def known_class(module: object, names: Collection[str]) -> type | None:
    """The class of ``module``, or the nearest base of it, that is one of ``names``; None if none is."""
    return next((cls for cls in type(module).__mro__ if full_name(cls) in names), None)


def require_unchanged(what: str, module: object, known: type) -> None:
    """Raise NetworkError if ``module`` may compute something else than its base ``known``.

    Refused are methods that a subclass or the object itself replaces, and forward hooks on it or below it.

    Args:
        what: the module in messages, as ``its neuron``.
        module: an instance of ``known``.
        known: the class whose computation is read.
    """
    replaced = replaced_methods(module, known)
    if replaced:
        raise NetworkError(
            f"{what} is a {type(module).__name__} with its own {', '.join(replaced)} in place of {known.__name__}'s; "
            "the class itself, "
            "or a subclass that leaves its computation as it is, can be read"
        )
    require_no_hooks(what, module)


def replaced_methods(module: object, known: type) -> list[str]:
    """Names of ``known`` that a subclass, or the object itself, replaces by something that may compute otherwise."""
    found = {name for name in vars(module) if inspect.isroutine(getattr(known, name, None))}
    for cls in type(module).__mro__[: type(module).__mro__.index(known)]:
        if not _is_parametrised(module, cls):  # its weight is read through it
            found |= {name for name in vars(cls) if hasattr(known, name)}
    return sorted(found - _HARMLESS)


@contextlib.contextmanager
def in_evaluation(module: Any) -> Iterator[None]:
    """Within this context ``module`` is in evaluation mode; afterwards every part is in its own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def require_no_hooks(what: str, module: Any, *, below: bool = True) -> None:
    """Raise NetworkError if a forward hook could change what ``module``, or with ``below`` a module in it, computes."""
    for path, part in module.named_modules() if below else [("", module)]:
        hooks = [*getattr(part, "_forward_hooks", {}).values()]
        hooks += [hook for hook in getattr(part, "_forward_pre_hooks", {}).values() if not _computes_weight(hook)]
        if hooks:
            hook = getattr(hooks[0], "__qualname__", type(hooks[0]).__name__)
            raise NetworkError(
                f"{what}{f'.{path}' if path else ''} has the forward hook {hook}, which may change what it computes; remove it "
                "with the handle that register_forward_hook or register_forward_pre_hook returned"
            )


def weight_of(synapse: Any) -> Any:
    """The tensor ``synapse.weight`` as the next forward pass uses it: normalised, pruned and parametrised."""
    for hook in getattr(synapse, "_forward_pre_hooks", {}).values():
        if _computes_weight(hook):
            hook(synapse, None)
    return synapse.weight


def numbers(tensor: Any) -> FloatArray:
    """A tensor's values as float64, on the CPU."""
    return np.asarray(tensor.detach().cpu().double().numpy(), np.float64)


def _computes_weight(hook: Any) -> bool:
    names = {full_name(cls) for cls in type(hook).__mro__}
    name = getattr(hook, "name", getattr(hook, "_tensor_name", None))
    return name == "weight" and bool(names & {*_WEIGHT_HOOKS, _PRUNING})


def written_class(module: object) -> type:
    """The class as its author wrote it, without what torch.nn.utils.parametrize derives from it."""
    cls = type(module)
    return cls.__mro__[1] if _is_parametrised(module, cls) else cls


def _is_parametrised(module: object, cls: type) -> bool:
    return cls.__name__.startswith("Parametrized") and "parametrizations" in getattr(module, "_modules", {})
