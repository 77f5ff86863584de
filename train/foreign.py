"""Runs modules of snnTorch, Norse, SpikingJelly and Sinabs over a sequence, and exports them by their own NIR exporters."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import MissingPartError, NetworkError
from myelin.train.evaluate import preserved

#: Time step in seconds with which each package's parameters are exported here.
DT_S = {"snntorch": 1e-4, "norse": 1e-3, "spikingjelly": 1e-4, "sinabs": 1.0}


def package_of(module: nn.Module) -> str | None:
    """The package of spiking neurons that ``module`` uses, one of ``DT_S``; None if it uses none.

    Raises:
        NetworkError: it uses several.
    """
    roots = {cls.__module__.partition(".")[0] for part in module.modules() for cls in type(part).__mro__}
    found = sorted(roots & DT_S.keys())
    if len(found) > 1:
        raise NetworkError(f"module mixes neurons of {' and '.join(found)}; a module of one package can be read")
    return found[0] if found else None


def run_foreign(module: nn.Module, frames: npt.NDArray[Any], package: str) -> npt.NDArray[np.float64]:
    """Output (batch, steps, neurons) of ``module`` for ``frames`` (batch, steps, *shape), from rest.

    Raises:
        NetworkError: the module fails.
    """
    x = torch.from_numpy(np.ascontiguousarray(frames, np.float32))
    like = next((p for p in module.parameters() if p.is_floating_point()), None)
    x = x if like is None else x.to(like)
    with preserved(module), torch.no_grad():
        _forget(module)
        try:
            output = _RUN[package](module, x)
        except Exception as error:  # whatever the package or a user's forward pass raises
            reason = str(error).splitlines()[0] if str(error) else ""
            raise NetworkError(
                f"module: its forward pass fails on spikes of shape {tuple(x.shape)} ({type(error).__name__}: {reason})"
            ) from error
    return np.asarray(output.reshape(*frames.shape[:2], -1).cpu().double().numpy())


def exported(module: nn.Module, shape: tuple[int, ...], package: str) -> Any:
    """The NIR graph that the package's own exporter makes of ``module`` for an input of ``shape``.

    Raises:
        MissingPartError: nirtorch is not installed.
        NetworkError: the exporter fails.
    """
    sample = torch.zeros(1, *shape)
    with preserved(module), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nirtorch deprecates what the exporters use
        _forget(module)
        try:
            graph = _EXPORT[package](module, sample)
        except ModuleNotFoundError as error:
            raise MissingPartError(
                f"{package}'s NIR exporter needs the package {error.name}; run `pip install {error.name}`"
            ) from error
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else ""
            raise NetworkError(f"module: {package}'s NIR exporter fails ({type(error).__name__}: {reason})") from error
    _bypass(graph, module, package)
    first = next(node for node in graph.nodes.values() if type(node).__name__ == "Input")
    first.input_type = {"input": np.array(shape)}  # some exporters count the batch as an axis
    _arrays(graph)
    _sizes(graph, module, sample)
    return graph


def _bypass(graph: Any, module: nn.Module, package: str) -> None:
    """Take nodes that the exporter left empty out of ``graph`` if their modules do nothing; NetworkError for others."""
    for name in [name for name, node in graph.nodes.items() if node is None]:
        part = module.get_submodule(name)
        if not isinstance(part, nn.Identity | nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
            raise NetworkError(
                f"module.{name} ({type(part).__module__}.{type(part).__qualname__}): {package}'s NIR exporter leaves it out; "
                "build the module without it"
            )
        before = [source for source, target in graph.edges if target == name]
        after = [target for source, target in graph.edges if source == name]
        kept = [edge for edge in graph.edges if name not in edge]
        graph.edges = list(dict.fromkeys(kept + [(a, b) for a in before for b in after]))
        del graph.nodes[name]


def _sizes(graph: Any, module: nn.Module, sample: Tensor) -> None:
    """Give Conv and Flatten nodes the shape of their input, which some exporters leave open."""
    shapes: dict[str, tuple[int, ...]] = {}
    with contextlib.ExitStack() as hooks:
        for name, part in module.named_modules():

            def keep(part: Any, inputs: Any, name: str = name) -> None:
                shapes[name] = tuple(inputs[0].shape[1:])

            hooks.callback(part.register_forward_pre_hook(keep).remove)
        run_foreign(module, sample.numpy()[:, None], package_of(module) or "")
    for name, node in graph.nodes.items():
        shape = shapes.get(name, ())
        if getattr(node, "input_shape", ()) is None:
            node.input_shape = shape[-1] if type(node).__name__ == "Conv1d" else shape[-2:]
        for name_of_types in ("input_type", "output_type"):
            types = getattr(node, name_of_types, None) or {}
            setattr(node, name_of_types, {key: np.array(shape) if v is None else v for key, v in types.items()})


def _arrays(graph: Any) -> None:
    """Turn tensors and numbers without axes into arrays of at least one axis, which NIR's writer needs."""
    for node in graph.nodes.values():
        if hasattr(node, "nodes"):
            _arrays(node)
            continue
        for name, value in list(vars(node).items()):
            if isinstance(value, Tensor):
                value = value.detach().cpu().numpy()
                setattr(node, name, value)
            if isinstance(value, np.ndarray | np.generic):
                setattr(node, name, np.atleast_1d(value))


def _forget(module: nn.Module) -> None:
    """Set the neurons' states to rest."""
    for part in module.modules():
        for name in ("reset_mem", "reset_states", "reset"):
            if type(part).__module__.partition(".")[0] in DT_S and callable(getattr(part, name, None)):
                getattr(part, name)()
                break


def _step_by_step(module: nn.Module, x: Tensor) -> Tensor:
    outputs = [module(x[:, t]) for t in range(x.shape[1])]
    return torch.stack([y[0] if isinstance(y, tuple) else y for y in outputs], dim=1)


def _norse(module: nn.Module, x: Tensor) -> Tensor:
    state, outputs = None, []
    for t in range(x.shape[1]):
        y, state = module(x[:, t], state)
        outputs.append(y)
    return torch.stack(outputs, dim=1)


def _spikingjelly(module: nn.Module, x: Tensor) -> Tensor:
    modes = {part.step_mode for part in module.modules() if hasattr(part, "step_mode")}
    if modes == {"m"}:
        return module(x.transpose(0, 1)).transpose(0, 1)
    return _step_by_step(module, x)


def _sinabs(module: nn.Module, x: Tensor) -> Tensor:
    squeezed = [part for part in module.modules() if type(part).__name__.endswith("Squeeze")]
    if not squeezed:
        return module(x)
    for part in squeezed:
        vars(part).update(batch_size=x.shape[0], num_timesteps=-1)
    return module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def _export_snntorch(module: nn.Module, sample: Tensor) -> Any:
    import nirtorch
    import snntorch
    from snntorch.export_nir import _extract_snntorch_module  # export_to_nir itself fails on scalars in nir 1.0.8

    recurrent = [snntorch.RLeaky, snntorch.RSynaptic]
    return nirtorch.extract_nir_graph(module, _extract_snntorch_module, sample, ignore_submodules_of=recurrent, ignore_dims=[0])


def _export_norse(module: nn.Module, sample: Tensor) -> Any:
    from norse.torch import to_nir

    graph = to_nir(module, sample, dt=1.0)  # its time constants are then in seconds
    for node in graph.nodes.values():
        kind = type(node).__name__
        if kind == "IF":  # its neurons add their input in every step
            node.r = node.r / DT_S["norse"]
        elif kind == "CubaLIF":  # and their synapses add it without the factor dt / tau_syn
            node.w_in = node.tau_syn / DT_S["norse"]
    return graph


def _export_spikingjelly(module: nn.Module, sample: Tensor) -> Any:
    from spikingjelly.activation_based.nir_exchange.to_nir import export_to_nir

    several = any(getattr(part, "step_mode", "s") == "m" for part in module.modules())
    return _at_threshold(export_to_nir(module, sample[None] if several else sample, dt=DT_S["spikingjelly"]))


def _export_sinabs(module: nn.Module, sample: Tensor) -> Any:
    from sinabs.nir import to_nir

    squeezed = any(type(part).__name__.endswith("Squeeze") for part in module.modules())
    graph = to_nir(module, sample if squeezed else sample[None])
    for name, node in graph.nodes.items():
        if type(node).__name__ in ("LIF", "LI"):  # it decays by exp(-1 / tau) in every step, a step being one second
            node.tau = 1 / (1 - torch.exp(-1 / torch.as_tensor(node.tau)))
            node.r = torch.ones_like(node.tau) if _normed(module, name) else node.tau
    return _at_threshold(graph)


def _normed(module: nn.Module, name: str) -> bool:
    return bool(getattr(module.get_submodule(name), "norm_input", True))


def _at_threshold(graph: Any) -> Any:
    """``graph`` for neurons that also spike at the threshold itself; NIR's spike above it."""
    for node in graph.nodes.values():
        if hasattr(node, "v_threshold"):
            node.v_threshold = np.asarray(node.v_threshold, np.float64) * (1 - 1e-6)
    return graph


_RUN: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "snntorch": _step_by_step,
    "norse": _norse,
    "spikingjelly": _spikingjelly,
    "sinabs": _sinabs,
}
_EXPORT: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "snntorch": _export_snntorch,
    "norse": _export_norse,
    "spikingjelly": _export_spikingjelly,
    "sinabs": _export_sinabs,
}
