"""Pooling, scaling and weights between two populations become one connection, equal to the nodes one after the other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from myelin.convert.floats.network import FloatConv, FloatDense
from myelin.convert.nir.folding import chained, matrix, pool
from myelin.convert.nir.format import read_nir_floats
from myelin.hw_configs.errors import NetworkError

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")


def dense(synapse, shape):
    found = matrix(synapse, shape)
    return found if isinstance(found, np.ndarray) else found.toarray()


@pytest.mark.parametrize("seed", range(60))
def test_a_pool_before_or_behind_a_convolution_is_their_product(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.choice([2, 4])), *rng.integers(5, 12, 2).tolist())

    def pair(low, high):
        return tuple(rng.integers(low, high, 2).tolist())

    def convolution(channels):
        groups = int(rng.choice([1, 2]))
        weight = rng.normal(size=(2 * groups, channels // groups, *pair(1, 4)))
        return FloatConv(weight, pair(1, 3), pair(0, 3), pair(1, 3), groups)

    kind = str(rng.choice(["SumPool2d", "AvgPool2d"]))
    if rng.random() < 0.5:
        first = pool(kind, shape, pair(1, 4), pair(1, 4), pair(0, 2))
        between = first.output_shape(shape)
        second = convolution(shape[0])
    else:
        first = convolution(shape[0])
        try:
            between = first.output_shape(shape)
        except NetworkError:
            return
        second = pool(kind, between, pair(1, 4), pair(1, 4), pair(0, 2))
    try:
        after = second.output_shape(between)
    except NetworkError:
        return
    folded = chained(first, second, shape, between, after)
    np.testing.assert_allclose(dense(folded, shape), dense(second, between) @ dense(first, shape), atol=1e-12)


def test_without_padding_pools_fold_into_convolutions():
    shape = (2, 8, 8)
    first = pool("SumPool2d", shape, (2, 2), (2, 2), (0, 0))
    second = FloatConv(np.ones((3, 2, 3, 3)), padding=(1, 1))
    folded = chained(first, second, shape, (2, 4, 4), (3, 4, 4))
    assert isinstance(folded, FloatConv) and folded.weight.shape == (3, 2, 6, 6)
    assert (folded.stride, folded.padding, folded.groups) == ((2, 2), (2, 2), 1)
    behind = chained(second, pool("AvgPool2d", (3, 8, 8), (2, 2), (2, 2), (0, 0)), shape, (3, 8, 8), (3, 4, 4))
    assert isinstance(behind, FloatConv) and behind.weight.shape == (3, 2, 4, 4)
    # a row that the pool leaves over would be read as padding, so no convolution equals both
    odd = chained(pool("SumPool2d", (2, 9, 9), (2, 2), (2, 2), (0, 0)), second, (2, 9, 9), (2, 4, 4), (3, 4, 4))
    assert isinstance(odd, FloatDense)


def read(tmp_path, shape, *nodes):
    names = ["input", *(f"n{index}" for index in range(len(nodes))), "output"]
    every = dict(zip(names, [nir.Input(np.array(shape)), *nodes, nir.Output(np.array([1]))], strict=True))
    nir.write(str(tmp_path / "a.nir"), nir.NIRGraph(every, list(itertools.pairwise(names)), type_check=False))
    return read_nir_floats(tmp_path / "a.nir")


def neurons(*shape):
    return nir.IF(r=np.ones(shape, np.float32), v_threshold=np.ones(shape, np.float32))


def conv(weight, size, bias=0.0):
    return nir.Conv2d(size, weight, 1, 0, 1, 1, np.full(len(weight), bias, np.float32))


def flatten(*shape, start=0, end=-1):
    return nir.Flatten({"input": np.array(shape)}, start, end)


def pooled(kind):
    return getattr(nir, kind)(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))


WEIGHT = np.random.default_rng(0).normal(size=(2, 1, 3, 3)).astype(np.float32)
ROW = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)


@pytest.mark.parametrize(("kind", "factor"), [("SumPool2d", 1.0), ("AvgPool2d", 0.25)])
def test_a_pool_between_neurons_and_a_linear_is_a_matrix(tmp_path, kind, factor):
    network = read(
        tmp_path, (1, 6, 6), conv(WEIGHT, (6, 6)), neurons(2, 4, 4), pooled(kind), flatten(2, 2, 2), nir.Linear(ROW), neurons(3)
    )
    first, last = network.layers
    assert isinstance(first.synapse, FloatConv) and first.shape == (2, 4, 4) and last.shape == (3,)
    spikes = np.arange(32.0).reshape(2, 2, 2, 2, 2)  # (channel, row, row in the pool, column, column in the pool)
    want = ROW @ (spikes.sum(axis=(2, 4)) * factor).reshape(-1)
    np.testing.assert_allclose(last.synapse.weight @ spikes.reshape(-1), want, rtol=1e-5)


def test_a_pool_before_neurons_takes_the_bias_of_its_convolution(tmp_path):
    network = read(tmp_path, (1, 6, 6), conv(WEIGHT, (6, 6), 0.5), pooled("SumPool2d"), neurons(2, 2, 2))
    (layer,) = network.layers
    assert isinstance(layer.synapse, FloatConv) and layer.synapse.weight.shape == (2, 1, 4, 4)
    np.testing.assert_allclose(np.broadcast_to(layer.neuron.bias, layer.shape), 2.0)  # four places of 0.5


def test_a_pool_alone_connects_populations(tmp_path):
    network = read(tmp_path, (1, 6, 6), conv(WEIGHT, (6, 6)), neurons(2, 4, 4), pooled("SumPool2d"), neurons(2, 2, 2))
    synapse = network.layers[1].synapse
    assert isinstance(synapse, FloatConv) and synapse.groups == 2 and synapse.weight.shape == (2, 1, 2, 2)


def test_a_scale_multiplies_before_and_behind_weights(tmp_path):
    before, behind = np.arange(1, 9, dtype=np.float32), np.array([2, 3, 4], np.float32)
    network = read(tmp_path, (8,), nir.Scale(before), nir.Affine(ROW, np.ones(3, np.float32)), nir.Scale(behind), neurons(3))
    (layer,) = network.layers
    np.testing.assert_allclose(layer.synapse.weight, ROW * before * behind[:, None], rtol=1e-6)
    np.testing.assert_allclose(layer.neuron.bias, behind)
    each = np.repeat(np.array([2, 3], np.float32), 16).reshape(2, 4, 4)
    layer = read(tmp_path, (1, 6, 6), conv(WEIGHT, (6, 6)), nir.Scale(each), neurons(2, 4, 4)).layers[0]
    assert isinstance(layer.synapse, FloatConv)
    np.testing.assert_allclose(layer.synapse.weight, WEIGHT * np.array([2, 3]).reshape(2, 1, 1, 1), rtol=1e-6)
    every = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    layer = read(tmp_path, (1, 6, 6), conv(WEIGHT, (6, 6)), nir.Scale(every), neurons(2, 4, 4)).layers[0]
    assert isinstance(layer.synapse, FloatDense) and layer.shape == (2, 4, 4)
    np.testing.assert_allclose(layer.synapse.weight, dense(FloatConv(WEIGHT), (1, 6, 6)) * every.reshape(-1, 1), rtol=1e-6)


def test_a_threshold_is_a_neuron_without_memory_and_an_integrator_a_readout(tmp_path):
    network = read(tmp_path, (8,), nir.Linear(ROW), nir.Threshold(np.full(3, 0.5, np.float32)))
    (layer,) = network.layers
    assert (layer.neuron.threshold, layer.neuron.current_decay, layer.neuron.voltage_decay) == (0.5, 1, 1)
    network = read(tmp_path, (8,), nir.Linear(ROW), nir.I(r=np.full(3, 1, np.float32)))
    assert network.layers[0].output == "state" and network.layers[0].neuron.voltage_decay == 0


def test_the_axis_of_samples_that_some_writers_leave_is_no_axis(tmp_path):
    assert read(tmp_path, (1, 8), nir.Linear(ROW), neurons(3)).input_shape == (8,)
    assert read(tmp_path, (1, 1, 6, 6), conv(WEIGHT, (6, 6)), neurons(2, 4, 4)).input_shape == (1, 6, 6)


@pytest.mark.parametrize(
    ("shape", "nodes", "message"),
    [
        ((8,), [pooled("SumPool2d"), nir.Linear(ROW), neurons(3)],
         r"node 'n0' \(SumPool2d\): what reaches it has shape \(8,\)"),
        ((2, 2, 2), [flatten(2, 2, 2, start=1), nir.Linear(ROW), neurons(3)],
         r"node 'n0' \(Flatten\): start_dim 1 and end_dim -1 leave axes of shape \(2, 2, 2\)"),
        ((2, 2, 2), [flatten(2, 2, 3), nir.Linear(ROW), neurons(3)], r"input_type is \(2, 2, 3\), what reaches it has shape"),
        ((8,), [nir.Scale(np.ones(5, np.float32)), nir.Linear(ROW), neurons(3)], r"scale has shape \(5,\), what reaches it"),
        ((1, 6, 6), [conv(WEIGHT, (6, 6)), neurons(2, 4, 4), pooled("AvgPool2d")], "weights reach it without neurons"),
        ((3, 1, 6, 6), [conv(WEIGHT, (6, 6)), neurons(2, 4, 4)], r"shape is \(3, 1, 6, 6\); .* without an axis of samples"),
        ((1, 6, 6), [conv(WEIGHT, (6, 6)), nir.Delay(np.arange(32.0).reshape(2, 4, 4)), pooled("SumPool2d"), neurons(2, 2, 2)],
         r"node 'n2' \(SumPool2d\): a delay that differs between neurons stands before it"),
        ((8,), [nir.Linear(ROW), nir.Threshold(np.full(3, -0.5, np.float32))], "of a Threshold: threshold below 0"),
    ],
)  # fmt: skip
def test_what_does_not_fold_is_refused_by_name(tmp_path, shape, nodes, message):
    with pytest.raises(NetworkError, match=message):
        read(tmp_path, shape, *nodes)
