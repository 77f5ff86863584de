"""lava-dl's own ground truth, installed with its wheel, through our Lava graph."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from myelin.convert.netx.format import read_netx
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
NETX = Path(importlib.util.find_spec("lava.lib.dl.netx").origin).parents[4] / "tests/lava/lib/dl/netx"
NTIDIGITS = NETX / "gts/ntidigits"


def ntidigits():
    """Network, input (1, 3000, 64) and stored output (3000, 242), which lags Lava by one step."""
    spikes = np.load(NTIDIGITS / "input.npy").T[None].astype(np.uint8)
    return read_netx(NTIDIGITS / "ntidigits.net"), spikes, np.load(NTIDIGITS / "output.npy").T


def test_every_spike_of_ntidigits(lava):
    network, spikes, stored = ntidigits()
    output = lava.run(network, spikes).output[0]
    assert int(output.sum()) == int(stored.sum()) == 22572
    np.testing.assert_array_equal(output[:-1], stored[1:])


def test_ntidigits_on_lavas_own_models(lava):
    """The first 60 steps: Lava's DelayDense takes 25 ms a step here."""
    network, spikes, stored = ntidigits()
    output = lava.run(network, spikes[:, :60], stock=True).output[0]
    assert output.sum() > 100
    np.testing.assert_array_equal(output[:-1], stored[1:60])


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_tinynet_input_layer_and_first_convolution(lava, stock):
    """Spikes of the input's neurons, which upstream stores a step later, and the currents that they cause in the convolution.

    The stored later layers were made with a reset that hides the bias of the first steps, which a run from rest has.
    """
    truth = NETX / "gts/tinynet"
    network = read_netx(NETX / "tiny.net")
    # the stored image is already weight * x + bias, in (x, y, channel)
    network = replace(network, input=replace(network.input, weight=1, bias=0, message_bits=6))
    image = np.load(truth / "input_bias.npy").astype(int).transpose(2, 1, 0)
    record = {-1: ("spikes",), 0: ("u",)}
    recording = lava.run(network, np.broadcast_to(image, (1, 16, *image.shape)), record=record, stock=stock)
    spikes = np.moveaxis(np.load(truth / "input.npy"), -1, 1)
    assert spikes.sum() > 1000
    np.testing.assert_array_equal(recording.layers[-1]["spikes"][:, :-1], spikes[:, 1:])
    current = np.moveaxis(np.load(truth / "current.npy"), -1, 1)
    np.testing.assert_array_equal(recording.layers[0]["u"], 64 * current)


def test_sigma_delta_pilotnet(lava):
    """The whole network as upstream's own test runs it: 9 steps of one image, of which the readout's sums are stored."""
    truth = NETX / "gts/pilotnet_sdnn"
    image = np.load(truth / "input.npy").transpose(3, 2, 1, 0)
    stored = np.load(truth / "output.npy").T
    values = np.broadcast_to(image, (1, len(stored), *image.shape[1:]))
    np.testing.assert_array_equal(lava.run(read_netx(truth / "network.net"), values).output[0], stored)
