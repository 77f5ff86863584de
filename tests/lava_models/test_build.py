"""What each connection becomes: process, delays on columns, true longest delay, exact weights."""

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.layers.conv import unroll
from myelin.lava_models.build import plan
from myelin.lava_models.layers.delayed import DelayedProduct
from myelin.lava_models.neurons.cuba import has_shared_decays, lif_arguments

NEURON = Cuba(7, 100, 200)


def test_delays_of_a_layer_are_columns_of_the_next_and_zero_synapses_have_none():
    first = Layer((3,), Dense([[2]] * 3), NEURON, delay_steps=[0, 5, 40])
    second = Layer((2,), Dense([[2, 4, 0], [6, 8, 0]], 1, [[1, 0, 9], [0, 0, 9]]), NEURON, delay_steps=63)
    (only,), (connection,) = (layer.forward for layer in plan(Network(Input((1,)), (first, second))).layers)
    assert only.process == "Dense" and "delays" not in only.arguments
    assert connection.process == "DelayDense"
    assert connection.arguments["delays"].tolist() == [[1, 5, 0], [0, 5, 0]]
    assert connection.arguments["delays"].dtype == int
    assert connection.arguments["max_delay"] == 5
    assert connection.arguments["weight_exp"] == 1 and connection.arguments["sign_mode"] == 1


def test_recurrence_has_its_own_delays_and_exponent():
    own = DelayedRecurrent(Dense([[2, 0], [0, 2]], -3), [4, 6])
    layer = plan(Network(Input((2,)), (Layer((2,), Dense([[2, 2]] * 2, 2), NEURON, recurrent=own),))).layers[0]
    assert [connection.process for connection in layer.forward] == ["Dense"]
    (connection,) = layer.recurrent
    assert connection.process == "DelayDense"
    assert connection.arguments["weight_exp"] == -3
    assert connection.arguments["delays"].tolist() == [[4, 0], [0, 6]]


@pytest.mark.parametrize(
    ("groups", "stride", "padding", "dilation"), [(1, (1, 1), (0, 0), (1, 1)), (2, (2, 1), (1, 2), (1, 2))]
)
def test_unrolled_convolution_is_torchs(groups, stride, padding, dilation):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    synapse = Conv(rng.integers(-256, 256, (4, 4 // groups, 3, 2)), stride, padding, dilation, groups)
    image = rng.integers(0, 5, (4, 6, 7))
    weight, target, source, shape = unroll(synapse, image.shape)
    result = np.zeros(shape[0], np.int64)
    np.add.at(result, target, weight.astype(np.int64) * image.reshape(-1)[source])
    assert len(set(zip(target.tolist(), source.tolist()))) == len(target)
    expected = torch.nn.functional.conv2d(
        torch.tensor(image[None], dtype=torch.float64),
        torch.tensor(synapse.weight, dtype=torch.float64),
        None,
        stride,
        padding,
        dilation,
        groups,
    )
    np.testing.assert_array_equal(result.reshape(expected.shape[1:]), expected[0].numpy())


def test_odd_weights_beyond_8_bit_are_split_into_two_connections():
    """Lava's Conv keeps -255 and 255; a signed 8 bit matrix keeps only even ones there: 255 = 254 + 1."""
    synapse = Conv(np.array([-255, 255, 3]).reshape(1, 1, 1, 3), padding=(0, 1))
    layer = Layer((1, 1, 4), synapse, NEURON, recurrent=DelayedRecurrent(synapse, 2))
    connections = plan(Network(Input((1, 1, 4)), (layer,))).layers[0].recurrent
    assert [connection.process for connection in connections] == ["DelaySparse", "DelaySparse"]
    total = sum(
        (connection.arguments["weights"].toarray() * 2.0 ** connection.arguments["weight_exp"]) for connection in connections
    )
    assert total.tolist() == [[255, 3, 0, 0], [-255, 255, 3, 0], [0, -255, 255, 3], [0, 0, -255, 255]]


def test_delayed_product_against_the_definition():
    rng = np.random.default_rng(1)
    weight, steps = rng.integers(-255, 255, (7, 9)), rng.integers(0, 6, (7, 9))
    for exponent in (0, 3, -2):
        for spikes in (rng.random(9) < 0.4, rng.integers(0, 200, 9), np.zeros(9, int)):
            expected = np.stack([np.where(steps == k, weight, 0) @ spikes for k in range(6)], axis=1)
            expected = expected << exponent if exponent > 0 else expected >> -exponent
            np.testing.assert_array_equal(DelayedProduct(weight, steps, exponent, 6)(spikes), expected)


def test_delayed_product_refuses_delays_beyond_its_buffer():
    with pytest.raises(ValueError, match=r"delays lie in 3..3, the buffer holds 0..2"):
        DelayedProduct(np.ones((1, 1), int), np.full((1, 1), 3), 0, 3)


def test_constants_of_each_neuron_in_lavas_order():
    neuron = Cuba(7, np.arange(1, 7).reshape(1, 2, 3), [[[9]]], np.arange(6).reshape(1, 2, 3))
    flat = lif_arguments(neuron, (1, 2, 3), image=False)
    assert flat["shape"] == (6,) and flat["du"].tolist() == [0, 1, 2, 3, 4, 5] and flat["dv"] == 9
    image = lif_arguments(neuron, (1, 2, 3), image=True)
    assert image["shape"] == (3, 2, 1) and image["bias_mant"][:, :, 0].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert not has_shared_decays(neuron) and has_shared_decays(NEURON)
