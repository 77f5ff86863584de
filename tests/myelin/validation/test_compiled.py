"""``validate`` with the backend C: every spike of every layer is compared, and a difference is located."""

from __future__ import annotations

import numpy as np
import pytest
from c_networks import delayed_network, frames_of

import myelin
from myelin.convert.c99 import compiled as module
from myelin.convert.c99.compiled import CompiledNetwork
from myelin.hw_configs.errors import DataError, MissingPartError

pytestmark = pytest.mark.subprocess
NETWORK = delayed_network(neurons=24)
X, Y = frames_of(NETWORK, samples=6, steps=30), np.arange(6) % 4


def validated():
    return myelin.validate(NETWORK, (X, Y), reference=False, backend="c", lava_samples=0)


def equality(found):
    return next(one for one in found.equalities if one.name == "C = simulator")


def test_the_compiled_network_records_spikes_as_the_simulator_does():
    made = CompiledNetwork(NETWORK)
    got, expected = made.run(X, {0: ("spikes",)}), myelin.simulate(NETWORK, X, record={0: ("spikes",)})
    assert np.array_equal(got.output, expected.output) and got.output.dtype == expected.output.dtype
    assert np.array_equal(got.layers[0]["spikes"], expected.layers[0]["spikes"]) and expected.layers[0]["spikes"].any()
    assert made.without == {"a", "u", "v"}
    with pytest.raises(DataError, match=r"record of layer 0 is \('v',\); a tuple of 'spikes' is allowed"):
        made.run(X, {0: ("v",)})


def test_equal_values_pass():
    found = equality(validated())
    assert str(found) == "C = simulator: all 5,040 values of 6 samples are equal"


def test_a_difference_fails_and_is_located(monkeypatch):
    monkeypatch.setattr(module, "template", lambda name: _spoilt(name))
    found = validated()
    assert not equality(found).holds and equality(found).divergence["first"]["neuron"] == 3
    assert any(line.startswith("C = simulator: ") for line in found.failures)


def _spoilt(name):
    """A host that hears neuron 3 of the first layer wrongly."""
    from myelin.convert.c99.helpers import template

    return template(name).replace("] = sent;", "] = ((population == 0) && (neuron == 3u)) ? 1 - sent : sent;")


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingPartError, match=r"the C backend needs a C compiler \(cc, gcc, clang\), and none is on the PATH"):
        validated()


def test_another_backend_is_refused():
    with pytest.raises(DataError, match="backend is 'rust'; 'c' or None is allowed"):
        myelin.validate(NETWORK, (X, Y), reference=False, backend="rust")
