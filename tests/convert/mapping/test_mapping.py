"""Core counts worked out by hand, one for each limit of a core; random networks recounted synapse by synapse."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, read_netx
from myelin.convert.layers.conv import as_chw, unroll
from myelin.convert.mapping.activity import measure
from myelin.convert.mapping.loops import AXONS_IN, AXONS_OUT, DELAY_SLOTS, NEURONS, OPERATIONS, SYNAPSE_BITS
from myelin.convert.mapping.mapping import dense_cores, map_network
from myelin.convert.mapping.populations import delay_slots, not_checked
from myelin.convert.mapping.strategies import STRATEGIES
from myelin.convert.synapses import connections
from myelin.hw_configs.errors import DataError, TargetError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

ONE = load_target("loihi1")
TWO = load_target("loihi2")
CUBA = Cuba(64, 4096, 4096)


def dense_layer(neurons, sources, **fields):
    return Layer((neurons,), Dense(np.full((neurons, sources), 2)), CUBA, **fields)


def sizes(mapping, place=0):
    """Neurons of each part of a layer."""
    return [part.stop - part.start for part in mapping.layouts[place].parts]


def test_bound_by_neurons():
    """A core of Loihi 1 has 1024 compartments: 2049 neurons take ceil(2049 / 1024) = 3 cores."""
    mapping = map_network(Network(Input((1,)), [dense_layer(2049, 1)]), ONE)
    assert sizes(mapping) == [1024, 1024, 1]
    assert mapping.layouts[0].binding == "neurons"
    assert mapping.lower_bounds(0)["neurons"] == mapping.lower_bound == 3
    # the one axon's dense list for 1024 neurons: 16 blocks of 64 x 8 + 10 = 522 bits, 9 words each; for one neuron 1 word
    assert [part.load[SYNAPSE_BITS] / 64 for part in mapping.layouts[0].parts] == [144, 144, 1]


def test_bound_by_synapse_memory_dense():
    """600 axons of 8 bit weights: with n = 192 neurons on a core each list is 3 blocks of 9 words (64 x 8 + 10 = 522 bits).

    600 x 27 = 16,200 of 16,384 words; a 193rd neuron would begin a fourth block, 600 x 28 = 16,800.  400 = 192 + 192 + 16.
    """
    mapping = map_network(Network(Input((600,)), [dense_layer(400, 600)]), ONE)
    assert sizes(mapping) == [192, 192, 16]
    assert mapping.layouts[0].binding == "synapse_bits"
    # a list for 16 neurons: 16 x 8 + 10 = 138 bits, 3 words
    assert [part.load[SYNAPSE_BITS] for part in mapping.layouts[0].parts] == [600 * 27 * 64, 600 * 27 * 64, 600 * 3 * 64]
    # at least 600 x (400 x 8 + 7 headers of 10) = 1,962,000 bits of 1,048,576: 2 cores
    assert mapping.lower_bounds(0)["synapse_bits"] == mapping.lower_bound == 2


def test_bound_by_delay_memory():
    """A delay of 62 steps takes 64 of a core's 8192 slots for each neuron: 128 neurons a core, 300 take 3."""
    synapse = Dense(np.full((300, 2), 2), delay_steps=np.full((300, 2), 62))
    mapping = map_network(Network(Input((2,)), [Layer((300,), synapse, CUBA)]), ONE)
    assert sizes(mapping) == [128, 128, 44]
    assert mapping.layouts[0].binding == "delay_slots"
    assert mapping.lower_bounds(0)["delay_slots"] == mapping.lower_bound == 3  # 300 x 64 / 8192 = 2.3


@pytest.mark.parametrize(("longest", "slots"), [(0, 2), (1, 4), (2, 4), (6, 8), (7, 16), (30, 32), (31, 64), (62, 64)])
def test_delay_slots(longest, slots):
    assert delay_slots(longest) == slots


def test_bound_by_axons_in():
    """Each of 1000 neurons has 10 inputs of its own: 4096 axons serve 409 neurons, so 409 + 409 + 182."""
    synapse = Conv(np.full((1, 1, 1, 10), 2), stride=(1, 10))
    mapping = map_network(Network(Input((1, 1, 10000)), [Layer((1, 1, 1000), synapse, CUBA)]), ONE)
    assert sizes(mapping) == [409, 409, 182]
    assert mapping.layouts[0].binding == "axons_in"
    assert [part.load[AXONS_IN] for part in mapping.layouts[0].parts] == [4090, 4090, 1820]
    assert mapping.lower_bounds(0)["axons_in"] == mapping.lower_bound == 3  # 10000 / 4096 = 2.4


def test_bound_by_axons_out():
    """Layer 1 has 5120 neurons behind delays of 62: 128 a core, 40 cores, each of which every neuron of layer 0 reaches.

    So 4096 output axons serve 4096 / 40 = 102 neurons of layer 0, and its 512 take 5 x 102 + 2: 6 cores.
    Memory of layer 1: 512 axons x 2 blocks of 64 x (8 + 6) + 10 = 906 bits, 15 words each: 15,360 of 16,384 words.
    """
    network = Network(Input((4,)), [dense_layer(512, 4, delay_steps=62), dense_layer(5120, 512)])
    mapping = map_network(network, ONE)
    assert sizes(mapping, 1) == [128] * 40
    assert sizes(mapping, 0) == [102] * 5 + [2]
    assert [layout.binding for layout in mapping.layouts] == ["axons_out", "delay_slots"]
    assert [part.load[AXONS_OUT] for part in mapping.layouts[0].parts] == [4080] * 5 + [80]
    assert mapping.layouts[1].parts[0].load[SYNAPSE_BITS] == 15360 * 64
    assert mapping.lower_bounds(0)["axons_out"] == 5  # 512 x 40 / 4096
    assert (mapping.cores, mapping.lower_bound) == (46, 45)


def line(recurrent=False):
    """A convolution of 3 taps from 302 to 300 neurons."""
    return Network(Input((1, 1, 302)), [Layer((1, 1, 300), Conv(np.full((1, 1, 1, 3), 2)), CUBA)])


def test_conv_unrolled():
    """n neurons in a row have n + 2 sources of 1 to 3 synapses of 8 + 9 bits (300 neurons: 9 index bits).

    At most 3 x 17 + 10 = 61 bits, a word: n + 2 words.  A made-up core of 102 words holds 100 neurons; 300 take 3.
    """
    target = dataclasses.replace(ONE, name="made-up", conv_weights_shared=False, core_memory_bytes=102 * 8)
    mapping = map_network(line(), target)
    assert sizes(mapping) == [100, 100, 100]
    layout = mapping.layouts[0]
    assert layout.binding == "synapse_bits"
    assert (layout.population.links[0].storage, layout.population.links[0].reason) == (
        "unrolled",
        "made-up does not share kernels",
    )
    assert [part.load[SYNAPSE_BITS] for part in layout.parts] == [102 * 64] * 3
    assert mapping.lower_bound == 2  # (900 synapses x 8 + 302 headers x 10) / (102 x 64) = 1.6


def test_conv_shared():
    """The same convolution with its kernel once on each core: 3 x 17 + 10 = 61 bits, one word; 1024 neurons fit."""
    target = dataclasses.replace(ONE, name="made-up", conv_weights_shared=True, core_memory_bytes=102 * 8)
    mapping = map_network(line(), target)
    assert sizes(mapping) == [300]
    assert mapping.layouts[0].population.links[0].storage == "shared"
    assert mapping.layouts[0].parts[0].load[SYNAPSE_BITS] == 64
    hidden = map_network(line(), dataclasses.replace(target, conv_weights_shared=None)).layouts[0].population.links[0]
    assert hidden.reason == "whether made-up shares kernels is not public"


def test_shared_kernels_of_several_channels():
    """Two input channels, three output channels, 3 x 3 taps: two lists of 27 synapses of 8 + 6 bits, 388 bits: 7 words each.

    The axons are the 16 places of the input, whose two channels come in together.
    """
    network = Network(Input((2, 4, 4)), [Layer((3, 4, 4), Conv(np.full((3, 2, 3, 3), 2), padding=(1, 1)), CUBA)])
    part = map_network(network, ONE).layouts[0].parts[0]
    assert (part.load[SYNAPSE_BITS], part.load[AXONS_IN]) == (14 * 64, 16)
    # with delays it is unrolled: each source meets 3 x (4, 6 or 9) synapses of 8 + 6 + 1 bits in sparse lists
    delayed = Network(
        Input((2, 4, 4)),
        [
            Layer((2, 4, 4), Conv(np.full((2, 2, 1, 1), 2)), CUBA, delay_steps=1),
            Layer((3, 4, 4), Conv(np.full((3, 2, 3, 3), 2), padding=(1, 1)), CUBA),
        ],
    )
    part = map_network(delayed, ONE).layouts[1].parts[0]
    # 12, 18, 27 synapses of 15 bits and 10 of header: 190, 280, 415 bits in 3, 5, 7 words, for 4, 8, 4 sources of each channel
    assert (part.load[SYNAPSE_BITS], part.load[AXONS_IN]) == (2 * (4 * 3 + 8 * 5 + 4 * 7) * 64, 32)


def test_a_board_of_several_chips():
    """130 x 128 neurons with delays of 62: 130 cores, 2 more than a chip has; Kapoho Bay's two chips have 256."""
    synapse = Dense(np.full((130 * 128, 1), 2), delay_steps=np.full((130 * 128, 1), 62))
    network = Network(Input((1,)), [Layer((130 * 128,), synapse, CUBA)])
    mapping = map_network(network, ONE)
    assert [refusal.message for refusal in mapping.refusals] == [
        "network: it needs 130 cores, loihi1 has 128; layer 0 (dense) takes 130 of them, bound by delay slots: make it "
        "smaller, or use a board with more chips: kapoho_bay has 256 cores"
    ]
    assert (mapping.refusals[0].got, mapping.refusals[0].limit) == (130, 128)
    board = map_network(network, load_target("kapoho_bay"))
    assert not board.refusals
    assert (board.cores, board.chips, board.cores_per_chip) == (130, 2, 128)
    assert "traffic between chips: not public, not checked" in not_checked(board.target)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Network(Input((4097,)), [dense_layer(1, 4097)]),
            "layer 0 (dense): one neuron takes 4097 input axons, a core holds 4096; prune its weights, or make the layer "
            "before it smaller",
        ),
        (
            # 4097 cores of one neuron each: the neuron before them needs an axon for each
            Network(Input((1,)), [dense_layer(1, 1), dense_layer(4097, 1)]),
            "layer 0 (dense): one neuron takes 4097 output axons, a core holds 4096; make the layer that it reaches smaller, "
            "so that that lies on fewer cores",
        ),
    ],
)
def test_a_neuron_that_fits_no_core(network, message):
    mapping = map_network(network, dataclasses.replace(ONE, neurons_per_core=1))
    assert [refusal.message for refusal in mapping.refusals] == [message]
    assert mapping.cores == 0 and mapping.lower_bound > 0


def test_a_neuron_whose_synapses_fit_no_core():
    mapping = map_network(Network(Input((20,)), [dense_layer(2, 20)]), dataclasses.replace(ONE, core_memory_bytes=19 * 8))
    assert mapping.refusals[0].message == (
        "layer 0 (dense): one neuron takes 1280 bits of synapse memory, a core holds 1216; prune its weights, or make the "
        "layer before it smaller"
    )


def test_bound_by_sets_of_decays():
    """100 neurons with a voltage decay of each of 100 values: 32 sets fit a core of Loihi 1, so 32 + 32 + 32 + 4."""
    layer = Layer((100,), Dense(np.full((100, 1), 2)), Cuba(64, 4096, np.arange(100)))
    mapping = map_network(Network(Input((1,)), [layer]), ONE)
    assert sizes(mapping) == [32, 32, 32, 4]
    assert mapping.layouts[0].binding == "neuron_configs"
    assert sizes(map_network(Network(Input((1,)), [layer]), TWO)) == [100]


def test_recurrent_axons_agree_with_the_cores_they_reach():
    """256 neurons, dense recurrence of delay 62: 2 cores by delays; each neuron sends to both, and to the one core after."""
    recurrent = DelayedRecurrent(Dense(np.full((256, 256), 2)), 62)
    network = Network(Input((1,)), [dense_layer(256, 1, recurrent=recurrent), dense_layer(3, 256)])
    mapping = map_network(network, ONE)
    assert sizes(mapping) == [128, 128]
    assert [part.load[AXONS_OUT] for part in mapping.layouts[0].parts] == [128 * 3, 128 * 3]
    # with 300 output axons on a core, 100 neurons for 3 cores would need 4 axons each: 75 for 4 cores, 5 axons, 60, 5 cores, 6
    # axons, 50 on 6 cores, 7 axons, 42 on 7 cores, 8 axons, 37 on 7 cores
    short = map_network(network, dataclasses.replace(ONE, axons_out_per_core=300))
    assert sizes(short) == [37] * 6 + [34]
    assert short.layouts[0].parts[0].load[AXONS_OUT] == 37 * 8


def test_recurrent_convolution_beside_a_dense_recurrence():
    """256 neurons, 3 taps, delays of up to 62: 254 sources have 3 synapses of 8 + 6 + 8 bits, 2 words; 2 at the ends 1 word.

    Dense: 256 sources with 4 blocks of 64 x 14 + 10 = 906 bits, 15 words each.
    """
    recurrent = DelayedRecurrent(Conv(np.full((1, 1, 1, 3), 2), padding=(0, 1)), np.arange(256) % 63)
    network = Network(Input((1,)), [dense_layer(256, 1, recurrent=recurrent)])
    layout = map_network(network, TWO).layouts[0]
    assert layout.parts[0].bits[1] == 510 * 64
    assert dense_cores(layout, map_network(network, TWO).limits) == (256 * 60 * 64, 1)
    # on Loihi 1 both lie on two cores of 128 neurons; each half has 130 sources, the two from across the border with 1 synapse
    layout = map_network(network, ONE).layouts[0]
    assert [part.bits[1] for part in layout.parts] == [(2 * 126 + 4 - 1) * 64] * 2
    assert dense_cores(layout, map_network(network, ONE).limits) == (256 * 2 * 30 * 64, 2)


def test_pack_shares_cores():
    """Three layers on a core of their own each fit one core: 100 neurons x 64 slots, the longest delay of all."""
    network = Network(Input((2,)), [dense_layer(40, 2, delay_steps=62), dense_layer(40, 40), dense_layer(20, 40)])
    assert map_network(network, ONE).cores == 3
    packed = map_network(network, ONE, "pack")
    assert (packed.cores, packed.lower_bound) == (1, 1)
    assert packed.loads[0, NEURONS] == 100
    assert packed.loads[0, DELAY_SLOTS] == 100 * 64
    assert packed.loads[0, AXONS_IN] == 2 + 40 + 40
    # 130 neurons with 64 slots each do not fit the 8192 slots that 128 take
    more = Network(Input((2,)), [dense_layer(40, 2, delay_steps=62), dense_layer(40, 40), dense_layer(50, 40)])
    assert map_network(more, ONE, "pack").cores == 2


def test_balance_cuts_where_the_operations_are():
    """Eight inputs, one for each neuron, which send 8, 1, 1, 1, 1, 1, 1, 2 spikes: two cores with 8 operations each."""
    network = Network(Input((8,)), [Layer((8,), Dense(2 * np.eye(8, dtype=int)), CUBA)])
    spikes = np.zeros((1, 8, 8), int)
    for source, count in enumerate((8, 1, 1, 1, 1, 1, 1, 2)):
        spikes[0, :count, source] = 1
    activity = measure(network, spikes)
    mapping = map_network(network, ONE, "balance", activity=activity, cores=2)
    assert sizes(mapping) == [1, 7]
    assert mapping.loads[:, OPERATIONS].tolist() == [8, 8]
    assert mapping.layouts[0].ended_by == "balance"
    assert sizes(map_network(network, ONE, "balance", activity=activity)) == [8]
    assert sizes(map_network(network, ONE, "balance", cores=2)) == [4, 4]  # without activity: as if each sent one spike


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("first",), "strategy is 'first'; pack, balance, layer are allowed"),
        (("pack", 3), "cores is 3 and the strategy 'pack'; 'balance' alone spreads over a number of cores"),
        (("balance", 1), r"cores is 1; 2 \(what the layers need\) to 128 \(what loihi1 has\) are allowed"),
        (("balance", 129), "cores is 129; 2 "),
    ],
)
def test_wrong_arguments(arguments, message):
    network = Network(Input((1,)), [dense_layer(1025, 1)])
    with pytest.raises(DataError, match=message):
        map_network(network, ONE, arguments[0], cores=arguments[1] if len(arguments) > 1 else None)


def test_a_target_without_cores():
    with pytest.raises(TargetError, match=r"target cpu: it states no cores_per_chip .* name a chip or a board"):
        map_network(Network(Input((1,)), [dense_layer(1, 1)]), load_target("cpu"))


def test_what_is_not_public_is_not_checked():
    assert not_checked(ONE) == []
    assert [text.partition(":")[0] for text in not_checked(TWO)] == [
        "delay slots",
        "input axons",
        "output axons",
        "sets of decays",
        "memory of neuron states",
    ]
    bare = Target("bare", "Bare", cores_per_chip=2, neurons_per_core=3)
    mapping = map_network(Network(Input((5000,)), [dense_layer(5, 5000)]), bare)
    assert sizes(mapping) == [3, 2]
    assert mapping.loads[0, SYNAPSE_BITS] == 0
    assert "synapse memory: core_memory_bytes, packing of bare not public, not checked" in not_checked(bare)


def _tight(rng):
    """A target so small that networks of a few neurons take several cores, with the packing of Loihi 1."""
    return dataclasses.replace(
        ONE,
        neurons_per_core=int(rng.integers(3, 12)),
        core_memory_bytes=int(rng.integers(40, 200)) * 8,
        delay_slots_per_core=int(rng.integers(4, 12)) * 128,
        axons_in_per_core=int(rng.integers(40, 90)),
        axons_out_per_core=int(rng.integers(40, 90)),
        neuron_configs_per_core=int(rng.integers(1, 12)),
        conv_weights_shared=bool(rng.integers(2)),
    )


def _synapse_matrix(link):
    """(neurons, sources) where a weight other than zero is."""
    if isinstance(link.synapse, Dense):
        return link.synapse.weight != 0
    listed = unroll(link.synapse, as_chw(link.shape))
    matrix = np.zeros(listed.shape, bool)
    matrix[listed.target, listed.source] = True
    return matrix


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_networks_recounted(random_network, seed):
    """Every core by brute force: memory list by list, axons in and out, within the limits; no fewer cores than the bound."""
    network, spikes = random_network(seed)
    rng = np.random.default_rng(seed)
    target, strategy = _tight(rng), str(rng.choice(STRATEGIES))
    activity = measure(network, spikes)
    mapping = map_network(network, target, strategy, activity=activity)
    if not mapping.cores:
        assert mapping.refusals
        return
    assert np.all(mapping.loads <= mapping.limits)
    assert mapping.lower_bound <= mapping.cores
    counted = np.zeros_like(mapping.loads)
    neurons_on = [[[] for _ in range(mapping.cores)] for _ in mapping.layouts]
    for place, layout in enumerate(mapping.layouts):
        order = layout.order[1]
        assert sorted(order.tolist()) == list(range(layout.population.neurons))
        assert [part.start for part in layout.parts] == [0, *(part.stop for part in layout.parts[:-1])]
        for part in layout.parts:
            neurons_on[place][part.core].append((order[part.start : part.stop], part))
    first = 0 if network.input.neuron is None else 1
    for place, layout in enumerate(mapping.layouts):
        links = connections(network, place - first) if place >= first else []
        after = connections(network, place - first + 1)[0] if place + 1 < len(mapping.layouts) else None
        reach = [(neurons_on[place], _synapse_matrix(link)) for link in links if link.recurrent]
        reach += [] if after is None else [(neurons_on[place + 1], _synapse_matrix(after))]
        for core in range(mapping.cores):
            for held, part in neurons_on[place][core]:
                counted[core, NEURONS] += len(held)
                for number, link in enumerate(links):
                    matrix = _synapse_matrix(link)[held]
                    prepared = layout.population.links[number]
                    entering = np.nonzero(matrix.any(axis=0))[0]
                    if prepared.storage == "shared":
                        entering = np.unique(entering % (matrix.shape[1] // as_chw(link.shape)[0]))
                    else:
                        assert part.bits[number] == _list_bits(target, matrix, prepared)
                    counted[core, AXONS_IN] += len(entering)
                    counted[core, SYNAPSE_BITS] += part.bits[number]
                    sent = activity.into(place - first, recurrent=link.recurrent)
                    counted[core, OPERATIONS] += float((matrix @ sent).sum())
                for parts, matrix in reach:
                    for there in (entry for cell in parts for entry, _ in cell):
                        counted[core, AXONS_OUT] += np.count_nonzero(matrix[np.ix_(there, held)].any(axis=0))
    for column in (NEURONS, SYNAPSE_BITS, AXONS_IN, OPERATIONS):
        assert np.allclose(mapping.loads[:, column], counted[:, column])
    assert np.all(counted[:, AXONS_OUT] <= mapping.loads[:, AXONS_OUT])  # rounds of a recurrence only add
    if all(layer.recurrent is None for layer in network.layers):
        assert np.array_equal(counted[:, AXONS_OUT], mapping.loads[:, AXONS_OUT])


def _list_bits(target, matrix, prepared):
    delay = target.packing.field_bits("delay_bits", prepared.longest_delay_steps.bit_length())
    delay = prepared.longest_delay_steps.bit_length() if delay is None else delay
    index = target.packing.field_bits("index_bits", (min(target.neurons_per_core, prepared.arrays.unit.size) - 1).bit_length())
    fans = np.count_nonzero(matrix, axis=0)
    sparse = sum(target.packing.axon_bits(int(n), weight_bits=8, delay_bits=delay, index_bits=index) for n in fans)
    dense = np.count_nonzero(fans) * target.packing.axon_bits(len(matrix), weight_bits=8, delay_bits=delay)
    return min(sparse, dense)


def test_the_network_of_the_demo():
    """As train/experiments/demo.toml: 140 inputs, twice 128 neurons with recurrent convolution, 20 classes; delays of 30 steps.

    Loihi 1: 32 slots a neuron, 256 neurons a core; layer 1 has 128 axons of 2 blocks of 64 x 13 + 10 = 842 bits, 14 words, and
    128 recurrent ones of at most 3 x (13 + 7) + 10 = 70 bits, 2 words (1 word for the 2 at the ends).
    """
    rng = np.random.default_rng(0)
    recurrent = DelayedRecurrent(Conv(np.full((1, 1, 1, 3), 2), padding=(0, 1)), 30)
    layers = [
        Layer((128,), Dense(2 * rng.integers(1, 50, (128, sources))), CUBA, np.full(128, 30), recurrent)
        for sources in (140, 128)
    ]
    readout = Layer((20,), Dense(2 * rng.integers(1, 50, (20, 128))), CUBA, output="state")
    network = Network(Input((140,), 4), [*layers, readout])
    for target in (ONE, TWO):
        mapping = map_network(network, target)
        assert not mapping.refusals
        assert [sizes(mapping, place) for place in range(3)] == [[128], [128], [20]]
        assert mapping.layouts[1].parts[0].bits == (128 * 28 * 64, (126 * 2 + 2) * 64)
    assert map_network(network, TWO, "pack").cores == 1


def test_ntidigits(upstream):
    """Delays of up to 62 on the way into layers 1 and 2: 128 neurons a core of Loihi 1, so 256 and 242 take 2 cores each."""
    network = read_netx(upstream / "gts" / "ntidigits" / "ntidigits.net")
    on_one, on_two = map_network(network, ONE), map_network(network, TWO)
    assert not on_one.refusals and not on_two.refusals
    assert [len(layout.parts) for layout in on_one.layouts] == [1, 2, 2]
    assert [layout.binding for layout in on_one.layouts[1:]] == ["delay_slots", "delay_slots"]
    assert [len(layout.parts) for layout in on_two.layouts] == [1, 1, 1]
    # layer 1 on Loihi 2: 256 axons of 4 blocks of 64 x 14 + 10 bits, 15 words; the core memory of 24,576 words holds them
    assert on_two.layouts[1].parts[0].load[SYNAPSE_BITS] == 256 * 60 * 64


def test_pilotnet(upstream):
    """Kernels are shared, so the neurons bind: 39,600 inputs, then 76,032, 26,460, 8064, 5632, 2560 neurons.

    On Loihi 1 39 + 75 + 26 + 8 + 6 + 3 cores, and 2 + 1 + 1 + 1 for the dense layers, 162 of 128; on Loihi 2 with 8192 neurons
    a core 5 + 10 + 4 + 1 + 1 + 1 and 4 more.
    """
    network = read_netx(upstream / "gts" / "pilotnet_lif" / "network.net")
    counts = [math.prod(network.input.shape), *(layer.neurons for layer in network.layers[:5])]
    on_one = map_network(network, ONE)
    assert [len(layout.parts) for layout in on_one.layouts[:6]] == [-(-count // 1024) for count in counts]
    assert (on_one.cores, on_one.refusals[0].resource, on_one.refusals[0].limit) == (162, "cores", 128)
    assert not map_network(network, load_target("kapoho_bay")).refusals
    on_two = map_network(network, TWO)
    assert not on_two.refusals
    assert [len(layout.parts) for layout in on_two.layouts[:6]] == [-(-count // 8192) for count in counts]
    assert on_two.cores == 26
    assert map_network(network, TWO, "pack").cores == 20  # 158,529 neurons / 8192 = 19.4
