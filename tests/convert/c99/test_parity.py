"""The generated C gives every integer of the simulator, with two compilers, without a warning or undefined behaviour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from c_program import CONVERSIONS, Case, differing
from sigma_delta_networks import random_case
from slow_models import exact_network, random_network

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network

pytestmark = pytest.mark.subprocess

CUBA = Cuba(30, 900, 400)


def frames(network, steps=30, density=0.3, seed=0):
    rng = np.random.default_rng(seed)
    low, high = network.input.min_value, min(network.input.max_value, 1000)
    values = rng.integers(low, high + 1, (2, steps, *network.input.shape))
    return values * (rng.random(values.shape) < density)


def special():
    """What random networks seldom have."""
    rng = np.random.default_rng(5)
    small = 2 * rng.integers(-20, 30, (6, 9))
    wide = np.full((1, 1, 1, 3), 255)
    wide[..., 1] = -256
    yield Network(Input((9,)), [Layer((6,), Dense(np.zeros((6, 9), int)), Cuba(3, 900, 400, bias_mant=1))])  # no weight
    yield Network(
        Input((9,), 16), [Layer((1, 1, 7), Conv(wide), Cuba(30000, 4096, 4096))]
    )  # sums that wrap; 9 bits; no current
    yield Network(Input((33,)), [Layer((6,), Dense(-rng.integers(0, 256, (6, 33))), CUBA, output="state")])  # of one sign
    yield Network(Input((9,)), [Layer((6,), Dense(small, -6), CUBA, 3, DelayedRecurrent(Dense(3 * small[:, :6], 1)))])
    yield Network(Input((9,), 31), [Layer((6,), Dense(small), CUBA)])
    mixed = 2 * rng.integers(-20, 30, (70, 70)) * (rng.random((70, 70)) < 0.05)
    yield Network(
        Input((70,)), [Layer((70,), Dense(mixed), Cuba(9, rng.integers(0, 4097, 70), rng.integers(0, 4097, 70)), 300)]
    )


def test_gcc_with_sanitizers(tmp_path):
    cases = [random_network(seed) for seed in range(200, 208)]
    cases += [exact_network(3), *((network, sample[None]) for network, sample in map(random_case, range(4)))]
    cases += [(network, frames(network)) for network in special()]
    assert differing(cases, tmp_path) == []


def test_clang_with_every_warning_of_conversions(tmp_path):
    cases = [random_network(seed) for seed in range(300, 306)]
    cases += [(network, sample[None]) for network, sample in map(random_case, range(20, 22))]
    assert differing(cases, tmp_path, "clang", ("-O1", *CONVERSIONS)) == []


def test_gcc_with_every_warning_of_conversions_and_products_of_dense_input(tmp_path):
    rng = np.random.default_rng(1)
    weight = 2 * rng.integers(-20, 30, (8, 12))
    graded = Network(Input((12,), 8), [Layer((8,), Dense(weight, 1), Cuba(3000, 900, 400))])
    shifted = replace(graded, layers=(Layer((8,), Dense(weight + weight // 2 % 2, -7), Cuba(20, 900, 400)),))
    cases = [Case(network, frames(network, density=0.9), {None: 0.9}) for network in (graded, shifted)]
    assert differing(cases, tmp_path, "gcc", ("-O2", *CONVERSIONS)) == []
    assert "total +=" in (tmp_path / "net0.c").read_text() and "total +=" in (tmp_path / "net1.c").read_text()


@pytest.mark.parametrize("interval", [1, 7])
def test_states_are_reset_as_in_the_simulator(tmp_path, interval):
    rng = np.random.default_rng(2)
    layers = [
        Layer((6,), Dense(2 * rng.integers(-20, 30, (6, 9))), CUBA, rng.integers(0, 4, 6)),
        Layer((4,), Dense(2 * rng.integers(-20, 30, (4, 6))), Cuba(20, 700, 300, bias_mant=1, bias_exp=3), 2),
    ]
    one = Network(Input((9,)), layers)
    two = Network(Input((9,), 0, Cuba(30, 4096, 200), 64), layers)
    cases = [Case(network, frames(network), None, interval) for network in (one, two)]
    assert differing(cases, tmp_path, "gcc", ("-O1",)) == []
