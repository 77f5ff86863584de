"""The lists of attributes of lava-dl's objects, against the objects of the installed version."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.modules.slayer_blocks.attributes import BLOCKS, DELAY, DROPOUT, NORM, SYNAPSES, attributes_of
from myelin.convert.modules.slayer_neurons.registry import SLAYER_NEURONS
from myelin.hw_configs.errors import NetworkError
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

cuba = slayer.block.cuba
NEURON = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.25}


def _options(norm="MeanOnlyBatchNorm", **more):
    return NEURON | {"norm": getattr(slayer.neuron.norm, norm), "dropout": slayer.neuron.Dropout(0.1)} | more


#: Kind of block -> (block with every option that adds an attribute, shape of an input).
MADE = {
    "Input": lambda: (cuba.Input(_options(), weight=1.0, bias=0.5), (4,)),
    "Flatten": lambda: (cuba.Flatten(), (2, 4, 4)),
    "Average": lambda: (cuba.Average(2), (4,)),
    "Dense": lambda: (cuba.Dense(_options(shared_param=False), 4, 3, delay=True, mask=torch.ones(3, 4)), (4,)),
    "Affine": lambda: (cuba.Affine(_options("WgtScaleBatchNorm"), 4, 3, mask=torch.ones(3, 4)), (4,)),
    "Conv": lambda: (cuba.Conv(_options(), 2, 3, 2, weight_norm=True, delay=True), (2, 4, 4)),
    "Pool": lambda: (cuba.Pool(_options(), 2, weight_norm=True, delay=True), (2, 4, 4)),
    "ConvT": lambda: (cuba.ConvT(_options(), 2, 3, 2, weight_norm=True, delay=True), (2, 4, 4)),
    "Unpool": lambda: (cuba.Unpool(_options(), 2, delay=True), (2, 4, 4)),
    "Recurrent": lambda: (cuba.Recurrent(_options("WgtScaleBatchNorm"), 4, 3, weight_norm=True, delay=True), (4,)),
    "KWTA": lambda: (cuba.KWTA(_options(), 4, 3, 1, weight_norm=True), (4,)),
}
OTHERS = {"Output"}  # of other packages of blocks than CUBA's


def _listed(part):
    """The list of attributes that holds for an object of lava-dl."""
    name, module = type(part).__name__, type(part).__module__.removeprefix("lava.lib.dl.slayer.")
    tables = {
        "block.cuba": BLOCKS,
        "synapse.layer": SYNAPSES,
        "neuron.cuba": {"Neuron": SLAYER_NEURONS["cuba"].attributes},
        "axon.delay": {"Delay": DELAY},
        "neuron.norm": {"MeanOnlyBatchNorm": NORM, "WgtScaleBatchNorm": NORM},
        "neuron.dropout": {"Dropout": DROPOUT},
    }
    return tables[module][name]


@pytest.mark.parametrize("kind", MADE)
def test_every_attribute_of_lava_dls_objects_is_listed(kind):
    block, shape = MADE[kind]()
    seen = {part: set(attributes_of(part)) for part in block.modules()}  # before the first pass and after it
    with torch.no_grad():
        block(torch.zeros(2, *shape, 3))
    for part, before in seen.items():
        names = before | set(attributes_of(part))
        assert names and not names - set(_listed(part)), (type(part), sorted(names - set(_listed(part))))


def test_every_kind_of_block_with_a_list_was_looked_at():
    assert set(MADE) | OTHERS == set(BLOCKS)


def _tagged(part):
    def change(block):
        holder = block if part is None else getattr(block, part)
        holder.gain = 2.0
        return block

    return change


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (None, r"it has the attribute gain, which Dense of lava-dl 0\.6\.0 does not have, .*delete it if it is yours, or keep"),
        ("neuron", "its neuron has the attribute gain, which Neuron of lava-dl"),
        ("synapse", "its synapse has the attribute gain, which Dense of lava-dl"),
        ("delay", "its delay has the attribute gain, which Delay of lava-dl"),
    ],
)
def test_an_attribute_on_no_list_is_refused_by_name(part, message):
    block = _tagged(part)(cuba.Dense(dict(NEURON), 4, 3, delay=True))
    with pytest.raises(NetworkError, match=message):
        from_torch(torch.nn.Sequential(block), 4)


class Tagged(cuba.Dense):
    """A subclass with an attribute of its own."""


def test_a_subclass_may_keep_what_lava_dls_code_does_not_mention():
    torch.manual_seed(0)
    block = Tagged(dict(NEURON), 4, 3, weight_scale=4)
    block.note = "hidden"
    net = torch.nn.Sequential(block)
    x = (np.random.default_rng(0).random((2, 20, 4)) < 0.5).astype(np.uint8)
    assert compare(net, from_torch(net, 4), x).equal
    block.delay_buffers = None
    assert from_torch(net, 4).layers[0].shape == (3,)
    block.weight = 2.0  # a name that lava-dl's Dense uses elsewhere
    with pytest.raises(NetworkError, match="it has the attribute weight, which Dense of lava-dl"):
        from_torch(net, 4)
