"""What cannot run is said before anything starts, in one message that names the place, the value and the cure."""

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.hw_configs.errors import BackendError, DataError, NetworkError
from myelin.lava_models import run
from myelin.lava_models.layers.conv import fits_conv_process

NEURON = Cuba(10, 100, 100)


def chain(*layers, **source):
    return Network(Input(source.pop("shape", (2,)), **source), layers)


def layer(outs=2, ins=2, **options):
    synapse = options.pop("synapse", None) or Dense(np.full((outs, ins), 2))
    return Layer((outs,), synapse, NEURON, **options)


@pytest.mark.parametrize(
    ("network", "spikes", "text"),
    [
        (chain(layer()), np.zeros((1, 4, 3), int), r"shape \(1, 4, 3\); \(batch, steps, 2\)"),
        (chain(layer()), np.zeros((4, 2), int), r"\(batch, steps, 2\)"),
        (chain(layer()), np.zeros((1, 4, 2)), "dtype float64"),
        (chain(layer()), np.full((1, 4, 2), 2), r"spikes lie in 2..2, the network's input takes 0..1"),
        (chain(layer()), np.full((1, 4, 2), -1), "spikes lie in -1..-1.*never negative"),
        (chain(layer(), message_bits=3), np.full((1, 4, 2), 8), "0..7"),
        (chain(layer(synapse=Dense([[254, 254]] * 2)), message_bits=30), np.full((1, 1, 2), 1 << 29), "leave 32 bit"),
        (chain(layer(), neuron=NEURON, weight=5000), np.ones((1, 4, 2), int), "biases of 0..5000.*13 bit|biases of 5000..5000"),
    ],
)
def test_input_that_does_not_fit(network, spikes, text):
    with pytest.raises(DataError, match=text):
        run(network, spikes)


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (chain(layer(delay_steps=64), layer()), r"layer 1 \(dense\): longest delay is 64 steps .*Lava holds 63"),
        (
            chain(layer(delay_steps=40), layer(synapse=Dense([[2, 2]] * 2, 0, [[0, 24], [0, 0]]))),
            r"layer 1 \(dense\): longest delay is 64 steps \(axonal and synaptic together\)",
        ),
        (
            chain(layer(recurrent=DelayedRecurrent(Dense([[2, 2]] * 2), [0, 70]))),
            r"layer 0 \(dense, recurrent dense\): longest recurrent delay is 70 steps",
        ),
    ],
)
def test_delays_that_lava_does_not_hold(network, text):
    with pytest.raises(NetworkError, match=text):
        run(network, np.zeros((1, 4, 2), int))


def test_a_wide_convolution_whose_sums_could_wrap():
    synapse = Conv(np.full((1, 1, 1, 130), 255))
    network = Network(Input((1, 1, 140), message_bits=10), (Layer((1, 1, 11), synapse, NEURON),))
    assert not fits_conv_process(synapse, np.zeros(1, np.int32))
    with pytest.raises(NetworkError, match=r"layer 0 \(conv\): sums may reach 33116850"):
        run(network, np.full((1, 2, 1, 1, 140), 999))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({1: ("u",)}, "layer 1; this network has layers 0..0"),
        ({-1: ("u",)}, "layer -1"),
        ({0: ("w",)}, "'w'"),
        ({0: "u"}, "'u'"),
    ],
)
def test_record_of_what_is_not_there(record, text):
    with pytest.raises(DataError, match=text):
        run(chain(layer()), np.zeros((1, 4, 2), int), record=record)


def test_unknown_backend():
    with pytest.raises(BackendError, match="backend is 'gpu'; 'cpu' or 'loihi2' is allowed"):
        run(chain(layer()), np.zeros((1, 4, 2), int), backend="gpu")
