"""NIR files: our own round trip, the graphs of others, and graphs that no network can say."""

from __future__ import annotations

import itertools
import sys

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import myelin.cli
from myelin.convert import (
    Cuba,
    DelayedRecurrent,
    Delta,
    Dense,
    Input,
    Layer,
    Network,
    Sigma,
    SigmaDelta,
    read_netx,
    read_nir,
    simulate,
    write_netx,
    write_nir,
)
from myelin.convert.compare.constants import constant_differences, require_same_structure
from myelin.convert.floats.network import FloatConv
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.nir.format import read_nir_floats
from myelin.hw_configs.errors import BackendError, NetworkError

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")

CUBA = Cuba(threshold=10, current_decay=1000, voltage_decay=500)
ONE = np.ones(2)


def assert_same(a, b):
    """Every integer, and every shape that decides what it means."""
    require_same_structure(a, b)
    assert constant_differences(a, b) == []
    assert (a.input.message_bits, a.average_groups) == (b.input.message_bits, b.average_groups)


# ---- our own files


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), dt_ms=st.sampled_from([0.001, 0.7, 1.0, 20.0]), step_latency=st.booleans())
def test_round_trip_gives_the_same_integers(tmp_path, random_network, seed, dt_ms, step_latency):
    network, _ = random_network(seed)
    try:
        write_nir(network, tmp_path / "a.nir", dt_ms=dt_ms, step_latency=step_latency)
    except NetworkError as error:  # the reasons have tests of their own
        reasons = ("is a readout of states whose neurons spike", "has a bias, which acts from")
        assert any(reason in str(error) for reason in reasons)
        return
    assert_same(network, read_nir(tmp_path / "a.nir"))


@pytest.mark.parametrize("seed", range(3))
def test_the_floats_alone_give_the_same_spikes(tmp_path, exact_network, seed):
    network, spikes = exact_network(seed)
    write_nir(network, tmp_path / "a.nir")
    back = read_nir(tmp_path / "a.nir", ignore_integers=True)
    np.testing.assert_array_equal(simulate(back, spikes).output, simulate(network, spikes).output)
    for before, after in zip(network.layers, back.layers, strict=True):
        np.testing.assert_array_equal(after.neuron.current_decay, np.broadcast_to(before.neuron.current_decay, after.shape))
        np.testing.assert_array_equal(after.delays, before.delays)


def test_the_recipe_by_hand(tmp_path):
    """tau, r, w_in and v_leak in seconds, a Delay of latency and axonal delay, none for what a cycle does by itself."""
    neuron = Cuba(80, 1024, 2048, bias_mant=[6, 0], bias_exp=6)
    loop = DelayedRecurrent(Dense([[0, 64], [32, 0]]), [0, 3])
    layers = [Layer((2,), Dense([[64], [-128]], 1), neuron, [4, 0], loop), Layer((1,), Dense([[64, 64]]), CUBA, 2)]
    write_nir(Network(Input((1,)), layers), tmp_path / "a.nir", dt_ms=2)
    graph = nir.read(str(tmp_path / "a.nir"))
    first = graph.nodes["neurons_0"]
    assert type(first) is nir.CubaLIF
    for name, want in (("tau_syn", 0.008), ("w_in", 4), ("tau_mem", 0.004), ("r", 2), ("v_threshold", 1.25), ("v_reset", 0)):
        np.testing.assert_allclose(getattr(first, name), [want, want], rtol=1e-6)
    np.testing.assert_allclose(first.v_leak, [2 * 6 / 64, 0])
    np.testing.assert_array_equal(graph.nodes["linear_0"].weight, [[2], [-4]])
    np.testing.assert_allclose(graph.nodes["delay_0"].delay, [0.002])
    np.testing.assert_allclose(graph.nodes["delay_1"].delay, [0.010, 0.002])
    np.testing.assert_allclose(graph.nodes["recurrent_delay_0"].delay, [0, 0.006])
    np.testing.assert_allclose(graph.nodes["output_delay"].delay, [0.004])
    assert {("neurons_0", "recurrent_delay_0"), ("recurrent_linear_0", "neurons_0")} <= set(graph.edges)


def test_no_latency_leaves_no_delay_where_none_is_axonal(tmp_path, small):
    write_nir(small, tmp_path / "a.nir", step_latency=False)
    names = set(nir.read(str(tmp_path / "a.nir")).nodes)
    assert "delay_0" not in names and {"delay_1", "recurrent_delay_0"} <= names
    assert_same(small, read_nir(tmp_path / "a.nir"))


def test_integers_that_the_graph_contradicts_are_refused(tmp_path, small):
    write_nir(small, tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir", "r+") as file:
        file["node/nodes/linear_1/weight"][0, 0] += 0.5
    with pytest.raises(
        NetworkError, match=r"not those of the graph any more \(weight of node 'linear_1' \(Linear\) was changed\)"
    ):
        read_nir(tmp_path / "a.nir")
    changed = read_nir(tmp_path / "a.nir", ignore_integers=True)
    ratio = changed.layers[1].synapse.weight[0, 0] / small.layers[1].synapse.weight[0, 0]
    assert ratio > changed.layers[1].neuron.threshold / small.layers[1].neuron.threshold
    with pytest.raises(NetworkError, match="dt_ms is 2, the file was written with 1"):
        write_nir(small, tmp_path / "b.nir")
        read_nir(tmp_path / "b.nir", dt_ms=2)


@pytest.mark.parametrize(
    ("source", "layer", "reason"),
    [
        (Input((1,), 3, Delta(1)), Layer((1,), Dense([[2]]), CUBA), "the input drives Delta neurons"),
        (Input((1,)), Layer((1,), Dense([[2]]), SigmaDelta(1)), r"layer 0 \(dense\): has SigmaDelta neurons; NIR has no node"),
        (Input((1,)), Layer((1,), Dense([[2]]), Sigma(), output="state"), "has Sigma neurons"),
        (
            Input((1,)),
            Layer((1,), Dense([[2]]), CUBA, output="state"),
            "a readout of states whose neurons spike at threshold 10",
        ),
    ],
)
def test_what_nir_cannot_hold_is_refused_with_the_reason(tmp_path, source, layer, reason):
    with pytest.raises(NetworkError, match=reason):
        write_nir(Network(source, [layer]), tmp_path / "a.nir")
    assert not list(tmp_path.iterdir())


def test_a_bias_without_the_latency_is_refused(tmp_path):
    layer = Layer((1,), Dense([[2]]), Cuba(10, 1000, 500, bias_mant=1))
    with pytest.raises(NetworkError, match="has a bias, which acts from the first step on"):
        write_nir(Network(Input((1,)), [layer]), tmp_path / "a.nir", step_latency=False)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dt_s", None, "'dt_s' in its metadata is None; a number is expected"),
        ("myelin_format", 9, "its metadata has format 9, this version reads 1"),
        ("network.layers.0.neuron.threshold", -5, "threshold lies in -5..-5"),
        ("network.layers.1.synapse.type", "Pool", "the integers in its metadata are damaged"),
        ("network.layers.1.synapse.weight", None, "the integers in its metadata are damaged"),
        ("network.layers.count", 10**6, "have 1000000 layers"),
    ],
)
def test_damaged_metadata_is_refused(tmp_path, small, key, value, message):
    write_nir(small, tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir", "r+") as file:
        del file["node/metadata"][key]
        if value is not None:
            file["node/metadata"][key] = value
    with pytest.raises(NetworkError, match=message):
        read_nir(tmp_path / "a.nir")


# ---- graphs of others


def graph(*nodes, extra=(), **named):
    """A file's graph: nodes in a row between input and output, named n0, n1, ..., and further ones with their edges."""
    names = ["input", *(f"n{index}" for index in range(len(nodes))), "output"]
    first = nodes[0].input_type["input"]
    every = dict(zip(names, [nir.Input(first), *nodes, nir.Output(nodes[-1].output_type["output"])], strict=True))
    return nir.NIRGraph({**every, **named}, [*itertools.pairwise(names), *extra], type_check=False)


def opened(tmp_path, built, **options):
    nir.write(str(tmp_path / "g.nir"), built)
    return read_nir_floats(tmp_path / "g.nir", **{"dt_ms": 1.0, **options})


def lif(size=2, **change):
    shape = (size,) if isinstance(size, int) else size
    fields = {"tau": 0.004, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.5, **change}
    return nir.LIF(**{name: np.broadcast_to(np.float32(value), shape).copy() for name, value in fields.items()})


def cuba_lif(size=2, **change):
    fields = {"tau_mem": 0.004, "tau_syn": 0.002, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.5, "w_in": 3.0, **change}
    return nir.CubaLIF(**{name: np.broadcast_to(np.float32(value), (size,)).copy() for name, value in fields.items()})


WEIGHT = np.array([[1.0, 2, 3], [-1, 0, 0.5]], np.float32)


def euler(weight, spikes, dt, tau_mem, r, v_leak, threshold, tau_syn=None, w_in=1.0, v_reset=0.0):
    """NIR's equations of one layer by forward Euler, as they are written; spikes (steps, sources)."""
    current, v, rows = np.zeros(len(weight)), np.full(len(weight), v_reset), []
    for row in spikes:
        x = weight @ row
        current = x if tau_syn is None else current + dt / tau_syn * (w_in * x - current)
        v = v + dt / tau_mem * (v_leak - v + r * current)
        z = v > threshold
        v = np.where(z, v_reset, v)
        rows.append(z)
    return np.array(rows, float)


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF"])
@pytest.mark.parametrize(("v_leak", "v_reset"), [(0.0, 0.0), (0.3, 0.0), (-65.0, -65.0), (0.2, -0.4)])
def test_neurons_of_others_become_ours(tmp_path, kind, v_leak, v_reset):
    """A leak voltage is a bias; voltages count from the reset; r and w_in go into the weights; thresholds may differ."""
    rng = np.random.default_rng(1)
    spikes = rng.random((50, 3)) < 0.4
    threshold = np.array([1.0, 1.7]) + v_reset
    make, extra = (lif, {}) if kind == "LIF" else (cuba_lif, {"tau_syn": 0.002, "w_in": 3.0})
    node = make(v_leak=v_leak, v_reset=v_reset, v_threshold=threshold)
    network = opened(tmp_path, graph(nir.Linear(WEIGHT), node))
    got = simulate_floats(network, np.concatenate([spikes, spikes[:1]])[None])
    want = euler(WEIGHT, spikes, 0.001, 0.004, 2.0, v_leak, threshold, v_reset=v_reset, **extra)
    assert want.any() and not want.all()
    if network.layers[0].neuron.bias.any():  # which acts from the first step on, a step before the first input arrives
        want = euler(
            WEIGHT, np.concatenate([0 * spikes[:1], spikes]), 0.001, 0.004, 2.0, v_leak, threshold, v_reset=v_reset, **extra
        )
        np.testing.assert_array_equal(got.output[0], want)
    else:
        np.testing.assert_array_equal(got.output[0, 1:], want)


def test_a_layer_in_integers_by_hand(tmp_path):
    node = lif(tau=0.002, r=2.0, v_threshold=1.25)
    nir.write(str(tmp_path / "g.nir"), graph(nir.Affine(WEIGHT, np.array([0.5, 0], np.float32)), node))
    layer = read_nir(tmp_path / "g.nir", dt_ms=1).layers[0]
    np.testing.assert_array_equal(layer.synapse.weight, [[32, 64, 96], [-32, 0, 16]])
    assert (layer.neuron.threshold, int(layer.neuron.current_decay), int(layer.neuron.voltage_decay)) == (40, 4096, 2048)
    np.testing.assert_array_equal(layer.neuron.bias_mant << layer.neuron.bias_exp, [0.5 * 32 * 64, 0])


def test_an_integrator_keeps_its_voltage(tmp_path):
    node = nir.IF(r=np.full(2, 1000, np.float32), v_threshold=np.ones(2, np.float32))
    layer = opened(tmp_path, graph(nir.Linear(WEIGHT), node)).layers[0]
    assert (float(layer.neuron.voltage_decay), float(layer.neuron.current_decay)) == (0, 1)
    np.testing.assert_allclose(layer.synapse.weight, WEIGHT)


def test_delays_and_recurrences_find_their_place(tmp_path):
    loop = np.array([[0, 1], [2, 0]], np.float32)
    built = graph(
        nir.Delay(np.array([0.001, 0.002, 0.003])),
        nir.Linear(WEIGHT),
        cuba_lif(),
        nir.Delay(np.array([0.0034, 0.0])),
        nir.Linear(np.ones((2, 2), np.float32)),
        nir.LI(np.full(2, 0.01), ONE, 0 * ONE),
        back=nir.Linear(loop),
        wait=nir.Delay(np.array([0.005, 0.0])),
        extra=[("n2", "wait"), ("wait", "back"), ("back", "n2")],
    )
    first, last = opened(tmp_path, built).layers
    np.testing.assert_array_equal(first.synapse.delay_steps, [[1, 2, 3], [1, 0, 3]])  # of nothing where there is no synapse
    np.testing.assert_allclose(first.delay_steps, [3.4, 0])
    np.testing.assert_array_equal(first.recurrent.delay_steps, [5, 0])
    np.testing.assert_allclose(first.recurrent.synapse.weight, loop * 3 * 0.5 * 2 * 0.25)
    assert (last.output, last.neuron.threshold) == ("state", None)
    with pytest.raises(NetworkError, match=r"node 'n5' \(LI\): it is reached after 0 steps, .*--latency added"):
        opened(tmp_path, built, latency="included")


def test_a_graph_within_the_graph_is_taken_apart(tmp_path):
    """As snnTorch and norse write a recurrent layer."""
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([2])),
            "lif": lif(),
            "w_rec": nir.Linear(np.eye(2, dtype=np.float32)),
            "output": nir.Output(np.array([2])),
        },
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    built = nir.NIRGraph(
        {"input": nir.Input(np.array([3])), "fc": nir.Linear(WEIGHT), "rec": inner, "output": nir.Output(np.array([2]))},
        [("input", "fc"), ("fc", "rec"), ("rec", "output")],
    )
    (layer,) = opened(tmp_path, built).layers
    np.testing.assert_allclose(layer.recurrent.synapse.weight, np.eye(2) * 0.5)


@pytest.mark.parametrize("axes", [1, 2])
def test_convolutions(tmp_path, axes):
    rng = np.random.default_rng(0)
    kernel = rng.random((4, 2, 3) if axes == 1 else (4, 2, 3, 3)).astype(np.float32)
    cls, size = (nir.Conv1d, 8) if axes == 1 else (nir.Conv2d, (6, 8))
    conv = cls(size, kernel, 2, "valid" if axes == 1 else 1, 1, 1, np.zeros(4, np.float32))
    grid = tuple(int(n) for n in conv.output_type["output"])
    flat = nir.Flatten({"input": np.array(grid)}, 0, -1)
    network = opened(tmp_path, graph(conv, lif(grid), flat, nir.Linear(np.ones((2, int(np.prod(grid))), np.float32)), lif()))
    assert network.input_shape == ((2, 1, 8) if axes == 1 else (2, 6, 8))
    first = network.layers[0].synapse
    assert isinstance(first, FloatConv)
    assert (first.stride, first.padding) == (((1, 2), (0, 0)) if axes == 1 else ((2, 2), (1, 1)))
    np.testing.assert_allclose(first.weight.reshape(kernel.shape), kernel * 0.5, rtol=1e-6)
    assert network.layers[0].shape == ((4, 1, 3) if axes == 1 else (4, 3, 4))


def test_a_settled_bias(tmp_path):
    built = graph(nir.Affine(WEIGHT, np.array([0.2, -0.1], np.float32)), cuba_lif())
    with pytest.raises(NetworkError, match=r"the bias of node 'n0' \(Affine\) goes through its synapse filter"):
        opened(tmp_path, built)
    layer = opened(tmp_path, built, settled_bias=True).layers[0]
    np.testing.assert_allclose(layer.neuron.bias, np.array([0.2, -0.1]) * 3 * 2 * 0.25, rtol=1e-6)
    without = opened(tmp_path, graph(nir.Linear(WEIGHT), cuba_lif()))
    steps = np.zeros((1, 200, 3))
    np.testing.assert_array_equal(simulate_floats(without, steps).output, 0)


TWO = nir.Linear(np.ones((2, 2), np.float32))


@pytest.mark.parametrize(
    ("built", "message"),
    [
        (
            graph(nir.Linear(WEIGHT), nir.LI(ONE, ONE, 0 * ONE), nir.Threshold(ONE)),
            r"node 'n2' \(Threshold\): node 'n1' \(LI\) reaches it without weights: neurons without a reset",
        ),
        (graph(nir.Linear(WEIGHT * np.nan), lif()), r"node 'n0' \(Linear\): weight holds 6 values that are NaN"),
        (graph(nir.Linear(WEIGHT), lif(3)), r"node 'n1' \(LIF\): tau has shape \(3,\), what reaches it has shape \(2,\)"),
        (graph(nir.Linear(WEIGHT), lif(), TWO), r"node 'output' \(Output\): weights reach it without neurons"),
        (graph(nir.Linear(WEIGHT), TWO, lif()), r"node 'n1' \(Linear\): weights follow weights"),
        (graph(lif()), r"node 'n0' \(LIF\): node 'input' \(Input\) reaches it without weights"),
        (graph(nir.Linear(WEIGHT), lif(tau=0.0005)), "tau is 0.5 ms at its shortest, and a step 1 ms.*--dt-ms"),
        (graph(nir.Linear(WEIGHT), lif(v_threshold=-1)), "v_threshold lies below v_reset"),
        (graph(nir.Delay(np.array([0, -0.002, 0])), nir.Linear(WEIGHT), lif()), r"node 'n0' \(Delay\): delay is -2 steps"),
        (graph(nir.Linear(WEIGHT), lif(), nir.Delay(ONE * 5)), r"node 'output' \(Output\): delay_steps lies in 5000..5000"),
        (graph(nir.Linear(WEIGHT), lif(), nir.Linear(WEIGHT), lif()), r"node 'n2' \(Linear\): dense weight expects 3 inputs"),
        (graph(nir.Linear(WEIGHT)), "the graph has no neurons"),
        (
            graph(nir.Linear(WEIGHT), lif(), TWO, lif(), back=TWO, extra=[("n3", "back"), ("back", "n1")]),
            r"node 'n1' \(LIF\): it is reached from node 'input' \(Input\) and node 'n3' \(LIF\)",
        ),
        (
            graph(nir.Linear(WEIGHT), lif(), a=TWO, b=TWO, extra=[("n1", "a"), ("a", "b"), ("b", "a"), ("b", "n1")]),
            "a cycle leads through it without neurons",
        ),
        (
            graph(nir.Linear(WEIGHT), lif(), a=TWO, wait=nir.Delay(ONE * 0.002), b=TWO,
                  extra=[("n1", "a"), ("a", "n1"), ("n1", "wait"), ("wait", "b"), ("b", "n1")]),
            "two ways reach it with different delays between the same neurons",
        ),
        (graph(nir.Linear(WEIGHT), lif(), spare=nir.Output(np.array([2])), extra=[("n1", "spare")]), "the graph has 2 outputs"),
        (graph(nir.Linear(WEIGHT), lif(), extra=[("n1", "ghost")]), "an edge names node 'ghost', which does not exist"),
        (
            graph(nir.Conv2d((2, 2), np.ones((1, 1, 1, 1), np.float32), 1, 0, 1, 1, np.zeros(1)),
                  lif((1, 2, 2), r=[[[1, 2], [3, 4]]])),
            "differ within a channel of its convolution",
        ),
        (
            graph(nir.Conv2d((3, 3), np.ones((1, 1, 2, 2), np.float32), 1, "same", 1, 1, np.zeros(1)), lif((1, 3, 3))),
            r"node 'n0' \(Conv2d\): padding is 'same' for a kernel of \(2, 2\)",
        ),
    ],
)  # fmt: skip
def test_graphs_that_no_network_can_say_are_refused_by_name(tmp_path, built, message):
    with pytest.raises(NetworkError, match=message):
        opened(tmp_path, built)


def test_files_that_are_no_nir_files(tmp_path, small):
    (tmp_path / "text.nir").write_text("no HDF5")
    write_netx(small, tmp_path / "netx.nir")
    nir.write(str(tmp_path / "node.nir"), lif())
    with h5py.File(tmp_path / "link.nir", "w") as file:
        file.create_group("node")["type"] = "NIRGraph"
        file["node/nodes"] = h5py.ExternalLink("text.nir", "/")
    for name, message in (
        ("none", "no such file"),
        ("text", "cannot be read as a NIR file"),
        ("netx", "no group 'node'"),
        ("node", "single node of type LIF"),
        ("link", "is a link to elsewhere"),
    ):
        with pytest.raises(NetworkError, match=message):
            read_nir(tmp_path / f"{name}.nir")


# ---- the command


def test_the_command_there_and_back(tmp_path, small, capsys):
    net, file, back = (str(tmp_path / name) for name in ("a.net", "a.nir", "b.net"))
    write_netx(small, net)
    assert myelin.cli.main(["nir", "export", net, "--out", file, "--dt-ms", "5"]) == 0
    assert myelin.cli.main(["nir", "import", file, "--out", back]) == 0
    assert_same(small, read_netx(back))
    out = capsys.readouterr().out
    assert "2 layers, 2 -> 3 -> 2 neurons, a step is 5 ms" in out and "integers as the file has them" in out
    assert myelin.cli.main(["nir", "import", file, "--out", back, "--ignore-integers"]) == 0
    out = capsys.readouterr().out
    assert "layer 1 (dense): weight 1 is 2^9; largest errors: weights 0.00% of the largest, threshold 0.00%" in out


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, small, capsys):
    nir.write(str(tmp_path / "g.nir"), graph(nir.Linear(WEIGHT), nir.Threshold(ONE)))
    with h5py.File(tmp_path / "g.nir", "r+") as file:
        file["node/nodes/n1/type"][()] = "Sqrt"
    assert myelin.cli.main(["nir", "import", str(tmp_path / "g.nir"), "--out", str(tmp_path / "b.net")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "node 'n1' is of type Sqrt, which is not supported; supported are Input" in error
    write_netx(small, tmp_path / "a.net")
    assert myelin.cli.main(["nir", "export", str(tmp_path / "a.net"), "--out", str(tmp_path / "a.nir"), "--dt-ms", "0"]) == 2
    assert "dt_ms is 0.0; a length of a step above 0" in capsys.readouterr().err


def test_without_the_package_the_cure_is_named(tmp_path, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    match = r"NIR files need the package nir, which is not installed; run `pip install -e '.\[nir\]'"
    with pytest.raises(BackendError, match=match):
        write_nir(small, tmp_path / "a.nir")


# ---- damaged files


def _replaced(key, value):
    def change(file):
        del file[key]
        file[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_replaced("node/nodes/linear_0/weight", h5py.Empty("f4")), "cannot be read as a NIR file"),
        (_replaced("node/nodes/linear_0/weight", "text"), "cannot be read as a NIR file"),
        (_replaced("node/nodes/linear_0/weight", np.zeros((0, 3))), r"weight has dtype float64 and shape \(0, 3\)"),
        (_replaced("node/nodes/linear_0/type", np.zeros((2, 2))), r"node 'linear_0' is of type \?, which is not supported"),
        (_replaced("node/nodes/input/shape", [np.nan]), r"node 'input' \(Input\): input_type holds 1 values that are NaN"),
        (_replaced("node/nodes/input/shape", [2.5]), r"node 'input' \(Input\): shape is \[2.5\]; whole numbers"),
        (_replaced("node/metadata/dt_s", np.ones((3, 3))), r"'dt_s' in its metadata is an array of shape \(3, 3\); a number"),
        (_replaced("node/metadata/network.layers.0.neuron.threshold", np.inf), "the integers in its metadata are damaged"),
        (_replaced("node/nodes/linear_0", 3.0), "node 'linear_0' is a dataset; a group with its attributes is expected"),
    ],
)
def test_damaged_files_end_in_one_line(tmp_path, small, change, message):
    write_nir(small, tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir", "r+") as file:
        change(file)
    with pytest.raises(NetworkError, match=message) as caught:
        read_nir(tmp_path / "a.nir", ignore_integers="input" in message)
    assert "\n" not in str(caught.value)


def test_a_data_set_that_stores_nothing_is_not_read(tmp_path, small):
    write_nir(small, tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir", "r+") as file:
        del file["node/nodes/linear_0/weight"]
        file.create_dataset("node/nodes/linear_0/weight", shape=(10**4, 10**4), dtype="f4", chunks=True)
    with pytest.raises(NetworkError, match=r"linear_0/weight' declares 100000000 values and stores next to none of them"):
        read_nir(tmp_path / "a.nir")
