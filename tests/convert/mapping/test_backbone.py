"""A convolutional backbone on cores, worked out by hand: image, recurrence over two axes with delays, pooled readout."""

from __future__ import annotations

import dataclasses

import numpy as np

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.mapping.loops import AXONS_IN, AXONS_OUT, NEURONS, SYNAPSE_BITS
from myelin.convert.mapping.mapping import map_network
from myelin.convert.rules import check
from myelin.convert.rules.synapses import sources
from myelin.convert.synapses import connections, fan_out
from myelin.hw_configs.target_files import load_target

ONE = load_target("loihi1")
CUBA = Cuba(64, 4096, 4095)


def backbone(delays):
    """(2, 5, 5) to (3, 3, 3), whose channels feed back with ``delays``, to two classes with a weight for each channel."""
    inner = DelayedRecurrent(Conv(np.full((3, 3, 3, 3), 2), padding=(1, 1)), np.array(delays).reshape(3, 1, 1))
    hidden = Layer((3, 3, 3), Conv(np.full((3, 2, 3, 3), 2), stride=(2, 2), padding=(1, 1)), CUBA, recurrent=inner)
    pooled = np.array([[2, -4, 6], [8, -2, 4]]).repeat(9, axis=1)
    return Network(Input((2, 5, 5)), [hidden, Layer((2,), Dense(pooled), Cuba(131071, 4096, 200), output="state")])


def test_synapses():
    """Along an axis of 3 places 2, 3 and 2 taps meet neurons: 7; 7 x 7 places x taps for each pair of channels."""
    for index, counts in enumerate(([49 * 6, 49 * 9], [54])):
        links = connections(backbone([0, 5, 62]), index)
        assert [int(sources(link).sum()) for link in links] == counts
        assert [int(fan_out(link).sum()) for link in links] == counts


def test_loads():
    """The image comes in by its 25 places; with delays each of the 27 neurons is an axon of its own on their core."""
    hidden, readout = map_network(backbone([0, 5, 62]), ONE).layouts
    assert [len(layout.parts) for layout in (hidden, readout)] == [1, 1]
    load = hidden.parts[0].load
    assert (load[NEURONS], load[AXONS_IN], load[AXONS_OUT]) == (27, 25 + 27, 27 * 2)  # to their own core and the readout's
    assert [link.storage for link in hidden.population.links] == ["shared", "unrolled"]
    assert (readout.parts[0].load[NEURONS], readout.parts[0].load[AXONS_IN]) == (2, 27)
    # a kernel once: 27 synapses of 8 + 6 bits (no index is shorter) and 10 of header, 388 bits, 7 words, for both channels;
    # recurrent sources meet 3 x (4, 6 or 9) synapses of 8 + 6 + 6 bits: 250, 370, 550 bits, 4, 6, 9 words, at 4, 4 and 1 places
    # of 3 channels
    assert load[SYNAPSE_BITS] == (2 * 7 + 3 * (4 * 4 + 4 * 6 + 9)) * 64


def test_without_delays_places_are_shared_in_the_recurrence_too():
    load = map_network(backbone([0, 0, 0]), ONE).layouts[0].parts[0].load
    assert load[AXONS_IN] == 25 + 9
    assert load[SYNAPSE_BITS] == (2 + 3) * 7 * 64  # kernels once, two and three lists


def test_rules():
    """The neuron in the middle hears 9 places of the image and 9 of its own layer; each class hears 27 neurons."""
    small = dataclasses.replace(ONE, name="small", axons_in_per_core=27, delay_steps_max=62)
    assert [violation.message for violation in check(backbone([0, 5, 62]), small)] == []
    tight = dataclasses.replace(small, axons_in_per_core=17, delay_steps_max=61)
    assert sorted(violation.message.partition(";")[0] for violation in check(backbone([0, 5, 62]), tight)) == [
        "layer 0 (conv, recurrent conv): input axons of one neuron is 18, small holds 17",
        "layer 0 (conv, recurrent conv): longest recurrent delay is 62 steps, small holds 61",
        "layer 1 (dense): input axons of one neuron is 27, small holds 17",
    ]
