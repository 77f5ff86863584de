"""netx files with fractions: the same as the integers where they are whole, and refused by name where they cannot be."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from myelin.convert import write_netx
from myelin.convert.floats.network import dequantised
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.floats.sources import open_floats
from myelin.convert.netx.floats import read_netx_floats
from myelin.convert.opened import read
from myelin.hw_configs.errors import NetworkError


@pytest.mark.parametrize("seed", range(3))
def test_a_file_of_integers_says_in_floats_what_it_said(tmp_path, exact_network, seed):
    network, spikes = exact_network(seed)
    path = tmp_path / "a.net"
    write_netx(network, path)
    if any(layer.synapse.kind == "dense" and layer.synapse.weight_exp for layer in network.layers) or any(
        layer.recurrent is not None and getattr(layer.recurrent.synapse, "weight_exp", 0) for layer in network.layers
    ):
        with pytest.raises(NetworkError, match="fold it into the weights"):
            read_netx_floats(path)
        return
    got = simulate_floats(read_netx_floats(path), spikes)
    want = simulate_floats(dequantised(network), spikes)
    np.testing.assert_array_equal(got.output, want.output)


def put(file, key, value):
    if key in file:
        del file[key]
    file[key] = value


@pytest.fixture
def file(tmp_path):
    """A dense recurrent layer with fractions everywhere, and a readout of states."""
    path = tmp_path / "floats.net"
    with h5py.File(path, "w") as f:
        put(f, "layer/0/type", "input")
        put(f, "layer/0/shape", [3])
        put(f, "layer/1/type", "dense_rec")
        put(f, "layer/1/shape", [2])
        put(f, "layer/1/weight", [[0.5, 1.25, -2.5], [3.1, 0.0, 1.0]])
        put(f, "layer/1/weight_rec", [[0.0, 0.3], [0.7, 0.0]])
        put(f, "layer/1/delay", [1.5, 2.0])
        put(f, "layer/1/delay_rec", [[0.0, 1.25], [3.0, 0.0]])
        put(f, "layer/1/bias", [2.5, 0.0])
        put(f, "layer/1/neuron/type", "CUBA")
        put(f, "layer/1/neuron/vThMant", 2.75)
        put(f, "layer/1/neuron/iDecay", 1024.5)
        put(f, "layer/1/neuron/vDecay", [128, 256])
        put(f, "layer/2/type", "dense")
        put(f, "layer/2/shape", [4])
        put(f, "layer/2/weight", np.full(8, 0.25))
        put(f, "layer/2/output", "state")
        put(f, "layer/2/neuron/type", "CUBA")
        put(f, "layer/2/neuron/vThMant", 1)
        put(f, "layer/2/neuron/iDecay", 4096)
        put(f, "layer/2/neuron/vDecay", 0)
    return path


def test_fractions_stay(file):
    got = open_floats(file)
    assert got.binning is None
    hidden, readout = got.network.layers
    np.testing.assert_array_equal(hidden.synapse.weight, [[0.5, 1.25, -2.5], [3.1, 0, 1]])
    np.testing.assert_array_equal(hidden.recurrent.synapse.delay_steps, [[0, 1.25], [3, 0]])
    np.testing.assert_array_equal(hidden.delay_steps, [1.5, 2])
    np.testing.assert_array_equal(hidden.neuron.bias, [2.5, 0])  # exponent 6 is the unit of the weights
    assert (hidden.neuron.threshold, float(hidden.neuron.current_decay)) == (2.75, 1024.5 / 4096)
    np.testing.assert_array_equal(hidden.neuron.voltage_decay, [1 / 32, 1 / 16])
    assert readout.output == "state" and readout.synapse.weight.shape == (4, 2)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("layer/1/weight", np.ones((2, 2)), r"layer/1 \(dense_rec\): 'weight' has shape \(2, 2\); \(2, 3\) is expected"),
        ("layer/1/weight", np.full((2, 3), np.nan), r"layer/1 \(dense_rec\): dense weight holds 6 values that are NaN"),
        ("layer/1/neuron/type", "SDNN", r"layer/1 \(dense_rec\): has 'neuron/iDecay', 'neuron/vDecay', which is no field"),
        ("layer/1/weight_exp", 2, r"layer/1 \(dense_rec\): weight_exp is 2; fold it"),
        ("layer/1/delay", [1.0, 2.0, 3.0, 4.0, 5.0], "'delay' has shape"),
        ("layer/1/delay", [-1.0, 2.0], r"layer/1 \(dense_rec\): delay_steps lies in -1..2"),
        ("layer/1/neuron/vThMant", [1.0, 2.0], "'vThMant' differs between neurons"),
        ("layer/2/type", "pool", r"layer/2 \(pool\): 'weight' has shape \(8,\); \(1, 1, height, width\) is expected"),
        ("layer/2/type", "average", r"layer/2 \(average\): has 'neuron', 'output', 'weight', which is no field"),
        ("layer/0/neuron/type", "CUBA", r"layer/0 \(input\): the input drives neurons"),
    ],
)
def test_what_floats_cannot_say_is_refused_by_name(file, key, value, message):
    with h5py.File(file, "a") as f:
        put(f, key, value)
    with pytest.raises(NetworkError, match=message):
        read_netx_floats(file)


def test_files_that_are_none_are_refused(tmp_path, file):
    with pytest.raises(NetworkError, match="no such file or folder"):
        open_floats(tmp_path / "none.net")
    (tmp_path / "text.net").write_text("hello")
    with pytest.raises(NetworkError, match="cannot be read as a netx file"):
        open_floats(tmp_path / "text.net")
    with h5py.File(file, "a") as f:
        del f["layer/0"]
    with pytest.raises(NetworkError, match="numbered from 0 without gaps"):
        read_netx_floats(file)


def test_a_reader_of_integers_names_the_cure(file):
    with pytest.raises(
        NetworkError, match=r"'weight' holds \d+ fractions of 6 values.*make integers of them with `myelin quantise`"
    ):
        read(file)
