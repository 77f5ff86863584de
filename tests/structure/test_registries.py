"""One concept has one file stem in every stage: each gap is declared here with its reason, none is forgotten."""

from __future__ import annotations

import pytest
from places import ROOT

from myelin import convert

STAGES = ("train", "convert", "lava_models")
#: (folder, stem) -> the stages that have it, and why the others do not.
GAPS = {
    ("neurons", "neuron"): (
        ("train", "convert"),
        "the contracts; `myelin.convert.floats.neuron` is that of floats; Lava has its own",
    ),
    ("neurons", "registry"): (("convert",), "which neurons there are, for every stage"),
    ("neurons", "leaky_states"): (("convert",), "what recorded integers tell of the steps between them"),
    ("neurons", "named"): (("lava_models",), "neurons whose integers name their Lava process and its arguments"),
    ("neurons", "processes"): (("lava_models",), "which Lava process stands for which neuron"),
    ("neurons", "checks"): (("train",), "constants that a user gives; integers check themselves at construction"),
    ("neurons", "loops"): (("train",), "the way of a population through the compiled loops"),
    ("neurons", "on_device"): (("train",), "constants of CUBA neurons that stay on a GPU while it trains"),
    ("neurons", "on_grid"): (("train",), "rounding with straight-through gradients; integers are on their grid already"),
    ("neurons", "rf"): (("convert", "lava_models"), "trained with SLAYER's own blocks, whose evaluation is exact"),
    ("layers", "sigma_delta"): (
        ("train",),
        "the blocks at both ends of a network; downstream neurons of an input or a layer",
    ),
    ("layers", "complex"): (("convert",), "trained with SLAYER's own blocks; two of Lava's connections"),
    ("layers", "synapse"): (("convert",), "the contract of a connection; training's is `block`"),
    ("layers", "synapses"): (("lava_models",), "which Lava connections stand for which synapse"),
    ("layers", "block"): (("train",), "what every layer for training is made of; integers are `myelin.convert.network.Layer`"),
    ("layers", "dropout"): (("train",), "acts while training only"),
    ("layers", "arguments"): (("train",), "what the constructors of blocks share"),
    ("layers", "spikes"): (("train",), "checks of what enters a block; arrays for integers are `myelin.convert.axes`'"),
    ("layers", "export"): (("train",), "a block's own group of a netx file; of a whole network, `myelin.convert.netx.write`"),
    ("layers", "norm"): (("train",), "downstream folded into weights and bias"),
    ("layers", "pool"): (("train",), "downstream a depthwise convolution"),
    ("layers", "flatten"): (("train",), "no layer of its own downstream: a dense one reads any shape"),
    ("layers", "readout"): (("train",), "downstream a dense layer with output 'state', neurons that never spike"),
    ("layers", "recurrence"): (("train",), "the loop inside delayed_recurrent; Lava and the simulator run it step by step"),
    ("layers", "weights"): (("convert",), "which integers a synapse holds: floats have no such limit, Lava is told the format"),
    ("layers", "connection"): (("lava_models",), "a Lava process with its arguments, whatever layer it belongs to"),
    ("layers", "delayed"): (("lava_models",), "the arithmetic of our ProcessModels; elsewhere delays are part of each loop"),
    ("layers", "delayed_models"): (("lava_models",), "ProcessModels are Lava's"),
}
#: What stands in the file of another, whose mathematics it shares: folder -> names.
PARTS = {"neurons": {"Delta", "RfIz", "Sigma"}, "layers": {"ComplexConv", "ComplexDense"}}
#: The contracts, and what registers with them.
CONTRACTS = {"neurons": {"Constant", "NEURONS", "Neuron", "register"}, "layers": {"Synapse"}}


def stems(folder):
    """stem -> stages that have a file of it."""
    found = {}
    for stage in STAGES:
        for path in sorted((ROOT / stage / folder).glob("*.py")):
            if path.stem != "__init__":
                found.setdefault(path.stem, []).append(stage)
    return found


@pytest.mark.parametrize("folder", ["neurons", "layers"])
def test_a_stem_stands_in_every_stage_or_its_gap_is_declared(folder):
    found = stems(folder)
    assert any(tuple(stages) == STAGES for stages in found.values())
    gaps = {stem: tuple(stages) for stem, stages in found.items() if tuple(stages) != STAGES}
    declared = {stem: stages for (where, stem), (stages, _) in GAPS.items() if where == folder}
    assert gaps == declared, "add the missing file, or declare the gap and its reason in GAPS (or remove what is no gap now)"


@pytest.mark.parametrize("folder", ["neurons", "layers"])
def test_what_has_a_stem_is_exported_under_its_name(folder):
    from myelin import train
    from myelin.train import layers, neurons  # noqa: F401 (attributes of train)

    def named(*stages):
        found = [stem for stem, has in stems(folder).items() if set(stages) <= set(has)]
        return {"".join(part.capitalize() for part in stem.split("_")) for stem in found}

    assert set(getattr(convert, folder).__all__) == named("convert", "lava_models") | PARTS[folder] | CONTRACTS[folder]
    assert named(*STAGES) <= set(getattr(train, folder).__all__)


def test_every_concept_has_a_test_of_its_stem():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").rglob("test_*.py")}
    shared = {stem for folder in ("neurons", "layers") for stem, has in stems(folder).items() if len(has) > 1}
    assert shared - tested <= {"dense"}, "a shared stem has no test file; dense runs in nearly every other one"
