"""Evaluates any torch module on spikes, from rest, and leaves everything of it as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import NetworkError


class Evaluated(NamedTuple):
    """Outputs of a module: its own, and those of its watched parts by key; float64, (batch, ..., steps)."""

    output: npt.NDArray[np.float64]
    parts: dict[str, npt.NDArray[np.float64]]


class Call(NamedTuple):
    """One call of a part: its path, the part, and whether its input was the output before it, unchanged."""

    path: str
    part: nn.Module
    chained: bool


def evaluated(module: nn.Module, frames: npt.NDArray[Any], watched: Mapping[str, nn.Module] | None = None) -> Evaluated:
    """Evaluate ``module`` on ``frames`` (batch, steps, *shape), from rest and without dropout; nothing of it changes.

    A ``ModuleList`` is evaluated as a chain.

    Args:
        module: takes (batch, *shape, steps), as SLAYER's blocks do.
        frames: spikes.
        watched: parts of ``module`` whose outputs are wanted, by a key of the caller.

    Raises:
        NetworkError: the module fails, or returns something else than a tensor.
    """
    outputs: dict[str, npt.NDArray[np.float64]] = {}
    x = _tensor(module, frames)
    with preserved(module), torch.random.fork_rng(devices=[]), contextlib.ExitStack() as hooks, torch.no_grad():
        for key, part in (watched or {}).items():

            def keep(_part: nn.Module, _inputs: Any, output: Any, key: str = key) -> None:
                outputs[key] = _array(output, key)

            hooks.callback(part.register_forward_hook(keep).remove)
        output = _forward(module, x)
        return Evaluated(_array(output, "the module"), outputs)


def sequence(modules: Iterable[nn.Module]) -> nn.Sequential:
    """The modules one after the other, as one module."""
    return nn.Sequential(*modules)


def evaluated_on(module: nn.Module, x: Any) -> Any:
    """What ``module`` returns for ``x`` as it is, an array or a tensor in any order of axes; from rest, nothing of it changes.

    ``x`` is brought to the type and the device of the module's first parameter.

    Raises:
        NetworkError: the module fails.
    """
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
    values = x if isinstance(x, Tensor) else torch.from_numpy(np.ascontiguousarray(x))
    with preserved(module), torch.no_grad():
        return _forward(module, values.to(like))


def calls_of(module: nn.Module, shape: tuple[int, ...], parts: Mapping[str, nn.Module]) -> tuple[list[Call], bool]:
    """The calls of ``parts`` in a forward pass on random spikes, in order, and whether the last output is the module's.

    A part is chained if its input is the very tensor that the part before it returned, or a view of it with the same elements
    in the same order for every step: then nothing computes in between.

    Raises:
        NetworkError: the forward pass fails.
    """
    calls: list[Call] = []
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(2, *shape, 8, generator=generator) < 0.5).to(_tensor(module, np.zeros((1, 1, 1))))
    last: list[tuple[Tensor, int]] = [(x, x._version)]
    with preserved(module), torch.random.fork_rng(devices=[]), contextlib.ExitStack() as hooks, torch.no_grad():
        for path, part in parts.items():

            def enter(part: nn.Module, inputs: Any, path: str = path) -> None:
                calls.append(Call(path, part, len(inputs) == 1 and _same(*last[0], inputs[0])))

            def leave(part: nn.Module, inputs: Any, output: Any) -> None:
                last[0] = (output, output._version if isinstance(output, Tensor) else 0)

            hooks.callback(part.register_forward_pre_hook(enter).remove)
            hooks.callback(part.register_forward_hook(leave).remove)
        output = _forward(module, x)
        return calls, _same(*last[0], output)


@contextlib.contextmanager
def preserved(module: nn.Module) -> Iterator[None]:
    """Within this context ``module`` is at rest and in evaluation mode; afterwards everything of it is as before.

    Restored are modes, attributes (also those that a first forward pass sets), buffers and parameters.
    """
    saved = []
    for part in module.modules():
        tensors = {name: tensor for name, tensor in (*part._parameters.items(), *part._buffers.items()) if tensor is not None}
        contents = [(tensor, tensor.data, tensor.detach().clone()) for tensor in tensors.values()]
        attributes = {
            name: dict(value) if name in ("_parameters", "_buffers", "_modules", "_memories") else value
            for name, value in vars(part).items()
        }
        saved.append((part, attributes, contents))
    try:
        module.eval()
        for part in module.modules():
            _rest(part)
        yield
    finally:
        for part, attributes, contents in saved:
            vars(part).clear()
            vars(part).update(attributes)
            for tensor, data, content in contents:
                tensor.data = data
                with torch.no_grad():
                    tensor.data.copy_(content)


def _rest(part: nn.Module) -> None:
    """Forget what a module of lava-dl keeps between forward passes: ``persistent_state`` and the step of latency."""
    if not any(cls.__module__.startswith("lava.") for cls in type(part).__mro__):
        return
    for name in (*part._non_persistent_buffers_set, "spike_state"):
        buffer = part._buffers.get(name)
        if buffer is not None:
            part._buffers[name] = torch.zeros_like(buffer[:1])
    if "delay_buffer" in vars(part):
        vars(part)["delay_buffer"] = None


def _forward(module: nn.Module, x: Tensor) -> Any:
    try:
        if isinstance(module, nn.ModuleList) and type(module).forward is nn.Module.forward:
            for part in module:
                x = _forward(part, x)
            return x
        return module(x)
    except NetworkError:
        raise
    except Exception as error:  # whatever a user's forward pass raises
        lines = str(error).splitlines()
        reason = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
        raise NetworkError(f"the module's forward pass fails on spikes of shape {tuple(x.shape)} ({reason})") from error


def _tensor(module: nn.Module, frames: npt.NDArray[Any]) -> Tensor:
    """``frames`` with time last, in the type and on the device of the module's first parameter."""
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames, 1, -1), np.float32)).to(like)


def _array(output: Any, what: str) -> npt.NDArray[np.float64]:
    if not isinstance(output, Tensor):
        raise NetworkError(f"{what} returns a {type(output).__name__}; one tensor (batch, ..., steps) is allowed")
    return np.asarray(output.detach().cpu().double().numpy())


def _same(before: Any, version: int, now: Any) -> bool:
    """Whether ``now`` is ``before``, untouched, or a view of it that only flattens or splits the axes between batch "
    "and time."""
    if not isinstance(before, Tensor) or not isinstance(now, Tensor) or before._version != version:
        return False
    if now is before:
        return True
    if min(now.dim(), before.dim()) < 3 or now.numel() != before.numel() or now.dtype != before.dtype:
        return False
    one = before.untyped_storage().data_ptr() == now.untyped_storage().data_ptr()
    ends = now.shape[0] == before.shape[0] and now.shape[-1] == before.shape[-1]
    return one and ends and torch.equal(now.flatten(1, -2), before.flatten(1, -2))
