"""A user's loop over ``export_hdf5`` writes a file that ``myelin.read`` reads, with the integers of the forward pass."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

import myelin
from myelin.convert.netx.format import write_netx
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.delay import AxonalDelay
from myelin.train.delay_schedule import DelaySchedule
from myelin.train.layers import Block, Conv, DelayedRecurrent, Dense, DenseSynapse, Flatten, Pool, Readout, Recurrence
from myelin.train.neurons import Neuron

#: Networks by what they show: the blocks, and the shape of the input.
NETWORKS = {
    "all": lambda: ((2, 12, 12), [
        Conv(2, 4, 3, input_shape=(2, 12, 12), stride=2, padding=1, delay=True),
        Pool(2, input_shape=(4, 6, 6), weight=0.75, delay=True, max_delay=5),
        Flatten((4, 3, 3)),
        DelayedRecurrent(36, 24, channels=2, recurrent="conv", max_delay=20, delay=True),
        DelayedRecurrent(24, 16, per_neuron=True, spread=0.3),
        Readout(16, 4),
    ]),
    "dilated groups, plane": lambda: ((2, 8, 8), [
        Conv(2, 4, (3, 2), input_shape=(2, 8, 8), dilation=(2, 1), groups=2, per_neuron=True, spread=0.2),
        DelayedRecurrent(
            112, (3, 2, 2), recurrent="conv", taps=(3, 1), recurrent_delay=AxonalDelay(3, max_delay=7, high=7)
        ),
        Readout(12, 3, positions=4),
    ]),
    "row": lambda: ((1, 1, 20), [
        Conv(1, 3, 5, input_shape=(20,), stride=2, padding=2, recurrence=Recurrence.over((3, 1, 10), "conv", max_delay=6)),
        Dense((3, 1, 10), 6, delay=AxonalDelay(1, max_delay=4, low=3, high=3)),
        Readout(6, 2, spiking=True),
    ]),
    "a row cut by its kernel": lambda: ((9,), [
        Block(DenseSynapse(9, 8), myelin.nn.Cuba((8,), threshold=0.5),
              recurrence=Recurrence(torch.randn(2, 2, 3), AxonalDelay(8, max_delay=5, high=5))),
        Readout(8, 2),
    ]),
    "biases": lambda: ((2, 6, 6), [
        biased(Conv(2, 3, 3, input_shape=(2, 6, 6), padding=1, bias=True, bias_exp=4)),
        biased(Pool(2, input_shape=(3, 6, 6), bias="neuron")),
        biased(DelayedRecurrent(27, (3, 1, 4), recurrent="conv", bias=True, learn_threshold=True)),
        biased(Readout(12, 2, bias=True)),
    ]),
}  # fmt: skip


def biased(block):
    with torch.no_grad():
        block.neuron.bias.uniform_(-1, 1)
        if block.neuron.learnt_threshold is not None:
            block.neuron.learnt_threshold.fill_(0.66)
    return block


def written(blocks, path):
    with h5py.File(path, "w") as file:
        layer = file.create_group("layer")
        for index, block in enumerate(blocks):
            block.export_hdf5(layer.create_group(f"{index}"))
    return path


@pytest.fixture(params=NETWORKS)
def case(request):
    torch.manual_seed(0)
    shape, blocks = NETWORKS[request.param]()
    net = torch.nn.Sequential(*blocks).eval()
    DelaySchedule(net, epochs=10).step(9)
    return net, shape, (torch.rand(3, *shape, 40) < 0.4).float()


def test_the_file_holds_the_integers_of_the_forward_pass(case, tmp_path):
    net, shape, x = case
    network = myelin.read(written(net, tmp_path / "blocks.net")).network
    assert network.input.shape == shape
    expected = net(x).detach().double().numpy()
    last = net[-1].neuron
    found = myelin.simulate(network, x.numpy().astype(np.uint8), time_axis=-1).output
    assert np.array_equal(np.moveaxis(found, 1, -1), expected * (1 if last.spiking else STATE_SCALE))
    assert np.abs(expected).sum() > 0 and all(
        block.spike_rate > 0 for block in net if getattr(block, "spike_rate", None) is not None
    )


def test_the_fields_are_those_of_the_converters_writer(case, tmp_path):
    net, shape, _ = case
    network = myelin.from_torch(net, shape)
    write_netx(network, tmp_path / "theirs.net")
    written(net, tmp_path / "ours.net")
    with h5py.File(tmp_path / "theirs.net") as theirs, h5py.File(tmp_path / "ours.net") as ours:
        kinds = ("input", "flatten")
        layers, expected = ([g for g in (file["layer"][str(i)] for i in range(len(file["layer"])))
                             if g["type"][0].decode() not in kinds] for file in (ours, theirs))  # fmt: skip
        assert len(layers) == len(expected) == len(network.layers)
        for own, their in zip(layers, expected, strict=True):
            fields = [sorted(_fields(group)) for group in (own, their)]
            assert fields[0] == sorted({*fields[1], *({"input_shape"} if own["type"][0].startswith(b"conv") else ())})
            for field in fields[1]:
                assert np.array_equal(own[field][()], their[field][()]), field


def test_another_input_shape_than_the_files_is_refused(tmp_path):
    path = written([Conv(2, 3, 3, input_shape=(2, 8, 8))], tmp_path / "a.net")
    assert myelin.read_netx(path, input_shape=(2, 8, 8)).input.shape == (2, 8, 8)
    with pytest.raises(NetworkError, match=r"the input has shape \(2, 8, 8\) in the file, \(2, 9, 9\) was given"):
        myelin.read_netx(path, input_shape=(2, 9, 9))


def _fields(group):
    found = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


class Silent(Neuron):
    """A neuron of somebody's own that no chip knows."""

    shape = torch.Size((3,))

    def steps(self, x):
        return x * 0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Dense(4, 3, quantise=False), "Dense: its weights are floats; train it with quantise=True, or give from_torch"),
        (
            lambda: Dense(4, 3, delay=AxonalDelay(3, max_delay=9, low=2.5, high=2.5)),
            "its delay is spread or has fractions, and a",
        ),
        (lambda: DelayedRecurrent(4, 3), r"its delay_rec is spread or has fractions.* recurrence.delay.set\(hard=True\)"),
        (lambda: Block(DenseSynapse(4, 3), Silent()), "Block: Silent neurons have no device_params"),
    ],
)
def test_what_is_no_integer_is_refused(make, text, tmp_path):
    torch.manual_seed(0)
    with pytest.raises(NetworkError, match=text):
        written([make()], tmp_path / "a.net")


def test_delays_beyond_the_file_and_fractions_of_decays_are_refused(tmp_path):
    block = Dense(4, 3, delay=AxonalDelay(3, max_delay=70, low=70, high=70))
    with pytest.raises(NetworkError, match="longest delay is 70 steps, a netx file holds 62; train with max_delay=62"):
        written([block], tmp_path / "a.net")
    block = Dense(4, 3)
    block.neuron.whole_decays = False
    with pytest.raises(NetworkError, match="its decays are not rounded"):
        written([block], tmp_path / "b.net")
