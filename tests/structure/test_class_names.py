"""One public class name stands for one thing in the whole project."""

from __future__ import annotations

import ast

from places import ROOT

PACKAGES = ("hw_configs", "train", "convert", "lava_models", "myelin")
#: Blocks for training and integers of one concept share its name by design: the first are reached as ``myelin.nn``.
BY_STAGE = (
    {"train", "convert"},
    {"Alif", "Conv", "Cuba", "DelayedRecurrent", "Delta", "Dense", "Neuron", "Sigma", "SigmaDelta", "Synapse"},
)


def classes():
    """Public class name -> the files that define it."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):  # a link is not followed
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found.setdefault(node.name, []).append(path.relative_to(ROOT))
    return found


def test_a_public_class_name_means_one_thing():
    stages, names = BY_STAGE
    several = {name: paths for name, paths in classes().items() if len(paths) > 1}
    by_stage = [name for name, paths in several.items() if name in names and {path.parts[0] for path in paths} == stages]
    assert {name: paths for name, paths in several.items() if name not in by_stage} == {}
    assert set(by_stage) == names, "take from BY_STAGE what is unique by now"
