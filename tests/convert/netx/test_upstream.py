"""The truths that lava-dl installs with its tests, through ``read_netx`` and ``simulate``.

Where stored truth and Lava part, found by trying: N-TIDIGITS' stored output lags Lava by one step.  PilotNet's states follow
with a reset every 17 steps (``input-s.npy``: every 16), and its stored voltage reads 128 where a neuron has just spiked,
Lava's 0.  The stored ``fc-3`` of PilotNet does not follow from the stored ``fc-2`` (an fc-2 spike at index 7 causes no current
at 8), so it is another run's and left out.

Sigma-delta: all that is stored of PilotNet agrees with Lava, 879,049 values.  Its input is one still image, so after a first
wave nothing changes any more, and thresholds and residues are hardly put to the test; random networks do that.
``tinynet_sdnn`` was stored from blocks whose ``input_message_bits`` upstream's test leaves at 0, so that Lava counts every
message as a spike of 1: convolution and dense layer follow with an input of 0 and 1, not with the messages stored for the layer
before.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from myelin.convert import Conv, Cuba, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta, read_netx, simulate


def steps_first(path):
    """Stored (x, y, channels, steps) or (neurons, steps) as (steps, channels, y, x) or (steps, neurons)."""
    array = np.load(path)
    return array.transpose(*range(array.ndim)[::-1]).astype(np.int64)


def constant_bias(network, image, steps):
    """The network with its input neurons driven by ``image`` (x, y, channels) itself as bias, and that input."""
    source = dataclasses.replace(network.input, weight=1, bias=0, message_bits=7)
    picture = image.transpose(2, 1, 0).astype(np.uint8)
    return dataclasses.replace(network, input=source), np.broadcast_to(picture, (1, steps, *picture.shape))


def test_ntidigits_gives_every_spike(upstream):
    folder = upstream / "gts" / "ntidigits"
    spikes = np.load(folder / "input.npy").T[None].astype(np.uint8)
    truth = np.load(folder / "output.npy").T
    output = simulate(read_netx(folder / "ntidigits.net"), spikes).output[0]
    assert output.sum() == truth.sum() == 22572
    np.testing.assert_array_equal(output[:-1], truth[1:])


def test_pilotnet_gives_every_current_voltage_and_spike(upstream):
    folder = upstream / "gts" / "pilotnet_lif"
    network, spikes = constant_bias(read_netx(folder / "network.net"), np.load(folder / "image.npy"), 24)
    record = {-1: ("spikes",), **dict.fromkeys(range(8), ("u", "v", "spikes"))}
    got = simulate(network, spikes, reset_interval=17, record=record).layers
    np.testing.assert_array_equal(got[-1]["spikes"][0], steps_first(folder / "input.npy"))
    for index, name in enumerate([*(f"conv-{k}" for k in range(5)), *(f"fc-{k}" for k in range(3))]):
        truth = steps_first(folder / f"{name}.npy")
        np.testing.assert_array_equal(got[index]["spikes"][0], truth, err_msg=name)
        np.testing.assert_array_equal(got[index]["u"][0], steps_first(folder / f"{name}-u.npy"), err_msg=name)
        voltage = np.where(truth == 1, 128, got[index]["v"][0])
        np.testing.assert_array_equal(voltage, steps_first(folder / f"{name}-v.npy"), err_msg=name)


def test_pilotnet_input_spikes_with_the_files_own_interval(upstream):
    folder = upstream / "gts" / "pilotnet_lif"
    network, spikes = constant_bias(read_netx(folder / "network.net"), np.load(folder / "image.npy"), 24)
    first = dataclasses.replace(network, layers=network.layers[:1])
    got = simulate(first, spikes, reset_interval=16, record={-1: ("spikes",)}).layers[-1]["spikes"][0]
    np.testing.assert_array_equal(got, steps_first(folder / "input-s.npy"))


def test_tinynet(upstream):
    """Stored by SLAYER, whose input layer takes a step and whose others take none; the first spikes are Lava's start-up."""
    folder = upstream / "gts" / "tinynet"
    network, spikes = constant_bias(read_netx(upstream / "tiny.net"), np.load(folder / "input_bias.npy"), 17)
    record = {-1: ("spikes",), 0: ("u", "spikes")}
    got = simulate(network, spikes, reset_interval=17, record=record)

    def stored(name):
        return np.moveaxis(np.load(folder / name)[0], -1, 0)

    np.testing.assert_array_equal(got.layers[-1]["spikes"][0, :15], stored("input.npy")[1:])
    np.testing.assert_array_equal(got.layers[0]["u"][0, :16], 64 * stored("current.npy"))
    np.testing.assert_array_equal(got.layers[0]["spikes"][0, 1:16], stored("layer1.npy")[1:])
    np.testing.assert_array_equal(got.output[0, 2:17], stored("output.npy")[1:])


def test_a_dense_layer(upstream):
    """``gts/dense``: 256 neurons, 200 inputs, 2000 steps."""
    folder = upstream / "gts" / "dense"
    weight = np.load(folder / "weight.npy")
    network = Network(Input((200,)), [Layer((256,), Dense(weight), Cuba(6, 4096, 415))])
    spikes = np.load(folder / "in.npy").T[None].astype(np.uint8)
    truth = np.load(folder / "out.npy").T
    assert truth.sum() == 1826
    np.testing.assert_array_equal(simulate(network, spikes).output[0], truth)


def entering(messages):
    """Values whose changes, from encoders with the exponents of netx, are these ``messages`` (steps, ...): (1, steps, ...)."""
    return (np.cumsum(messages, axis=0) >> 6)[None]


def test_sigma_delta_pilotnet_gives_every_output(upstream):
    folder = upstream / "gts" / "pilotnet_sdnn"
    truth = steps_first(folder / "output.npy")
    picture = steps_first(folder / "input.npy")
    spikes = np.broadcast_to(picture, (1, len(truth), *picture.shape[1:]))
    output = simulate(read_netx(folder / "network.net"), spikes).output[0]
    assert np.count_nonzero(truth) == 8
    np.testing.assert_array_equal(output, truth)


def test_sigma_delta_pilotnet_gives_every_message_and_sum(upstream):
    folder = upstream / "gts" / "pilotnet_sdnn"
    messages = steps_first(folder / "act0.npy")
    values = entering(messages)
    got = simulate(read_netx(folder / "network.net"), values, record={-1: ("spikes",), 0: ("sigma",), 1: ("sigma",)}).layers
    np.testing.assert_array_equal(got[-1]["spikes"][0], messages)
    compared = messages.size
    for index in (0, 1):
        truth = steps_first(folder / f"sigma{index + 1}.npy")
        np.testing.assert_array_equal(got[index]["sigma"][0], truth, err_msg=f"sigma {index + 1}")
        compared += truth.size
    square = read_netx(folder / "square_network.net")
    got = simulate(square, values[..., :33], record=dict.fromkeys(range(4), ("sigma",))).layers
    for index in range(4):
        truth = steps_first(folder / f"sigma{index + 1}_square.npy")
        np.testing.assert_array_equal(got[index]["sigma"][0], truth, err_msg=f"sigma {index + 1}, square")
        compared += truth.size
    assert compared + steps_first(folder / "output.npy").size == 879049


def test_sigma_delta_blocks(upstream):
    """``gts/tinynet_sdnn``: the input's encoders with their messages, the other two with every message counted as 1."""
    folder = upstream / "gts" / "tinynet_sdnn"
    swing = np.sin(2 * np.pi * np.arange(15) / 15)
    image = np.load(folder / "input_bias.npy")[..., None] * swing
    messages = steps_first(folder / "input.npy")
    encoders = Input((3, 16, 16), 6, Delta(20))
    nothing = Layer((1,), Dense(np.zeros((1, 768))), Sigma(), output="state")
    values = image.astype(int).transpose(3, 2, 1, 0)[None]
    got = simulate(Network(encoders, [nothing]), values, record={-1: ("spikes",)}).layers[-1]["spikes"][0]
    assert np.count_nonzero(messages) == 1373
    np.testing.assert_array_equal(got, messages)

    kernel = np.load(folder / "layer1_kernel.npy").transpose(0, 3, 2, 1)[:, :, ::-1, ::-1]  # Lava's is (out, x, y, in), flipped
    bias = np.load(folder / "layer1_bias.npy").reshape(-1, 1, 1)
    conv = Network(Input((3, 16, 16)), [Layer((24, 6, 6), Conv(kernel, (2, 2)), SigmaDelta(20, bias=bias))])
    truth = steps_first(folder / "layer1.npy")
    assert np.count_nonzero(truth) == 144
    np.testing.assert_array_equal(simulate(conv, (messages != 0)[None]).output[0], truth[:15])

    weight = np.load(folder / "layer2_weight.npy")
    dense = Network(Input((864,)), [Layer((100,), Dense(weight), Sigma(), output="state")])
    sent = np.load(folder / "layer1.npy").reshape(864, 16).T != 0
    truth = np.load(folder / "layer2.npy").T
    assert np.count_nonzero(truth) > 1400
    np.testing.assert_array_equal(simulate(dense, sent[None]).output[0], truth)
