"""How networks are stored: the smaller form of weights, rings of the longest delay, constants only where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from c_networks import delayed_network

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.c99.memory import Array, literal, narrowest, struct_bytes
from myelin.convert.c99.program import program
from myelin.convert.c99.source import renamed
from myelin.convert.c99.toolchain import deepest_stack
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError

CUBA = Cuba(30, 900, 400)


def stored(synapse, inputs=64, message_bits=0, **options):
    """The storage of a single connection, and its bytes of flash."""
    network = Network(Input((inputs,), message_bits), [Layer(synapse.output_shape((inputs,)), synapse, CUBA)])
    code = program(network, **options).stages[0].incoming[0]
    return code.storage, sum(array.size for array in code.constants)


def weights(share, seed=0, width=64, odd=False):
    rng = np.random.default_rng(seed)
    found = rng.integers(-60, 60, (64, width)) * (rng.random((64, width)) < share)
    return found if odd else 2 * found


def test_weights_are_rows_or_lists_whichever_is_smaller():
    assert stored(Dense(weights(1.0))) == ("dense rows, int8_t", 64 * 64)
    sparse = weights(0.05)
    count = np.count_nonzero(sparse)
    assert stored(Dense(sparse)) == ("lists of synapses, int8_t", 2 * count + (65 if count < 256 else 130))
    assert stored(Dense(weights(0.5)))[0] == "dense rows, int8_t"  # two bytes for each synapse, and the lists


@pytest.mark.parametrize(
    ("weight", "ctype"),
    [
        (np.array([[-256, 254]]), "int8_t"),
        (np.array([[-128, 127]]), "int8_t"),
        (np.array([[0, 255]]), "uint8_t"),
        (np.array([[-255, 0]]), "uint8_t"),
        (np.array([[-512, 0, 256]]) // 2, "int8_t"),
    ],
)
def test_weights_take_a_byte(weight, ctype):
    assert stored(Dense(weight), weight.shape[1])[0].endswith(ctype)


def test_odd_kernels_of_nine_bits_take_two_bytes():
    kernel = np.array([[[[-256, 255]]]])
    layer = Layer((1, 1, 5), Conv(kernel), CUBA)
    assert program(Network(Input((1, 1, 6)), [layer])).stages[0].incoming[0].storage == "kernels, int16_t"


def test_products_are_for_dense_graded_input_alone_and_take_no_more_flash():
    dense = Dense(weights(1.0))
    assert stored(dense, message_bits=8, densities={None: 0.6}) == ("products, int8_t", 64 * 64)
    assert stored(dense, message_bits=8, densities={None: 0.3}) == ("dense rows, int8_t", 64 * 64)
    assert stored(dense, densities={None: 0.6})[0] == "dense rows, int8_t"
    assert stored(Dense(weights(0.05)), message_bits=8, densities={None: 0.9})[0] == "lists of synapses, int8_t"


def test_rings_have_one_bit_for_each_source_and_the_longest_delay():
    laid = program(delayed_network(neurons=40, longest=12))
    rings = {ring.name: ring for ring in laid.rings}
    assert (rings["layer0_recurrent_ring"].length, rings["layer0_recurrent_ring"].state.size) == (13, 13 * 8)
    assert rings["layer0_forward_ring"].state.size == 4 and rings["layer1_forward_ring"].length == 4
    graded = program(Network(Input((9,), 5), [Layer((4,), Dense(weights(1.0)[:4, :9], 0, np.full((4, 9), 6)), CUBA)]))
    assert (graded.rings[0].ctype, graded.rings[0].length, graded.rings[0].state.size) == ("uint8_t", 7, 63)


def test_constants_of_neurons_stand_only_where_they_differ():
    def constants(neuron):
        network = Network(Input((2, 4, 4)), [Layer((3, 4, 4), Conv(np.ones((3, 2, 1, 1), int)), neuron)])
        return {array.name: array.count for array in program(network).stages[0].code.constants}

    assert constants(CUBA) == {}
    assert constants(Cuba(30, np.arange(3).reshape(3, 1, 1), 400)) == {"layer0_keep_u": 3}
    assert constants(Cuba(30, 900, np.arange(48).reshape(3, 4, 4))) == {"layer0_keep_v": 48}


def test_a_current_that_keeps_nothing_is_no_state():
    states = program(Network(Input((4,)), [Layer((2,), Dense(np.ones((2, 4), int)), Cuba(3, 4096, 9))])).stages[0].code.states
    assert [state.name for state in states] == ["layer0_v"]


def test_kernels_are_far_smaller_than_a_dense_recurrence():
    dense, conv = (program(delayed_network(kind, neurons=128)) for kind in ("dense", "conv"))
    sizes = [sum(array.size for array in laid.stages[0].incoming[1].constants) for laid in (dense, conv)]
    assert sizes == [128 * 128, 5] and dense.ram_bytes == conv.ram_bytes


@pytest.mark.parametrize(
    ("values", "ctype"),
    [([0, 255], "uint8_t"), ([0, 256], "uint16_t"), ([-1, 127], "int8_t"), ([-1, 128], "int16_t"), ([-(2**31), 9], "int32_t")],
)
def test_the_narrowest_type(values, ctype):
    assert narrowest(values) == ctype


def test_a_struct_has_no_padding_but_at_its_end():
    arrays = [Array("a", "uint8_t", 3, "", ""), Array("b", "uint32_t", 1, "", ""), Array("c", "uint16_t", 1, "", "")]
    assert struct_bytes(arrays) == 12 and struct_bytes(arrays[:1]) == 3 and struct_bytes([]) == 0


def test_literals_and_names():
    assert literal(-(2**31)) == "(-2147483647 - 1)" and literal(2**32 - 1) == "4294967295u" and literal(-5) == "-5"
    assert renamed('"network.h" network_step NETWORK_INPUTS my_network', "ecg") == '"ecg.h" ecg_step ECG_INPUTS my_network'


def test_the_deepest_stack_follows_the_calls():
    graph = """node: { title: "network_step" label: "network_step\\nnetwork.c:9:6\\n24 bytes (static)\\n0 dynamic objects" }
node: { title: "network.c:layer0" label: "layer0\\nnetwork.c:5:1\\n16 bytes (static)\\n0 dynamic objects" }
node: { title: "network.c:add" label: "add\\nnetwork.c:2:1\\n8 bytes (static)\\n0 dynamic objects" }
edge: { sourcename: "network_step" targetname: "network.c:layer0" label: "network.c:9:3" }
edge: { sourcename: "network.c:layer0" targetname: "network.c:add" label: "network.c:5:3" }
edge: { sourcename: "network_step" targetname: "network.c:add" label: "network.c:9:3" }
"""
    assert deepest_stack(graph, "network_step") == 48 and deepest_stack(graph, "other") is None


def test_a_neuron_without_code_is_refused_by_name():
    @dataclass(frozen=True, eq=False)
    class Odd(Neuron):
        MODEL: ClassVar[str] = "odd"
        STATES: ClassVar[tuple[str, ...]] = ("v",)

        def step(self, states, a, drive):
            return states, a

    known = "Alif, Cuba, Rf, RfIz, Delta, SigmaDelta, Sigma"
    message = rf"layer 0 \(dense\): has Odd neurons; the C code has none for them; {known} can be used"
    with pytest.raises(NetworkError, match=message):
        program(Network(Input((4,)), [Layer((2,), Dense(np.ones((2, 4), int)), Odd())]))


def test_a_recurrence_without_weights_has_no_ring():
    empty = DelayedRecurrent(Dense(np.zeros((2, 2), int)), 9)
    laid = program(Network(Input((4,)), [Layer((2,), Dense(np.ones((2, 4), int)), CUBA, 0, empty)]))
    assert [ring.name for ring in laid.rings] == ["layer0_forward_ring"]
