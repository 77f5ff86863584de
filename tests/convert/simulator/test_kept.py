"""A network is prepared once, and never runs with what was prepared from other values."""

from __future__ import annotations

import copy
import gc
import pickle
from dataclasses import replace

import numpy as np
import pytest

from myelin.convert import Cuba, Dense, Input, Layer, Network, simulate
from myelin.convert.arrays import frozen_int
from myelin.convert.neurons import Neuron
from myelin.convert.simulator import kept, prepare

PASS = Cuba(threshold=0, current_decay=4096, voltage_decay=4096)
SPIKES = np.ones((1, 3, 1), np.uint8)


def network(weight=2):
    return Network(Input((1,)), [Layer((1,), Dense([[weight]]), PASS)])


@pytest.fixture
def made(monkeypatch):
    """The networks that were prepared, in order."""
    found, real = [], prepare.prepare

    def counted(given, engine="auto"):
        found.append(engine)
        return real(given, engine)

    monkeypatch.setattr(prepare, "prepare", counted)
    kept._kept.clear()  # of other tests
    return found


def test_a_network_is_prepared_once_for_each_engine(made):
    one = network()
    for engine in ("auto", "events", "auto", "events", "auto"):
        assert simulate(one, SPIKES, engine=engine).output.sum() == 2
    assert made == ["auto", "events"]


def test_constants_of_a_network_cannot_become_writeable():
    weight = network().layers[0].synapse.weight
    for array in (weight, weight[:1], frozen_int("x", np.zeros((0, 3))), frozen_int("x", 7)):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)


def test_a_given_array_can_change_without_the_network():
    given = np.array([[2]], np.int32)
    one = Network(Input((1,)), [Layer((1,), Dense(given), PASS)])
    simulate(one, SPIKES)
    given[0] = -2
    assert simulate(one, SPIKES).output.sum() == 2
    view = np.frombuffer(bytearray(given.tobytes()), np.int32)  # its memory can change
    assert frozen_int("x", view) is not view
    assert frozen_int("x", (constant := frozen_int("x", [1]))) is constant


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
def test_a_copy_that_can_change_is_prepared_each_time(copied, made):
    one = copied(network())
    assert simulate(one, SPIKES).output.sum() == 2
    one.layers[0].synapse.weight[0] = -2
    assert simulate(one, SPIKES).output.sum() == 0
    assert made == ["auto", "auto"]


def test_what_replaces_an_attribute_is_prepared_anew(made):
    one = network()
    for part, name, value in (
        (one.layers[0].synapse, "weight", frozen_int("weight", [[-2]])),
        (one.layers[0], "synapse", Dense([[2]])),
        (one, "layers", (replace(one.layers[0], neuron=replace(PASS, threshold=100)),)),
    ):
        before = simulate(one, SPIKES).output.sum()
        object.__setattr__(part, name, value)
        assert simulate(one, SPIKES).output.sum() == 2 - before
    assert len(made) == 4


def test_a_loop_registered_later_is_used(made, monkeypatch):
    one = network()
    simulate(one, SPIKES)
    monkeypatch.delitem(prepare.LAYER_STAGES._handlers, Cuba)
    assert simulate(one, SPIKES).output.sum() == 2
    assert len(made) == 2


def test_a_neuron_with_values_that_may_change_is_prepared_each_time(made):
    class Noted(Cuba):
        pass

    neuron = Noted(threshold=0, current_decay=4096, voltage_decay=4096)
    object.__setattr__(neuron, "notes", [1, 2])
    assert isinstance(neuron, Neuron)
    one = Network(Input((1,)), [Layer((1,), Dense([[2]]), neuron)])
    for _ in range(2):
        simulate(one, SPIKES)
    assert len(made) == 2


def test_only_the_last_networks_are_kept_and_none_that_is_gone(made):
    many = [network() for _ in range(kept.KEPT + 1)]
    for one in many:
        simulate(one, SPIKES)
    assert many[0] not in kept._kept and len(kept._kept) == kept.KEPT
    simulate(many[-1], SPIKES)
    assert len(made) == len(many)
    del many, one
    gc.collect()
    assert len(kept._kept) == 0
