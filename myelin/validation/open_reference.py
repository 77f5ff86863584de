"""Makes the reference of a validation from what a user gives, or from what the network brings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.errors import DataError, NetworkError
from myelin.validation.reference import NoReference, Reference

if TYPE_CHECKING:
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.opened import Opened

_WAYS = (
    "a run folder, an artifact with a trained or a float network, stored predictions (*.npz), or a netx or NIR file with "
    "floats; in Python also a torch module, any callable, or a FloatNetwork"
)


def open_reference(given: Any, opened: Opened, origin: Origin | None, *, dt_ms: float | None = None) -> Reference | None:
    """The reference that a user gave, or that the network brings; None for ``given=False``.

    Args:
        given: see ``myelin.validate``.
        opened: the network that is validated.
        origin: origin of its artifact, None if it is none.
        dt_ms: length of a step of a NIR file that is given; None for that of the file.

    Raises:
        NetworkError: nothing was given and the network brings none, or the path cannot be read or is of another shape.
        DataError: ``given`` is nothing that can answer.
    """
    from myelin.convert.floats.network import FloatNetwork
    from myelin.validation.callable_reference import CallableReference
    from myelin.validation.float_reference import FloatReference

    if given is False:
        return None
    if isinstance(given, Reference):
        return given
    if given is None:
        return _brought(opened, origin)
    if isinstance(given, FloatNetwork):
        return FloatReference(given, "float network", opened.network)
    if isinstance(given, str | os.PathLike):
        return _of_path(Path(given), opened, dt_ms)
    if hasattr(given, "state_dict") and hasattr(given, "named_modules"):  # a torch module, without importing torch
        from myelin.validation.module_reference import ModuleReference

        return ModuleReference(given, opened.network)
    if callable(given):
        return CallableReference(given)
    raise DataError(f"reference is a {type(given).__name__}; allowed are {_WAYS}; or False for none")


def _brought(opened: Opened, origin: Origin | None) -> Reference:
    """The reference inside the artifact or the NIR file."""
    from myelin.convert.floats.file import read_floats
    from myelin.validation.float_reference import FloatReference
    from myelin.validation.trained import Trained

    if origin is not None and origin.checkpoint is not None and origin.checkpoint.is_dir():
        return Trained.load(origin.checkpoint, origin.clipped_to_steps)
    if origin is not None and origin.floats is not None and origin.floats.is_file():
        return FloatReference(read_floats(origin.floats), origin.floats.name, opened.network)
    if opened.floats is not None:
        return FloatReference(opened.floats, f"the floats of {opened.name}", opened.network)
    raise NoReference(
        f"{opened.name}: {opened.title} without a trained or a float network has nothing to compare its integers with; give it "
        f"with --reference (reference= in Python): {_WAYS}; or judge only what must be equal, with --no-reference "
        "(reference=False)"
    )


def _of_path(place: Path, opened: Opened, dt_ms: float | None) -> Reference:
    from myelin.convert.artifact.artifact import read_manifest
    from myelin.convert.artifact.provenance import CHECKPOINT, FLOATS
    from myelin.convert.floats.file import read_floats
    from myelin.convert.floats.sources import open_floats
    from myelin.convert.netx.floats import states_input
    from myelin.convert.opened import kind_of
    from myelin.validation.float_reference import FloatReference
    from myelin.validation.stored_reference import StoredReference
    from myelin.validation.trained import Trained

    if place.suffix == ".npz" and os.path.isfile(place):
        if StoredReference.names_in(place) & {"structure"}:
            return FloatReference(read_floats(place), str(place), opened.network)
        return StoredReference(place)
    if not os.path.exists(place):
        raise NetworkError(f"{place}: no such file or folder; --reference (reference= in Python) takes {_WAYS}")
    kind = kind_of(place)
    if kind == "artifact":
        files = read_manifest(place)["files"]
        if any(name.startswith(f"{CHECKPOINT}/") for name in files):
            return Trained.of_network(place / CHECKPOINT, opened.network)
        if FLOATS in files:
            return FloatReference(read_floats(place / FLOATS), str(place / FLOATS), opened.network)
        raise NetworkError(f"{place}: an artifact without a trained or a float network is no reference; allowed are {_WAYS}")
    if kind == "run":
        return Trained.of_network(place, opened.network)
    unsaid = kind == "netx" and not states_input(place)
    floats = open_floats(place, dt_ms=dt_ms, input_shape=opened.network.input.shape if unsaid else None)
    return FloatReference(floats.network, str(place), opened.network)
