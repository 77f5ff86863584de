"""The public simulator: networks from anywhere, arrays in either order of axes, tensors, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

import myelin
from myelin.convert import simulate as simulate_frames
from myelin.hw_configs.errors import DataError


@pytest.fixture
def spikes():
    """(batch, steps, inputs) for ``small``."""
    return (np.random.default_rng(0).random((3, 25, 2)) < 0.5).astype(np.uint8)


def test_either_order_of_axes_and_tensors_give_the_same(small, spikes):
    torch = pytest.importorskip("torch")
    expected = simulate_frames(small, spikes).output
    assert expected.any()
    turned = spikes.transpose(0, 2, 1)
    for given in (spikes, turned, torch.from_numpy(turned.astype(np.float32)), spikes.astype(bool).tolist()):
        np.testing.assert_array_equal(myelin.simulate(small, given).output, expected)
        np.testing.assert_array_equal(next(myelin.stream(small, [given])).output, expected)
        np.testing.assert_array_equal(myelin.Simulator(small).run(given).output, expected)


def test_as_many_steps_as_inputs_are_refused_unless_the_order_is_said(small, spikes):
    square = spikes[:, 9:11]
    text = r"spikes have shape \(3, 2, 2\), which is both .* say which with time_axis=1 or time_axis=-1"
    for run in (
        lambda **options: myelin.simulate(small, square, record={0: ("u",)}, **options),
        lambda **options: next(myelin.stream(small, [square], record={0: ("u",)}, **options)),
        lambda **options: myelin.Simulator(small).run(square, record={0: ("u",)}, **options),
    ):
        with pytest.raises(DataError, match=text):
            run()
        right, turned = (run(time_axis=axis).layers[0]["u"] for axis in (1, -1))
        np.testing.assert_array_equal(right, simulate_frames(small, square, record={0: ("u",)}).layers[0]["u"])
        assert not np.array_equal(right, turned)


def test_a_simulator_takes_a_path(small, spikes, tmp_path):
    myelin.write_netx(small, tmp_path / "small.net")
    expected = simulate_frames(small, spikes).output
    for network in (tmp_path / "small.net", myelin.read(tmp_path / "small.net")):
        simulator = myelin.Simulator(network, streams=3)
        np.testing.assert_array_equal(simulator.run(spikes).output, expected)
        np.testing.assert_array_equal(np.stack([simulator.step(spikes[:, t]) for t in range(25)], axis=1), expected)
