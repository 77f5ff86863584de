"""Every step of quantisation by its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.checkpoint import Checkpoint
from myelin.convert.explore.knobs import (
    with_decay_bits,
    with_delay_grid,
    with_delay_rounding,
    with_longest_delay,
    with_threshold_scale,
    with_weight_bits,
    with_weight_exponent,
)
from myelin.convert.explore.settings import content
from myelin.hw_configs.errors import ConfigError, NetworkError
from myelin.train.run.files.run_record import RunRecord

ALL = np.arange(-256, 256, 2)


def _one(weight, **more):
    return Network(Input((len(weight),)), [Layer((1,), Dense([weight]), Cuba(40, 100, 4000), **more)])


def _weight(network):
    return network.layers[0].synapse.weight[0]


@pytest.fixture
def every():
    """Delays of all kinds, on both connections of two layers, and a readout of states."""
    recurrent = DelayedRecurrent(Dense([[2, 0], [0, 4]], delay_steps=[[1, 5], [0, 9]]), [3, 62])
    return Network(
        Input((1, 1, 4)),
        [
            Layer((1, 1, 4), Conv(np.full((1, 1, 1, 1), 6)), Cuba(30, 7, 9), np.arange(4).reshape(1, 1, 4) * 10),
            Layer((2,), Dense(np.ones((2, 4))), Cuba(50, [100, 4096], 60), [11, 61], recurrent),
            Layer((2,), Dense([[8, 0], [0, 8]]), Cuba(1000, 4000, 80), output="state"),
        ],
    )


def _delays(network):
    found = []
    for layer in network.layers:
        found.append(layer.delay_steps.ravel().tolist())
        if layer.recurrent is not None:
            found += [layer.recurrent.delay_steps.tolist(), layer.recurrent.synapse.delay_steps.ravel().tolist()]
    return found


@pytest.mark.parametrize("bits", range(1, 9))
def test_weights_that_fill_the_range_take_the_grid_of_training(bits):
    unit = 2 ** (9 - bits)
    fitted = _weight(with_weight_exponent(_one(ALL), 9 - bits))
    steps = np.rint(ALL / unit)
    np.testing.assert_array_equal(fitted, unit * np.clip(steps, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    assert set(fitted % unit) == {0}
    assert len(set(fitted)) == min(len(ALL), 2**bits)
    if bits > 1:
        np.testing.assert_array_equal(_weight(with_weight_bits(_one(ALL), bits)), fitted)


def test_bits_take_the_power_of_two_with_the_least_error():
    # 3 bits are -4..3 times 1, 2, 4, ...: errors of 1 + 0 + 1 at 4, of 8^2 at 2, of 1 + 2^2 + 1 at 8 (ties to the even)
    assert _weight(with_weight_bits(_one([-15, -8, 13]), 3)).tolist() == [-16, -8, 12]
    # one large weight saturates where it takes a finer grid for many
    many = [*[2] * 200, -2, 20]
    assert _weight(with_weight_bits(_one(many), 2)).tolist() == [*[2] * 200, -2, 2]
    # each connection has its own
    two = Network(
        Input((2,)),
        [Layer((2,), Dense([[64, -128], [1, 0]]), Cuba(9, 9, 9), recurrent=DelayedRecurrent(Dense([[1, -2], [0, 1]])))],
    )
    changed = with_weight_bits(two, 2).layers[0]
    assert changed.synapse.weight.tolist() == [[64, -128], [0, 0]]
    assert changed.recurrent.synapse.weight.tolist() == [[1, -2], [0, 1]]


def test_an_8_bit_network_stays_as_it_is(every):
    for same in (
        with_weight_bits(every, 8),
        with_decay_bits(every, 12),
        with_threshold_scale(every, 1.0),
        with_delay_grid(every, 1, 62),
        with_longest_delay(every, 71),  # a source's 62 and the 9 of one of its synapses
    ):
        assert content(same) == content(every)
    assert content(with_longest_delay(every, 70)) != content(every)


def test_every_delay_is_clipped_or_put_on_the_grid_and_none_passes_the_limit(every):
    assert _delays(every) == [[0, 10, 20, 30], [11, 61], [3, 62], [1, 5, 0, 9], [0]]
    # the sum of a source's delay and a synapse's is what the chip holds: 3 + 1 stays, nothing is left beside 7
    assert _delays(with_longest_delay(every, 7)) == [[0, 7, 7, 7], [7, 7], [3, 7], [1, 0, 0, 0], [0]]
    # ties go to the even multiple: 10 / 4 to 2, 30 / 4 to 8; 61 and 62 would be 60 and 64
    assert _delays(with_delay_grid(every, 4, 62)) == [[0, 8, 20, 32], [12, 60], [4, 60], [0, 4, 0, 8], [0]]
    assert _delays(with_delay_grid(every, 4))[2] == [4, 64]
    assert _delays(with_delay_grid(every, 8, 62))[1:3] == [[8, 56], [0, 56]]


def test_decays_have_their_bits_and_thresholds_their_factor(every):
    six = with_decay_bits(every, 6)  # multiples of 64
    assert six.layers[1].neuron.current_decay.tolist() == [128, 4096]
    assert [int(layer.neuron.voltage_decay) for layer in six.layers] == [0, 64, 64]
    assert [int(layer.neuron.current_decay) for layer in with_decay_bits(every, 4).layers[::2]] == [0, 4096]
    # a readout of states never spikes, whatever its threshold
    assert [layer.neuron.threshold for layer in with_threshold_scale(every, 1.25).layers] == [38, 62, 1000]
    assert [layer.neuron.threshold for layer in with_threshold_scale(every, 0.8).layers] == [24, 40, 1000]
    for changed in (six, with_threshold_scale(every, 0.8)):
        assert _delays(changed) == _delays(every)
        assert all((a.synapse.weight == b.synapse.weight).all() for a, b in zip(changed.layers, every.layers))


def _checkpoint(delays, grid=1):
    layer = {"kind": "dense", "neurons": 4, "channels": 1, "recurrent": "dense", "delay_per": "neuron"}
    config = {
        "data": {"channels": 2, "message_bits": 0},
        "neuron": {"threshold": 2.0},
        "layers": [layer],
        "readout": {"spiking": False},
        "delay": {"grid_steps": grid},
        "train": {"weight_bits": 8},
    }
    tensors = {
        "0.synapse.weight": np.ones((4, 2), np.float32),
        "0.recurrence.weight": np.ones((4, 4), np.float32),
        "0.delay.delay": np.array(delays, np.float32),
        "0.recurrence.delay.delay": np.array(delays, np.float32) + 1,
        "1.synapse.weight": np.ones((2, 4), np.float32),
    }
    for name in ("0", "1"):
        tensors |= {f"{name}.neuron.{which}_decay": np.array([100.0], np.float32) for which in ("current", "voltage")}
    return Checkpoint(Path("run"), RunRecord(Path("run"), {"config": config}), tensors)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [("nearest", [0, 2, 2, 60]), ("floor", [0, 1, 2, 59]), ("ceil", [1, 2, 3, 60])],
)
def test_fractional_delays_are_rounded_as_asked_and_then_clipped(rounding, expected):
    checkpoint = _checkpoint([0.2, 1.6, 2.49, 59.9])
    before = {name: values.copy() for name, values in checkpoint.tensors.items()}
    network = with_delay_rounding(checkpoint, rounding)
    assert _found(network) == [expected, [step + 1 for step in expected]]
    clipped = with_delay_rounding(checkpoint, rounding, 2)
    assert _found(clipped)[0] == [min(step, 2) for step in expected]
    assert all((before[name] == values).all() for name, values in checkpoint.tensors.items())


def _found(network):
    return [network.layers[0].delay_steps.tolist(), network.layers[0].recurrent.delay_steps.tolist()]


@pytest.mark.parametrize(
    ("rounding", "expected"), [("nearest", [0, 4, 8, 60]), ("floor", [0, 4, 4, 56]), ("ceil", [4, 4, 8, 60])]
)
def test_fractional_delays_go_to_the_grid_they_were_trained_on(rounding, expected):
    assert _found(with_delay_rounding(_checkpoint([0.2, 4.0, 6.1, 59.9], grid=4), rounding))[0] == expected


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda network: with_weight_bits(network, 9), "weight bits: 9; 1..8 is allowed"),
        (lambda network: with_weight_exponent(network, 0), "weight exponent: 0; 1..8 is allowed"),
        (lambda network: with_decay_bits(network, 13), "decay bits: 13; 1..12 is allowed"),
        (lambda network: with_delay_grid(network, 0), "delay grid: 0; 1 or more is allowed"),
        (lambda network: with_longest_delay(network, -1), "longest delay: -1; 0 or more is allowed"),
        (lambda network: with_threshold_scale(network, -0.5), "threshold factor is -0.5; 0 or more is allowed"),
    ],
)
def test_values_that_mean_nothing_are_refused(change, text):
    with pytest.raises(ConfigError, match=text):
        change(_one([2, 4]))


def test_a_checkpoint_of_float_weights_is_refused():
    checkpoint = _checkpoint([0, 1, 2, 3])
    checkpoint.config["train"]["weight_bits"] = 0
    with pytest.raises(NetworkError, match="trained with float weights"):
        with_delay_rounding(checkpoint, "floor")
