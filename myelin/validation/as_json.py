"""A validation as values for JSON, with all values of the screen and of the figure; a report can be made from them.

They are the ``result`` in the file of `myelin validate --json` (``myelin.envelope``).  This is version 1 of the schema
(``format``); within a version fields are only added.  Accuracies are in percent, differences in percent points, intervals are
95 % intervals.  Lists are in the order of ``classes`` or of the samples of the split.

========================  ======================================================================================================
``format``                1
``data, split, samples``  data of the measurement
``events_not_in_frames``  ``events`` read, and how many were ``late, early, off_channel, clipped``
``classes``               names of the classes
``stages``                list of ``myelin.validation.stages.ValidationStage``: accuracy, right answers by class, spike rates,
                          ``to_float`` and ``to_previous`` (``myelin.validation.stages.StageComparison``); names ``float,
                          delays, weights, decays, delays_weights, training, simulator``
``alone, cumulated``      names of the stages with a single quantisation, and of the stages that each add one more
``labels``                true class of each sample, as an index of ``classes``
``predictions``           name of a stage -> predicted class of each sample
``confusion``             ``float`` and ``integer``: [true class][predicted class] samples
``by_class``              list of ``myelin.validation.validate.ClassChange``
``parities``              list: ``name, equal`` (null if skipped), ``skipped`` (the reason, or null), ``samples, values,
                          different_values, first`` (``where, sample, step, neuron, expected, got``), ``divergence`` (as
                          `myelin diff` writes it, or null)
``network``               ``as_expected, reference`` (source of the expected network, or null), ``deviations`` (list of
                          ``myelin.convert.artifact.examine.Deviation``), ``golden_values, golden_different_values,
                          golden_first``, ``failures``
``gate``                  ``rule``, ``outcome`` (passes, fails, undecided), ``max_drop_points, drop_points, drop_low_points,
                          drop_high_points`` (losses; gains are negative), ``samples_needed, more_samples_needed`` (null if
                          decided), ``power_percent``, ``message``, ``passed`` (the exit code is 0: outcome and all equalities),
                          ``failures`` (reasons against it)
========================  ======================================================================================================
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.examine import Examination
from myelin.convert.compare.difference import Parity
from myelin.validation.gate import POWER_PERCENT, verdict
from myelin.validation.stages import ALONE, CUMULATED, INTEGER
from myelin.validation.validate import FLOAT, Equality, Validation

FORMAT = 1
RULE = (
    "passes if the 95 % interval of the difference between integers and floats rules out a loss of more than max_drop_points, "
    "fails if it rules out a smaller one, undecided else; any compared value that differs fails"
)


def as_dict(validation: Validation) -> dict[str, Any]:
    """All values of the schema, with units in the names."""
    gate = validation.gate
    predictions = {name: outcome.predictions for name, outcome in validation.outcomes.items()}
    return {
        "format": FORMAT,
        "data": validation.data,
        "split": validation.split,
        "samples": gate.samples,
        "events_not_in_frames": validation.events_not_in_frames,
        "classes": list(validation.classes),
        "stages": [asdict(stage) for stage in validation.stages],
        "alone": list(ALONE),
        "cumulated": list(CUMULATED),
        "labels": validation.labels.tolist(),
        "predictions": {name: array.tolist() for name, array in predictions.items()},
        "confusion": {
            name: confusion(predictions[stage], validation.labels, len(validation.classes)).tolist()
            for name, stage in (("float", FLOAT), ("integer", INTEGER))
        },
        "by_class": [asdict(change) for change in validation.by_class],
        "parities": [_equality(equality) for equality in validation.equalities],
        "network": examination_as_dict(validation.examination),
        "gate": {
            "rule": RULE,
            "outcome": gate.outcome,
            "max_drop_points": gate.max_drop_points,
            "drop_points": gate.drop_points,
            "drop_low_points": gate.drop_low_points,
            "drop_high_points": gate.drop_high_points,
            "samples_needed": gate.samples_needed,
            "more_samples_needed": None if gate.samples_needed is None else gate.samples_needed - gate.samples,
            "power_percent": POWER_PERCENT,
            "message": verdict(gate),
            "passed": not validation.failures,
            "failures": validation.failures,
        },
    }


def examination_as_dict(examination: Examination) -> dict[str, Any]:
    """The part ``network``."""
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
    """The number of samples for each (true class, predicted class)."""
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
