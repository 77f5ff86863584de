"""Events and products: the same integers, the choice between them, and samples that stream through."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from myelin.convert import Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate, stream
from myelin.convert.simulator import dense as engine_dense
from myelin.convert.simulator import plan, stage
from myelin.hw_configs.errors import DataError, NetworkError

PASS = Cuba(threshold=0, current_decay=4096, voltage_decay=4096)  # spikes in every step with positive input


def busy(neurons, density, message_bits=0, batch=600, steps=12, seed=0):
    """Two layers, the first recurrent, and random spikes of that density, graded where there are message bits."""
    rng = np.random.default_rng(seed)

    def dense(inputs):
        return Dense(2 * rng.integers(-60, 60, (neurons, inputs)).astype(np.int32))

    back = DelayedRecurrent(dense(neurons), rng.integers(0, 9, neurons).astype(np.int32))
    cuba = Cuba(threshold=100, current_decay=3000, voltage_decay=3500)
    layers = (Layer((neurons,), dense(neurons), cuba, recurrent=back), Layer((4,), Dense(back.synapse.weight[:4]), cuba))
    spikes = rng.random((batch, steps, neurons)) < density
    return Network(Input((neurons,), message_bits), layers), spikes * rng.integers(1, 1 << max(1, message_bits), spikes.shape)


@pytest.mark.parametrize(("density", "chosen"), [(0.1, "events"), (1.0, "dense, recurrent events")])
def test_the_engine_follows_the_density(density, chosen):
    network, spikes = busy(24, density)
    seen = {}
    simulate(network, spikes[:8], observe=lambda passage: seen.setdefault(passage.layer, passage.engine))
    assert seen == {0: chosen, 1: "events"}


def test_a_layer_without_recurrence_has_one_engine():
    network, spikes = busy(24, 1.0)
    seen = []
    alone = dataclasses.replace(network, layers=(dataclasses.replace(network.layers[0], recurrent=None),))
    simulate(alone, spikes[:8], observe=lambda passage: seen.append(passage.engine))
    assert set(seen) == {"dense"}


def test_a_recurrence_becomes_a_product_when_its_neurons_spike_all_the_time():
    network, spikes = busy(24, 1.0)
    first = dataclasses.replace(network.layers[0], neuron=PASS)  # without a threshold and memory: about half of them spike
    network = dataclasses.replace(network, layers=(first, *network.layers[1:]))
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(stage.DENSE_FROM, plan.ROWS, 0.3)
        got = simulate(
            network,
            spikes,
            chunk=4,
            observe=lambda passage: seen.append((passage.layer, passage.samples.start, passage.engine)),
        )
    engines = {engine for layer, start, engine in seen if layer == 0 and start > 0}
    assert engines == {"dense"}, "the first samples measure, the others use it"
    np.testing.assert_array_equal(got.output, simulate(network, spikes, engine="events").output)


@pytest.mark.parametrize("message_bits", [0, 4, 12, 20])
def test_graded_values_are_exact_in_every_engine(message_bits):
    network, spikes = busy(24, 0.5, message_bits, batch=20)
    record = {0: ("spikes", "a", "u", "v")}
    events, dense = (simulate(network, spikes, engine=engine, record=record) for engine in ("events", "dense"))
    for name in record[0]:
        np.testing.assert_array_equal(events.layers[0][name], dense.layers[0][name], err_msg=name)
    assert events.layers[0]["spikes"].any()


@pytest.mark.parametrize("neurons", [4, 63, 64, 65, 127, 200])
def test_populations_of_every_size_are_exact_in_every_engine(neurons):
    """Spikes are listed 64 at a time, and the last ones of a row or of the whole array apart."""
    network, spikes = busy(neurons, 0.3, batch=3)
    record = {0: ("spikes", "a")}
    events, dense = (simulate(network, spikes, engine=engine, record=record) for engine in ("events", "dense"))
    np.testing.assert_array_equal(events.layers[0]["a"], dense.layers[0]["a"])
    np.testing.assert_array_equal(events.layers[0]["spikes"], dense.layers[0]["spikes"])
    assert events.layers[0]["spikes"].any()


def test_floats_that_would_not_be_exact_are_refused():
    assert engine_dense.exact_float((1 << 24) - 1) == "float32"
    assert engine_dense.exact_float(1 << 24) == engine_dense.exact_float((1 << 53) - 1) == "float64"
    with pytest.raises(NetworkError, match=r"sums of up to 9007199254740992 are not exact in float64.*engine='events'"):
        engine_dense.exact_float(1 << 53)


def test_a_stream_gives_what_the_whole_batch_gives():
    network, spikes = busy(24, 0.2, batch=50)
    parts = list(stream(network, (spikes[start : start + 7] for start in range(0, 50, 7))))
    np.testing.assert_array_equal(np.concatenate([part.output for part in parts]), simulate(network, spikes).output)


def test_a_stream_ends_at_the_batch_that_is_at_fault():
    network, spikes = busy(24, 0.2, batch=8)
    recordings = stream(network, [spikes, spikes + 5])
    assert next(recordings).output.shape == (8, 12, 4)
    with pytest.raises(DataError, match=r"spikes lie in 5\.\.6"):
        next(recordings)


def test_no_more_message_bits_than_there_are_are_proposed():
    network, spikes = busy(24, 0.2, batch=2)
    with pytest.raises(DataError, match=r"finer time bins or clip them to 1, or give the network's input message_bits=32,"):
        simulate(network, spikes.astype(np.int64) << 31)
    with pytest.raises(DataError, match=r"finer time bins or clip them to 1$"):
        simulate(network, spikes.astype(np.int64) << 32)
