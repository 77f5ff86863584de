"""Adaptive and resonating neurons, and complex weights, as C: every integer of the simulator."""

from __future__ import annotations

import alif_networks
import numpy as np
import pytest
import rf_networks
from c_program import differing

from myelin.convert import ComplexConv, Input, Layer, Network, Rf, RfIz

pytestmark = pytest.mark.subprocess


def test_alif(tmp_path):
    cases = [alif_networks.random_network(seed) for seed in range(4)]
    assert differing(cases, tmp_path) == []
    assert "layer0_raised" in (tmp_path / "net0.c").read_text()


def test_rf(tmp_path):
    rng = np.random.default_rng(3)
    grouped = ComplexConv(2 * rng.integers(-20, 30, (2, 6, 1, 3, 3)), (2, 1), (1, 1), groups=2)
    layer = Layer((6, 3, 5), grouped, Rf(20, 1200, 3800))
    frames = (rng.random((2, 40, 2, 6, 5)) < 0.3).astype(int)
    cases = [(Network(Input((2, 6, 5)), [layer]), frames)]
    made = [rf_networks.network(seed, kind) for seed in range(2) for kind in (Rf, RfIz)]
    cases += [(network, sample[None]) for network, sample in made]
    assert differing(cases, tmp_path) == []
