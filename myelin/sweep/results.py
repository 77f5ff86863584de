"""Checks what a run of a sweep left as its result, before a table is made of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from myelin.hw_configs.argument_checks import is_number
from myelin.sweep.evaluations import unpacked

#: Numbers that every result has, and the one that a network without delays lacks.
_NUMBERS = (
    "parameters",
    "recurrent_parameters",
    "train_seconds",
    "seconds_per_epoch",
    "training_says_validation_accuracy_percent",
)
_ABSENT = "delay_mean_steps"


def check_result(result: Mapping[str, Any], parts: Collection[str]) -> None:
    """Raise KeyError, TypeError, ValueError or OverflowError if ``result`` lacks what a table of ``parts`` needs."""
    for name in _NUMBERS:
        _number(result[name])
    if result[_ABSENT] is not None:
        _number(result[_ABSENT])
    for rate in _list(result["rates_spikes_per_neuron_and_step"]):
        _number(rate)
    if not isinstance(result["case"], str):
        raise TypeError("case")
    for part in parts:
        _check_evaluation(result["evaluations"][part])


def _check_evaluation(found: Mapping[str, Any]) -> None:
    _number(found["samples"])
    for which in ("integer", "float"):
        _number(found[f"{which}_accuracy_percent"])
        for name in (f"{which}_published_percent", f"{which}_as_trained_percent"):
            if found.get(name) is not None:
                _number(found[name])
    shapes = set()
    for name in ("labels", "integer_predictions", "float_predictions"):
        kinds = {type(value) for value in _list(found[name])}
        if kinds not in ({int}, {str}):
            raise TypeError(name)
        shapes.add(unpacked(found[name]).shape)
    numbers = _list(found["sample_numbers"])
    if not all(type(number) is int for number in numbers):
        raise TypeError("sample_numbers")
    if len(shapes) != 1 or {shape[:1] for shape in shapes} != {unpacked(numbers).shape}:
        raise ValueError("sample_numbers")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return value


def _number(value: Any) -> None:
    if not is_number(value):
        raise TypeError("a number is needed")
