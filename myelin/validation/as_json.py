"""A validation as values for JSON, with all values of the screen and of the figure; a report can be made from them.

They are the ``result`` in the file of `myelin validate --json` (``myelin.envelope``).  This is version 1 of the schema
(``format``); within a version fields are only added.  Accuracies are in percent, differences in percent points, intervals are
95 % intervals.  Lists are in the order of ``classes`` or of the samples of the split.

========================  ======================================================================================================
``format``                1
``task``                  ``classes``, ``steps`` (a class for each step) or ``trace``
``reference``             ``kind`` (checkpoint, floats, module, callable, predictions) and ``name``; null without one
``data, split, samples``  data of the measurement
``events_not_in_frames``  ``events`` read, and how many were ``late, early, off_channel, clipped``
``classes``               names of the classes
``stages``                list of ``myelin.validation.stages.ValidationStage``: accuracy (null for traces) or ``rmse`` (only for
                          traces), ``published_percent`` (steps without a label as class 0; else null), right answers by class,
                          spike rates, ``to_float`` and ``to_previous`` (``myelin.validation.stages.StageComparison``); names
                          ``float, delays, weights, decays, delays_weights, training, simulator``, or of another reference
                          ``float, simulator``
``alone, cumulated``      names of the stages with a single quantisation, and of the stages that each add one more
``labels``                true class of each sample, as an index of ``classes``; with a class for each step a list for each
                          sample, -1 for none; null for traces
``predictions``           name of a stage -> predicted class of each sample (and step); null for traces
``errors``                for traces: name of a stage -> root mean square error of each sample; else null
``traces``                for traces: ``samples`` (their numbers), ``target``, and name of a stage -> values,
                          [sample][step][output]; else null
``output_unit``           for traces: ``scale`` (the integer output that means 1.0) and ``source``; else null
``messages``              of sigma-delta neurons: ``per_step``, ``frame_network_per_step`` (units that would send in every
                          step), ``percent_of_frame_network``; else null
``confusion``             ``float`` (null without a reference) and ``integer``: [true class][predicted class] samples, or
                          labelled steps; null for traces
``by_class``              list of ``myelin.validation.validate.ClassChange``; of labelled steps, if each has a class
``parities``              list: ``name, equal`` (null if skipped), ``skipped`` (the reason, or null), ``samples, values,
                          different_values, first`` (``where, sample, step, neuron, expected, got``), ``divergence`` (as
                          `myelin diff` writes it, or null)
``states``                ``target, samples``, ``violations`` and ``notes`` (sentences), and ``ranges`` of all samples (as
                          `myelin check` writes ``states``); null in files of older versions
``network``               ``as_expected`` (null unless an artifact was validated), ``reference`` (source of the expected
                          network, or null), ``deviations`` (list of ``myelin.convert.artifact.examine.Deviation``),
                          ``golden_values, golden_different_values, golden_first``, ``failures``
``gate``                  ``rule``, ``outcome`` (passes, fails, undecided; not judged without a reference), ``unit`` (points of
                          accuracy, or percent of the reference's error), ``max_drop_points, drop_points, drop_low_points,
                          drop_high_points`` (losses in that unit; gains are negative), ``samples_needed,
                          more_samples_needed`` (null if decided), ``power_percent``, ``message``, ``passed`` (the exit code is
                          0: outcome and all equalities), ``failures`` (reasons against it)
========================  ======================================================================================================
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.examine import Examination
from myelin.convert.compare.difference import Parity
from myelin.validation.equalities import Equality
from myelin.validation.gate import NOT_JUDGED, POWER_PERCENT, verdict
from myelin.validation.reference import FLOAT
from myelin.validation.stages import ALONE, CUMULATED, INTEGER, there

if TYPE_CHECKING:
    from myelin.validation.validate import Validation

FORMAT = 1
RULE = (
    "passes if the 95 % interval of the difference between integers and floats rules out a loss of more than is allowed, "
    "fails if it rules out a smaller one, undecided else; any compared value that differs fails"
)
RULE_OF_ERRORS = (
    "passes if the 95 % interval of the change of the error (RMSE) rules out a larger increase than is allowed, "
    "fails if it rules out a smaller one, undecided else; any compared value that differs fails"
)
_FIGURES = ("max_drop_points", "drop_points", "drop_low_points", "drop_high_points", "samples_needed", "more_samples_needed")


def as_dict(validation: Validation) -> dict[str, Any]:
    """All values of the schema, with units in the names."""
    trace = validation.task == "trace"
    predictions = {name: outcome.predictions for name, outcome in validation.outcomes.items()}
    return {
        "format": FORMAT,
        "task": validation.task,
        "reference": None if validation.reference is None else dict(validation.reference),
        "data": validation.data,
        "split": validation.split,
        "samples": validation.samples,
        "events_not_in_frames": validation.events_not_in_frames,
        "classes": list(validation.classes),
        "stages": [asdict(stage) for stage in validation.stages],
        "alone": list(there(ALONE, predictions)),
        "cumulated": list(there(CUMULATED, predictions)),
        "labels": None if trace else validation.labels.tolist(),
        "predictions": None if trace else {name: array.tolist() for name, array in predictions.items()},
        "errors": {name: np.sqrt(array).tolist() for name, array in predictions.items()} if trace else None,
        "traces": _traces(validation) if trace else None,
        "output_unit": None if validation.unit is None else validation.unit._asdict(),
        "messages": None if validation.messages is None else validation.messages.as_dict(),
        "confusion": None if trace else {
            name: confusion(predictions[stage], validation.labels, len(validation.classes)).tolist()
            if stage in predictions else None
            for name, stage in (("float", FLOAT), ("integer", INTEGER))
        },
        "by_class": [asdict(change) for change in validation.by_class],
        "parities": [_equality(equality) for equality in validation.equalities],
        "states": None if validation.limits is None else validation.limits.as_dict(),
        "network": examination_as_dict(validation.examination),
        "gate": {
            "rule": RULE_OF_ERRORS if trace else RULE,
            **_gate(validation),
            "passed": not validation.failures,
            "failures": validation.failures,
        },
    }  # fmt: skip


def _gate(validation: Validation) -> dict[str, Any]:
    gate = validation.gate
    if gate is None:
        return {"outcome": "not judged", "unit": None, **dict.fromkeys(_FIGURES), "power_percent": None, "message": NOT_JUDGED}
    more = None if gate.samples_needed is None else gate.samples_needed - gate.samples
    figures = (gate.max_drop, gate.drop, gate.drop_low, gate.drop_high, gate.samples_needed, more)
    return {
        "outcome": gate.outcome,
        "unit": gate.unit,
        **dict(zip(_FIGURES, figures)),
        "power_percent": POWER_PERCENT,
        "message": verdict(gate),
    }


def _traces(validation: Validation) -> dict[str, Any]:
    kept = {name: outcome.examples for name, outcome in validation.outcomes.items() if outcome.examples is not None}
    count = len(next(iter(kept.values())))
    shown = {name: kept[name].tolist() for name in (FLOAT, INTEGER) if name in kept}
    return {"samples": list(range(count)), "target": validation.labels[:count].tolist(), **shown}


def examination_as_dict(examination: Examination | None) -> dict[str, Any]:
    """The part ``network``."""
    if examination is None:
        nothing = {"deviations": [], "golden_values": 0, "golden_different_values": 0, "golden_first": None, "failures": []}
        return {"as_expected": None, "reference": None, **nothing}
    golden = examination.golden
    return {
        "as_expected": not examination.failures,
        "reference": examination.reference,
        "deviations": [asdict(deviation) for deviation in examination.deviations],
        "golden_values": golden.values,
        "golden_different_values": golden.different_values,
        "golden_first": None if golden.first is None else asdict(golden.first),
        "failures": examination.failures,
    }


def confusion(predictions: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.int64]:
    """The number of samples, or labelled steps, for each (true class, predicted class); no answer counts nowhere."""
    counted = (labels >= 0) & (predictions >= 0)
    labels, predictions = labels[counted], predictions[counted]
    counts = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def _equality(equality: Equality) -> dict[str, Any]:
    parity = equality.parity or Parity(equality.name, 0, 0)
    return {
        **asdict(parity),
        "equal": None if equality.parity is None else parity.equal,
        "skipped": equality.skipped,
        "divergence": equality.divergence,
    }
