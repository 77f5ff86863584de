"""Decides from the JSON of all stages whether the network may go to the chip, in sentences; measures nothing.

``may not go``: a rule of the target is broken, there are too few cores, values that must be equal differ, or the interval shows
a loss that is not allowed.  ``undecided``: there is no such reason, but a needed fact is missing, because there are too few
samples or a stage did not run.  ``may go``: otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from myelin.convert.statistics.words import accuracy_change, direction, error_change, interval
from myelin.hw_configs.written import counted, thousands

MAY, MAY_NOT, UNDECIDED = "may go", "may not go", "undecided"
#: Smallest change of a spike rate in percent that gets a sentence.
_RATE_PERCENT = 1.0
#: What an interval shows -> the answer to whether integers cost accuracy.
_ANSWERS = {"loss": "Yes", "gain": "No", "open": "Not that these samples could tell"}
Values = Mapping[str, Any]


def judge(values: Values) -> dict[str, Any]:
    """The verdict on a report's values, in sentences: ``answer, headline, reasons, cost, where, helps, caveats``."""
    against, unknown = list(_against(values)), list(_unknown(values))
    answer = MAY_NOT if against else UNDECIDED if unknown else MAY
    target = values["target"]["title"]
    headline = {
        MAY: f"This network may go to {target}.",
        MAY_NOT: f"This network may not go to {target}.",
        UNDECIDED: f"Whether this network may go to {target} is undecided.",
    }[answer]
    return {
        "answer": answer,
        "headline": headline,
        "reasons": against + unknown if against or unknown else list(_grounds(values)),
        "cost": _cost(values["validation"]),
        "where": list(_where(values)),
        "helps": list(_helps(values)),
        "caveats": list(_caveats(values)),
    }


def _against(values: Values) -> Iterator[str]:
    rules, mapping, validation = values["rules"], values["mapping"], values["validation"]
    yield from (violation["message"] for violation in rules["violations"])
    if mapping is not None:
        said = {violation["message"] for violation in rules["violations"]}
        yield from (refusal["message"] for refusal in mapping["refusals"])
        yield from (text for text in mapping["broken_rules"] if text not in said)
    if validation is not None:
        yield from validation["network"]["failures"]
        yield from (validation.get("states") or {}).get("violations", ())
        for parity in validation["parities"]:
            if parity["equal"] is False:
                wrong, all_values = thousands(parity["different_values"]), thousands(parity["values"])
                yield f"{parity['name']}: {wrong} of {all_values} values differ, and none may"
        if validation["gate"]["outcome"] == "fails":
            yield validation["gate"]["message"]


def _unknown(values: Values) -> Iterator[str]:
    if values["validation"] is None:
        yield f"whether integers cost accuracy was not measured: {values['missing']['validation']['why']}"
    elif values["validation"]["gate"]["outcome"] in ("undecided", "not judged"):
        yield values["validation"]["gate"]["message"]
    if values["mapping"] is None and not values["target"]["simulator"]:
        what = "on the cores" if values["target"].get("cores", True) else "in the memory"
        yield f"whether it fits {what} was not looked at: {values['missing']['mapping']['why']}"


def _grounds(values: Values) -> Iterator[str]:
    validation, mapping = values["validation"], values["mapping"]
    yield validation["gate"]["message"]
    ran = [parity for parity in validation["parities"] if parity["equal"]]
    if ran:
        yield "every value that must be equal is: " + "; ".join(
            f"{parity['name']} ({thousands(parity['values'])} values of {counted(parity['samples'], 'sample')})"
            for parity in ran
        )
    yield "no rule of the target is broken, as far as its numbers are public"
    if mapping is not None:
        board = mapping.get("board")
        if board is None:
            yield f"it takes {mapping['cores']} of {mapping['available_cores']} cores"
        else:
            yield from board["memory"]


def _cost(validation: Values | None) -> str:
    if validation is None:
        return "Not measured."
    gate, samples = validation["gate"], validation["samples"]
    if gate["outcome"] == "not judged":
        return "Not measured: there is no reference."
    if gate.get("unit") == "percent":
        return _cost_of_errors(gate, samples)
    change = _change(gate)
    span = f"{interval(*change[1:], 'points')}, on {counted(samples, 'sample')}"
    return f"{_ANSWERS[direction(*change[1:])]}: the integer network {accuracy_change(*change, 'floats')} ({span})."


def _cost_of_errors(gate: Values, samples: int) -> str:
    change = gate["drop_points"], gate["drop_low_points"], gate["drop_high_points"]
    better = direction(*_change(gate)[1:])
    span = f"{interval(*change[1:], '%')}, on {counted(samples, 'sample')}"
    return f"{_ANSWERS[better]}: the error (RMSE) of the integer network {error_change(*change, 'floats')} ({span})."


def _change(gate: Values) -> tuple[float, float, float]:
    """The difference of the integers and its interval, where positive means better."""
    return 0.0 - gate["drop_points"], 0.0 - gate["drop_high_points"], 0.0 - gate["drop_low_points"]


def _loss(compared: Values) -> tuple[float, float, str]:
    """Loss of a stage against another, the low end of its interval, and a text of its difference."""
    if compared.get("rmse_change_percent") is not None:
        change = compared["rmse_change_percent"]
        return change, compared["rmse_change_low_percent"], f"{change:+.2f} % of the error"
    change = compared["difference_points"]
    return -change, -compared["difference_high_points"], f"{change:+.2f} points"


def _where(values: Values) -> Iterator[str]:
    """Where accuracy is lost: nothing if no loss is shown and the gate passes, and always where two runs part."""
    validation = values["validation"]
    if validation is None or validation["gate"]["outcome"] == "not judged":
        return
    if _is_lost(validation):
        yield from _losses(validation)
    for parity in validation["parities"]:
        first = (parity["divergence"] or {}).get("first")
        if first:
            yield f"{parity['name']}: the two part in {first['where']}, neuron {first['neuron']}, step {first['step']}"


def _is_lost(validation: Values) -> bool:
    """True if the whole or a stage shows a loss, or if the gate does not pass and one would like to know why."""
    gate, stages = validation["gate"], {stage["name"]: stage for stage in validation["stages"]}
    if gate["outcome"] != "passes" or direction(*_change(gate)[1:]) == "loss":
        return True
    compared = [stages[name]["to_float"] for name in (*validation["alone"], *validation["cumulated"][1:])]
    return any(_loss(one)[1] > 0 for one in compared)


def _losses(validation: Values) -> Iterator[str]:
    stages = {stage["name"]: stage for stage in validation["stages"]}
    alone = [(stages[name], *_loss(stages[name]["to_float"])) for name in validation["alone"]]
    shown = [one for one in alone if one[2] > 0]
    for stage, _, _, change in shown:
        yield f"{stage['description']}, alone: {change}, and the interval excludes none"
    if alone and not shown:
        stage, loss, _, change = max(alone, key=lambda one: one[1])
        yield (
            f"no quantisation alone shows a loss; the largest estimate is {change} ({stage['description']})"
            if loss > 0
            else "no quantisation alone shows a loss, nor has any an estimate below none"
        )
    steps = [stages[name] for name in validation["cumulated"][1:]]
    largest = max(steps, key=lambda stage: _loss(stage["to_previous"])[0])
    loss, low, change = _loss(largest["to_previous"])
    if loss > 0 and alone:
        words = "most is lost" if low > 0 else "the largest estimate, which may be chance, is"
        yield f"one after the other, {words} at {largest['description']!r}: {change} to the one before"
    whole = steps[-1]
    for layer, change in whole["to_float"]["spike_rate_change_percent_by_layer"].items():
        if change is not None and abs(change) >= _RATE_PERCENT:
            where = "the input" if layer == "-1" else f"layer {layer}"
            yield f"{where} fires {change:+.1f} % as integers"
    lost = sorted(validation["by_class"], key=lambda entry: entry["difference_points"] or 0.0)
    worst = [entry for entry in lost[:3] if (entry["difference_points"] or 0.0) < 0]
    if worst:
        named = (f"{entry['name']} ({entry['integer_correct_samples'] - entry['float_correct_samples']:+d})" for entry in worst)
        yield "fewer samples are right in the classes " + ", ".join(named)


#: Name of a quantisation -> advice if it costs accuracy.
CURES = {
    "delays": "delays cost accuracy: let them become whole steps earlier in training (a smaller delay.harden_at, or "
    "delay.rounding = 'straight-through'), or take a shorter data.step_ms so that a step is a finer unit",
    "weights": "weights cost accuracy: train on their grid (train.weight_bits = 8), and raise neuron.threshold so that more "
    "steps of the grid lie below it",
    "decays": "decays cost accuracy: choose decays that are multiples of 1/4096, or train with them rounded",
}


def _helps(values: Values) -> Iterator[str]:
    rules, validation = values["rules"], values["validation"]
    yield from (f"{violation['where']}: {violation['cure']}" for violation in rules["violations"])
    if validation is None:
        yield values["missing"]["validation"]["cure"]
    else:
        gate = validation["gate"]
        if gate["outcome"] == "undecided" and gate["samples_needed"] is not None:
            needed, more = thousands(gate["samples_needed"]), thousands(gate["more_samples_needed"])
            yield f"validate on about {needed} samples, {more} more than now"
        stages = {stage["name"]: stage for stage in validation["stages"]}
        for name in validation["alone"]:
            if _loss(stages[name]["to_float"])[1] > 0:
                yield CURES[name]
        if gate["outcome"] == "fails":
            yield "quantise with less loss" + (
                ": the quantisation that costs most is named above" if validation["alone"] else ""
            )
        if gate["outcome"] == "not judged":
            yield "give a reference with --reference (reference= in Python), such as a module or stored predictions"
    if values["profile"] is not None:
        yield from values["profile"]["warnings"]


def _caveats(values: Values) -> Iterator[str]:
    validation, target = values["validation"], values["target"]
    if validation is not None:
        for parity in validation["parities"]:
            if parity["skipped"] is not None:
                yield f"not compared: {parity['name']} ({parity['skipped']})"
        if "network_sha256" not in validation:
            yield "the validation does not say of which network.net it is, so that it is this one's could not be proven"
    if target["not_public"]:
        yield f"not public, so not checked: {', '.join(target['not_public'])}"
    if target["energy_label"]:
        yield f"energy and time: {target['energy_label']}"
    for name, said in values["missing"].items():
        if name not in ("validation", "mapping"):
            yield f"no {name.replace('_', ' ')} in this report: {said['why']}"
