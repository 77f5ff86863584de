"""The model card of an artifact: its README.md, for sharing it; made from the network and the manifest, it measures nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from string import Template
from typing import Any

import numpy as np

from myelin.convert.network import Layer, Network
from myelin.convert.statistics.proportions import wilson_interval
from myelin.hw_configs.written import counted, thousands

CARD = "README.md"
#: Entry of the user's provenance with the licence, in both spellings.
_LICENCE = ("licence", "license")
#: Most class names and facts of the user that are listed.
_MOST = 40
_RUN = """\
In this folder, with Myelin (`pip install myelin-loihi`):

```python
import myelin, numpy
network, golden = myelin.read("."), numpy.load("golden.npz", allow_pickle=False)  # every file is checked against its hash
print(myelin.simulate(network, golden["spikes"]).$answer)  # spikes: (samples, steps, $shape), integers
```

With stock lava-nc alone, without Myelin (`pip install lava-nc==0.10.0`):

```sh
python lava_network.py              # runs the golden inputs and compares every output value
python lava_network.py --samples 1  # only the first
python lava_network.py --help       # what the script needs
```"""


def model_card(network: Network, manifest: Mapping[str, Any], *, golden_samples: int) -> str:
    """The card as Markdown: network, training, accuracy, target and rules, limits, how to run it, versions, licence.

    Args:
        network: the network of the artifact.
        manifest: its manifest, without the hashes.
        golden_samples: number of golden inputs.
    """
    facts, metrics = manifest["provenance"], manifest["metrics"]
    target, run, user = manifest["target"], facts.get("run") or {}, facts.get("user") or {}
    name = _text(facts.get("name") or run.get("name") or "A network")
    shape = ", ".join(map(str, network.input.shape))
    answer = "prediction" if facts.get("task", "classes") == "classes" else "output"
    sections = (
        (f"# {name} for {_text(target['title'])}", [_first(network, facts)]),
        ("## Network", _network(network, metrics)),
        ("## Training and accuracy", _list(_training(facts, metrics, run))),
        ("## Target and rules", _list(_rules(target, facts))),
        ("## Limits", _list(_limits(network, facts, target, run))),
        ("## How to run it", [Template(_RUN).substitute(shape=shape, answer=answer)]),
        ("## Exact outputs", [_exact(facts, golden_samples)]),
        ("## Versions", _list(_versions(manifest, run))),
        *((("## What its maker says", _list(_said(user))),) if user else ()),
        ("## Licence", [_licence(user)]),
    )
    return "\n\n".join("\n".join([head, "", *lines]) for head, lines in sections) + "\n"


def _first(network: Network, facts: Mapping[str, Any]) -> str:
    task = {"steps": "a class for every step", "trace": "traces"}.get(facts.get("task", "classes"), "a class for every sample")
    return (
        f"A spiking neural network of whole numbers: {counted(len(network.layers), 'layer')} with "
        f"{thousands(sum(layer.neurons for layer in network.layers))} neurons; longest delay "
        f"{counted(network.max_delay_steps, 'step')}. It answers with {task}, of {facts.get('classes', network.num_classes)}."
    )


def _network(network: Network, metrics: Mapping[str, Any]) -> list[str]:
    rows = ["| layer | neurons | kind of neuron | weights | of them zero | delays, steps | output |",
            "|---|---:|---|---:|---:|---:|---|"]  # fmt: skip
    for index, layer in enumerate(network.layers):
        weights = [part.weight for part in layer.synapse.parts]
        weights += [] if layer.recurrent is None else [part.weight for part in layer.recurrent.synapse.parts]
        count, zero = sum(weight.size for weight in weights), sum(int((weight == 0).sum()) for weight in weights)
        output = layer.state if layer.output == "state" else "spikes"
        rows.append(
            f"| {index} ({layer.kind}) | {thousands(layer.neurons)} | {layer.neuron.LABEL} | {thousands(count)} | "
            f"{thousands(zero)} | {_delays(layer)} | {output} |"
        )
    shape = " x ".join(map(str, network.input.shape))
    values = f"whole numbers {network.input.min_value} to {network.input.max_value}"
    said = [*rows, "", f"Input: {shape}, {values} in every step."]
    if metrics.get("parameters") is not None:
        said.append(f"Trained parameters: {thousands(metrics['parameters'])}, of them recurrent "
                    f"{thousands(metrics.get('recurrent_parameters') or 0)}.")  # fmt: skip
    return said


def _delays(layer: Layer) -> str:
    """Shortest to longest delay of each kind that the layer has."""
    recurrent = layer.recurrent
    found = [
        ("axonal", layer.delay_steps),
        ("recurrent", None if recurrent is None else recurrent.delay_steps),
        ("synaptic", layer.synapse.delay_steps),
        ("recurrent synaptic", None if recurrent is None else recurrent.synapse.delay_steps),
    ]
    shown = [f"{name} {np.min(steps)} to {np.max(steps)}" for name, steps in found if steps is not None and np.any(steps)]
    return ", ".join(shown) or "none"


def _training(facts: Mapping[str, Any], metrics: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    if not run:
        yield f"Made from {_text(facts.get('source', 'a network'))}; how it was trained is not recorded here."
    else:
        yield (
            f"Trained on {_text(run.get('data'))}: epoch {run.get('exported_epoch')} of {run.get('epochs_done')}, "
            f"seed {run.get('seed')}."
        )
        yield from _accuracy(facts.get("task", "classes"), metrics)
    yield (
        "The test data were not looked at for this card. `myelin validate` compares the floats with these integers on data of "
        "your choice, and `myelin report` says with intervals whether the network may go to the chip."
    )


def _accuracy(task: str, metrics: Mapping[str, Any]) -> Iterator[str]:
    """The measure on the samples held out of training, which is that of the floats in training."""
    if task == "trace" and metrics.get("validation_error") is not None:
        yield f"Mean squared error on what training held out: {metrics['validation_error']:.4g}, without an interval."
    percent, samples = metrics.get("validation_accuracy_percent"), metrics.get("validation_samples")
    if task == "trace" or percent is None:
        return
    if task == "classes" and samples:
        low, high = wilson_interval(round(percent / 100 * samples), samples)
        span = f" (95 % interval {100 * low:.2f} to {100 * high:.2f})"
        yield f"Right on {counted(samples, 'sample')} that training held out: {percent:.2f} %{span}."
    else:
        yield f"Right on what training held out: {percent:.2f} %, without an interval."
    yield "That figure chose the exported epoch, so on new data the accuracy is likely a little lower."


def _rules(target: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"Exported for {_text(target['title'])} (`{target['name']}`): none of its public rules is broken."
    if target["not_public"]:
        yield f"Not public, so not checked: {', '.join(f'`{limit}`' for limit in target['not_public'])}."
    for line in facts.get("clipped") or ():
        yield f"Delays were shortened at export: {_text(line)}."


def _limits(network: Network, facts: Mapping[str, Any], target: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    binning = facts.get("binning")
    if binning:
        length = f" of {binning['step_ms']:g} ms" if binning.get("step_ms") else ""
        yield f"Made for samples of {counted(binning['steps'], 'step')}{length}; other lengths or units of time are other data."
    else:
        yield "How its input was made from events is not recorded here."
    keys = [_text(key) for key in facts.get("keys") or ()]
    if keys:
        more = f" and {len(keys) - _MOST} more" if len(keys) > _MOST else ""
        yield f"It knows these classes and answers with one of them whatever it is given: {', '.join(keys[:_MOST])}{more}."
    trained_for = run.get("trained_for")
    if trained_for and trained_for != target["name"]:
        yield f"It was trained for {_text(trained_for)}, not for {_text(target['name'])}."
    yield "Myelin's simulator and Lava are compared value by value; neither measures the energy or the time of a chip."


def _exact(facts: Mapping[str, Any], samples: int) -> str:
    golden = facts.get("golden") or {}
    data = f" ({_text(golden['data'])})" if golden.get("data") else ""
    return (
        f"`golden.npz` holds {counted(samples, 'input')}{data} with every spike and output that must come out, integer by "
        "integer. `manifest.json` holds the SHA-256 of every file here, also of this one: put your own words in another file."
    )


def _versions(manifest: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Export: Myelin {manifest['myelin']}, "
        + ", ".join(f"{name} {said}" for name, said in manifest["versions"].items())
        + "."
    )
    trained = run.get("versions") or {}
    if trained:
        maker = [f"Myelin {run['myelin']}"] if run.get("myelin") else []
        yield "Training: " + ", ".join([*maker, *(f"{_text(name)} {_text(said)}" for name, said in trained.items())]) + "."


def _said(user: Mapping[str, Any]) -> Iterator[str]:
    for name, value in list(user.items())[:_MOST]:
        yield f"{_text(name)}: {_text(value)}"


def _licence(user: Mapping[str, Any]) -> str:
    found = next((user[name] for name in _LICENCE if user.get(name)), None)
    if found is not None:
        return f"{_text(found)}"
    return (
        'Not stated. Its maker states it in a file LICENSE beside this one, or at export: `provenance={"licence": "..."}` of '
        "`myelin.export`. Without a licence nobody else may use the network."
    )


def _list(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def _text(value: object) -> str:
    """``value`` in one line of plain text: nothing in it is Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(str(value).split()))
