"""The page of conformance: its rows are tried, and say what happened."""

from __future__ import annotations

import pytest

from benchmarks.conformance.__main__ import _nir_line, _slayer_line
from benchmarks.conformance.nir_writers import Found
from benchmarks.conformance.slayer_files import Outcome


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (Outcome("a", 0, 100, 7), "| a | exact | 100 values, 7 not zero |"),
        (Outcome("a", 25, 1000, 7), "| a | 2.5 % differ | 1000 values, 7 not zero |"),
        (Outcome("a", refused="no such layer; supported are b"), "| a | refused: no such layer | |"),
    ],
)
def test_a_row_of_slayer_says_exact_or_how_far_or_why_not(found, line):
    assert _slayer_line(found) == line


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ("not tried: not installed", "| s | | not tried: not installed | | | |"),
        (Found("n", refused="why"), "| s | n | refused: why | | | |"),
        (Found("n", None, 0.051, 0.0, 0.3, decay=0.4), "| s | n | exact | 5.1 % | 0.40 |  |"),
        (Found("n", None, 0.2, 0.1, 0.0), "| s | n | 10 % | 20 % |  | subtracts the threshold at a spike |"),
        (Found("n", None, 0.2, 0.1, 0.1, "it rests"), "| s | n | 10 % | 20 % |  | it rests |"),
        (Found("n", None, 0.2, 0.1, 0.1), "| s | n | 10 % | 20 % |  | unknown |"),
    ],
)
def test_a_row_of_nir_says_what_the_format_and_what_rounding_loses(found, line):
    assert _nir_line("s", found) == line


@pytest.mark.lava
def test_a_tutorial_network_and_a_refused_block_are_tried(tmp_path):
    from myelin.lava_models import compat

    if compat.missing(slayer=True):
        pytest.skip("lava-dl is not installed")
    compat.prepare(slayer=True)
    import torch
    from lava.lib.dl import slayer

    from benchmarks.conformance.slayer_files import each_block, outcome, tutorials

    torch.manual_seed(0)
    shape, make = tutorials()["XOR: Dense 100-256-50"]
    found = outcome("XOR", shape, make(slayer.block.cuba), tmp_path / "a.net", steps=30)
    assert (found.differ, found.refused) == (0, None) and found.spikes > 100
    shape, build = each_block()["KWTA, CUBA"]
    assert "KWTA layers are not supported" in outcome("KWTA", shape, build(slayer.block), tmp_path / "b.net").refused
