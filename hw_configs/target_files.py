"""Target files: TOML in which every number has its source beside it.

The file of a chip has ``name``, ``title`` and ``chips = { value = 1, source = "..." }``, and its limits in tables::

    [limits]       the integers of ``Target``:         delay_steps_max = { value = 62, source = "..." }
    [processes]    neuron_models = { value = ["cuba"], source = "..." }, layer_kinds, conv_weights_shared
    [packing]      the fields of ``SynapsePacking``:   header_bits = { value = 10, source = "..." }
    [events]       the fields of ``Events``:           hop_east_west = { energy_pj = 3.0, time_ns = 4.1, source = "..." }
    [controller]   the fields of ``Controller``:       flash_bytes = { value = 524288, source = "..." }, compiler = a list
    [cycles]       the fields of ``Cycles``:           load = { value = 2, source = "..." }

The file of a board has ``chip = "loihi2"`` and its number of chips.  It inherits all other values from the chip and may
override them.  Values that are not public are left out.  ``simulator = true`` means that cores, memory and axons have no
meaning.  ``as_on = { value = "loihi1", source = "..." }`` in packing, events or cycles names a stand-in, another target whose
whole table is used.  A board with a table ``controller`` runs the network as C.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from myelin.hw_configs.controller import CONTROLLER_FIELDS, CONTROLLER_NUMBERS, CYCLES, Controller, Cycles
from myelin.hw_configs.costs import EVENTS, PACKING_NUMBERS, PACKING_WIDTHS, Event, Events, SynapsePacking
from myelin.hw_configs.errors import TargetError
from myelin.hw_configs.reading.text_files import read_toml
from myelin.hw_configs.target import LAYER_KINDS, NEURON_MODELS, PROCESS_FIELDS, Target, number_fields

_FOLDER = Path(__file__).parent
_TABLES = ("limits", "processes", "packing", "events", "controller", "cycles")
_STAND_IN = "as_on"


def target_names() -> tuple[str, ...]:
    """Names of the built-in targets, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_target(name_or_path: str | Path) -> Target:
    """The built-in target of that name, or the target in a TOML file of the user; the module docstring gives the format.

    Raises:
        TargetError: the name is unknown (the message gives the nearest names), the file cannot be read, or a field is wrong.
    """
    if not isinstance(name_or_path, str | Path):
        raise TargetError(
            f"target is a {type(name_or_path).__name__}; one of {', '.join(target_names())}, or the path of a .toml file is "
            "allowed"
        )
    text = str(name_or_path)
    if text in target_names():
        return _read(_FOLDER / f"{text}.toml")
    path = Path(name_or_path)
    if path.suffix == ".toml" or os.path.exists(path):
        return _read(path)
    near = difflib.get_close_matches(text.lower(), target_names(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise TargetError(f"target {text!r} is unknown; {hint}known are {', '.join(target_names())}, or the path of a .toml file")


def _read(path: Path) -> Target:
    try:
        data = read_toml(path)
    except OSError as error:
        raise TargetError(f"target file {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise TargetError(f"target file {path} is not TOML: {error}") from error
    return _File(path, data).target()


class _File:
    """Reads one target file; every error names the file and the field."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path, self.data = path, data
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}

    def target(self) -> Target:
        self._check_keys("", self.data, ("name", "title", "chip", "chips", "simulator", *_TABLES))
        for key in ("name", "title"):
            if not isinstance(self.data.get(key), str) or not self.data[key]:
                self._fail(f"{key!r} is {self.data.get(key)!r}; a text is needed")
        simulator = self.data.get("simulator", False)
        if not isinstance(simulator, bool):
            self._fail(f"'simulator' is {simulator!r}; true or false is allowed")
        self.values["simulator"] = simulator
        if "chip" in self.data:
            self._inherit(self.data["chip"])
        if "chips" in self.data:
            self._keep("chips", self._sourced("chips", self.data["chips"], "8"))
        for key, entry in self._table("limits", number_fields()).items():
            self._keep(key, self._sourced(f"limits.{key}", entry, "62"))
        self._processes()
        self._packing()
        self._events()
        self._controller()
        try:
            return Target(name=self.data["name"], title=self.data["title"], sources=self.sources, **self.values)
        except TargetError as error:
            raise TargetError(f"target file {self.path}: {error}") from error

    def _inherit(self, chip: Any) -> None:
        """Copy limits, processes, packing, events and their sources from the chip of a board."""
        if "chips" not in self.data:
            self._fail(f'chip is {chip!r}, chips is missing; write chips = {{ value = 8, source = "where it is from" }}')
        carried = self._other("chip", chip)
        if carried.chip != chip:
            self._fail(f"chip is {chip!r}, a board of {carried.chip}; name the chip")
        inherited = (
            entry.name for entry in fields(Target) if entry.name not in ("name", "title", "chips", "simulator", "sources")
        )
        self.values.update((name, getattr(carried, name)) for name in inherited)
        self.sources.update({name: source for name, source in carried.sources.items() if name != "chips"})

    def _processes(self) -> None:
        for key, entry in self._table("processes", PROCESS_FIELDS).items():
            where = f"processes.{key}"
            example = "true" if key == "conv_weights_shared" else '["cuba"]' if key == "neuron_models" else '["dense"]'
            value, source = self._sourced(where, entry, example)
            if key == "conv_weights_shared":
                if not isinstance(value, bool):
                    self._fail(f"{where} is {value!r}; true or false is allowed")
            else:
                known = NEURON_MODELS if key == "neuron_models" else LAYER_KINDS
                if not isinstance(value, list) or not value:
                    self._fail(f"{where} is {value!r}; a list is allowed, such as {example}")
                wrong = [name for name in value if name not in known]
                if wrong:
                    self._fail(f"{where} holds {wrong[0]!r}; {self._hint(wrong[0], known)}")
                value = tuple(value)
            self._keep(key, (value, source))

    def _packing(self) -> None:
        table = self._table("packing", (_STAND_IN, *PACKING_NUMBERS, *PACKING_WIDTHS))
        if not table:
            return
        if _STAND_IN in table:
            self.values["packing"] = self._stand_in("packing", table)
            return
        values: dict[str, Any] = {}
        for key in (*PACKING_NUMBERS, *PACKING_WIDTHS):
            where, several = f"packing.{key}", key in PACKING_WIDTHS
            if key not in table:
                self._fail(f"{where} is missing; a packing states all of {', '.join((*PACKING_NUMBERS, *PACKING_WIDTHS))}")
            value, self.sources[where] = self._sourced(where, table[key], "[0, 6]" if several else "64")
            numbers = value if several and isinstance(value, list) else [value]
            least = 1 if key in ("block_synapses", "word_bits") else 0
            if (
                not numbers
                or any(type(number) is not int or number < least for number in numbers)
                or numbers != sorted(numbers)
            ):
                allowed = "a rising list of whole numbers" if several else f"a whole number of {least} or more"
                self._fail(f"{where} is {value!r}; {allowed} is allowed")
            values[key] = tuple(numbers) if several else value
        self.values["packing"] = SynapsePacking(self._own_chip, **values)

    def _events(self) -> None:
        table = self._table("events", (_STAND_IN, *EVENTS))
        if not table:
            return
        if _STAND_IN in table:
            self.values["events"] = self._stand_in("events", table)
            return
        events = {}
        for key, entry in table.items():
            where = f"events.{key}"
            numbers = {"energy_pj", "time_ns"} & set(entry) if isinstance(entry, dict) else set()
            good = numbers and set(entry) == numbers | {"source"} and self._is_source(entry["source"])
            if not good:
                self._fail(f'{where} is {entry!r}; write {{ energy_pj = 3.0, time_ns = 4.1, source = "where it is from" }}')
            for name in numbers:
                value = entry[name]
                if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
                    self._fail(f"{where}.{name} is {value!r}; a number of 0 or more is allowed")
            events[key] = Event(*(None if entry.get(name) is None else float(entry[name]) for name in Event._fields))
            self.sources[where] = entry["source"]
        self.values["events"] = Events(self._own_chip, **events)

    def _controller(self) -> None:
        if "controller" not in self.data:
            if "cycles" in self.data:
                self._fail("cycles has no controller beside it; write a table [controller]")
            return
        values: dict[str, Any] = {}
        for key, entry in self._table("controller", CONTROLLER_FIELDS).items():
            where = f"controller.{key}"
            example = {"compiler": '["cc", "-mcpu=..."]', "emulator": '"mps2-an386"'}.get(key, "524288")
            value, self.sources[where] = self._sourced(where, entry, example)
            good = (
                type(value) is int and value > 0
                if key in CONTROLLER_NUMBERS
                else isinstance(value, str) and bool(value)
                if key == "emulator"
                else isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)
            )
            if not good:
                self._fail(f"{where} is {value!r}; a value such as {example} is allowed")
            values[key] = tuple(value) if isinstance(value, list) else value
        self.values["controller"] = Controller(**values, cycles=self._cycles())

    def _cycles(self) -> Cycles | None:
        table = self._table("cycles", (_STAND_IN, *CYCLES))
        if not table:
            return None
        if _STAND_IN in table:
            name, self.sources["cycles"] = self._sourced(f"cycles.{_STAND_IN}", table[_STAND_IN], '"cortex-m4"')
            other = self._other(f"cycles.{_STAND_IN}", name).controller
            if other is None or other.cycles is None or other.cycles.published_for != name or len(table) > 1:
                self._fail(f"cycles.{_STAND_IN} is {name!r}; it stands alone, and names a target that states its own cycles")
            return other.cycles
        values = {}
        for key in CYCLES:
            if key not in table:
                self._fail(f"cycles.{key} is missing; a table of cycles states all of {', '.join(CYCLES)}")
            value, self.sources[f"cycles.{key}"] = self._sourced(f"cycles.{key}", table[key], "2")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
                self._fail(f"cycles.{key} is {value!r}; a number above 0 is allowed")
            values[key] = float(value)
        return Cycles(self._own_chip, **values)

    @property
    def _own_chip(self) -> str:
        return str(self.data.get("chip", self.data["name"]))

    def _stand_in(self, table_name: str, table: Mapping[str, Any]) -> Any:
        where = f"{table_name}.{_STAND_IN}"
        name, source = self._sourced(where, table[_STAND_IN], '"loihi1"')
        if len(table) > 1:
            self._fail(f"{where} stands beside {next(key for key in table if key != _STAND_IN)}; a stand-in is all or nothing")
        other = getattr(self._other(where, name), table_name)
        if other is None or other.published_for != name:
            self._fail(f"{where} is {name!r}, which states no {table_name} of its own; name a target that does")
        self.sources[table_name] = source
        return other

    def _other(self, where: str, name: Any) -> Target:
        if name not in target_names():
            self._fail(f"{where} is {name!r}; {self._hint(name, target_names())}")
        return _read(_FOLDER / f"{name}.toml")

    def _table(self, name: str, known: tuple[str, ...]) -> Mapping[str, Any]:
        table = self.data.get(name, {})
        if not isinstance(table, dict):
            self._fail(f"{name!r} is {table!r}; a table is needed")
        self._check_keys(f"{name}.", table, known)
        result: Mapping[str, Any] = table
        return result

    def _keep(self, key: str, sourced: tuple[Any, str]) -> None:
        self.values[key], self.sources[key] = sourced

    def _sourced(self, where: str, entry: Any, example: str) -> tuple[Any, str]:
        if not isinstance(entry, dict) or set(entry) != {"value", "source"} or not self._is_source(entry["source"]):
            self._fail(f'{where} is {entry!r}; write {{ value = {example}, source = "where it is from" }}')
        return entry["value"], entry["source"]

    @staticmethod
    def _is_source(text: Any) -> bool:
        return isinstance(text, str) and bool(text.strip())

    def _check_keys(self, prefix: str, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in data:
            if key not in known:
                self._fail(f"field {prefix}{key} is unknown; {self._hint(key, known)}")

    @staticmethod
    def _hint(got: Any, known: tuple[str, ...]) -> str:
        near = difflib.get_close_matches(str(got), known, n=1, cutoff=0.5)
        return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"

    def _fail(self, text: str) -> NoReturn:
        raise TargetError(f"target file {self.path}: {text}")
