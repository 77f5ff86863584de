"""The step of a NIR file is found from its nodes as each simulator writes them, or asked for; what reading changes is said."""

from __future__ import annotations

import itertools
import re

import h5py
import numpy as np
import pytest
from places import SHARED

from benchmarks.conformance.nir_writers import WRITERS, compared
from myelin.convert import Cuba, Dense, Input, Layer, Network, read_nir, write_nir
from myelin.convert.nir.format import open_nir, read_nir_floats
from myelin.hw_configs.errors import NetworkError

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(0.3, 0.4, (4, 6)).astype(np.float32)
OTHER = RNG.normal(0.3, 0.4, (4, 4)).astype(np.float32)


def values(*of):
    return np.array(np.broadcast_to(np.float32(of if len(of) > 1 else of[0]), 4))


def lif(tau, r, **change):
    fields = {"v_leak": values(0), "v_threshold": values(1), "v_reset": values(0), **change}
    return nir.LIF(tau=tau, r=r, **fields)


def cuba(tau_mem, tau_syn, r, w_in=None):
    fields = {"v_leak": values(0), "v_threshold": values(1), "v_reset": values(0)}
    return nir.CubaLIF(tau_mem=tau_mem, tau_syn=tau_syn, r=r, **fields, w_in=values(1) if w_in is None else w_in)


def integrator(r):
    return nir.IF(r=values(r), v_threshold=values(1), v_reset=values(0))


def written(tmp_path, *neurons, metadata=None, name="n{}"):
    """A file of layers with these neurons."""
    nodes = {"input": nir.Input(np.array([6]))}
    for index, neuron in enumerate(neurons):
        nodes |= {f"w{index}": nir.Linear(WEIGHT if index == 0 else OTHER), name.format(index): neuron}
    nodes["output"] = nir.Output(np.array([4]))
    graph = nir.NIRGraph(nodes, list(itertools.pairwise(nodes)), type_check=False)
    graph.metadata.update(metadata or {})
    nir.write(str(tmp_path / "a.nir"), graph)
    return tmp_path / "a.nir"


BETA, ALPHA = values(0.9, 0.8, 0.7, 0.95), values(0.5, 0.6, 0.7, 0.8)
TAU, TAU_SYN = values(0.02, 0.03, 0.05, 0.01), values(0.01, 0.02, 0.03, 0.04)
JELLY = {name: np.full(4, value) for name, value in (("v_leak", 0.0), ("v_threshold", 1.0), ("v_reset", 0.0))}


def rockpool_r(tau, dt=1e-3):
    return (tau * np.exp(-dt / tau) / dt).astype(np.float32)


#: Neurons as a simulator writes them, the step in ms, and the shares lost per step and the gain in its own simulation.
WAYS = {
    "snnTorch Leaky": (lif(1e-4 / (1 - BETA), 1 / (1 - BETA)), 0.1, 1, 1 - BETA, 1),
    "snnTorch Synaptic": (
        cuba(1e-4 / (1 - BETA), 1e-4 / (1 - ALPHA), 1 / (1 - BETA), 1 / (1 - ALPHA)),
        0.1,
        1 - ALPHA,
        1 - BETA,
        1,
    ),
    "SpikingJelly LIFNode": (nir.LIF(tau=np.full(4, 2e-4), r=np.full(4, 1.0), **JELLY), 0.1, 1, 0.5, 0.5),
    "SpikingJelly IFNode": (integrator(1e4), 0.1, 1, 0, 1),
    "Sinabs IAF": (integrator(1), 1000, 1, 0, 1),
    "Sinabs LIF": (lif(values(20), values(1)), 1000, 1, 1 - np.exp(-1 / 20), 1 - np.exp(-1 / 20)),
    "norse LIFCell": (cuba(values(1e-5), values(5e-6), values(1)), 0.001, 0.2, 0.1, 0.1),
    "norse LIFBoxCell": (lif(values(1e-5), values(1)), 0.001, 1, 0.1, 0.1),
    "Rockpool LIFTorch": (
        cuba(TAU, TAU_SYN, rockpool_r(TAU)),
        1,
        1 - np.exp(-1e-3 / TAU_SYN),
        1 - np.exp(-1e-3 / TAU),
        np.exp(-1e-3 / TAU_SYN),
    ),
    "Rockpool, one tau": (lif(values(0.02), rockpool_r(values(0.02))), 1, 1, 1 - np.exp(-1 / 20), 1),
    "Spyx LIF": (lif(1 / (1 - BETA), BETA), 1000, 1, 1 - BETA, 1),
    "Spyx CuBaLIF": (cuba(1 / (1 - BETA), 1 / (1 - ALPHA), BETA), 1000, 1 - ALPHA, 1 - BETA, 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_step_decays_and_gain_are_those_of_the_writer(tmp_path, way):
    node, dt_ms, current, voltage, gain = WAYS[way]
    path = written(tmp_path, node, name="layer_{}" if way.startswith("Spyx") else "n{}")
    (layer,) = read_nir_floats(path).layers
    np.testing.assert_allclose(
        layer.neuron.current_decay, np.broadcast_to(current, np.shape(layer.neuron.current_decay)), rtol=1e-5
    )
    np.testing.assert_allclose(
        layer.neuron.voltage_decay, np.broadcast_to(voltage, np.shape(layer.neuron.voltage_decay)), rtol=1e-5
    )
    np.testing.assert_allclose(layer.synapse.weight, WEIGHT * np.broadcast_to(gain, (4,))[:, None], rtol=1e-4)
    assert f"; a step is {dt_ms:g} ms, found from " in open_nir(path).note
    again = read_nir_floats(path, dt_ms=dt_ms).layers[0]  # the step alone chooses the same equations
    np.testing.assert_allclose(again.synapse.weight, layer.synapse.weight, rtol=1e-5)
    if np.min(voltage) > 0:
        with pytest.raises(
            NetworkError, match=rf"no shorter than a step .* its nodes fit a step of {dt_ms:g} ms: leave dt_ms \(--dt-ms\) out"
        ):
            read_nir_floats(path, dt_ms=100 * dt_ms / np.min(voltage))


def test_nodes_of_several_kinds_have_one_step(tmp_path):
    path = written(tmp_path, integrator(1e4), nir.LIF(tau=np.full(4, 4e-4), r=np.full(4, 4.0), **JELLY))
    assert "a step is 0.1 ms" in open_nir(path).note
    path = written(tmp_path, integrator(1), lif(values(20), values(1)))
    assert "a step is 1000 ms, found from time constants in steps with r = 1, as Sinabs" in open_nir(path).note


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([lif(values(0.02), values(1))], "its nodes show none (tau / r differs between them, or r is 1)"),
        ([lif(values(0.02), values(10)), lif(values(0.02), values(7))], "its nodes show none (tau / r differs between them"),
        ([lif(values(0.02), values(10)), integrator(1)], "its nodes show none"),
        ([lif(values(0.02), values(0.3))], "its nodes show none"),
        ([lif(values(0.0137), values(10))], "its nodes fit 1.25049 ms (rockpool) and 1.37 ms (euler)"),
    ],
)  # fmt: skip
def test_a_step_that_is_not_shown_is_asked_for(tmp_path, nodes, reason):
    path = written(tmp_path, *nodes)
    told = (
        f"{path}: the file does not say the length of a step, and {reason}"
        if reason.endswith(")")
        else f"the file does not say the length of a step, and {reason}"
    )
    with pytest.raises(NetworkError, match=re.escape(told)):
        read_nir(path)
    with pytest.raises(NetworkError, match=r"give it in milliseconds with dt_ms= \(--dt-ms\); usual are 0.1 for snnTorch"):
        read_nir(path)
    if len(nodes) == 1:
        assert "found from" not in open_nir(path, dt_ms=1).note


def test_metadata_and_our_own_files_say_the_step(tmp_path):
    node = lif(values(0.02), values(1))
    path = written(tmp_path, node, metadata={"dt": 0.005})
    assert "a step is 5 ms, found from 'dt' in its metadata, in seconds" in open_nir(path).note
    np.testing.assert_allclose(read_nir(path).layers[0].neuron.voltage_decay, 1024)
    network = Network(Input((1,)), [Layer((1,), Dense([[64]]), Cuba(80, 1024, 512))])
    write_nir(network, tmp_path / "b.nir", dt_ms=3)
    assert open_nir(tmp_path / "b.nir").note is None
    assert read_nir(tmp_path / "b.nir", ignore_integers=True).layers[0].neuron.voltage_decay == 512


def test_what_rounding_and_resets_change_is_counted(tmp_path):
    note = open_nir(written(tmp_path, WAYS["snnTorch Leaky"][0])).note
    assert re.search(
        r"; on random spikes, rounding changes [\d.]+ % of the values of layer 0; spikes reset to v_reset, as NIR", note
    )
    share = float(re.search(r"other values in ([\d.]+) %", note).group(1))
    assert 1 < share < 60


def test_constants_that_rounding_makes_something_else_are_named(tmp_path):
    note = open_nir(written(tmp_path, lif(values(0.005), values(1)), metadata={"dt": 0.005})).note
    assert "layer 0 (dense): 4 of 4 neurons keep nothing of their voltage from step to step" in note
    note = open_nir(written(tmp_path, lif(values(100), values(1e5)), metadata={"dt": 0.001})).note
    assert "layer 0 (dense): 4 of 4 voltage decays are below 1/8192 a step and become 0" in note
    low = lif(values(0.01), values(10), v_threshold=values(1e-4))
    note = open_nir(written(tmp_path, low)).note
    assert "layer 0 (dense): its threshold, 0.0001, vanishes beside its weights and is 0" in note


def test_an_attribute_that_nir_does_not_define_is_refused_by_name(tmp_path):
    path = written(tmp_path, integrator(1))
    with h5py.File(path, "r+") as file:
        file["node/nodes/n0/refractory"] = 0.002
    with pytest.raises(NetworkError, match=r"node 'n0' \(IF\) has 'refractory', which is no attribute of it in NIR"):
        read_nir(path)


# ---- files of simulators


@pytest.mark.skipif(not (SHARED / "cases").is_dir(), reason="the folder ../shared/cases is not here")
def test_files_of_simulators_that_once_were_misread():
    opened = open_nir(SHARED / "cases/files/snntorch_leaky_0.9.nir")
    assert "a step is 0.1 ms" in opened.note and "subtracts the threshold" in opened.note
    assert [int(layer.neuron.voltage_decay) for layer in opened.network.layers] == [410, 410]  # 0.1 of 4096
    opened = open_nir(SHARED / "cases/files/sinabs_iaf.nir")
    assert "a step is 1000 ms" in opened.note and re.search(r"subtracts .* other values in 1\d %", opened.note)
    assert [layer.neuron.threshold for layer in opened.network.layers] == [128, 128]


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_simulators_that_write_nir(tmp_path, writer):
    """Decays are within 1/4096; where the simulator resets as NIR says, it has the spikes of the floats."""
    reason = writer.missing()
    if reason is not None:
        pytest.skip(reason)
    for written in writer.networks():
        found = compared(written, str(tmp_path / "a.nir"), samples=2, steps=60)
        assert found.refused is None, found
        assert found.decay <= 1 and found.rate > 0.01
        subtracts = writer.name in ("Spyx", "Rockpool") or "reset subtract" in found.network
        other = "default" in found.network
        assert (found.unrounded == 0) != (subtracts or other), found
        assert found.reason.startswith("subtracts the threshold" if subtracts else "") and found.reason != "unknown", found
        assert found.mismatch < 0.6
