"""Sigma-delta networks on Lava: the simulator, the reference and Lava's processes agree in every message and state."""

import os

import numpy as np
import pytest
import sigma_delta_networks
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta, simulate
from myelin.hw_configs.errors import BackendError, DataError, NetworkError

#: As in ``test_parity``: a network costs about a second; with this variable set, they are others each time.
VARIABLE = "MYELIN_LAVA_EXAMPLES"
EXAMPLES = int(os.environ.get(VARIABLE, 9))
HOLDS = 1 << 30
seen = {"networks": 0, "values": 0, "messages": 0}


@pytest.mark.timeout(max(300, 20 * EXAMPLES))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=VARIABLE not in os.environ, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_random_networks_agree_everywhere(lava, seed):
    network, sample = sigma_delta_networks.random_case(seed)
    layers, output = sigma_delta_networks.run(network, sample)
    assume(sigma_delta_networks.largest_sum(network, layers, sample) < HOLDS)
    record = {index: tuple(name for name in names if name != "a") for index, names in layers.items()}
    for recording in (
        *(simulate(network, sample[None], record=record, engine=engine) for engine in ("auto", "events", "dense")),
        lava.run(network, sample[None], record=record),
        lava.run(network, sample[None], record=record, stock=True),
    ):
        np.testing.assert_array_equal(recording.output[0], output)
        for index, names in record.items():
            for name in names:
                np.testing.assert_array_equal(recording.layers[index][name][0], layers[index][name], err_msg=f"{index} {name}")
                seen["values"] += layers[index][name].size
    seen["networks"] += 1
    seen["messages"] += sum(int(np.count_nonzero(names["spikes"])) for names in layers.values())


@pytest.mark.lava
def test_random_networks_were_active():
    assert seen["networks"] >= EXAMPLES and seen["messages"] > 100 * seen["networks"]
    print(seen)


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_by_hand(lava, stock):
    """Changes 3, -5 and 4 are doubled to 6, -10 and 8, and held back a step; relu(6 + 1) = 7 and 0 are sent as changes."""
    layers = (
        Layer((1, 1, 2), Conv([[[[2]]]]), SigmaDelta(5, 0, 0, activation="unit"), delay_steps=1),
        Layer((1,), Dense([[1, -1]]), SigmaDelta(0, 0, 0, bias=1)),
        Layer((1,), Dense([[3]]), Sigma(), output="state"),
    )
    network = Network(Input((1, 1, 2), 4, Delta(0, 0, 0)), layers)
    values = np.array([[3, 0], [-2, 0], [-2, 4], [-2, 4], [-2, 4], [-2, 4], [-2, 4], [-2, 4]]).reshape(1, 8, 1, 1, 2)
    got = lava.run(network, values, stock=stock, record={-1: ("spikes",), 0: ("spikes",), 1: ("sigma", "spikes")})
    assert got.layers[-1]["spikes"].reshape(8, 2).tolist() == [[3, 0], [-5, 0], [0, 4]] + [[0, 0]] * 5
    assert got.layers[0]["spikes"].reshape(8, 2).tolist() == [[0, 0], [6, 0], [-10, 0], [0, 8]] + [[0, 0]] * 4
    assert got.layers[1]["sigma"].ravel().tolist() == [0, 0, 0, 6, -4, -12, -12, -12]
    assert got.layers[1]["spikes"].ravel().tolist() == [1, 0, 0, 6, -7, 0, 0, 0]
    assert got.output.ravel().tolist() == [0, 3, 3, 3, 21, 0, 0, 0]
    assert got.output.dtype == got.layers[0]["spikes"].dtype == np.int32


def test_what_lava_cannot_hold(lava):
    network = Network(Input((1,), 4, Delta(0)), (Layer((1,), Dense([[1]]), SigmaDelta(0)),))
    values = np.ones((1, 3, 1), int)
    with pytest.raises(
        DataError, match=r"record of layer 0 is \('a',\); a tuple of 'spikes', 'sigma', 'act', 'residue', 'error'"
    ):
        lava.run(network, values, record={0: ("a",)})
    wide = Layer((1, 1, 31), Conv(np.ones((1, 1, 1, 130))), SigmaDelta(0))
    with pytest.raises(NetworkError, match="sums may reach any size, beyond the 24 bit of a convolution"):
        lava.run(Network(Input((160,), 4, Delta(0)), (wide,)), np.ones((1, 3, 160), int))


def test_the_chip_is_refused_by_name(monkeypatch):
    from myelin.lava_models import loihi2

    plain = Layer((1,), Dense([[1]]), SigmaDelta(0))
    with pytest.raises(BackendError, match="backend loihi2: the input has delta encoders; no process model"):
        loihi2.check(Network(Input((1,), 4, Delta(0)), (plain,)), np.ones((1, 3, 1), int), {})
    with pytest.raises(BackendError, match=r"backend loihi2: layer 0 \(dense\) has sigma-delta neurons; no process model"):
        loihi2.check(Network(Input((1,)), (plain,)), np.ones((1, 3, 1), int), {})
