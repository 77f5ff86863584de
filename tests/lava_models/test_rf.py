"""Resonate-and-fire neurons on Lava's RF and RF_IZ: our models, Lava's own, the simulator and the equations in every value."""

import numpy as np
import pytest
import rf_networks

from myelin.convert import ComplexDense, Input, Layer, Network, Rf, RfIz
from myelin.hw_configs.errors import BackendError, DataError
from myelin.lava_models import compat, loihi2


@pytest.mark.parametrize(("kind", "seed"), [(Rf, 9), (RfIz, 6)])
def test_random_networks_agree_everywhere(lava, kind, seed):
    network, sample = rf_networks.network(seed, kind)
    layers, output = rf_networks.run(network, sample)
    assert any(names["spikes"].any() for names in layers.values())
    assert network.max_delay_steps and any(layer.synapse.SPATIAL for layer in network.layers) == seed % 2
    record = dict.fromkeys(layers, ("spikes", "real", "imag"))
    for stock in (False, True):
        found = lava.run(network, sample[None], record=record, stock=stock)
        np.testing.assert_array_equal(found.output[0], output)
        for index, names in record.items():
            for name in names:
                np.testing.assert_array_equal(found.layers[index][name][0], layers[index][name], err_msg=f"{index} {name}")


def network():
    return Network(Input((2,)), [Layer((2,), ComplexDense(np.full((2, 2, 2), 64)), Rf(10, 1000, 3900))])


def test_what_lava_cannot_record_and_the_board_cannot_run(lava):
    with pytest.raises(DataError, match="a_real"):
        lava.run(network(), np.zeros((1, 3, 2), np.uint8), record={0: ("a_real",)})
    with pytest.raises(
        BackendError, match=r"layer 0 \(complex dense\) has resonate-and-fire neurons; no process model of these"
    ):
        loihi2.check(network(), np.zeros((1, 3, 2), np.uint8), {})


@pytest.mark.lava
@pytest.mark.skipif(bool(compat.missing(slayer=True)), reason="lava-dl is not installed")
def test_decays_reach_lava_exactly_where_netx_loses_one():
    compat.prepare(slayer=True)
    from lava.lib.dl.netx.hdf5 import Network as Stock
    from lava.proc.rf.process import RF

    rng = np.random.default_rng(0)
    sine, cosine = rng.integers(1, 4096, 3000), rng.integers(0, 4096, 3000)
    made = RF(shape=(3000,), **Rf(20, sine, cosine).lava_arguments())
    np.testing.assert_array_equal((made.sin_decay.init, made.cos_decay.init), (sine, cosine))
    turned = Rf(20, -sine, -cosine).lava_arguments()
    made = RF(shape=(3000,), **turned)
    np.testing.assert_array_equal((made.sin_decay.init, made.cos_decay.init), (-sine, -cosine))
    stock = Stock.get_neuron_params({"type": "RF_PHASE", "vThMant": 20, "sinDecay": sine, "cosDecay": cosine})
    lossy = RF(shape=(3000,), **{key: value for key, value in stock.items() if key != "neuron_proc"})
    wrong = (lossy.sin_decay.init != sine) | (lossy.cos_decay.init != cosine)
    assert 0.4 < wrong.mean() < 0.46, "the share in the table of myelin.convert.neurons.rf"
