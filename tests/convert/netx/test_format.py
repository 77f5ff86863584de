"""netx files: our own round trip, the files of others, and files that are not what they say."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, Dense, Input, Layer, Network, read_netx, simulate, write_netx
from myelin.hw_configs.errors import NetworkError

CUBA = Cuba(threshold=10, current_decay=1000, voltage_decay=500)


def assert_same(a: Network, b: Network) -> None:
    """Every value that decides what a network computes is equal."""

    def same(left, right, shape):
        np.testing.assert_array_equal(np.broadcast_to(left, shape), np.broadcast_to(right, shape))

    def same_cuba(left, right, shape):
        assert (left is None) == (right is None)
        if left is not None:
            assert left.threshold == right.threshold and left.bias_exp == right.bias_exp
            for name in ("current_decay", "voltage_decay", "bias_mant"):
                same(getattr(left, name), getattr(right, name), shape)

    def same_synapse(left, right):
        assert type(left) is type(right)
        np.testing.assert_array_equal(left.weight, right.weight)
        if isinstance(left, Dense):
            assert left.weight_exp == right.weight_exp
            assert (left.delay_steps is None) == (right.delay_steps is None)
            if left.delay_steps is not None:
                np.testing.assert_array_equal(left.delay_steps, right.delay_steps)
        else:
            for name in ("stride", "padding", "dilation", "groups"):
                assert getattr(left, name) == getattr(right, name)

    assert (a.input.shape, a.input.message_bits) == (b.input.shape, b.input.message_bits)
    same_cuba(a.input.neuron, b.input.neuron, a.input.shape)
    if a.input.neuron is not None:
        assert (a.input.weight, a.input.bias) == (b.input.weight, b.input.bias)
    assert a.average_groups == b.average_groups and len(a.layers) == len(b.layers)
    for left, right in zip(a.layers, b.layers, strict=True):
        assert (left.shape, left.output) == (right.shape, right.output)
        same_synapse(left.synapse, right.synapse)
        same_cuba(left.neuron, right.neuron, left.shape)
        same(left.delay_steps, right.delay_steps, left.shape)
        assert (left.recurrent is None) == (right.recurrent is None)
        if left.recurrent is not None:
            same_synapse(left.recurrent.synapse, right.recurrent.synapse)
            same(left.recurrent.delay_steps, right.recurrent.delay_steps, left.shape)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip_gives_the_same_network_and_spikes(tmp_path, random_network, seed):
    network, spikes = random_network(seed)
    write_netx(network, tmp_path / "a.net")
    back = read_netx(tmp_path / "a.net")
    assert_same(network, back)
    np.testing.assert_array_equal(simulate(network, spikes).output, simulate(back, spikes).output)


def test_equal_networks_give_equal_bytes(tmp_path, small):
    write_netx(small, tmp_path / "a.net")
    write_netx(small, tmp_path / "b.net")
    assert (tmp_path / "a.net").read_bytes() == (tmp_path / "b.net").read_bytes()


def test_a_failed_write_leaves_what_was_there(tmp_path, small):
    write_netx(small, tmp_path / "a.net")
    before = (tmp_path / "a.net").read_bytes()
    late = Network(Input((2,)), [Layer((2,), Dense([[2, 2], [2, 2]]), CUBA, delay_steps=63)])
    with pytest.raises(
        NetworkError, match=r"layer 0 \(dense\): longest delay_steps .* is 63 steps, a netx file holds 62; retrain"
    ):
        write_netx(late, tmp_path / "a.net")
    assert (tmp_path / "a.net").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.net"]


def test_delay_62_is_written_and_63_is_not(tmp_path):
    for delay, fits in ((62, True), (63, False)):
        layer = Layer((1,), Dense([[2]], delay_steps=[[delay]]), CUBA)
        if fits:
            write_netx(Network(Input((1,)), [layer]), tmp_path / "a.net")
            assert read_netx(tmp_path / "a.net").max_delay_steps == 62
        else:
            with pytest.raises(NetworkError, match="63 steps"):
                write_netx(Network(Input((1,)), [layer]), tmp_path / "a.net")


# ---- files of others


def slayer_layer(file, index, kind, shape, **fields):
    """A layer group as lava-dl exports it."""
    group = file.create_group(f"layer/{index}")
    group.create_dataset("type", (1,), "S10", [kind.encode()])
    group["shape"] = np.array(shape)
    for key, value in fields.items():
        group[key.replace("__", "/")] = value
    return group


NEURON = {
    "neuron__type": "CUBA",
    "neuron__iDecay": 1024,
    "neuron__vDecay": 512,
    "neuron__vThMant": 80,
    "neuron__refDelay": 1,
    "neuron__gradedSpike": False,
}


@pytest.fixture
def slayer(tmp_path):
    """Path of a file like those of lava-dl: input, flatten, dense with delay and bias, dense without a neuron, average."""
    path = tmp_path / "slayer.net"
    with h5py.File(path, "w") as file:
        slayer_layer(file, 0, "input", (1, 1, 3))
        slayer_layer(file, 1, "flatten", (3, 1, 1))
        weight = np.array([[2, -4, 6], [8, 10, -12]], np.float32)
        slayer_layer(file, 2, "dense", (2, 1, 1), weight=weight.reshape(2, 3, 1, 1, 1), **NEURON)
        file["layer/2/delay"] = np.array([3, 62], np.float32)
        file["layer/2/bias"] = np.array([-5, 7], np.float32)
        slayer_layer(file, 3, "dense", (4,), weight=np.full(8, 2, np.float32))
        slayer_layer(file, 4, "average", (2, 1, 1))
        file["simulation/Ts"] = 1
    return path


def test_lava_dl_conventions(slayer):
    network = read_netx(slayer)
    assert network.input.shape == (3,)
    first, last = network.layers
    assert first.shape == (2,) and first.output == "spikes"
    assert first.synapse.weight.tolist() == [[2, -4, 6], [8, 10, -12]]
    assert first.delay_steps.tolist() == [3, 62]
    assert (first.neuron.bias_mant.tolist(), first.neuron.bias_exp) == ([-5, 7], 6)
    assert (int(first.neuron.current_decay), int(first.neuron.voltage_decay), first.neuron.threshold) == (1024, 512, 80)
    assert last.synapse.weight.shape == (4, 2) and last.output == "state"
    assert (last.neuron.threshold, int(last.neuron.current_decay), int(last.neuron.voltage_decay)) == (1 << 17, 0, 4096)
    assert network.average_groups == 2


def test_ml_genn_netx_conventions(tmp_path):
    """Scalar types, fields without data, arrays of decays, delays as matrices, a readout marked by its threshold of 2^16."""
    path = tmp_path / "genn.net"
    with h5py.File(path, "w") as file:
        for index, (kind, size) in enumerate((("input", 3), ("dense_rec", 2), ("dense", 2))):
            group = file.create_group(f"layer/{index}")
            group.create_dataset("shape", data=(size,), dtype="i8")
            group.create_dataset("type", data=kind, dtype="S10")
            if index == 0:
                continue
            group.create_dataset("inFeatures", dtype="i4")
            group.create_dataset("outFeatures", dtype="i4")
            group.create_dataset("weight", data=np.arange(2 * (3 if index == 1 else 2)).reshape(2, -1), dtype="f4")
            neuron = group.create_group("neuron")
            neuron.create_dataset("gradedSpike", dtype="b1")
            neuron.create_dataset("iDecay", data=np.array([100, 200]), dtype="i4")
            neuron.create_dataset("vDecay", data=300, dtype="i4")
            neuron.create_dataset("vThMant", data=20 if index == 1 else 2**16, dtype="i4")
            neuron.create_dataset("refDelay", data=0, dtype="i4")
            neuron.create_dataset("type", data="CUBA")
        file["layer/1"].create_dataset("weight_rec", data=[[1, 2], [3, 4]], dtype="f4")
        file["layer/1"].create_dataset("delay", data=[[1, 2, 3], [4, 5, 6]], dtype="i4")
        file["layer/1"].create_dataset("delay_rec", data=[[7, 8], [9, 10]], dtype="i4")
    network = read_netx(path)
    first, last = network.layers
    assert first.synapse.delay_steps.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert first.recurrent.synapse.weight.tolist() == [[1, 2], [3, 4]]
    assert first.recurrent.synapse.delay_steps.tolist() == [[7, 8], [9, 10]]
    assert first.neuron.current_decay.tolist() == [100, 200]
    assert not first.delay_steps.any() and last.output == "state"


def test_delay_axes(tmp_path):
    """A vector of the layer's size is its own delay, even if the layer is square; one of the size before is of the columns."""
    for size, inputs, delay in ((3, 3, [1, 2, 3]), (2, 3, [4, 5, 6]), (2, 3, [[1, 2, 3], [4, 5, 6]]), (2, 3, 9)):
        path = tmp_path / "a.net"
        with h5py.File(path, "w") as file:
            slayer_layer(file, 0, "dense", (size,), weight=np.full((size, inputs), 2), delay=delay, **NEURON)
        layer = read_netx(path).layers[0]
        if np.shape(delay) == (2, 3):
            assert layer.synapse.delay_steps.tolist() == delay and not layer.delay_steps.any()
        elif size == 2 and np.shape(delay) == (3,):
            assert layer.synapse.delay_steps.tolist() == [delay, delay] and not layer.delay_steps.any()
        else:
            assert layer.delay_steps.tolist() == delay and layer.synapse.delay_steps is None


def test_a_recurrence_has_no_delay_unless_delay_rec_says_so(tmp_path):
    path = tmp_path / "a.net"
    with h5py.File(path, "w") as file:
        weight = {"weight": np.full((2, 2), 2), "weight_rec": np.full((2, 2), 4)}
        slayer_layer(file, 0, "dense_rec", (2,), delay=[5, 6], **weight, **NEURON)
    layer = read_netx(path).layers[0]
    assert layer.delay_steps.tolist() == [5, 6] and not layer.recurrent.delay_steps.any()
    with h5py.File(path, "r+") as file:
        file["layer/0/weight_exp_rec"] = -0.5
    with pytest.raises(NetworkError, match="'weight_exp_rec' holds 1 fractions"):
        read_netx(path)


def test_conv_conventions(tmp_path):
    path = tmp_path / "a.net"
    weight = np.arange(16).reshape(2, 2, 2, 2, 1)
    fields = {
        "weight": weight,
        "stride": [2, 1],
        "padding": 0,
        "dilation": [1, 1],
        "groups": 1,
        "bias": [3, 4],
        "delay": [1, 2],
    }
    with h5py.File(path, "w") as file:
        slayer_layer(file, 0, "conv", (2, 2, 3), **fields, **NEURON)
    with pytest.raises(NetworkError, match="pass input_shape="):
        read_netx(path)
    network = read_netx(path, input_shape=(2, 4, 4), input_message_bits=5)
    layer = network.layers[0]
    assert network.input.message_bits == 5
    assert layer.shape == (2, 2, 3) and layer.synapse.stride == (2, 1)
    assert layer.neuron.bias_mant.tolist() == [[[3]], [[4]]] and layer.delay_steps.tolist() == [[[1]], [[2]]]


def test_every_file_of_upstream_is_read(upstream):
    read = []
    for path in sorted(upstream.rglob("*.net")):
        read_netx(path)
        read.append(path.parent.name + "/" + path.name)
    assert read == [
        "ntidigits/ntidigits.net",
        "pilotnet_lif/network.net",
        "pilotnet_sdnn/network.net",
        "pilotnet_sdnn/square_network.net",
        "netx/mnist.net",
        "netx/tiny.net",
    ]


# ---- files that are not what they say


def put(key, value):
    def change(file):
        if key in file:
            del file[key]
        file[key] = value

    return change


def drop(key):
    def change(file):
        del file[key]

    return change


def huge(file):
    del file["layer/2/weight"]
    file.create_dataset("layer/2/weight", shape=(10**9, 10**6), dtype="f4", chunks=(1000, 1000))


def empty(file):
    del file["layer/2"]
    file.create_group("layer/2")


def huge_shape(file):
    put("layer/2/shape", [10**9])(file)
    huge(file)


def cycle(file):
    file["layer/2/neuron/neuron"] = file["layer/2"]
    file["layer/5"] = file["layer"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (drop("layer"), "no group 'layer'"),
        (put("layer", 3), "'layer' is a dataset; a group"),
        (drop("layer/1"), "numbered from 0 without gaps, 1 is missing"),
        (put("layer/1", 3), "'1' is a dataset; a group"),
        (drop("layer/2/type"), "layer/2: 'type' is missing"),
        (put("layer/2/type", 7), "layer/2: 'type' has dtype int64"),
        (put("layer/2/type", "convT"), r"layer/2 \(convT\): layers of this type are not supported \(transposed .* are input"),
        (put("layer/2/type", "unpool"), r"layer/2 \(unpool\): layers of this type are not supported \(SLAYER's Unpool\)"),
        (put("layer/2/type", "sum"), r"layer/2 \(sum\): layers of this type are not supported; supported are input, flatten"),
        (
            put("layer/2/neuron/type", "ADRF_PHASE"),
            r"type 'ADRF_PHASE' are not supported \(adaptive resonate-and-fire .*\); CUBA \(or LOIHI",
        ),
        (put("layer/2/neuron/type", "IF"), r"'IF' are not supported; CUBA \(or LOIHI, "),
        (put("layer/2/neuron/type", "Izhikevich"), "neurons of type 'Izhikevich' are not supported; CUBA"),
        (put("layer/2/synapse_noise", 3), r"layer/2 \(dense\): has 'synapse_noise', which is no field of such a layer"),
        (put("layer/2/neuron/noise", 3), r"layer/2 \(dense\): has 'neuron/noise', which is no field of such a layer"),
        (empty, "layer/2: the group is empty, as SLAYER writes a KWTA block"),
        (put("layer/2/neuron/gradedSpike", True), "gradedSpike is set"),
        (put("layer/2/neuron/refDelay", 4), "refDelay is 4"),
        (put("layer/2/neuron/wgtExp", 2), "neuron/wgtExp is 2"),
        (put("layer/2/neuron/wgtExp", 0.5), "'wgtExp' holds 1 fractions"),
        (put("layer/2/neuron/refDelay", 1.5), r"layer/2 \(dense\): 'refDelay' holds 1 fractions \(first 1.5\)"),
        (put("layer/2/neuron/refDelay", np.nan), "'refDelay' holds 1 values that are NaN"),
        (put("layer/2/weight_exp", 0.7), r"'weight_exp' holds 1 fractions \(first 0.7\); whole numbers"),
        (put("layer/0/message_bits", 2.9), r"'message_bits' holds 1 fractions \(first 2.9\)"),
        (put("layer/2/bias_exp", 5.5), "'bias_exp' holds 1 fractions"),
        (put("layer/2/neuron/vThMant", [3, 4]), "'vThMant' differs between neurons"),
        (drop("layer/2/neuron/vThMant"), "'vThMant' is missing"),
        (drop("layer/2/neuron/iDecay"), "'iDecay' is missing"),
        (put("layer/2/neuron/iDecay", 5000), r"current_decay lies in 5000\.\.5000, allowed is 0\.\.4096"),
        (put("layer/2/neuron/vDecay", [1, 2, 3]), "'vDecay' has shape .3,., 3 values; at most 2"),
        (drop("layer/2/shape"), "'shape' is missing"),
        (put("layer/2/shape", [2, 1, 1, 1]), "at most 3 are expected"),
        (put("layer/2/shape", [0]), r"shape is \(0,\); 1 to"),
        (put("layer/2/shape", [-2]), r"shape is \(-2,\)"),
        (put("layer/2/shape", [2.5]), "fractions"),
        (put("layer/2/shape", [5]), r"'weight' has shape \(2, 3, 1, 1, 1\); \(5, 3\) is expected"),
        (drop("layer/2/weight"), "'weight' is missing"),
        (put("layer/2/bias", "text"), "'bias' has dtype object; numbers"),
        (put("layer/2/weight", np.full((2, 3), np.nan)), "NaN or infinite"),
        (put("layer/2/weight", np.full((2, 3), 0.5)), "6 fractions of 6 values.*SLAYER's scale was not a power of two"),
        (put("layer/2/weight", np.full((2, 3), 300)), r"weight lies in 300\.\.300, allowed is -256\.\.255"),
        (put("layer/2/weight/imag", np.zeros((2, 3))), "weight"),
        (huge, r"'weight' has shape \(1000000000, 1000000\); \(2, 3\) is expected"),
        (huge_shape, r"shape is \(1000000000,\); 1 to 67108864 neurons"),
        (
            put("layer/2/delay", [3, 4096]),
            r"layer/2 \(dense\): 'delay' is 4096 steps .* holds 0\.\.4095; shorten the delays in the file",
        ),
        (put("layer/2/delay", [3, -1]), "'delay' is -1 steps"),
        (put("layer/2/delay", [3, 0.5]), "'delay' holds 1 fractions"),
        (put("layer/2/delay", np.zeros((2, 2))), r"'delay' has shape \(2, 2\)"),
        (put("layer/2/output", "rates"), "'output' is 'rates'"),
        (put("layer/1/shape", [4, 1, 1]), "does not have the 3 elements"),
        (put("layer/4/shape", [3]), "average_groups is 3; a divisor of 4"),
        (put("layer/3/type", "input"), "only the first layer may be the input"),
        (put("layer/2/weight", h5py.SoftLink("/simulation/Ts")), "'weight' is a link to elsewhere"),
        (put("layer/2/weight", h5py.ExternalLink("other.h5", "/x")), "'weight' is a link to elsewhere"),
        (put("layer/2/weight", h5py.SoftLink("/layer/2/weight")), "'weight' is a link to elsewhere"),
        (cycle, r"layer/2 \(dense\): has 'neuron/neuron', which is no field"),
        (drop("layer/2/neuron/type"), "'type' is missing"),
    ],
)
def test_wrong_files_end_in_one_message(slayer, change, text):
    with h5py.File(slayer, "r+") as file:
        if text == "weight":
            del file["layer/2/weight"]
        change(file)
    with pytest.raises(NetworkError, match=text) as caught:
        read_netx(slayer)
    assert str(caught.value).startswith(str(slayer)) and "\n" not in str(caught.value)
    h5py.File(slayer, "r+").close()  # nobody holds it open


def test_not_a_file_of_this_kind(tmp_path, slayer):
    whole = slayer.read_bytes()
    cases = {
        "empty.net": (b"", "cannot be read as a netx file"),
        "text.net": (b"hello " * 1000, "cannot be read as a netx file"),
        "cut.net": (whole[: len(whole) // 2], "cannot be read as a netx file"),
    }
    for name, (content, text) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NetworkError, match=text):
            read_netx(tmp_path / name)
    with pytest.raises(NetworkError, match="is a folder"):
        read_netx(tmp_path)
    with pytest.raises(NetworkError, match="no such file"):
        read_netx(tmp_path / "none.net")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), length=st.integers(1, 40))
def test_damaged_bytes_give_a_network_or_one_message(tmp_path, slayer, place, value, length):
    content = bytearray(slayer.read_bytes())
    start = int(place * len(content))
    content[start : start + length] = bytes([value]) * len(content[start : start + length])
    path = tmp_path / "damaged.net"
    path.write_bytes(content)
    try:
        assert isinstance(read_netx(path), Network)
    except NetworkError as error:
        assert str(error).startswith(str(path))


# ---- stock netx


@pytest.mark.lava
@pytest.mark.subprocess
def test_stock_files_give_the_same_spikes_in_stock_netx(tmp_path):
    """Without bias: stock delays a layer's input current where we delay its output, which is the same there."""
    pytest.importorskip("lava")
    compat = pytest.importorskip("myelin.lava_models.compat")
    compat.prepare(slayer=True)
    import logging

    netx = pytest.importorskip("lava.lib.dl.netx")
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc import io

    rng = np.random.default_rng(3)
    cuba = Cuba(threshold=30, current_decay=1024, voltage_decay=400)

    def even(*shape):
        return 2 * rng.integers(-20, 40, shape)

    network = Network(
        Input((1, 6, 5)),
        [
            Layer((2, 4, 3), Conv(even(2, 1, 3, 3)), Cuba(30, 1024, 400, rng.integers(-3, 4, (2, 1, 1)))),
            Layer((7,), Dense(even(7, 24)), cuba, delay_steps=rng.integers(0, 6, 7)),
            Layer((4,), Dense(even(4, 7)), cuba, delay_steps=rng.integers(0, 6, 4)),
        ],
    )
    write_netx(network, tmp_path / "a.net")
    steps = 40
    spikes = (rng.random((1, steps, 1, 6, 5)) < 0.2).astype(np.uint8)
    net = netx.hdf5.Network(str(tmp_path / "a.net"))
    source = io.source.RingBuffer(data=spikes[0].transpose(3, 2, 1, 0).astype(int))
    sink = io.sink.RingBuffer(shape=net.out.shape, buffer=steps)
    source.s_out.connect(net.inp)
    net.out.connect(sink.a_in)
    try:
        net._log_config.level = logging.CRITICAL
        net.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        got = sink.data.get().T
    finally:
        net.stop()
    expected = simulate(network, spikes).output[0]
    assert expected.sum() > 20
    np.testing.assert_array_equal(got, expected)
