"""``myelin.fit``: what ``myelin train`` does, as a function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.parts import require
from myelin.train.run.start import IN_MEMORY_MB, Data, configuration, data_as_given, train_run, training_data
from myelin.training.initial_network import InitialNetwork, Start, initial_network

if TYPE_CHECKING:
    import torch

    from myelin.train.config.config import Config
    from myelin.train.datasets import SpikeDataset
    from myelin.train.run.initial import Initial
    from myelin.train.run.processes.parallel import Processes

#: A loss, see ``fit``.
Loss = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def fit(
    config: str | os.PathLike[str] | Config | None,
    data: Data,
    out: str | os.PathLike[str],
    *,
    loss: str | Loss | None = None,
    optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer] | None = None,
    callbacks: Iterable[Any] = (),
    init_from: Start | None = None,
    freeze: Sequence[str] = (),
    overrides: Sequence[str] = (),
    target: str | None = None,
    resume: bool = False,
    time_axis: Literal[1, -1] | None = None,
    progress: bool = False,
    in_memory_mb: float = IN_MEMORY_MB,
    cache: Path | None = None,
    tensorboard: bool = False,
    processes: Processes | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train a network with learnable delays and write a run folder; returns the content of its run.json.

    Errors in configuration, target, data or the network to start from are raised before anything is written.

    Args:
        config: name of a built-in experiment, a TOML file, or a configuration.  None with ``init_from``: the configuration of
            that run, or one made for that network (``myelin.training.derive``), with delays as they are.  None with ``resume``:
            the configuration of the run in ``out``.
        data: ``builtin``, a folder with ``*_train.h5``, a file of the SHD format or an npz that ``SpikeDataset`` wrote, a
            ``SpikeDataset``, arrays ``(x, y)`` as ``SpikeDataset.from_dense`` takes them, or a torch Dataset.
        out: folder to write: a new one, or with ``resume`` the folder of a run.
        loss: a name (``train.loss``), or a function of the output (batch, classes, steps) and the targets to one number, the
            mean over the samples (``myelin.train.run.objective``); None for that of the configuration, or of the data's task.
        optimizer: called with parameter groups that hold their learning rate; None for AdamW.
        callbacks: objects with ``on_start``, ``on_epoch`` or ``on_end`` (``myelin.train.run.callbacks``): ``EarlyStop``, ...
        init_from: what to start from instead of random parameters: a run, an artifact, a netx or NIR file, a ``Network``, a
            ``FloatNetwork``, or the result of ``read`` or ``export``.
        freeze: names of parts that are not trained, such as ``layers.0`` or ``readout.synapse``
            (``myelin.train.run.freeze``).
        overrides: ``section.key=value`` strings; not for a configuration given as an object.
        target: hardware to train for, a name or a TOML file; None for the target of the configuration.
        resume: continue the run in ``out`` exactly where it stopped; only ``train.epochs`` may grow.
        time_axis: axis of time in arrays: 1 for (samples, steps, ...), -1 for (samples, ..., steps); None to tell by shape.
        progress: whether to show a progress bar.
        in_memory_mb: size up to which a file is read into memory; a larger one is converted and memory-mapped.
        cache: folder for the conversions.
        tensorboard: whether to log every epoch for TensorBoard too.
        processes: the processes of a launcher (``myelin.train.run.processes.parallel.process_group``); None: this one alone.
        say: called with each line for the user; None for no output.

    Raises:
        MissingPartError: torch is not installed.
        ConfigError: the configuration is wrong, the target does not support it, or the folder holds something else.
        NetworkError: ``init_from`` cannot be read, or has another structure than the configuration.
        TargetError: no such target.
        DataError: the data cannot be read, has no train split, or does not pool to the configuration's channels.
        MyelinError: the loss is not finite.
    """
    require("torch")
    from myelin.train.run.callbacks import Callbacks, TensorBoard
    from myelin.train.run.compiling.ahead import compiling
    from myelin.train.run.processes.parallel import ALONE
    from myelin.train.run.training_run import Parts

    _check_arguments(config, out, loss, optimizer, callbacks, freeze)
    processes, folder = ALONE if processes is None else processes, Path(out)
    asked = Callbacks([*callbacks, *([TensorBoard()] if tensorboard else [])])
    origin = None if init_from is None else initial_network(init_from)
    plan = _plan(config, origin, None, folder, overrides, target, resume)
    given = data_as_given(data, time_axis, 1.0 if plan is None else plan.data.step_ms)
    if plan is None:  # nothing but the data says how spikes become frames
        plan = _plan(config, origin, given, folder, overrides, target, resume)
        assert plan is not None
    if freeze:
        plan = replace(plan, train=replace(plan.train, freeze=(*plan.train.freeze, *freeze)))
    if isinstance(loss, str):
        plan = replace(plan, train=replace(plan.train, loss=loss))
    with compiling(plan, say if processes.first else None) as compilation:  # while data are read
        dataset = training_data(given, plan, in_memory_mb, cache)
        if config is None and not any(override.partition("=")[0].strip() == "train.loss" for override in overrides):
            plan = _with_loss(plan, loss, dataset, folder if resume else None)
        lines: list[str] = []
        if dataset.mapped is not None:
            lines.append(f"data          {dataset.units.size} events are mapped from {dataset.mapped}, not held in memory")
        initial = None
        if origin is not None:
            plan, initial, notes = _initial(origin, plan, dataset)
            lines += notes
        if say is not None and processes.first:
            for line in lines:
                say(line)
        parts = Parts(None if isinstance(loss, str) else loss, optimizer, initial)
        return train_run(
            plan,
            dataset,
            folder,
            resume=resume,
            progress=progress,
            processes=processes,
            parts=parts,
            callbacks=asked,
            say=say,
            compilation=compilation,
        )


def _check_arguments(config: Any, out: Any, loss: Any, optimizer: Any, callbacks: Any, freeze: Any) -> None:
    """Raise ConfigError where an argument of ``fit`` is of another kind than it takes."""
    from myelin.train.config.config import Config

    def refuse(name: str, value: Any, allowed: str) -> None:
        got = f"the class {value.__qualname__}" if isinstance(value, type) else f"a {type(value).__name__}"
        raise ConfigError(f"{name} is {got}; {allowed}")

    if config is not None and not isinstance(config, str | os.PathLike | Config):
        refuse("config", config, "the name of an experiment, a TOML file, a Config or None is allowed")
    if not isinstance(out, str | os.PathLike):
        refuse("out", out, "the path of a folder is allowed")
    if not isinstance(loss, str | None) and (isinstance(loss, type) or not callable(loss)):
        refuse("loss", loss, "a name, or a function of the output and the targets, is allowed")
    if optimizer is not None and not callable(optimizer):
        refuse(
            "optimizer", optimizer, "a function of parameter groups is allowed, such as lambda groups: torch.optim.SGD(groups)"
        )
    if not isinstance(callbacks, Iterable):
        refuse("callbacks", callbacks, "a list of callbacks is allowed")
    if not isinstance(freeze, Iterable) or isinstance(freeze, str) or not all(isinstance(name, str) for name in freeze):
        raise ConfigError(f"freeze is {freeze!r}; a list of names is allowed, such as ['layers.0']")


def _plan(
    config: str | os.PathLike[str] | Config | None,
    origin: InitialNetwork | None,
    data: Data | None,
    out: Path,
    overrides: Sequence[str],
    target: str | None,
    resume: bool,
) -> Config | None:
    """The configuration, completed with the limits of its target; None if it needs ``data``, which is None."""
    if config is not None:
        return configuration(config, overrides, target)
    from myelin.train.config.files import changed_config, config_from_dict
    from myelin.train.run.files.run_record import RUN, read_run

    if resume and (out / RUN).exists():
        made = config_from_dict(read_run(out).config)
    elif origin is not None:
        from myelin.train.datasets import SpikeDataset
        from myelin.training.derive import config_to_continue

        if data is None and origin.config is None and origin.binning is None:
            return None
        made = config_to_continue(origin, data if isinstance(data, SpikeDataset) else None)
    else:
        raise ConfigError("config is None; name an experiment or a file, or give a network to start from (init_from)")
    return configuration(changed_config(made, overrides), (), target)


def _with_loss(plan: Config, loss: str | Loss | None, dataset: SpikeDataset, resumed: Path | None) -> Config:
    """``plan``, made from an earlier run, without that run's loss where ``loss`` or the task of the data replaces it."""
    from myelin.train.config.config import LOSSES

    named = plan.train.loss
    if named is None or isinstance(loss, str) or (loss is None and LOSSES[named] == dataset.task):
        return plan
    if resumed is not None:
        if loss is None:  # other data, which is refused as such
            return plan
        raise ConfigError(
            f"{resumed}: was trained with loss {named!r}, a function is given; resume without loss, or start a new run from it "
            "with init_from"
        )
    return replace(plan, train=replace(plan.train, loss=None))


def _initial(origin: InitialNetwork, plan: Config, dataset: SpikeDataset) -> tuple[Config, Initial, list[str]]:
    """The completed configuration, the parameters to start from, and lines about them."""
    from myelin.train.run.initial import Initial
    from myelin.training.parameters import fit_parameters

    if origin.classes != dataset.classes:
        raise ConfigError(
            f"{origin.name}: has {origin.classes} outputs, {dataset.name} needs {dataset.classes}; name data with as many"
        )
    from_run, scaled = origin.config is not None, dataset.task != "trace"
    fitted = fit_parameters(origin.floats, plan, from_run=from_run, scaled_output=scaled, tensors=origin.tensors)
    return fitted.config, Initial(origin.name, fitted.parameters), fitted.notes
