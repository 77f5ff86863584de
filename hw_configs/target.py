"""Hardware targets as data: one TOML file a target, read into a frozen, validated ``Target``."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hw_configs.errors import TargetError

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """What a chip, a board or a simulator holds.  None means: not public; rules then say "not public, not checked".

    Attributes:
        name: short name, as ``--target`` takes it.
        title: full name.
        weight_bits: bits of a signed synaptic weight; weights of one sign use the sign bit too.
        weight_exp_min, weight_exp_max: exponent of a connection's weights.
        delay_steps_max: longest delay between a spike and its arrival, in steps beyond the one that every connection takes.
        current_decay_min, current_decay_max, voltage_decay_min, voltage_decay_max: decays in 1/4096 per step.
        threshold_max: mantissa, in units of 64 states.
        bias_mant_min, bias_mant_max, bias_exp_max: bias is ``bias_mant << bias_exp``.
        message_bits_max: payload of a spike in bits; 0: spikes are 0 or 1.
        state_bits: bits of u and v, sign included.
        cores_per_chip, usable_cores_per_chip: neurocores nominally, and those to plan with.
        neurons_per_core: neurons that one core updates.
        core_memory_bytes: synapse memory of a core (Loihi 1), or memory shared with neuron states (Loihi 2).
        axons_in_per_core, axons_out_per_core: routing entries of a core.
        embedded_cores_per_chip: x86 cores on the chip.
        step_ns_min: shortest step of the whole chip, in nanoseconds.
        sources: for each number given, where it comes from.
    """

    name: str
    title: str
    weight_bits: int | None = None
    weight_exp_min: int | None = None
    weight_exp_max: int | None = None
    delay_steps_max: int | None = None
    current_decay_min: int | None = None
    current_decay_max: int | None = None
    voltage_decay_min: int | None = None
    voltage_decay_max: int | None = None
    threshold_max: int | None = None
    bias_mant_min: int | None = None
    bias_mant_max: int | None = None
    bias_exp_max: int | None = None
    message_bits_max: int | None = None
    state_bits: int | None = None
    cores_per_chip: int | None = None
    usable_cores_per_chip: int | None = None
    neurons_per_core: int | None = None
    core_memory_bytes: int | None = None
    axons_in_per_core: int | None = None
    axons_out_per_core: int | None = None
    embedded_cores_per_chip: int | None = None
    step_ns_min: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in number_fields():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TargetError(f"target {self.name}: {name} is {value!r}; a whole number is allowed")
            if value < 0 and not name.endswith("_min"):
                raise TargetError(f"target {self.name}: {name} is {value}; 0 or more is allowed")
        for low in number_fields():
            high = low.removesuffix("_min") + "_max"
            if low.endswith("_min") and high in number_fields():
                bottom, top = getattr(self, low), getattr(self, high)
                if bottom is not None and top is not None and bottom > top:
                    raise TargetError(f"target {self.name}: {low} is {bottom}, above {high}, which is {top}")

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the numbers that are not public."""
        return tuple(name for name in number_fields() if getattr(self, name) is None)

    @property
    def limits(self) -> dict[str, int]:
        """The numbers that are known, by name."""
        return {name: getattr(self, name) for name in number_fields() if getattr(self, name) is not None}


def number_fields() -> tuple[str, ...]:
    """Names of all numbers that a target may state."""
    return tuple(entry.name for entry in fields(Target) if entry.name not in ("name", "title", "sources"))


def target_names() -> tuple[str, ...]:
    """Names of the targets that come with the project."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_target(name_or_path: str | Path) -> Target:
    """The target of that name, or of a user's own TOML file.

    A file states ``name``, ``title`` and a table ``limits`` in which every number has its source beside it:
    ``delay_steps_max = { value = 62, source = "..." }``.  Numbers that are not public are left out.

    Raises:
        TargetError: the name is unknown (the nearest known names are given), the file cannot be read, or a field is wrong.
    """
    text = str(name_or_path)
    if text in target_names():
        return read_target(_FOLDER / f"{text}.toml")
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.exists():
        return read_target(path)
    near = difflib.get_close_matches(text.lower(), target_names(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise TargetError(f"target {text!r} is unknown; {hint}known are {', '.join(target_names())}, or the path of a .toml file")


def read_target(path: Path) -> Target:
    """The target that the TOML file at ``path`` describes; errors as in ``load_target``."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TargetError(f"target file {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"target file {path} is not TOML: {error}") from error
    _check_keys(path, "", data, ("name", "title", "limits"))
    for key in ("name", "title"):
        if not isinstance(data.get(key), str) or not data[key]:
            raise TargetError(f"target file {path}: {key!r} is {data.get(key)!r}; a text is needed")
    limits = data.get("limits", {})
    if not isinstance(limits, dict):
        raise TargetError(f"target file {path}: 'limits' is {limits!r}; a table is needed")
    _check_keys(path, "limits.", limits, number_fields())
    values: dict[str, int] = {}
    sources: dict[str, str] = {}
    for key, entry in limits.items():
        good = isinstance(entry, dict) and set(entry) == {"value", "source"}
        if not good or not isinstance(entry["source"], str) or not entry["source"].strip():
            raise TargetError(
                f'target file {path}: limits.{key} is {entry!r}; write {{ value = 62, source = "where it is from" }}'
            )
        values[key], sources[key] = entry["value"], entry["source"]
    try:
        return Target(name=data["name"], title=data["title"], sources=sources, **values)
    except TargetError as error:
        raise TargetError(f"target file {path}: {error}") from error


def _check_keys(path: Path, prefix: str, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise TargetError(f"target file {path}: field {prefix}{key} is unknown; {hint}")
