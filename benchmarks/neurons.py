"""Neuron by neuron: what each stage takes, and how fast the simulator is: ``python -m benchmarks.neurons [--quick]``.

The stages are asked through their registries.  The speed is that of one dense layer, 512 -> 512, beside CUBA neurons with the
same input, in turns; ``docs/neurons.md`` is written anew, with the measured figures of ``results/neurons.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import RESULTS, Run, digits, machine, rounds, save, say, spread
from benchmarks.tables.table_words import machine_line, number, times
from myelin.convert import (
    Alif,
    ComplexDense,
    Cuba,
    DelayedRecurrent,
    Dense,
    Input,
    Layer,
    Network,
    Rf,
    RfIz,
    Sigma,
    SigmaDelta,
    simulate,
)
from myelin.convert.arrays import IntArray
from myelin.convert.floats.twins import TWINS
from myelin.convert.modules.slayer_neurons.registry import SLAYER_NEURONS
from myelin.convert.modules.to_torch import BLOCK_NEURONS, INPUT_BLOCKS
from myelin.convert.netx.neurons import WRITERS
from myelin.convert.neurons import NEURONS, Neuron
from myelin.convert.nir.write import NODES
from myelin.convert.simulator.prepare import INPUT_STAGES, LAYER_STAGES
from myelin.hw_configs.files import write_atomically
from myelin.hw_configs.target_files import load_target, target_names
from myelin.lava_models.neurons.processes import PROCESSES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "neurons.md"
SIZE, STEPS, SAMPLES, DENSITY = 512, 100, 64, 0.05
#: What a neuron belongs to in SLAYER, whose packages hold a whole network's neurons.
_PACKAGES = {"delta": "sigma_delta", "sigma": "sigma_delta"}
#: What netx itself has no name for: files of ours alone can be read.
_OWN_FORM = ("alif",)
_HEAD = """# Neurons

What each stage does with each neuron; the table is made from the code by `python -m benchmarks.neurons`.

- *trained*: in blocks of `myelin.nn`, with learnt axonal delays.  *SLAYER*: blocks of lava-dl that `from_torch` reads where
  their evaluation is exact, and else refuses by name.
- *netx*: *ours* is a form of ours, which stock netx does not know.
- *NIR*: NIR has a node for it.  *floats*: a float twin, so that floats can be rounded and calibrated (`myelin quantise`).
- *simulator*: *compiled* loops, for samples and for single steps.  *Lava*: stock processes give the same integers.
- *targets*: the chips that list the neuron, and so do boards and systems of them; `cpu` has all of them.

"""
_SPEED = """
## Speed of the simulator

One dense layer, {size} -> {size}, with {density:.0%} of its input active, {steps} steps, {samples} samples; a message of
sigma-delta neurons is an integer.  *relative*: time beside CUBA neurons with the same input, in the same rounds.  A complex
connection has two matrices, and costs twice.

| neuron | samples/s, median (best) | active in a step | relative time, median (range) |
|---|---|---|---|
"""


def stages() -> str:
    """The table neuron x stage."""
    known = {name: load_target(name) for name in target_names() if name != "cpu"}
    targets = {name: target for name, target in known.items() if target.chip == name}  # boards have what their chip has
    rows = ["| neuron | recurrence | trained | SLAYER | netx | NIR | floats | simulator | Lava | targets |", "|" + "---|" * 10]
    for model, kind in NEURONS.items():
        if not kind.__module__.startswith("myelin."):
            continue  # somebody's own
        trained = BLOCK_NEURONS.covers(kind) or INPUT_BLOCKS.covers(kind)
        compiled = LAYER_STAGES.covers(kind) or INPUT_STAGES.covers(kind)
        twin = TWINS.covers(kind)
        listed = [name for name, target in targets.items() if model in (target.neuron_models or ())]
        cells = (
            f"`{kind.__name__}`",
            _sign(kind.RECURRENT and kind.IN_LAYER),
            _sign(trained),
            _sign(_PACKAGES.get(model, model) in SLAYER_NEURONS),
            "ours" if model in _OWN_FORM else _sign(WRITERS.covers(kind)),
            _sign(twin and any(name.__name__ == f"Float{kind.__name__}" for name in NODES.kinds())),
            _sign(twin),
            "compiled" if compiled else "reference",
            _sign(PROCESSES.covers(kind)),
            ", ".join(listed) or "simulation only",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def speed(results: dict[str, Any]) -> str:
    """The section on speed."""
    head = _SPEED.format(size=SIZE, density=DENSITY, steps=STEPS, samples=results["samples"])
    rows = [
        f"| {row['name']} | {number(row['samples_per_s']['median'])} ({number(row['samples_per_s']['high'])}) | "
        f"{row['active']:.1%} | {times(row['relative_time'])} |"
        for row in results["rows"]
    ]
    return head + "\n".join([*rows, "", machine_line(results), ""])


def page(results: dict[str, Any] | None) -> str:
    """The page, without the section on speed if nothing was measured."""
    return _HEAD + stages() + ("" if results is None else speed(results))


def _sign(there: bool) -> str:
    return "yes" if there else "–"


def _networks(rng: np.random.Generator) -> dict[str, Callable[[int], Network]]:
    """Title -> the network with a threshold mantissa."""

    def even(low: int, high: int) -> IntArray:
        return rng.integers(low, high, (SIZE, SIZE), dtype=np.int32) * np.int32(2)

    weight, own = even(-60, 68), even(-10, 10)
    both: IntArray = np.stack((weight, even(-60, 68)))
    recurrent = DelayedRecurrent(Dense(own), rng.integers(0, 30, SIZE, dtype=np.int32))
    current, voltage, slow, slower, sine, cosine = (np.array(value, np.int32) for value in (3277, 1843, 200, 800, 1200, 3700))

    def layer(neuron: Neuron, synapse: Any = None, again: DelayedRecurrent | None = None, output: Any = "spikes") -> Network:
        made: Any = Layer((SIZE,), Dense(weight) if synapse is None else synapse, neuron, np.zeros((), np.int32), again, output)
        return Network(Input((SIZE,), message_bits=8), (made,))

    def adaptive(threshold: int) -> Alif:
        return Alif(threshold, threshold // 4, current, voltage, slow, slower)

    return {
        "CUBA": lambda threshold: layer(Cuba(threshold, current, voltage)),
        "CUBA, recurrent": lambda threshold: layer(Cuba(threshold, current, voltage), again=recurrent),
        "ALIF": lambda threshold: layer(adaptive(threshold)),
        "ALIF, recurrent": lambda threshold: layer(adaptive(threshold), again=recurrent),
        "sigma-delta": lambda threshold: layer(SigmaDelta(threshold)),
        "sums of sigma-delta": lambda threshold: layer(Sigma(), output="state"),
        "RF": lambda threshold: layer(Rf(threshold, sine, cosine), ComplexDense(both)),
        "RF_IZ": lambda threshold: layer(RfIz(threshold, sine, cosine), ComplexDense(both)),
    }


def _threshold(make: Callable[[int], Network], spikes: Any) -> int:
    """The smallest threshold at which at most ``DENSITY`` of the neurons are active."""
    low, high = 1, (1 << 17) - 1
    while low < high:
        middle = (low + high) // 2
        if np.count_nonzero(simulate(make(middle), spikes[:4]).output) > DENSITY * spikes[:4].size:
            low = middle + 1
        else:
            high = middle
    return low


def measured(quick: bool) -> dict[str, Any]:
    """Samples per second of every neuron, and its time relative to CUBA in the same rounds."""
    samples, repeats = (4, 2) if quick else (SAMPLES, 9)
    rng = np.random.default_rng(3)
    spikes = (rng.random((samples, STEPS, SIZE)) < DENSITY).astype(np.uint8)
    networks = {name: make(_threshold(make, spikes)) for name, make in _networks(rng).items()}
    outputs = {name: simulate(network, spikes).output for name, network in networks.items()}
    runs = {
        name: Run(name, samples, lambda network=network: simulate(network, spikes).output, outputs[name])
        for name, network in networks.items()
    }
    pairs = [(runs["CUBA, recurrent" if "recurrent" in name else "CUBA"], run) for name, run in runs.items()]
    for run in runs.values():
        run.check()
    taken = rounds(pairs, repeats)
    rows = []
    for (_, run), seconds in zip(pairs, taken, strict=True):
        rows.append(
            {
                "name": run.name,
                "active": digits(float(np.count_nonzero(outputs[run.name]) / outputs[run.name].size)),
                "samples_per_s": spread([samples / own for _, own in seconds]),
                "relative_time": spread([own / cuba for cuba, own in seconds]),
            }
        )
    return {"benchmark": "neurons", "quick": quick, "samples": samples, "rounds": repeats, "machine": machine(), "rows": rows}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neurons", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few samples: shows that it runs, writes nothing")
    parser.add_argument("--page", action="store_true", help="write the page from the results there are; measure nothing")
    given = parser.parse_args(arguments)
    path = RESULTS / "neurons.json"
    if not given.page:
        results = measured(given.quick)
        print(speed(results))
        if given.quick:
            return
        save(path, results)
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    write_atomically(PAGE, page(there).encode())
    say(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
