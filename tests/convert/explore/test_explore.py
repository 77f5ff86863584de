"""Points beside the exported network, worked out by hand or a second time, on a network of a few neurons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from myelin.convert import Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate
from myelin.convert.checkpoint import Checkpoint
from myelin.convert.explore.explore import explore, memory_bytes
from myelin.convert.explore.knobs import with_decay_bits, with_float_delays, with_longest_delay, with_weight_bits
from myelin.convert.explore.plot import exploration
from myelin.convert.explore.report import as_dict, lines
from myelin.convert.explore.settings import content, knobs
from myelin.convert.explore.source import explored_source
from myelin.convert.floats.network import dequantised
from myelin.convert.opened import Opened
from myelin.convert.statistics import compare, wilson_interval
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.target_files import load_target
from myelin.train.run.files.run_record import RunRecord

RNG = np.random.default_rng(3)
LABELS = np.arange(24) % 3
FRAMES = (RNG.random((24, 20, 6)) < 0.15 + 0.3 * (np.arange(6) // 2 == LABELS[:, None, None])).astype(np.uint8)
TARGET = load_target("loihi2")


def _network():
    hidden = Layer(
        (8,),
        Dense(2 * RNG.integers(-40, 80, (8, 6))),
        Cuba(60, 20, 300),
        np.arange(8) * 5,
        DelayedRecurrent(Dense(2 * RNG.integers(-60, 60, (8, 8))), np.arange(8)),
    )
    readout = Layer((3,), Dense(2 * RNG.integers(-99, 99, (3, 8))), Cuba(131071, 4096, 100), output="state")
    return Network(Input((6,)), [hidden, readout])


@pytest.fixture(scope="module")
def network():
    return _network()


@pytest.fixture(scope="module")
def found(network):
    samples = SimpleNamespace(labels=LABELS, frames=lambda numbers: FRAMES[numbers])
    return explore(
        network,
        TARGET,
        samples,
        np.arange(2, 24),
        roundings="no floats here",
    )


def _points(found, name):
    return next({point.value: point for point in points} for knob, points in found.knobs if knob.name == name)


def test_a_point_is_what_running_its_network_gives(network, found):
    changed, labels = with_weight_bits(network, 3), LABELS[2:]
    record = {0: ("spikes",)}
    was, now = (simulate(each, FRAMES[2:], record=record) for each in (network, changed))
    spikes = [set(zip(*np.nonzero(each.layers[0]["spikes"]))) for each in (was, now)]
    point = _points(found, "weight_bits")[3]
    assert point.paired == compare(was.prediction, now.prediction, labels)
    assert 0 < point.mismatch == len(spikes[0] ^ spikes[1]) / len(spikes[0] | spikes[1]) < 1
    assert found.exported.paired.accuracy == (was.prediction == labels).mean()
    assert not point.unchanged


def test_the_exported_network_is_found_among_the_settings(found):
    # longest delay 35: more than 5 bits
    for name, value in (
        ("weight_bits", 8), ("weight_exponent", 1), ("delay_bits", 6), ("delay_grid_steps", 1), ("longest_delay_steps", 35),
        ("decay_bits", 12), ("threshold_factor", 1.0),
    ):  # fmt: skip
        point = _points(found, name)[value]
        assert point == replace(found.exported, value=value)
        assert (point.unchanged, point.mismatch, point.paired.difference) == (True, 0.0, 0.0)
    assert not _points(found, "delay_bits")[5].unchanged
    assert list(_points(found, "longest_delay_steps")) == [0, 5, 9, 14, 18, 22, 27, 31, 35]


def test_what_breaks_a_rule_is_marked_and_stays(found):
    # decays of 20 in multiples of 256: a current that never decays, which the target's decays of 1 and more exclude
    four = _points(found, "decay_bits")[4]
    assert len(four.broken_rules) == 1
    assert "current decay" in four.broken_rules[0]
    assert four.paired.samples == 22
    assert not _points(found, "decay_bits")[12].broken_rules
    shown = "\n".join(lines({"network": "art", "input": {"text": "x"}, "seconds": 1.0, **as_dict(found, TARGET)}))
    assert f"breaks rules  decay_bits 4, decay_bits 5, decay_bits 6: {four.broken_rules[0]}" in shown


def test_memory_follows_the_bits_as_the_packing_says(network, found):
    # 6, 8 and 8 sources reach 8, 8 and 3 neurons; a list is 10 bits and its synapses, in words of 64 bits
    def words(sources, synapses, weight, delay):
        return sources * -(-(synapses * (weight + delay) + 10) // 64)

    dense = replace(
        network,
        layers=tuple(replace(layer, synapse=Dense(2 * np.ones(layer.synapse.weight.shape))) for layer in network.layers),
    )
    for bits in (2, 4, 8):
        expected = words(6, 8, bits, 0) + words(8, 8, bits, 3) + words(8, 3, bits, 6)
        back = DelayedRecurrent(Dense(2 * np.ones((8, 8))), np.arange(8))
        full = replace(dense, layers=(replace(dense.layers[0], recurrent=back), dense.layers[1]))
        assert memory_bytes(full, TARGET, bits) == 8 * expected
    assert memory_bytes(full, TARGET, None) == memory_bytes(full, TARGET, 8)
    assert memory_bytes(full, load_target("cpu")) is None
    without = words(6, 8, 6, 0) + words(8, 8, 6, 0) + words(8, 3, 6, 0)
    assert memory_bytes(with_longest_delay(full, 0), TARGET, 6) == 8 * without < memory_bytes(full, TARGET, 6)
    assert _points(found, "weight_bits")[2].memory_bytes < found.exported.memory_bytes
    # a grid alone saves nothing: the field counts steps
    assert _points(found, "delay_grid_steps")[4].memory_bytes == found.exported.memory_bytes


def test_the_front_holds_what_nothing_beats(found):
    every = [(one.point.memory_bytes, one.point.paired.accuracy, one.best) for one in found.combinations]
    assert len(every) == 7 * 4
    for memory, accuracy, best in every:
        beaten = any(m <= memory and a >= accuracy and (m, a) != (memory, accuracy) for m, a, _ in every)
        assert best is not beaten
    combined = {(one.weight_bits, one.delay_bits): one.point for one in found.combinations}
    assert combined[8, 6] == replace(found.exported, value="8/6")
    assert combined[3, 6] == replace(_points(found, "weight_bits")[3], value="3/6")
    assert combined[8, 4] == replace(_points(found, "delay_bits")[4], value="8/4")


def test_parameters_are_what_is_not_zero(network, found):
    layer, readout = network.layers
    counted = [layer.synapse.weight, layer.recurrent.synapse.weight, layer.delay_steps, layer.recurrent.delay_steps]
    assert found.exported.parameters == sum(np.count_nonzero(array) for array in (*counted, readout.synapse.weight))
    assert _points(found, "longest_delay_steps")[0].parameters == found.exported.parameters - 2 * 7


def test_rounding_is_left_out_where_there_are_no_floats_of_this_network(network, found):
    knob = next(knob for knob, _ in found.knobs if knob.name == "delay_rounding")
    assert not knob.settings and knob.left_out == "no floats here"
    broken = Checkpoint(Path("run"), RunRecord(Path("run"), {"config": {"delay": {}}}), {})
    reason = explored_source(Opened(Path("run"), "run", network, checkpoint=broken), TARGET).roundings
    assert "run.json and model.safetensors do not belong together" in reason
    other = {mode: with_longest_delay(network, 3) for mode in ("nearest", "floor", "ceil")}
    (knob,) = [knob for knob in knobs(network, TARGET, other) if knob.name == "delay_rounding"]
    assert not knob.settings and "not what its floats give with delays rounded to the nearest" in knob.left_out


def test_delays_of_floats_are_rounded_by_every_method(network):
    floats = dequantised(network).map_delays(lambda delay: delay + 0.4 * (delay > 0))
    found = explored_source(floats, TARGET)
    assert found.checkpoint is None and content(found.roundings["nearest"]) == content(found.opened.network)
    hidden = {mode: made.layers[0] for mode, made in found.roundings.items()}
    assert hidden["ceil"].delay_steps.tolist() == [0, *range(6, 37, 5)]
    assert hidden["floor"].recurrent.delay_steps.tolist() == list(range(8))
    assert hidden["ceil"].recurrent.delay_steps.tolist() == [0, *range(2, 9)]
    with pytest.raises(NetworkError, match="the delays of the floats are not those of the network"):
        with_float_delays(replace(network, layers=network.layers[1:], input=Input((8,))), floats, "floor")


def test_the_file_says_what_the_points_say(found, tmp_path):
    result = as_dict(found, TARGET)
    assert result["memory_label"] == "estimate, loihi1 packing"
    entry = next(knob for knob in result["knobs"] if knob["name"] == "weight_bits")["points"][0]
    point = _points(found, "weight_bits")[2]
    right = round(point.paired.accuracy * 22)
    assert entry["accuracy_low_percent"] == 100 * wilson_interval(right, 22)[0]
    assert entry["difference_points"] == pytest.approx(100 * (right - found.exported.paired.accuracy * 22) / 22)
    assert entry["core_memory_bytes"] == point.memory_bytes
    assert (entry["value"], entry["unchanged"], entry["broken_rules"]) == (2, False, [])
    exploration(tmp_path / "picture.png", result)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_setting_leaves_the_network_it_came_from(network):
    before = network.layers[0].neuron.current_decay.copy()
    with_decay_bits(network, 4)
    np.testing.assert_array_equal(network.layers[0].neuron.current_decay, before)
