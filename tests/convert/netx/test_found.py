"""netx files as they are out there: pooling, older layers, long delays, inputs without a shape, Git LFS pointers."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
from places import SHARED

import myelin
from myelin.convert import Cuba, Dense, Input, Layer, Network, read_netx, simulate
from myelin.convert.floats.sources import open_floats
from myelin.convert.netx.floats import read_netx_floats
from myelin.convert.netx.format import open_netx, write_netx
from myelin.convert.opened import read
from myelin.hw_configs.errors import DataError, NetworkError

CASES = SHARED / "cases" / "files"
NEURON = {"type": "CUBA", "iDecay": 1024, "vDecay": 512, "vThMant": 80, "refDelay": 1, "gradedSpike": False}


def layer(file, index, kind, shape, neuron=NEURON, **fields):
    """A layer group as lava-dl exports it."""
    group = file.create_group(f"layer/{index}")
    group.create_dataset("type", (1,), "S10", [kind.encode()])
    group["shape"] = np.array(shape)
    for key, value in fields.items():
        group[key] = value
    for key, value in (neuron or {}).items():
        group[f"neuron/{key}"] = value


def even(seed, *shape):
    return 2 * np.random.default_rng(seed).integers(-15, 30, shape).astype(np.float32)


POOL = {"kernelSize": [2, 2], "stride": [2, 2], "padding": [0, 0], "dilation": [1, 1]}


@pytest.fixture
def pooled(tmp_path):
    """A convolution, a pool with delays, a dense layer; the file does not state its input."""
    path = tmp_path / "pool.net"
    with h5py.File(path, "w") as file:
        geometry = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}
        layer(file, 0, "conv", (4, 6, 6), weight=even(0, 4, 2, 3, 3), delay=[1, 2, 3, 4], **geometry)
        weight = np.array([[[[20, 40], [60, 80]]]], np.float32)
        layer(file, 1, "pool", (4, 3, 3), {**NEURON, "vThMant": 30}, weight=weight, delay=[0, 5, 6, 7], **POOL)
        layer(file, 2, "flatten", (36, 1, 1), None)
        layer(file, 3, "dense", (5,), weight=even(1, 5, 36))
    return path


def test_a_pool_is_a_convolution_of_each_channel(pooled):
    network = read_netx(pooled, input_shape=(2, 6, 6))
    pool = network.layers[1]
    assert pool.shape == (4, 3, 3) and pool.synapse.groups == 4 and pool.synapse.stride == (2, 2)
    np.testing.assert_array_equal(pool.synapse.weight, np.broadcast_to([[20, 40], [60, 80]], (4, 1, 2, 2)))
    np.testing.assert_array_equal(pool.delay_steps.reshape(-1), [0, 5, 6, 7])
    floats = read_netx_floats(pooled, input_shape=(2, 6, 6))
    np.testing.assert_array_equal(floats.layers[1].synapse.weight, pool.synapse.weight)
    assert open_floats(pooled, input_shape=(2, 6, 6)).network.input_shape == (2, 6, 6)


def test_a_pool_that_slayer_slides_over_channels_is_refused(pooled):
    with h5py.File(pooled, "r+") as file:
        del file["layer/1/stride"], file["layer/1/shape"]
        file["layer/1/stride"], file["layer/1/shape"] = [1, 1], [4, 5, 5]
    for reader in (read_netx, read_netx_floats):
        with pytest.raises(
            NetworkError, match=r"layer/1 \(pool\): its windows of 2 rows every 1, .* over neighbouring channels"
        ):
            reader(pooled, input_shape=(2, 6, 6))


def test_the_shape_of_an_input_is_given_where_the_file_does_not_state_it(pooled, main, refused, tmp_path):
    for reader in (read, read_netx, read_netx_floats):
        with pytest.raises(NetworkError, match=r"cannot be told: pass input_shape= \(--input-shape C H W\)"):
            reader(pooled)
    assert read(pooled, input_shape=(2, 6, 6)).network.input.shape == (2, 6, 6)
    given = ("--input-shape", 2, 6, 6)
    assert main("check", pooled, "--target", "loihi2", *given) == 0
    assert main("profile", pooled, "--samples", 1, *given) == 0
    assert main("map", pooled, "--target", "loihi2", *given) == 0
    assert "no input: give --data" in refused("simulate", pooled, *given)
    write_netx(read_netx(pooled, input_shape=(2, 6, 6)), tmp_path / "whole.net")
    assert main("diff", pooled, tmp_path / "whole.net", "--samples", 1, *given) == 0
    assert main("nir", "export", pooled, "--out", tmp_path / "a.nir", *given) == 0
    assert "cannot be told" in refused("check", pooled, "--target", "loihi2")
    for reader in (read_netx, read_netx_floats):
        with pytest.raises(NetworkError, match=r"the input has shape \(2, 6, 6\) in the file, \(2, 5, 5\) was given: leave"):
            reader(tmp_path / "whole.net", input_shape=(2, 5, 5))
    nir = tmp_path / "b.nir"
    nir.write_text("text")
    for reader in (read, open_floats):
        with pytest.raises(NetworkError, match=r"is a NIR file, which says the shape of its input; .*leave"):
            reader(nir, input_shape=(3,))


def test_the_older_recurrent_layer_is_a_dense_one(tmp_path):
    old, new, trailing = (tmp_path / f"{name}.net" for name in ("old", "new", "trailing"))
    weight, back = even(2, 6, 4), even(3, 6, 6)
    loihi = {**NEURON, "type": "LOIHI", "wgtExp": 0, "tauRho": 1.0, "scaleRho": 1.0, "theta": 80}
    with h5py.File(old, "w") as file:
        layer(file, 0, "recurrent", (6, 1, 1), loihi, weight=weight, recWeight=back, inFeatures=4, outFeatures=6)
    with h5py.File(new, "w") as file:
        layer(file, 0, "dense_rec", (6,), weight=weight, weight_rec=back)
    with h5py.File(trailing, "w") as file:
        fields = {"weight": weight.reshape(6, 4, 1, 1, 1), "weight_rec": back.reshape(6, 6, 1, 1, 1)}
        layer(file, 0, "dense_rec", (6,), **fields)
    spikes = (np.random.default_rng(0).random((2, 60, 4)) < 0.3).astype(np.uint8)
    outputs = [simulate(read_netx(path), spikes).output for path in (old, new, trailing)]
    assert outputs[0].sum() > 30
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])
    for path in (old, trailing):
        np.testing.assert_array_equal(read_netx_floats(path).layers[0].recurrent.synapse.weight, back)
    with h5py.File(old, "r+") as file:
        del file["layer/0/recWeight"]
    with pytest.raises(NetworkError, match=r"layer/0 \(recurrent\): 'weight_rec' is missing"):
        read_netx(old)


@pytest.fixture
def late(tmp_path):
    path = tmp_path / "late.net"
    with h5py.File(path, "w") as file:
        layer(file, 0, "dense", (4,), weight=even(4, 4, 3), delay=np.array([3, 64, 62, 100], np.float32))
        layer(file, 1, "dense", (2,), weight=even(5, 2, 4))
    return path


def test_long_delays_are_read_judged_and_shortened(late, main, capsys):
    assert read(late).network.max_delay_steps == 100
    assert main("check", late, "--target", "loihi2") == 1
    assert "layer 0 (dense): longest delay is 100 steps, loihi2 holds 62" in capsys.readouterr().out
    told = "layer 0 (dense): 2 of 4 delays shortened to 62 steps, the longest was 100"
    assert main("check", late, "--target", "loihi2", "--clip-delays") == 0
    assert capsys.readouterr().out.startswith(f"note          {told}\n")
    assert main("profile", late, "--samples", 1, "--clip-delays", 10) == 0
    assert "layer 0 (dense): 3 of 4 delays shortened to 10 steps" in capsys.readouterr().out
    opened = read(late, clip_delays=62)
    assert opened.note == told
    np.testing.assert_array_equal(opened.network.layers[0].delay_steps, [3, 62, 62, 62])
    assert read(late, clip_delays=100).note is None
    with pytest.raises(NetworkError, match=r"clip_delays is -1; a whole number in 0\.\.2147483647 is allowed"):
        read(late, clip_delays=-1)


def test_delays_of_artifacts_are_not_shortened_when_read(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(
        NetworkError,
        match=r"clip_delays= \(--clip-delays\) of reading is for netx and NIR files: shorten the delays when exporting",
    ):
        read(tmp_path, clip_delays=62)


def test_an_input_of_neurons_is_netx_s_and_its_difference_to_training_is_said(tmp_path):
    path = tmp_path / "input.net"
    for decay, told in ((1024, True), (4096, False)):
        with h5py.File(path, "w") as file:
            layer(file, 0, "input", (3,), {**NEURON, "iDecay": decay}, weight=[64.0], bias=[0.0])
            layer(file, 1, "dense", (2,), weight=even(6, 2, 3))
        note = open_netx(path).note
        assert (note is not None) == told
        if told:
            assert note.startswith("the neurons of the input add the input to their voltage, as netx does; SLAYER's cuba.Input")
            assert read(path).note == note
            with pytest.warns(UserWarning, match=r"filters it with the current decay \(1024 of 4096\) in training"):
                read_netx(path)
    with h5py.File(path, "r+") as file:
        file["optimiser/rate"] = 0.1
    assert open_netx(path).note == "'optimiser' beside the layers is not read"


def test_a_git_lfs_pointer_is_named_with_its_cure(tmp_path):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:9b\nsize 2701856\n"
    for name in ("a.net", "a.nir"):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(
            NetworkError, match="is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"
        ):
            read(path)
        with pytest.raises(NetworkError, match="Git LFS pointer"):
            open_floats(path)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((1 << 19, 2, 16, 16), r"\(4, 2, height, width\) is expected, for 2 channels in, 4 out and 1 group"),
        ((4, 2, 1000, 1000), r"a kernel that fits the layer before, of shape \(2, 6, 6\), with padding \(1, 1\) is expected"),
        ((4, 1, 3, 3), r"\(4, 2, height, width\) is expected"),
        ((4, 2, 3), r"\(4, 2, height, width\) is expected"),
    ],
)
def test_a_kernel_is_checked_before_it_is_read(pooled, shape, told):
    with h5py.File(pooled, "r+") as file:
        del file["layer/0/weight"]
        file.create_dataset("layer/0/weight", shape=shape, dtype="f8", chunks=True, compression="gzip")
    for reader in (read_netx, read_netx_floats):
        tracemalloc.start()
        with pytest.raises(NetworkError, match=rf"layer/0 \(conv\): 'weight' has shape .*{told}"):
            reader(pooled, input_shape=(2, 6, 6))
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
        tracemalloc.stop()


def test_floats_for_delta_encoders_are_scaled_as_slayer_does():
    from myelin.convert.neurons import Delta, Sigma

    sums = Layer((2,), Dense(np.full((2, 3), 4)), Sigma(), output="state")
    network = Network(Input((3,), 7, Delta(1)), [sums])
    x = np.random.default_rng(0).uniform(-1, 1, (2, 6, 3))
    want = simulate(network, np.rint(64 * x).astype(np.int32)).output
    assert want.any()
    for values in (x, x.astype(np.float32)):
        np.testing.assert_array_equal(simulate(network, values).output, want)
        np.testing.assert_array_equal(myelin.simulate(network, values).output, want)
    np.testing.assert_array_equal(
        myelin.simulate(network, np.ones((1, 2, 3))).output, simulate(network, np.full((1, 2, 3), 64)).output
    )
    x[0, 0, 0] = np.inf
    with pytest.raises(DataError, match="spikes hold inf; delta encoders take values that are finite"):
        simulate(network, x)
    with pytest.raises(
        DataError, match=r"spikes have dtype float64; bool or integers are allowed: use .* if every value is one"
    ):
        simulate(Network(Input((3,)), [Layer((2,), Dense(np.full((2, 3), 4)), Cuba(1, 2, 3))]), np.full((1, 2, 3), 0.5))


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder ../shared/cases is not here")
def test_files_that_once_were_refused_or_misread(main):
    assert read(CASES / "one_delay_64.net", clip_delays=62).note.startswith("layer 0 (dense): 1 of 20 delays shortened")
    assert read(CASES / "nmnist_style_pool.net", input_shape=(2, 8, 8)).network.layers[1].synapse.groups == 4
    assert "cuba.Input" in read(CASES / "input_cuba_0.25_1.25.net").note
    assert read(CASES / "rf_dense.net").network.layers[0].kind == "complex dense"
    for name, told in (
        ("kwta", "KWTA layers are not supported"),
        ("lfs_pointer", "git lfs pull"),
        ("netx_big_conv", r"\(3, 2, height, width\) is expected"),
    ):
        with pytest.raises(NetworkError, match=told):
            read(CASES / f"{name}.net")


def test_a_bias_in_a_file_of_others_is_said_to_begin_at_once(tmp_path):
    layers = [Layer((2,), Dense(np.full((2, 2), 4)), Cuba(1, 2, 3, mantissa)) for mantissa in (0, 5, -5)]
    write_netx(Network(Input((2,)), layers), tmp_path / "a.net")
    assert read(tmp_path / "a.net").note is None
    with h5py.File(tmp_path / "a.net", "r+") as file:
        del file.attrs["myelin_format"]
    note = read(tmp_path / "a.net").note
    assert note.startswith("layers 1, 2: the bias acts from the first step on, as netx runs it; in lava-dl's training")
