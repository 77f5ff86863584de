"""The range of the states is judged on every sample of a validation, for each kind of readout."""

from __future__ import annotations

import json

import numpy as np
import pytest

import myelin
from myelin.convert import Cuba, Dense, Input, Layer, Network, Sigma
from myelin.hw_configs.fixed_point import THRESHOLD_MAX

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

STEPS = 40


def readout(threshold=THRESHOLD_MAX):
    """The integers of weights of 1.5, 64 inputs, no decay of the voltage."""
    neuron = Cuba(threshold, np.array(4096, np.int32), np.array(0, np.int32))
    weight = np.full((2, 64), 96)
    weight[1] = -2
    return Network(Input((64,)), (Layer((2,), Dense(weight), neuron, output="state"),))


def data(full):
    """Twenty samples of few spikes; in the sample ``full`` every input is active in every step."""
    x = (np.random.default_rng(0).random((20, STEPS, 64)) < 0.02).astype(np.uint8)
    if full is not None:
        x[full] = 1
    return x, np.zeros(20, np.int64)


def found(network, full, **options):
    always_right = lambda x: np.zeros(len(x))  # noqa: E731
    return myelin.validate(network, data(full), lava_samples=0, max_drop=100, time_axis=1, reference=always_right, **options)


@pytest.mark.parametrize("full", [4, 19])
def test_one_sample_of_twenty_that_resets_fails(full):
    validation = found(readout(), full)
    (failure,) = validation.failures
    assert failure == (
        "layer 0 (dense): v (20 samples of 40 steps, reset there) is 8650752, loihi2 holds 8388544; scale the weights of the "
        "readout down by a power of two"
    )
    assert f"states        {failure}" in validation.lines()
    with pytest.raises(myelin.MyelinError, match="validation failed: layer 0"):
        from myelin.validation.measure import require_pass

        require_pass(validation)


def test_none_that_resets_passes():
    validation = found(readout(), None)
    assert validation.failures == []
    assert "states        within the limits of loihi2 in all 20 samples" in validation.lines()
    from myelin.validation.as_json import as_dict

    states = json.loads(json.dumps(as_dict(validation)))["states"]
    assert (states["target"], states["samples"], states["violations"]) == ("loihi2", 20, [])
    assert {entry["name"] for entry in states["ranges"]} == {"u", "v"}


def test_a_readout_above_every_threshold_saturates_and_fails_too():
    """As of a network that was quantised: its floats never reset."""
    (failure,) = found(readout(THRESHOLD_MAX + 1), 7).failures
    assert "saturates there" in failure


def test_a_readout_of_sums_beyond_the_states_of_the_target_fails():
    layer = Layer((2,), Dense(np.full((2, 64), 254), weight_exp=7), Sigma(), output="state")
    network = Network(Input((64,)), (layer,))
    assert found(network, None).failures == []
    (failure,) = found(network, 3).failures
    assert "layer 0 (dense): sigma (20 samples of 40 steps) is 81149952, loihi2 holds 8388607" in failure
