"""Two runs side by side: a planted difference is located and named, equal runs are equal, structure is compared first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate
from myelin.convert.compare.constants import constant_differences, require_same_structure
from myelin.convert.compare.difference import Place, first_place
from myelin.convert.compare.divergence import diverge, samples_at_a_time
from myelin.convert.compare.report import SHOWN, as_dict, lines
from myelin.convert.compare.runs import ComparedRun
from myelin.hw_configs.errors import NetworkError


def side(network, without=frozenset()):
    return ComparedRun(network, lambda network, frames, record: simulate(network, frames, record=record), without)


def compare(a, b, spikes, size=2):
    batches = ((np.arange(i, min(i + size, len(spikes))), spikes[i : i + size]) for i in range(0, len(spikes), size))
    return diverge(a if isinstance(a, ComparedRun) else side(a), b if isinstance(b, ComparedRun) else side(b), batches)


def edited(network, index, **changes):
    """The network with fields of a layer replaced; ``neuron__threshold=3`` reaches into a field."""
    layer = network.layers[index]
    for path, value in changes.items():
        *outer, name = path.split("__")
        target = layer
        for step in outer:
            target = getattr(target, step)
        changed = replace(target, **{name: value})
        for depth in range(len(outer) - 1, -1, -1):
            owner = layer
            for step in outer[:depth]:
                owner = getattr(owner, step)
            changed = replace(owner, **{outer[depth]: changed})
        layer = changed
    return replace(network, layers=(*network.layers[:index], layer, *network.layers[index + 1 :]))


def with_value(array, place, value):
    result = np.array(array)
    result[place] = value
    return result


@pytest.fixture
def chain():
    """Three layers: a convolution, a recurrent dense one with all delays, and a readout of spikes."""
    rng = np.random.default_rng(5)
    even = lambda *shape: 2 * rng.integers(-10, 14, shape)  # noqa: E731
    cuba = lambda shape, threshold: Cuba(threshold, np.full(shape, 1500), np.full(shape, 400), np.zeros(shape, int))  # noqa: E731
    conv = Conv(even(2, 1, 2, 2), padding=(0, 0))
    recurrent = DelayedRecurrent(Dense(even(6, 6)), rng.integers(0, 4, 6))
    return Network(
        Input((1, 3, 4)),
        [
            Layer((2, 2, 3), conv, cuba((2, 2, 3), 20), rng.integers(0, 3, (2, 2, 3))),
            Layer((6,), Dense(even(6, 12), delay_steps=rng.integers(0, 3, (6, 12))), cuba((6,), 30), recurrent=recurrent),
            Layer((4,), Dense(even(4, 6)), cuba((4,), 15), np.zeros(4, int)),
        ],
    )


@pytest.fixture
def spikes():
    frames = (np.random.default_rng(1).random((5, 40, 1, 3, 4)) < 0.3).astype(np.uint8)
    frames[0] = 0  # the first sample is silent, so nothing can differ in it unless a bias does
    return frames


def test_equal_runs_say_on_how_many_values(chain, spikes):
    found = compare(chain, chain, spikes)
    assert found.equal and found.first is None and found.spread == ()
    assert found.values == 5 * 40 * (4 * (12 + 6 + 4) + 4)
    assert (found.samples, found.steps, found.different_samples, found.changed_predictions) == (5, 40, 0, 0)


def where(found):
    first = found.first
    return first.sample, first.place.step, found.populations[first.place.layer].name, first.place.neuron


def by_hand(a, b, spikes):
    """(sample, step, layer, neuron, names) of the first difference, by a plain search in the order of the definition."""
    record = dict.fromkeys(range(3), ("a", "u", "v", "spikes"))
    one, two = (simulate(network, spikes, record=record).layers for network in (a, b))
    for sample in range(len(spikes)):
        for step in range(spikes.shape[1]):
            for layer in range(3):
                for neuron in range(a.layers[layer].neurons):
                    names = tuple(
                        name
                        for name in ("a", "u", "v", "spikes")
                        if one[layer][name][sample, step].flat[neuron] != two[layer][name][sample, step].flat[neuron]
                    )
                    if names:
                        return sample, step, layer, neuron, names
    return None


def test_one_weight_is_located_and_named(chain, spikes):
    weight = chain.layers[1].synapse.weight
    changed = edited(chain, 1, synapse__weight=with_value(weight, (3, 7), int(weight[3, 7]) + 2))
    found = compare(chain, changed, spikes)
    sample, step, layer, neuron, names = by_hand(chain, changed, spikes)
    assert sample > 0 and (layer, neuron) == (1, 3)
    assert where(found) == (sample, step, "layer 1 (dense, recurrent dense)", 3)
    assert found.first.names == names and names[0] == "a"
    assert [str(entry) for entry in found.first.constants.synapses] == [
        f"weight of synapse 7 -> 3 is {weight[3, 7]} in A and {weight[3, 7] + 2} in B"
    ]
    a, b = found.first.now["a"]
    assert b - a == 2
    assert [str(entry) for entry in found.constants] == [
        f"layer 1 (dense, recurrent dense): 1 of 72 values of synapse.weight differ, first at (3, 7): {weight[3, 7]} in A and "
        f"{weight[3, 7] + 2} in B"
    ]
    arrived = {arrival.source: arrival for arrival in found.first.steps[0].arrivals if not arrival.recurrent}
    assert arrived[7].weight == weight[3, 7]
    for side_, step_ in enumerate(found.first.steps):  # both are simulators, so both hold to the equations
        assert step_.expected == {name: pair[side_] for name, pair in found.first.now.items()}


@pytest.mark.parametrize("path", ["synapse__delay_steps", "recurrent__delay_steps"])
def test_one_delay_is_located_and_named(chain, spikes, path):
    outer, name = path.split("__")
    delay = getattr(getattr(chain.layers[1], outer), name)
    place = (2, 5) if delay.ndim == 2 else (4,)
    changed = edited(chain, 1, **{path: with_value(delay, place, int(delay[place]) + 1)})
    found = compare(chain, changed, spikes)
    assert where(found)[2] == "layer 1 (dense, recurrent dense)"
    named = found.first.constants.synapses
    axonal = int(chain.layers[0].delays.reshape(-1)[5]) if delay.ndim == 2 else 0
    before = int(delay[place]) + axonal
    assert [(entry.quantity, entry.source, entry.a, entry.b) for entry in named] == [
        ("delay_steps", place[-1], before, before + 1)
    ]
    assert str(named[0]).startswith("delay of synapse 5 -> 2" if delay.ndim == 2 else "recurrent delay of synapse 4 -> ")


def test_an_axonal_delay_shows_in_the_next_layer_and_the_last_one_in_the_output(chain, spikes):
    delay = with_value(chain.layers[0].delays, (1, 0, 2), 5)
    found = compare(chain, edited(chain, 0, delay_steps=delay), spikes)
    assert where(found)[2] == "layer 1 (dense, recurrent dense)"
    assert {entry.source for entry in found.first.constants.synapses} == {8}
    assert found.spread[0].first_step is None
    found = compare(chain, edited(chain, 2, delay_steps=with_value(chain.layers[2].delays, 1, 3)), spikes)
    assert where(found)[2:] == ("output", 1)
    assert found.first.constants.constants == (("axonal delay_steps", 0, 3),)
    assert found.first.steps == (None, None) and found.first.names == ("output",)


@pytest.mark.parametrize(
    ("changes", "names", "first_name"),
    [
        ({"neuron__threshold": 31}, ("threshold", 30, 31), "v"),
        ({"neuron__current_decay": 1501}, ("current_decay", 1500, 1501), "u"),
        ({"synapse__weight_exp": 1}, ("weight_exp", 0, 1), "a"),
    ],
)
def test_one_constant_is_named_by_what_it_acts_on_first(chain, spikes, changes, names, first_name):
    found = compare(chain, edited(chain, 1, **changes), spikes)
    assert where(found)[2] == "layer 1 (dense, recurrent dense)"
    assert found.first.names[0] == first_name
    assert found.first.constants.constants == (names,)
    assert found.first.constants.synapses == ()


def test_a_bias_differs_at_once_in_its_neuron_alone(chain, spikes):
    bias = with_value(chain.layers[0].neuron.bias_mant, (1, 1, 0), 1)
    found = compare(chain, edited(chain, 0, neuron__bias_mant=bias), spikes)
    assert where(found) == (0, 0, "layer 0 (conv)", 9)
    assert found.first.before is None
    assert found.first.names == ("v",)
    assert found.first.now["v"] == (0, 64)
    shown = as_dict(found)["first"]
    assert shown["channel_y_x"] == [1, 1, 0]
    assert shown["constants"] == ["bias_mant is 0 in A and 1 in B"]
    assert (found.different_samples, found.spread[0].different_ever) == (5, 1)


def test_the_spread_counts_missing_and_extra_spikes(chain, spikes):
    changed = edited(chain, 1, neuron__threshold=10)
    found = compare(chain, changed, spikes)
    sample = found.first.sample
    record = dict.fromkeys(range(3), ("u", "v", "spikes"))
    one, two = (simulate(network, spikes[sample][None], record=record).layers for network in (chain, changed))
    for index, spread in enumerate(found.spread[:3]):
        x, y = (np.asarray(run[index]["spikes"][0], int) for run in (one, two))
        assert (spread.sent.a, spread.sent.b) == (x.sum(), y.sum())
        assert (spread.sent.missing, spread.sent.extra, spread.sent.changed) == ((x > y).sum(), (y > x).sum(), 0)
        last = (one[index]["u"] != two[index]["u"]) | (one[index]["v"] != two[index]["v"])
        assert spread.different_at_end == last[0, -1].sum()
    assert found.spread[1].sent.extra > 0 and found.spread[0].sent.extra == 0
    assert found.spread[1].first_step == found.first.place.step < found.spread[2].first_step
    totals = by_hand(chain, changed, spikes)
    assert (sample, found.first.place.step) == totals[:2]


def test_batches_do_not_change_the_result(chain, spikes):
    changed = edited(chain, 2, neuron__threshold=60)
    results = [as_dict(compare(chain, changed, spikes, size)) for size in (1, 2, 5)]
    assert results[0] == results[1] == results[2]
    assert results[0]["different_samples"] > 0
    assert samples_at_a_time(chain, 40) == 64
    assert samples_at_a_time(chain, 10**9) == 1


def test_a_derived_input_is_compared_as_far_as_u_holds_it(chain, spikes):
    without = side(chain, frozenset({"a"}))
    found = compare(chain, without, spikes)
    assert found.equal and found.derived == ("B",)
    assert found.names[0] == ("a", "u", "v", "spikes")
    weight = chain.layers[0].synapse.weight
    changed = edited(chain, 0, synapse__weight=with_value(weight, (0, 0, 0, 0), int(weight[0, 0, 0, 0]) + 2))
    one, two = compare(chain, changed, spikes), compare(without, side(changed, frozenset({"a"})), spikes)
    assert where(one) == where(two) and one.first.now == two.first.now


def test_a_huge_input_wraps_in_what_is_derived():
    """a = 2^18 + 40 and 40 leave the same u, and so count as equal where one of them is derived; recorded ones differ."""
    network = Network(Input((1,)), [Layer((1,), Dense([[254]], weight_exp=12), Cuba((1 << 25) - 1, 4096, 4096))])
    spikes = np.ones((1, 4, 1), int)
    found = compare(network, side(network, frozenset({"a"})), spikes)
    assert found.equal and 254 << 12 >= 1 << 18


def test_a_backend_that_breaks_the_equations_is_found_out(chain, spikes):
    """The same network on both sides; one adds 1 to v of neuron 4 of layer 1 at step 7 of sample 3 and later."""

    def wrong(network, frames, record):
        recording = simulate(network, frames, record=record)
        for row in np.flatnonzero((frames == spikes[3]).all(axis=(1, 2, 3, 4))):
            recording.layers[1]["v"][row, 7:, 4] += 1
        return recording

    found = compare(chain, ComparedRun(chain, wrong), spikes)
    assert where(found) == (3, 7, "layer 1 (dense, recurrent dense)", 4)
    shown = as_dict(found)
    assert [shown["first"]["by_the_equations"][name]["wrong_in_the_run"] for name in "AB"] == [[], ["v"]]
    text = "\n".join(lines({"a": NAMED, "b": NAMED, "input": {"text": "here"}, **shown}))
    assert "nothing in the constants and synapses of this neuron: the backends compute differently" in text
    assert "the run breaks them in v" in text and "the run holds to them" in text


NAMED = {"network": "x.net", "backend": "fast"}


def test_the_output_alone_where_nothing_else_is_recorded(chain, spikes):
    found = compare(chain, side(edited(chain, 2, neuron__threshold=2), None), spikes)
    assert [population.name for population in found.populations] == ["output"]
    assert where(found)[2] == "output" and found.names == (("output",),)
    assert lines({"a": NAMED, "b": NAMED, "input": {"text": "here"}, **as_dict(found)})


def test_neurons_of_the_input_are_the_first_population():
    cuba = Cuba(2000, 4096, 500)
    network = Network(Input((3,), 4, cuba, weight=64), [Layer((2,), Dense([[4, 4, 4], [6, 0, 2]]), Cuba(5, 100, 100))])
    spikes = np.random.default_rng(0).integers(0, 16, (2, 20, 3))
    found = compare(network, replace(network, input=replace(network.input, weight=65)), spikes)
    assert where(found)[2] == "input neurons"
    assert found.first.constants.constants == (("weight", 64, 65),)
    assert found.first.steps[1].expected == {name: pair[1] for name, pair in found.first.now.items()}


def test_a_readout_of_states_has_no_spikes_in_its_output():
    layer = Layer((2,), Dense([[4, 2], [6, 0]]), Cuba((1 << 25) - 1, 100, 100), output="state")
    network = Network(Input((2,)), [layer])
    changed = edited(network, 0, synapse__weight=np.array([[4, 2], [6, 2]]))
    found = compare(network, changed, np.ones((1, 5, 2), int))
    assert [spread.sent is None for spread in found.spread] == [False, True]
    assert "-" in lines({"a": NAMED, "b": NAMED, "input": {"text": ""}, **as_dict(found)})[-3]


def test_long_lists_are_cut_and_their_length_is_said(chain, spikes):
    weight = np.where(chain.layers[1].synapse.weight < 20, chain.layers[1].synapse.weight + 2, 0)
    found = compare(chain, edited(chain, 1, synapse__weight=weight), spikes)
    shown = as_dict(found)["first"]
    assert shown["different_synapses"] == 12 and len(shown["synapses"]) == SHOWN
    assert "a spike arrives through it in this step" in shown["synapses"][0]  # what acts comes first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda net: replace(net, layers=net.layers[:2]), "number of layers is 3 in A and 2 in B"),
        (lambda net: replace(net, average_groups=2), "number of classes is 4 in A and 2 in B"),
        (lambda net: edited(net, 1, recurrent=None), "kind of layer 1 is 'dense, recurrent dense' in A and 'dense' in B"),
        (
            lambda net: replace(net, input=replace(net.input, neuron=Cuba(1, 1, 1))),
            "kind of input is plain spikes in A and Cuba",
        ),
    ],
)
def test_another_structure_is_one_message(chain, spikes, change, said):
    with pytest.raises(NetworkError, match=said):
        compare(chain, change(chain), spikes)
    require_same_structure(chain, chain)


def test_constants_of_other_shapes(small):
    """One decay for all against one for each neuron is the same where the numbers are; synaptic delays may be absent."""
    same = edited(small, 0, neuron__current_decay=np.full(3, 2048))
    assert constant_differences(small, same) == []
    delays = edited(small, 1, synapse__delay_steps=np.ones((2, 3), int))
    assert [str(entry) for entry in constant_differences(small, delays)] == [
        "layer 1 (dense): synapse.delay_steps is none in A and 6 values in B"
    ]
    kernels = [Network(Input((1, 1, 5)), [Layer((1, 1, 5), Conv(np.ones((1, 1, 1, size), int), padding=(0, size // 2)),
                                                Cuba(1, 1, 1))]) for size in (1, 3)]  # fmt: skip
    assert [entry.name for entry in constant_differences(*kernels)] == ["synapse.weight", "synapse.padding"]


def test_first_place_is_ordered_by_sample_then_step_then_layer():
    late, early = np.zeros((2, 3, 4), bool), np.zeros((2, 3, 2), bool)
    assert first_place([late, early]) is None
    late[0, 2, 1] = early[0, 1, 1] = early[1, 0, 0] = True
    assert first_place([late, early]) == Place(0, 1, 1, 1)
    late[0, 1, 3] = True
    assert first_place([late, early]) == Place(0, 1, 0, 3)
